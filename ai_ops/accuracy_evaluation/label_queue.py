"""The labelling queue: which predictions are handed out to be labelled, and on what form."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.label_lookup import labels_of
from ai_ops.accuracy_evaluation.label_picking import Frame, Pick, pick
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Answers, Bools, Floats
from ai_ops.accuracy_evaluation.queue_marks import HUMAN_LABELS, QUEUE, QUEUED, queued
from ai_ops.accuracy_evaluation.reading import read_inputs, read_rows
from ai_ops.accuracy_evaluation.set_strata import stratified
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import are_held_out, drawing_order
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

FORM_BEGINS = ("id", "time", "call_site")


@dataclass(frozen=True)
class Export:
    """What was handed out, as recorded beside the rows: how many, and by which right each.

    ``probability`` is that with which every prediction of the window came into the drawn sample.
    ``blind`` forms do not show what the model answered.
    """

    export: str
    feature: str
    exported_at: datetime
    first_day: str
    last_day: str
    predictions: int
    unlabelled: int
    rows: int
    blind: bool
    picked: dict[str, int] = field(default_factory=dict)
    probability: float | None = None
    drawn_before: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Handout:
    """An export, the form that a person is given, and the record of every row that is in it."""

    export: Export
    form: pa.Table
    record: pa.Table


def hand_out(
    root: Root, feature: AiFeatureSpec, window: Window, rows: int, *, blind: bool
) -> Handout:
    """The rows most worth a label among the window's answered predictions; nothing is written.

    Raises ``MissingEvidence`` when nothing was answered, or nothing lacks a label.
    """
    now = root.clock.now()
    found = read_rows(root.lake, feature, window, window.end)
    first = _first_of_each(found)
    if not first.any():
        raise MissingEvidence(
            f"{feature.name}: no prediction was answered from {_span(window)}: nothing to label"
        )
    ids = found.ids[first].tolist()
    known = labels_of(root, feature, ids, now)
    before = queued(root.lake, feature.name)
    out = set(before.filter(before["new"])["id"].to_pylist())
    frame = _frame(root, feature, found, first, known.known.keys(), out)
    picks = pick(frame, rows)
    fresh = [one for one in picks if one.new]
    if not fresh:
        raise MissingEvidence(
            f"{feature.name}: each of {len(ids)} predictions from {_span(window)} has its label, "
            "or is out to be labelled"
        )
    # What is in the sample from now on and was labelled by people, or is out, counts from now on.
    people = out | _labelled_by_people(root, feature)
    kept = [one for one in picks if one.new or ids[one.place] in people]
    days = found.day[first].tolist()
    record = _record(ids, days, kept, now)
    drawn = [one for one in picks if one.picked_by == "drawn"]
    export = Export(
        export=_name(now, record),
        feature=feature.name,
        exported_at=now,
        first_day=next(iter(window.days())),
        last_day=list(window.days())[-1],
        predictions=len(ids),
        unlabelled=int(frame.free.sum()),
        rows=len(fresh),
        blind=blind,
        picked=dict(Counter(one.picked_by for one in fresh)),
        probability=drawn[0].probability if drawn else None,
        drawn_before=sum(not one.new for one in kept),
        problem=known.problem,
    )
    return Handout(export, _form(root, feature, found, first, fresh, blind=blind), record)


def keep_handout(root: Root, handout: Handout) -> None:
    """Record what was handed out: from now on these rows are out, and the drawn ones a sample."""
    lake, export = root.lake, handout.export
    lake.write_table(lake.path(export.feature, QUEUE, export.export), handout.record)
    told = {**asdict(export), "exported_at": export.exported_at.isoformat()}
    lake.write_json(lake.path(export.feature, QUEUE, export.export, "json"), told)


def doubt_of(answers: Answers, threshold: float) -> Floats:
    """How far each answer is from another one; NaN where it does not tell.

    >>> scores = BinaryAnswers(np.array([0.5, 0.9]), np.zeros(2, bool), np.zeros(2, bool))
    >>> doubt_of(scores, 0.5).round(1).tolist()
    [0.0, 0.4]
    """
    if isinstance(answers, BinaryAnswers):
        return np.abs(answers.score - threshold)
    if isinstance(answers, ClassAnswers) and answers.probabilities.shape[1] > 1:
        highest = np.sort(answers.probabilities, axis=1)[:, -2:]
        margin: Floats = highest[:, 1] - highest[:, 0]
        return margin
    return np.full(len(answers), np.nan)


def _frame(
    root: Root,
    feature: AiFeatureSpec,
    rows: LabelledRows,
    first: Bools,
    labelled: Collection[str],
    out: Collection[str],
) -> Frame:
    ids = rows.ids[first].tolist()
    known: Bools = np.array([id in labelled for id in ids], np.bool_)
    away: Bools = np.array([id in out for id in ids], np.bool_)
    held_out: Bools = np.array(are_held_out(ids, feature.ground_truth.evaluation_share), np.bool_)
    strata = stratified(root, feature, rows).columns
    return Frame(
        order=np.array(drawing_order(ids), np.uint64),
        free=~known & ~away,
        counted=known,
        doubt=doubt_of(rows.answers.take(first), feature.judged.threshold),
        # Where nobody here trains, every row may be held out, and none is kept from training.
        kept=held_out & feature.trained_here,
        strata={name: values[first] for name, values in strata.items()},
    )


def _first_of_each(rows: LabelledRows) -> Bools:
    first = np.zeros(len(rows.ids), bool)
    if len(rows.ids):
        first[np.unique(rows.ids.astype(str), return_index=True)[1]] = True
    return first


def _labelled_by_people(root: Root, feature: AiFeatureSpec) -> set[str]:
    paths = root.lake.glob(f"{feature.name}/{HUMAN_LABELS}/*.parquet")
    return {id for path in paths for id in root.lake.read_table(path, ["id"])[0]["id"].to_pylist()}


def _record(ids: list[str], days: list[str], picks: Sequence[Pick], now: datetime) -> pa.Table:
    columns = {
        "id": [ids[one.place] for one in picks],
        "day": [days[one.place] for one in picks],
        "picked_by": [one.picked_by for one in picks],
        "probability": [one.probability for one in picks],
        "stratum": [one.stratum for one in picks],
        "new": [one.new for one in picks],
        "exported_at": [now for _ in picks],
    }
    return pa.table(columns, schema=QUEUED)


def _form(
    root: Root,
    feature: AiFeatureSpec,
    rows: LabelledRows,
    first: Bools,
    picks: Sequence[Pick],
    *,
    blind: bool,
) -> pa.Table:
    """What a person is given: inputs as they lie in the log, hashed and dropped as they were.

    In the order of the ids' numbers, so that their place does not tell why they were picked.
    """
    places = np.flatnonzero(first)[[one.place for one in picks]]
    places = places[np.argsort(np.array(drawing_order(rows.ids[places].tolist()), np.uint64))]
    ids = pa.array(rows.ids[places].tolist(), pa.string())
    who = stratified(root, feature, rows).columns["call_site"][places]
    columns: dict[str, pa.Array] = {
        "id": ids,
        "time": pa.array(rows.time[places], pa.timestamp("us", "UTC")),
        "call_site": pa.array(who.tolist(), pa.string()),
    }
    inputs = [read_inputs(root.lake, feature, day) for day in sorted(set(rows.day[places]))]
    whole = pa.concat_tables(inputs, promote_options="permissive")
    at = pc.index_in(ids, whole["id"])
    for column in feature.inputs:
        columns[f"input_{column.name}"] = whole[column.name].take(at)
    if not blind:
        chosen = np.zeros(len(rows.ids), bool)
        chosen[places] = True
        given = rows.ids[chosen].tolist()
        again = [given.index(id) for id in ids.to_pylist()]
        for name, values in rows.answers.take(chosen).columns(feature.judged).items():
            columns[name] = pa.array(values[again])
    columns["label"] = pa.nulls(len(ids), pa.string())
    return pa.table(columns)


def _name(now: datetime, record: pa.Table) -> str:
    digest = sha256("\n".join(record["id"].to_pylist()).encode()).hexdigest()[:8]
    return f"{now:%Y-%m-%dT%H%M%S}-{digest}"


def _span(window: Window) -> str:
    days = list(window.days())
    return f"{days[0]} to {days[-1]}"
