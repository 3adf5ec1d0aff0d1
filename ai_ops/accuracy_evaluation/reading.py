"""The log and the labels, read from the lake and joined by the prediction's id."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

_JOIN = """
SELECT log.id, log.day, log.time, log.model_version, log.score, log.decision,
       truth.label, truth.known_on, against.known_on AS contradicted_on
FROM log
LEFT JOIN truth USING (id)
LEFT JOIN (SELECT id, min(known_on) AS known_on FROM against GROUP BY id) AS against USING (id)
ORDER BY log.time, log.id
"""


_NO_LOG = pa.schema(
    [
        ("id", pa.string()),
        ("day", pa.string()),
        ("time", pa.timestamp("us", "UTC")),
        ("model_version", pa.string()),
        ("score", pa.float64()),
        ("decision", pa.bool_()),
    ]
).empty_table()


class MissingColumn(MissingEvidence):
    """A log that is there lacks a column; the message names file and column."""


def utc_engine() -> duckdb.DuckDBPyConnection:
    """An embedded engine whose days are UTC days, wherever it runs."""
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def read_rows(
    lake: Lake, feature: AiFeatureSpec, window: Window, last_cutoff: datetime
) -> LabelledRows:
    """The answered predictions of the window's days, with the labels known before the cutoff.

    Raises ``MissingColumn`` when a log lacks an output.
    """
    logs, read, missing = _read_logs(lake, feature, window)
    label_window = Window(window.start, max(last_cutoff, window.end))
    days = [day for day in label_window.days() if Window.of_day(day).end <= last_cutoff]
    truth, truth_read, no_truth = _read_days(lake, feature, "ground_truth", days, ["id", "label"])
    # Labels whose contradictions are not there to be read may each be contradicted.
    there = [day for day in days if f"{feature.name}/ground_truth/{day}" not in no_truth]
    against, _, unknown = _read_days(
        lake, feature, "ground_truth/quarantine", there, ["id", "reason"]
    )
    with utc_engine() as engine:
        engine.register("log", logs)
        engine.register("truth", truth)
        engine.register("against", against.filter(pc.equal(against["reason"], "contradiction")))
        found = engine.execute(_JOIN).fetchnumpy()
    return _as_rows(found, (*read, *truth_read), (*missing, *no_truth, *unknown))


def read_inputs(lake: Lake, feature: AiFeatureSpec, day: str) -> pa.Table:
    """``id`` and the model's inputs by their own names, of the predictions of a day.

    Raises ``MissingColumn`` when the log lacks an input.
    """
    columns = ["id", *(f"input_{column.name}" for column in feature.inputs)]
    table, _ = _select(lake, lake.path(feature.name, "prediction_log", day), columns)
    return table.rename_columns([name.removeprefix("input_") for name in columns])


def inputs_of(table: pa.Table, ids: Sequence[str]) -> Mapping[str, list[Any]]:
    """The inputs of these predictions as columns, in this order; a null is None."""
    rows = table.take(pc.index_in(pa.array(ids, pa.string()), table["id"]))
    return {name: rows[name].to_pylist() for name in rows.column_names if name != "id"}


def _read_logs(
    lake: Lake, feature: AiFeatureSpec, window: Window
) -> tuple[pa.Table, list[Evidence], list[str]]:
    score, decision = f"output_{feature.judged.score}", f"output_{feature.judged.decision}"
    columns = ["id", "time", "model_version", "status", score, decision]
    tables, read, missing = [_NO_LOG], [], []
    for day in window.days():
        path = lake.path(feature.name, "prediction_log", day)
        try:
            table, evidence = _select(lake, path, columns)
        except MissingColumn:
            raise
        except MissingEvidence:
            if day >= feature.monitoring.start.isoformat():
                missing.append(f"{feature.name}/prediction_log/{day}")
            continue
        answered = table.filter(pc.equal(table["status"], "ok"))
        decided = _decisions(answered[decision], answered[score], feature.judged.threshold)
        tables.append(
            pa.table(
                [
                    answered["id"],
                    pa.repeat(day, answered.num_rows),
                    answered["time"],
                    answered["model_version"].cast(pa.string()),
                    answered[score].cast(pa.float64()),
                    decided,
                ],
                schema=_NO_LOG.schema,
            )
        )
        read.append(evidence)
    return pa.concat_tables(tables), read, missing


def _decisions(
    decided: pa.ChunkedArray, score: pa.ChunkedArray, threshold: float
) -> pa.ChunkedArray:
    # An output that is not boolean has no meaning of its own here: the threshold decides.
    if pa.types.is_boolean(decided.type):
        return decided
    return pc.greater_equal(score.cast(pa.float64()), threshold)


def _read_days(
    lake: Lake, feature: AiFeatureSpec, asset: str, days: Sequence[str], columns: list[str]
) -> tuple[pa.Table, list[Evidence], list[str]]:
    schema = pa.schema([*((name, pa.string()) for name in columns), ("known_on", pa.date32())])
    if "label" in columns:
        schema = schema.set(schema.get_field_index("label"), pa.field("label", pa.bool_()))
    tables, read, missing = [schema.empty_table()], [], []
    for day in days:
        try:
            table, evidence = lake.read_table(lake.path(feature.name, asset, day), columns)
        except MissingEvidence:
            if day >= feature.monitoring.start.isoformat():
                missing.append(f"{feature.name}/{asset}/{day}")
            continue
        known = pa.repeat(pa.scalar(date.fromisoformat(day)), table.num_rows)
        tables.append(table.append_column("known_on", known).cast(schema))
        read.append(evidence)
    return pa.concat_tables(tables), read, missing


def _select(lake: Lake, path: str, columns: list[str]) -> tuple[pa.Table, Evidence]:
    try:
        return lake.read_table(path, columns)
    except pa.ArrowInvalid:
        whole, evidence = lake.read_table(path)
        absent = [name for name in columns if name not in whole.column_names]
        if not absent:
            raise
        raise MissingColumn(
            f"{evidence.source}: no column {absent[0]}; compact the log again, as the feature's "
            "file declares its inputs and outputs now"
        ) from None


def _as_rows(
    found: Mapping[str, Any], read: tuple[Evidence, ...], missing: tuple[str, ...]
) -> LabelledRows:
    return LabelledRows(
        ids=np.asarray(found["id"], dtype=object),
        day=np.asarray(found["day"], dtype=str),
        time=np.asarray(found["time"], dtype="datetime64[us]"),
        version=np.asarray(np.ma.filled(found["model_version"], ""), dtype=object),
        score=_filled(found["score"], np.nan).astype(float),
        decision=_filled(found["decision"], False).astype(bool),
        label=_filled(found["label"], False).astype(bool),
        known_on=_filled(found["known_on"], np.datetime64("NaT")).astype("datetime64[D]"),
        contradicted_on=_filled(found["contradicted_on"], np.datetime64("NaT")).astype(
            "datetime64[D]"
        ),
        read=read,
        missing=missing,
    )


def _filled(values: Any, empty: Any) -> npt.NDArray[Any]:
    return np.asarray(np.ma.filled(values, empty))
