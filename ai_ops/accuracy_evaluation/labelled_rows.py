"""The answered predictions of some days, beside what was known of their labels on which day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.metrics import DaySums, Floats, sum_by_day
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

_JOIN = """
SELECT log.id, log.day, log.time, log.model_version, log.score, log.decision,
       truth.label, truth.known_on, against.known_on AS contradicted_on
FROM log
LEFT JOIN truth USING (id)
LEFT JOIN (SELECT id, min(known_on) AS known_on FROM against GROUP BY id) AS against USING (id)
ORDER BY log.time, log.id
"""


class MissingColumn(MissingEvidence):
    """A log that is there lacks a column; the message names file and column."""


@dataclass(frozen=True)
class LabelledRows:
    """N answered predictions, ordered by time; every array is [N].

    ``label`` means something only where ``known_on`` (the UTC day on which it became known) is
    not NaT. ``contradicted_on`` is the day on which a second, different label became known.
    """

    ids: npt.NDArray[np.object_]
    day: npt.NDArray[np.str_]
    time: Days
    version: npt.NDArray[np.object_]
    score: Floats
    decision: Bools
    label: Bools
    known_on: Days
    contradicted_on: Days
    read: tuple[Evidence, ...]
    missing: tuple[str, ...]

    @property
    def scored(self) -> Bools:
        """Where the score is a number in [0, 1]."""
        return (self.score >= 0) & (self.score <= 1)

    def mature(self, cutoff: datetime, hours: float) -> Bools:
        """Where a label may be expected by ``cutoff``."""
        mature: Bools = self.time <= _plain(cutoff - timedelta(hours=hours))
        return mature

    def labelled(self, cutoff: datetime) -> Bools:
        """Where one label, and no other, was known before the day of ``cutoff``."""
        day = _plain(cutoff).astype("datetime64[D]")
        labelled: Bools = (self.known_on < day) & ~(self.contradicted_on < day)
        return labelled

    def contradicted(self, cutoff: datetime) -> Bools:
        """Where two labels that differ were known before the day of ``cutoff``."""
        known: Bools = self.contradicted_on < _plain(cutoff).astype("datetime64[D]")
        return known

    def between(self, first_day: str, last_day: str) -> Bools:
        """Where the prediction was made in these days, both included."""
        inside: Bools = (self.day >= first_day) & (self.day <= last_day)
        return inside

    def sums(self, where: Bools, score: Floats | None = None, threshold: float = 0.5) -> DaySums:
        """The sums of the chosen rows: of what was answered, or of another ``score`` [chosen]."""
        if score is None:
            score, decision = self.score[where], self.decision[where]
        else:
            decision = score >= threshold
        return sum_by_day(self.day[where], score, self.label[where], decision)


def utc_engine() -> duckdb.DuckDBPyConnection:
    """An embedded engine whose days are UTC days, wherever it runs."""
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def label_cutoff(as_of: datetime) -> datetime:
    """Labels that became known before this count: whole days only.

    A day judged at any hour, alone or in a range, then sees the same labels.
    """
    return as_of.replace(hour=0, minute=0, second=0, microsecond=0)


def coverage_by_day(
    rows: LabelledRows, window: Window, cutoff: datetime, feature: AiFeatureSpec
) -> list[DayCoverage]:
    """How far each day of the window is mature and labelled."""
    truth = feature.ground_truth
    mature = rows.mature(cutoff, truth.mature_after_hours)
    labelled = mature & rows.labelled(cutoff)
    days = []
    for day in window.days():
        here = rows.day == day
        expected, got = int((here & mature).sum()), int((here & labelled).sum())
        enough = expected > 0 and got >= truth.minimum_coverage * expected
        days.append(DayCoverage(day, int(here.sum()), expected, got, enough))
    return days


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
    against, _, _ = _read_days(lake, feature, "ground_truth/quarantine", days, ["id", "reason"])
    with utc_engine() as engine:
        engine.register("log", logs)
        engine.register("truth", truth)
        engine.register("against", against.filter(pc.equal(against["reason"], "contradiction")))
        found = engine.execute(_JOIN).fetchnumpy()
    return _as_rows(found, (*read, *truth_read), (*missing, *no_truth))


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


def _plain(moment: datetime) -> np.datetime64:
    """A moment in UTC as numpy has it, without zone."""
    return np.datetime64(moment.replace(tzinfo=None), "us")


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
