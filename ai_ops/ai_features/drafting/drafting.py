"""A feature's YAML drafted from its tables: what they show is said, what they cannot is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from math import ceil, inf
from typing import Any, Final, get_args

from ai_ops.ai_features.drafting.answers import Answers, find_answers
from ai_ops.ai_features.drafting.calendar import Calendar, SyntheticDays, calendar_of, synthetic
from ai_ops.ai_features.drafting.facts import ColumnFacts, MeasuredTable
from ai_ops.ai_features.drafting.inputs import Input, LeftOut, Names, find_inputs
from ai_ops.ai_features.drafting.page import page_of
from ai_ops.ai_features.drafting.questions import NOBODY, Asking, Question
from ai_ops.ai_features.drafting.record import Label, find_id, find_label, find_plain, find_time
from ai_ops.ai_features.drafting.roles import by_value
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import OwnedDomain, ServedBy

_WAIT_HOURS: Final = 24.0


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables that a draft is made from, measured; ``files`` name them as the YAML will."""

    predictions: MeasuredTable
    files: str
    labels: MeasuredTable | None = None
    label_files: str | None = None
    reference: MeasuredTable | None = None
    reference_files: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was found out about a feature, before it is written."""

    name: str
    tables: Tables
    id: ColumnFacts | None
    time: ColumnFacts | None
    time_zone: str | None
    synthetic: SyntheticDays | None
    members: Mapping[str, str]
    label: Label | None
    mature_after_hours: float
    hours_measured: bool
    answers: Answers
    outputs: tuple[tuple[str, ColumnFacts], ...]
    inputs: tuple[Input, ...]
    left_out: tuple[LeftOut, ...]
    calendar: Calendar
    owners: Mapping[str, str]
    served_by: str
    title: str

    def output(self, column: str | None) -> str | None:
        """The name of the output that a column became."""
        return next((name for name, facts in self.outputs if facts.name == column), None)


@dataclass(frozen=True, slots=True)
class Draft:
    """A feature's YAML, the questions that are open in it, and what was guessed by field."""

    text: str
    questions: tuple[Question, ...]
    guessed: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


def draft(name: str, tables: Tables, answers: Mapping[str, str], today: date) -> Draft:
    """The draft of one feature; ``answers`` are by field of the YAML, as the questions are.

    ``BadInput`` for an answer that names no column, or no field that a question is about.
    """
    asking = Asking(answers)
    found = _findings(name, tables, asking, today)
    if unasked := asking.unasked():
        fields = ", ".join(sorted(asking.taken))
        raise BadInput(f"--answer {unasked[0]}: nothing asks for it; there are: {fields}")
    page = page_of(found, asking.questions)
    return Draft(page.text, tuple(asking.questions), _guessed(found), found.left_out)


def _findings(name: str, tables: Tables, asking: Asking, today: date) -> Findings:
    table = tables.predictions
    time = find_time(table, asking)
    id = find_id(table, tables.labels, asking)
    taken = {column.name for column in (time, id) if column}
    label = find_label(table, tables.labels, id, taken, asking)
    if label is not None and label.inside:
        taken |= {name for name in (label.column.name, label.available_at) if name}
    members = find_plain(table, taken, asking)
    taken |= set(members.values())
    answers = find_answers(table, label, taken, asking)
    days, zone, made_up = _days(table, time, taken | set(answers.columns), asking)
    taken |= {made_up.order_column} if made_up and made_up.order_column else set()
    calendar = calendar_of(days, today, tables.reference_files is not None, asking)
    _ask_for_days(tables, time, asking)
    names = Names(("subject", "tenant"))
    facts = {column.name: column for column in table.columns}
    outputs = tuple((names.of(column), facts[column]) for column in answers.columns)
    free = [c for c in table.columns if c.name not in taken | set(answers.columns)]
    inputs, left = find_inputs(free, names)
    hours, measured = _wait(tables, time, id, label, zone, asking)
    return Findings(
        name=name,
        tables=tables,
        id=id,
        time=time,
        time_zone=zone,
        synthetic=made_up,
        members=members,
        label=label,
        mature_after_hours=hours,
        hours_measured=measured,
        answers=answers,
        outputs=outputs,
        inputs=tuple(inputs),
        left_out=tuple(left),
        calendar=calendar,
        owners={domain: _owner(domain, asking) for domain in get_args(OwnedDomain)},
        served_by=_served_by(asking),
        title=asking.given("title") or name.replace("_", " "),
    )


def _ask_for_days(tables: Tables, time: ColumnFacts | None, asking: Asking) -> None:
    """A reference set without times knows what is normal, and not how restless a column is."""
    if tables.reference is None:
        return
    if time is None or time.name not in {column.name for column in tables.reference.columns}:
        words = (
            f"the reference set has no column {time.name if time else 'of times'}, so that nobody "
            "knows how much its weeks differ: drift will have no evidence. Are days of the log a "
            "better reference (first_day, last_day: four weeks at least)?"
        )
        asking.ask("reference", words, (), tables.reference_files)


def _days(
    table: MeasuredTable, time: ColumnFacts | None, taken: set[str], asking: Asking
) -> tuple[dict[date, int], str | None, SyntheticDays | None]:
    if time is None:
        free = [column for column in table.columns if column.name not in taken]
        order = [c.name for c in by_value(free, "order") if c.words]
        made_up = synthetic(table.rows, order, asking)
        return made_up.days(table.rows), None, made_up
    zone = None
    if time.kind == "time":
        words = f"the times in {time.name} tell no zone: which one are they in?"
        zone = asking.ask("source.time_zone", words, ("UTC", "Europe/Berlin", "…"), "UTC")
    if not (days := table.days(time.name, zone or "UTC")):
        raise BadInput(f"--answer source.columns.time: {time.name} holds no times; name another")
    return days, zone, None


def _wait(
    tables: Tables,
    time: ColumnFacts | None,
    id: ColumnFacts | None,
    label: Label | None,
    zone: str | None,
    asking: Asking,
) -> tuple[float, bool]:
    """After how many hours a label is expected, and whether the tables themselves say it."""
    field = "ground_truth.mature_after_hours"
    if label is None:
        return _WAIT_HOURS, False
    if asking.given(field) is None and (hours := _lag(tables, time, id, label, zone or "UTC")):
        return float(max(1, ceil(hours))), True
    words = "after how many hours is the label of a prediction known?"
    told = asking.ask(field, words, ("1", "24", "168", "720"), f"{_WAIT_HOURS:g}") or ""
    try:
        hours = float(told)
    except ValueError:
        hours = 0.0
    if not 0 < hours < inf:
        raise BadInput(f"--answer {field}: write a number of hours above 0 (found {told!r})")
    return hours, False


def _lag(
    tables: Tables, time: ColumnFacts | None, id: ColumnFacts | None, label: Label, zone: str
) -> float | None:
    table, labels = tables.predictions, tables.labels
    if time is None or label.available_at is None:
        return None
    if label.inside:
        hours = table.lag_hours(time.name, label.available_at, zone)
    elif id is not None and label.id is not None:
        later = label.available_at
        hours = table.label_lag_hours(time.name, id.name, labels, label.id, later, zone)
    else:
        return None
    return hours if hours is not None and hours > 0 else None


def _served_by(asking: Asking) -> str:
    told = asking.given("served_by") or "external"
    if told not in get_args(ServedBy):
        raise BadInput(f"--answer served_by: {told} is none of {', '.join(get_args(ServedBy))}")
    return told


def _owner(domain: str, asking: Asking) -> str:
    words = f"who answers for the {domain.replace('_', ' ')} of this feature (a mail address)?"
    mail = asking.ask(f"owners.{domain}.accountable", words, (), NOBODY) or NOBODY
    if mail != NOBODY and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", mail):
        raise BadInput(f"--owner {domain}: write a mail address, as ann@example.com, not {mail!r}")
    return mail


def _guessed(found: Findings) -> dict[str, Any]:
    """What the draft says by field, for whoever reads it without the page."""
    calendar, answers = found.calendar, found.answers
    days = [day.isoformat() for day in calendar.reference or ()]
    told: dict[str, Any] = {
        "served_by": found.served_by,
        "monitoring.start": calendar.start.isoformat(),
        "monitoring.end": calendar.end.isoformat() if calendar.end else None,
        "source.columns.time": found.time.name if found.time else None,
        "source.columns.id": found.id.name if found.id else None,
        **{f"source.columns.{member}": column for member, column in found.members.items()},
        "ground_truth.kind": answers.kind,
        "label": found.label.column.name if found.label else None,
        "judged.score": found.output(answers.score),
        "judged.decision": found.output(answers.decision),
        "judged.probabilities": {name: found.output(c) for name, c in answers.probabilities},
        "inputs": len(found.inputs),
        "reference": found.tables.reference_files or days or None,
        "drift.minimum_rows": calendar.minimum_rows,
    }
    return {field: value for field, value in told.items() if value not in (None, {})}
