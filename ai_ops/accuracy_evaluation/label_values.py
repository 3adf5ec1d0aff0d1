"""What a label says, by the kind of answer it is held against: read as SQL, wherever it stands.

A label is read or it is not: none is guessed. Of a binary label that names its ``positive``, every
other text is the other one.
"""

from typing import Final

import duckdb
import pyarrow as pa

from ai_ops.ai_features.parts import GroundTruth
from ai_ops.storage.sql_values import missing, value, word
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.words import LabelKind

TYPES: Final[dict[LabelKind, pa.DataType]] = {
    "binary": pa.bool_(),
    "classes": pa.string(),
    "number": pa.float64(),
}


def label_type(truth: GroundTruth) -> pa.DataType:
    """What a label of this kind is in the lake; ``MissingEvidence`` where nobody learns any."""
    if truth.kind not in TYPES:
        raise MissingEvidence(
            "nobody ever learns the correct answers (ground_truth.kind: none): accuracy is unknown"
        )
    return TYPES[truth.kind]


def label_sql(truth: GroundTruth, column: str, kind: str, *, csv: bool = False) -> str:
    """The typed label of a column of this DuckDB type; null where it cannot be read.

    With ``truth.positive`` it has a parameter of that name. Text that looks like a number is none,
    unless its file is a CSV, which knows nothing else.
    """
    if truth.kind == "classes":
        return word(column, kind)
    if truth.kind == "number":
        return value(column, kind, "number")
    raw = f"lower(trim(CAST({column} AS VARCHAR)))"
    # A cast to BOOLEAN would call every number but 0 true, and -1 commonly stands for "not known".
    number = "NULL" if kind == "VARCHAR" and not csv else f"TRY_CAST({raw} AS DOUBLE)"
    if truth.positive is None:
        return (
            f"CASE WHEN {raw} IN ('true', '1') OR {number} = 1 THEN true "
            f"WHEN {raw} IN ('false', '0') OR {number} = 0 THEN false END"
        )
    is_positive = f"{raw} = lower(trim($positive)) OR {number} = TRY_CAST($positive AS DOUBLE)"
    return (
        f"CASE WHEN {missing(column, kind)} THEN NULL "
        f"ELSE coalesce({is_positive}, {raw} = lower(trim($positive))) END"
    )


def label_parameters(truth: GroundTruth) -> dict[str, str]:
    """The parameters that ``label_sql`` asks for."""
    return {} if truth.positive is None else {"positive": truth.positive}


def read_labels(column: pa.Array | pa.ChunkedArray, truth: GroundTruth) -> pa.Array:
    """The typed labels of a column as it was found, null where none can be read.

    >>> truth = GroundTruth(kind="classes", labels="labels.csv")
    >>> read_labels(pa.array([3.0, 1.5, None]), truth).to_pylist()
    ['3', '1.5', None]
    >>> truth = GroundTruth(positive="malignant", labels="labels.csv")
    >>> read_labels(pa.array(["malignant", "benign", " "]), truth).to_pylist()
    [True, False, None]
    """
    wanted = label_type(truth)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), wanted)
    found = pa.table({"label": column, "place": pa.array(range(len(column)), pa.int64())})
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.register("found", found)
        ((_, kind, *_), *_) = engine.execute("DESCRIBE found").fetchall()
        label = label_sql(truth, "label", kind, csv=True)
        query = f"SELECT {label} AS read FROM found ORDER BY place"
        read = engine.sql(query, params=label_parameters(truth) or None).to_arrow_table()
    return read["read"].cast(wanted).combine_chunks()
