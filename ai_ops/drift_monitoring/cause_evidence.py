"""Why columns drifted: every sign that is looked for, and what they say together, per column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.drift_monitoring.cause_look import Look
from ai_ops.drift_monitoring.cause_rows import filled, matrix, only, types_of
from ai_ops.drift_monitoring.causes.company import follows, together
from ai_ops.drift_monitoring.causes.flipped import flipped
from ai_ops.drift_monitoring.causes.label_shift import label_shift
from ai_ops.drift_monitoring.causes.nulls import invalid, nulls
from ai_ops.drift_monitoring.causes.onset import onset_sign
from ai_ops.drift_monitoring.causes.places import everywhere, one_place
from ai_ops.drift_monitoring.causes.related import related, relation_of
from ai_ops.drift_monitoring.causes.renamed import renamed
from ai_ops.drift_monitoring.causes.repeated import repeated, repeated_days
from ai_ops.drift_monitoring.causes.resolution import quantised, stuck
from ai_ops.drift_monitoring.causes.schema import schema
from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Cause, Sign, decide
from ai_ops.drift_monitoring.causes.smooth import smooth
from ai_ops.drift_monitoring.causes.swapped import swapped
from ai_ops.drift_monitoring.causes.units import units
from ai_ops.drift_monitoring.cell_of_rows import cell_of_rows
from ai_ops.drift_monitoring.tallies import window_tally
from ai_ops.vocabulary.errors import AiOpsError, MissingEvidence
from ai_ops.vocabulary.words import DriftCause

NEAR: Final = 0.5
"""An input so much of its threshold far is on its way, though it has not reached it."""
PLACES: Final = ("call_site", "tenant")


@dataclass(frozen=True)
class Looked:
    """Why one column drifted; ``since`` the first day of it, as far as it is seen to begin."""

    column: str
    cause: Cause
    since: str | None


@dataclass(frozen=True)
class Known:
    """What an earlier look said of a column that drifts beside these."""

    kind: DriftCause
    gradual: bool


def causes_of(look: Look, names: Sequence[str], known: Mapping[str, Known]) -> list[Looked]:
    """Why each of these columns drifted, beside those that are ``known`` already; what cannot be
    read is undecided, and says so."""
    try:
        return _causes(look, names, known)
    except AiOpsError as error:
        unread = Cause("undecided", f"the evidence cannot be read: {error}")
        return [Looked(name, unread, None) for name in names]


def _causes(look: Look, names: Sequence[str], known: Mapping[str, Known]) -> list[Looked]:
    drifted = [one for one in look.report if one.column in set(names)]
    # Inputs first: answers are made from them.
    moved = sorted((look.moved(one) for one in drifted), key=lambda own: own.role != "input")
    gradual = {name for name, one in known.items() if one.gradual}
    gradual |= {one.name for one in moved if one.onset.kind == "gradual"}
    copies = repeated_days(look.days)
    found: dict[str, Looked] = {}
    kinds: dict[str, DriftCause] = {name: one.kind for name, one in known.items()}
    for one in moved:
        signs = (
            *_of_column(one, moved),
            _schema(look, one),
            repeated(copies, look.days_of(one.onset)),
            together(one.onset, sorted(gradual - {one.name}), look.volume),
            _smooth(look, one),
            _related(look, one),
            _everywhere(look, one),
            *_of_answer(look, one, kinds),
        )
        cause = decide(sign for sign in signs if sign is not None)
        found[one.name] = Looked(one.name, cause, one.onset.since)
        kinds[one.name] = cause.kind
    return list(found.values())


def _of_column(one: Moved, every: Sequence[Moved]) -> list[Sign | None]:
    """The signs that a column bears itself."""
    return [
        onset_sign(one.onset),
        nulls(one),
        invalid(one),
        units(one),
        flipped(one),
        stuck(one),
        quantised(one),
        renamed(one),
        swapped(one, every),
        one_place(one.call_site, one.tenant),
    ]


def _schema(look: Look, one: Moved) -> Sign | None:
    earlier = [day for day in look.days if one.onset.since and day < one.onset.since]
    if not earlier:
        return None
    column = look.reference.column(one.name).cells.column
    before = types_of(look.root, look.feature, earlier[-1])
    return schema(column.source, before, types_of(look.root, look.feature, look.day))


def _smooth(look: Look, one: Moved) -> Sign | None:
    if one.kind != "number":
        return None
    column = look.reference.column(one.name)
    days = [look.days.get(day, {}) for day in look.days_of(one.onset)]
    own = window_tally(column.cells, days)
    bins = len(column.cells.edges) + 1
    outside = float(own.counts[bins:].sum()) / max(own.rows, 1)
    return smooth(own.counts[:bins], column.counts[:bins], outside)


def _related(look: Look, one: Moved) -> Sign | None:
    """Whether an input moved with the other numbers, in the rows that carry it."""
    if one.kind != "number" or one.role != "input":
        return None
    columns = [c.cells.column for c in look.reference.columns]
    names = [c.source for c in columns if (c.role, c.kind) == ("input", "number")]
    own = look.reference.column(one.name).cells.column.source
    days = look.days_of(one.onset)
    rows = only(look.rows, days, call_site=one.call_site, tenant=one.tenant)
    others = [name for name in names if name != own and filled(look.known, name)]
    if own not in rows.column_names or any(name not in rows.column_names for name in others):
        return None
    relation = relation_of(matrix(look.known, [own])[:, 0], matrix(look.known, others))
    return related(relation, matrix(rows, [own])[:, 0], matrix(rows, others))


def _everywhere(look: Look, one: Moved) -> Sign | None:
    if one.call_site is not None or one.tenant is not None:
        return None
    rows = only(look.rows, look.days_of(one.onset))
    if not rows.num_rows:
        return None
    cells = look.reference.column(one.name).cells
    ratio = look.log_ratio(one.name)[cell_of_rows(cells, rows)]
    shifts = {}
    for place in PLACES:
        if place in rows.column_names:
            values = rows[place].cast(pa.string()).to_numpy(zero_copy_only=False)
            told = sorted({value for value in values.tolist() if value is not None})
            own = {value: values == value for value in told}
            shifts[place] = {v: (float(ratio[at].mean()), int(at.sum())) for v, at in own.items()}
    return everywhere(shifts, float(ratio.mean()))


def _of_answer(look: Look, one: Moved, kinds: Mapping[str, DriftCause]) -> list[Sign | None]:
    """What inputs and labels say of an answer that moved."""
    if one.role != "output":
        return []
    roles = {column.column: column.role for column in look.report}
    inputs = {name: kind for name, kind in kinds.items() if roles.get(name) == "input"}
    near = [
        column.column
        for column in look.report
        if column.role == "input" and (column.ratio or 0) >= NEAR and column.column not in inputs
    ]
    signs = [follows(inputs, near)]
    if one.name == look.feature.judged.score and look.feature.ground_truth.kind == "binary":
        signs.append(_labels(look, one))
    return signs


def _labels(look: Look, one: Moved) -> Sign:
    if not look.feature.labelled:
        return Sign.unknown("labels", "correct answers are nowhere known")
    positives = labels = 0
    for day in look.window:
        path = look.root.lake.path(look.feature.name, "ground_truth", day)
        try:
            table, _ = look.root.lake.read_table(path, ["label"])
        except MissingEvidence:
            continue  # no label of that day is known yet: those that are, are counted
        except pa.ArrowInvalid as error:
            return Sign.unknown("labels", f"the labels of {day} cannot be read: {error}")
        labels += table.num_rows - table["label"].null_count
        positives += int(pc.sum(table["label"].cast(pa.int64())).as_py() or 0)
    told = {column.column: column for column in look.report}[one.name]
    return label_shift(positives, labels, told.mean, told.mean_reference)
