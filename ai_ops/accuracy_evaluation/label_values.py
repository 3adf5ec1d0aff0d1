"""What a label says, by the kind of answer it is held against: read as SQL, wherever it stands.

A label is read or it is not: none is guessed.
"""

from typing import Final

import duckdb
import pyarrow as pa

from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.words import LabelKind

TYPES: Final[dict[LabelKind, pa.DataType]] = {
    "binary": pa.bool_(),
    "classes": pa.string(),
    "number": pa.float64(),
}

# A cast to BOOLEAN would call every number but 0 true, and -1 commonly stands for "not known".
_TRUE_OR_FALSE: Final = """
CASE WHEN lower(raw) IN ('true', '1') OR number = 1 THEN true
     WHEN lower(raw) IN ('false', '0') OR number = 0 THEN false END"""
_POSITIVE: Final = """
CASE WHEN raw IS NULL OR trim(raw) = '' THEN NULL
     WHEN trim(raw) = $positive OR number = TRY_CAST($positive AS DOUBLE) THEN true
     ELSE false END"""
# A table that knew a null once holds its whole numbers as 3.0.
_CLASS: Final = """
CASE WHEN number = trunc(number) AND abs(number) < 1e15 THEN CAST(CAST(number AS BIGINT) AS VARCHAR)
     ELSE nullif(trim(raw), '') END"""
_NUMBER: Final = "CASE WHEN isfinite(TRY_CAST(raw AS DOUBLE)) THEN TRY_CAST(raw AS DOUBLE) END"


def label_type(truth: GroundTruth) -> pa.DataType:
    """What a label of this kind is in the lake; ``MissingEvidence`` where nobody learns any."""
    if truth.kind not in TYPES:
        raise MissingEvidence(
            "nobody ever learns the correct answers (ground_truth.kind: none): accuracy is unknown"
        )
    return TYPES[truth.kind]


def label_sql(truth: GroundTruth) -> str:
    """The typed label of a row that has ``raw`` (its text) and ``number`` (null where it is text);
    null where it cannot be read. With ``truth.positive`` it has a parameter of that name."""
    if truth.kind == "binary":
        return _TRUE_OR_FALSE if truth.positive is None else _POSITIVE
    return _CLASS if truth.kind == "classes" else _NUMBER


def label_parameters(truth: GroundTruth) -> dict[str, str]:
    """The parameters that ``label_sql`` asks for."""
    return {} if truth.positive is None else {"positive": truth.positive}


def raw_sql(column: str) -> str:
    """``raw`` and ``number`` of a column: text that looks like a number is none.

    >>> raw_sql('"y"').startswith('CAST("y" AS VARCHAR) AS raw')
    True
    """
    return (
        f"CAST({column} AS VARCHAR) AS raw, CASE WHEN typeof({column}) <> 'VARCHAR' "
        f"THEN TRY_CAST(CAST({column} AS VARCHAR) AS DOUBLE) END AS number"
    )


def read_labels(column: pa.Array | pa.ChunkedArray, truth: GroundTruth) -> pa.Array:
    """The typed labels of a column as it was found, null where none can be read.

    >>> truth = GroundTruth(kind="classes", labels="labels.csv")
    >>> read_labels(pa.array([3.0, 1.5, None]), truth).to_pylist()
    ['3', '1.5', None]
    """
    wanted = label_type(truth)
    # (duckdb finds the table by its name)
    found = pa.table({"label": column, "place": pa.array(range(len(column)), pa.int64())})
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.register("found", found)
        read = engine.sql(
            f"SELECT {label_sql(truth)} AS label FROM "
            f"(SELECT {raw_sql('label')}, place FROM found) ORDER BY place",
            params=label_parameters(truth) or None,
        ).to_arrow_table()
    return read["label"].cast(wanted).combine_chunks()
