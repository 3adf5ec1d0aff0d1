"""The log and the labels, read from the lake and joined by the prediction's id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.kinds import Kind, kind_of
from ai_ops.accuracy_evaluation.label_values import label_type
from ai_ops.accuracy_evaluation.labelled_rows import ArrivedLabels, LabelledRows
from ai_ops.accuracy_evaluation.queue_marks import QueueMarks, queue_marks
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

TIMES = pa.timestamp("us", "UTC")


class MissingColumn(MissingEvidence):
    """A log that is there lacks a column; the message names file and column."""


@dataclass
class _Logs:
    """The answered rows of the days that are there: one table a day, each in order of time."""

    days: list[str] = field(default_factory=list)
    rows: list[pa.Table] = field(default_factory=list)
    judged: list[pa.Table] = field(default_factory=list)
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """Labels of some days of arrival: ids and values, and the day on which each became known."""

    rows: pa.Table
    known_on: npt.NDArray[np.datetime64]
    read: tuple[Evidence, ...]
    missing: tuple[str, ...]

    def of(self, ids: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.datetime64]]:
        """Where the first entry of each id stands (null: nowhere), and its day (NaT)."""
        places = pc.index_in(ids, self.rows["id"])
        places = places.combine_chunks() if isinstance(places, pa.ChunkedArray) else places
        found = pc.fill_null(places, -1).to_numpy(zero_copy_only=False)
        days = np.append(self.known_on, np.datetime64("NaT", "D"))
        return places, days[found]


def read_rows(
    lake: Lake, feature: AiFeatureSpec, window: Window, last_cutoff: datetime
) -> LabelledRows:
    """The answered predictions of the window's days, with the labels known before the cutoff.

    A label that a person gave to a row that was picked, not drawn, is left out: it would bias.
    Raises ``MissingColumn`` when a log lacks an output.
    """
    kind = kind_of(feature)
    logs = _read_logs(lake, feature, kind, window)
    label_window = Window(window.start, max(last_cutoff, window.end))
    days = [day for day in label_window.days() if Window.of_day(day).end <= last_cutoff]
    truth = _read_days(
        lake, feature, "ground_truth", days, {"label": label_type(feature.ground_truth)}
    )
    # Labels whose contradictions are not there to be read may each be contradicted.
    there = [day for day in days if f"{feature.name}/ground_truth/{day}" not in truth.missing]
    asset = "ground_truth/quarantine"
    against = _read_days(
        lake, feature, asset, there, {"reason": pa.string()}, only=("reason", "contradiction")
    )
    return _joined(feature, kind, logs, truth, against, queue_marks(lake, feature.name))


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


def _read_logs(lake: Lake, feature: AiFeatureSpec, kind: Kind, window: Window) -> _Logs:
    outputs = [f"output_{name}" for name in kind.outputs(feature.judged)]
    columns = ["id", "time", "model_version", "status", *dict.fromkeys(outputs)]
    logs = _Logs()
    # What was logged before, a reference among it, is none of what is evaluated.
    for day in filter(feature.monitoring.holds, window.days()):
        path = lake.path(feature.name, "prediction_log", day)
        try:
            table, evidence = _select(lake, path, columns)
        except MissingColumn:
            raise
        except MissingEvidence:
            logs.missing.append(f"{feature.name}/prediction_log/{day}")
            continue
        answered = _in_order(table.filter(pc.equal(table["status"], "ok")))
        logs.days.append(day)
        logs.rows.append(
            pa.table(
                {
                    "id": answered["id"].cast(pa.string()),
                    "time": answered["time"].cast(TIMES),
                    "version": answered["model_version"].cast(pa.string()),
                }
            )
        )
        logs.judged.append(kind.judged(answered, feature))
        logs.read.append(evidence)
    return logs


def _in_order(table: pa.Table) -> pa.Table:
    """The rows by time and id: as a log is kept, so that it is seldom sorted again."""
    time = table["time"].cast(TIMES).cast(pa.int64()).to_numpy()
    apart = np.diff(time)
    same = np.flatnonzero(apart == 0)
    ids = table["id"]
    ordered = (
        bool((apart >= 0).all())
        and pc.all(pc.less_equal(ids.take(same), ids.take(same + 1)), min_count=0).as_py()
    )
    return table if ordered else table.sort_by([("time", "ascending"), ("id", "ascending")])


def _read_days(
    lake: Lake,
    feature: AiFeatureSpec,
    asset: str,
    days: Sequence[str],
    column: Mapping[str, pa.DataType],
    *,
    only: tuple[str, str] | None = None,
) -> _Known:
    schema = pa.schema([("id", pa.string()), *column.items()])
    tables, known, read, missing = [schema.empty_table()], [], [], []
    for day in days:
        try:
            table, evidence = lake.read_table(
                lake.path(feature.name, asset, day), list(schema.names)
            )
        except MissingEvidence:
            if feature.monitoring.holds(day):
                missing.append(f"{feature.name}/{asset}/{day}")
            continue
        if only is not None:
            table = table.filter(pc.equal(table[only[0]], only[1]))
        tables.append(table.cast(schema))
        known.append((np.datetime64(date.fromisoformat(day), "D"), table.num_rows))
        read.append(evidence)
    days_known = np.repeat(
        np.array([day for day, _ in known], "datetime64[D]"), [count for _, count in known]
    )
    return _Known(pa.concat_tables(tables), days_known, tuple(read), tuple(missing))


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


def _joined(
    feature: AiFeatureSpec,
    kind: Kind,
    logs: _Logs,
    truth: _Known,
    against: _Known,
    marks: QueueMarks | None,
) -> LabelledRows:
    nobody = pa.schema([("id", pa.string()), ("time", TIMES), ("version", pa.string())])
    rows = pa.concat_tables([nobody.empty_table(), *logs.rows])
    judged = pa.concat_tables(logs.judged or [_nothing_judged(feature, kind)])
    places, known_on = truth.of(rows["id"])
    told_on = known_on
    if marks is not None:
        known_on = marks.speak_on(rows["id"].to_numpy(zero_copy_only=False), known_on)
    label = truth.rows["label"].combine_chunks().take(places)
    _, contradicted_on = against.of(rows["id"])
    sizes = [table.num_rows for table in logs.rows]
    versions = pc.fill_null(rows["version"], "").combine_chunks().dictionary_encode()
    return LabelledRows(
        days=tuple(logs.days),
        starts=np.cumsum([0, *sizes]),
        ids=rows["id"].to_numpy(zero_copy_only=False),
        time=rows["time"].cast(pa.timestamp("us")).to_numpy(),
        versions=tuple(versions.dictionary.to_pylist()),
        version=versions.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        answers=kind.answers(judged, label, feature),
        known_on=known_on,
        contradicted_on=contradicted_on,
        arrived=_arrived(truth, places, np.repeat(np.array(logs.days, "datetime64[D]"), sizes)),
        read=(*logs.read, *truth.read),
        missing=(*logs.missing, *truth.missing, *against.missing),
        picked_on=None if marks is None else told_on,
    )


def _arrived(
    truth: _Known, places: pa.Array, day: npt.NDArray[np.datetime64]
) -> dict[str, ArrivedLabels]:
    """The labels of each day of arrival, and those of them that no answered row up to it has."""
    found = pc.fill_null(places, -1).to_numpy(zero_copy_only=False)
    first = np.full(truth.rows.num_rows, np.datetime64("NaT", "D"))
    rows = np.flatnonzero(found >= 0)[::-1]
    first[found[rows]] = day[rows]  # in reverse: the first day of an id is written last
    apart = ~(first <= truth.known_on)
    ids = truth.rows["id"].filter(pa.array(apart))
    days, counts = np.unique(truth.known_on, return_counts=True)
    return {
        str(known): ArrivedLabels(int(count), ids.filter(pa.array(truth.known_on[apart] == known)))
        for known, count in zip(days, counts, strict=True)
    }


def _nothing_judged(feature: AiFeatureSpec, kind: Kind) -> pa.Table:
    outputs = {
        f"output_{name}": pa.array([], pa.float64()) for name in kind.outputs(feature.judged)
    }
    return kind.judged(pa.table(outputs), feature)
