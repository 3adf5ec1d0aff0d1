"""The rows that a candidate may learn from: the log and the labels as they were known by then."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

_TYPES = {"number": pa.float64(), "category": pa.string(), "boolean": pa.bool_()}
_TRUTH = pa.schema([("id", pa.string()), ("label", pa.bool_()), ("known_on", pa.date32())])
_AGAINST = pa.schema([("id", pa.string()), ("reason", pa.string())])

# One row an id: a prediction that was asked for twice is one lesson.
_JOIN = """
SELECT log.*, CASE WHEN against.id IS NULL THEN truth.label END AS label,
       CASE WHEN against.id IS NULL THEN truth.known_on END AS known_on,
       true AS logged, against.id IS NOT NULL AS contradicted
FROM log LEFT JOIN truth USING (id)
LEFT JOIN (SELECT DISTINCT id FROM against WHERE reason = 'contradiction') AS against USING (id)
QUALIFY row_number() OVER (PARTITION BY log.id ORDER BY log.time, truth.known_on) = 1
"""


@dataclass(frozen=True)
class LearningRows:
    """Rows with the columns of ``schema_of``, what they were read from, and what was not there."""

    rows: pa.Table
    contradicted: int = 0
    read: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


def schema_of(feature: AiFeatureSpec) -> pa.Schema:
    """The columns of a training set.

    ``label`` is null where none counts, ``known_on`` the UTC day on which it became known;
    ``logged`` tells a row of the prediction log from one of the history before it.
    """
    inputs = [(f"input_{column.name}", _TYPES[column.type]) for column in feature.inputs]
    return pa.schema(
        [
            ("id", pa.string()),
            ("time", pa.timestamp("us", "UTC")),
            ("tenant", pa.string()),
            *inputs,
            ("label", pa.bool_()),
            ("known_on", pa.date32()),
            ("logged", pa.bool_()),
        ]
    )


def read_logged(
    lake: Lake, feature: AiFeatureSpec, window: Window, cutoff: datetime
) -> LearningRows:
    """The answered predictions of the window's days, with the labels known before the cutoff.

    A label that was contradicted by then is none. Raises ``MissingEvidence`` when a log that is
    there lacks a column.
    """
    schema = schema_of(feature)
    wanted = [name for name in schema.names if name not in ("label", "known_on", "logged")]
    logs, read, missing = _read_days(
        lake, feature, "prediction_log", window.days(), [*wanted, "status"]
    )
    log_schema = pa.schema([schema.field(name) for name in wanted])
    answered = [
        _declared(table.filter(pc.equal(table["status"], "ok")).select(wanted), log_schema, day)
        for day, table in logs
    ]
    log = pa.concat_tables([log_schema.empty_table(), *answered])
    days = [
        day
        for day in Window(window.start, max(cutoff, window.end)).days()
        if Window.of_day(day).end <= cutoff
    ]
    truths, truth_read, no_truth = _read_days(lake, feature, "ground_truth", days, ["id", "label"])
    # Labels whose contradictions are not there to be read may each be contradicted.
    there = [day for day, _ in truths]
    against, _, unknown = _read_days(
        lake, feature, "ground_truth/quarantine", there, ["id", "reason"]
    )
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("log", log)
        engine.register("truth", _known_on(truths))
        engine.register(
            "against", pa.concat_tables([_AGAINST.empty_table(), *(t for _, t in against)])
        )
        found = engine.sql(_JOIN).to_arrow_table()
    contradicted = int(pc.sum(found["contradicted"]).as_py() or 0)
    rows = found.select(schema.names).cast(schema)
    absent = (*missing, *no_truth, *unknown)
    return LearningRows(rows, contradicted, (*read, *truth_read), absent)


def from_history(table: pa.Table, feature: AiFeatureSpec, cutoff: datetime) -> LearningRows:
    """The rows that a trainer gave of the time before the log, with labels known before the cutoff.

    Raises ``BadInput`` naming a column that is not there.
    """
    schema = schema_of(feature)
    wanted = [name for name in schema.names if name not in ("known_on", "logged")]
    for name in (*wanted, "available_at"):
        if name not in table.column_names:
            raise BadInput(
                f"{feature.name}: retraining.trainer: {feature.retraining.trainer}: history has "
                f"no column {name} (has {', '.join(table.column_names)})"
            )
    available = table["available_at"].cast(pa.timestamp("us", "UTC"))
    known = pc.fill_null(pc.less(available, pa.scalar(cutoff, available.type)), False)
    none = pa.scalar(None, pa.bool_())
    label = pc.if_else(known, table["label"].cast(pa.bool_()), none)
    on = pc.if_else(pc.is_valid(label), available.cast(pa.date32()), pa.scalar(None, pa.date32()))
    columns = {name: table[name] for name in wanted if name != "label"}
    rows = pa.table(
        {**columns, "label": label, "known_on": on, "logged": pa.repeat(False, table.num_rows)}
    )
    return LearningRows(rows.select(schema.names).cast(schema))


def in_order(tables: Iterable[pa.Table]) -> pa.Table:
    """The rows of several tables as one, by time and id: the same rows are the same table."""
    whole = pa.concat_tables(list(tables))
    return whole.sort_by([("time", "ascending"), ("id", "ascending")])


def digest_of(rows: pa.Table) -> str:
    """What tells one training set from every other: the hash of its columns and values."""
    names = "\n".join(rows.column_names).encode()
    hashes = pd.util.hash_pandas_object(rows.to_pandas(), index=False).to_numpy()
    return sha256(names + hashes.tobytes()).hexdigest()[:32]


def _known_on(truths: Sequence[tuple[str, pa.Table]]) -> pa.Table:
    tables = [
        _declared(
            table.append_column(
                "known_on", pa.repeat(pa.scalar(date.fromisoformat(day)), table.num_rows)
            ),
            _TRUTH,
            day,
        )
        for day, table in truths
    ]
    return pa.concat_tables([_TRUTH.empty_table(), *tables])


def _declared(table: pa.Table, schema: pa.Schema, day: str) -> pa.Table:
    """The table with the types that are declared; ``BadInput`` names the column that is other."""
    try:
        return table.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        for field in schema:
            if not _casts(table[field.name], field.type):
                raise BadInput(
                    f"{day}: column {field.name} is {table[field.name].type}, not {field.type} "
                    f"({error}); bring the type back, or declare the new one"
                ) from None
        raise


def _casts(column: pa.ChunkedArray, declared: pa.DataType) -> bool:
    try:
        column.cast(declared)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _read_days(
    lake: Lake, feature: AiFeatureSpec, asset: str, days: Iterable[str], columns: list[str]
) -> tuple[list[tuple[str, pa.Table]], list[Evidence], list[str]]:
    tables, read, missing = [], [], []
    for day in days:
        path = lake.path(feature.name, asset, day)
        try:
            table, evidence = lake.read_table(path, columns)
        except MissingEvidence:
            missing.append(f"{feature.name}/{asset}/{day}")
            continue
        except pa.ArrowInvalid as error:
            problem = str(error).partition(" in ")[0]
            raise MissingEvidence(
                f"{path}: its columns cannot be read ({problem}); materialise it again, as the "
                "feature's file declares its inputs now"
            ) from None
        tables.append((day, table))
        read.append(evidence)
    return tables, read, missing
