"""Alerts: runs of failing verdicts of one item, with the day they began and whether they last."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ai_ops.vocabulary.verdicts import RecordedVerdict


@dataclass(frozen=True, slots=True)
class Alert:
    """An item that failed on one day or on several in a row.

    ``raised_at`` is the end of the first of those days: an alert ages from there, however often
    that day is judged again. A day without evidence neither begins nor ends an alert: silence is
    not recovery.
    """

    item: str
    begin: str
    last: str
    raised_at: datetime
    columns: tuple[str, ...]
    open: bool


def alerts_of(item: str, verdicts: Mapping[str, RecordedVerdict]) -> list[Alert]:
    """The alerts in one item's verdicts by day (ISO date → verdict), oldest first."""
    alerts: list[Alert] = []
    failing: list[tuple[str, RecordedVerdict]] = []
    for day, recorded in sorted(verdicts.items()):
        if recorded.verdict.status == "fail":
            failing.append((day, recorded))
        elif recorded.verdict.passed and failing:
            alerts.append(_alert(item, failing, still_open=False))
            failing = []
    if failing:
        alerts.append(_alert(item, failing, still_open=True))
    return alerts


def column_alerts_of(item: str, verdicts: Mapping[str, RecordedVerdict]) -> list[Alert]:
    """The alerts of each column in one item's verdicts by day, oldest first.

    An alert is about one column, or about none where a verdict fails without naming any. That of a
    column ends on a day on which the item passes, or fails by others: they are another matter.
    """
    days = sorted(verdicts.items())
    named = {column for _, one in days if one.verdict.status == "fail" for column in _failing(one)}
    alerts = []
    for column in named:
        failing: list[tuple[str, RecordedVerdict]] = []
        for day, recorded in days:
            if recorded.verdict.status == "fail" and column in _failing(recorded):
                failing.append((day, recorded))
            elif failing and is_well(recorded, (column,)):
                alerts.append(_of_column(item, column, failing, still_open=False))
                failing = []
        if failing:
            alerts.append(_of_column(item, column, failing, still_open=True))
    return sorted(alerts, key=lambda one: (one.begin, one.columns))


def is_well(recorded: RecordedVerdict, columns: Collection[str]) -> bool:
    """Whether a verdict says of these columns that nothing is wrong: it passed, or it fails by
    others. What could not be judged is not well. Where no column is named, only a pass is."""
    verdict = recorded.verdict
    if verdict.passed:
        return True
    if verdict.status != "fail" or not columns:
        return False
    lacking = {name for one in verdict.findings if one.status != "fail" for name in one.columns}
    return set(columns).isdisjoint(_failing(recorded) | lacking)


def _failing(recorded: RecordedVerdict) -> set[str]:
    """The columns by which a verdict fails; the empty word for what names none."""
    found = [one for one in recorded.verdict.findings if one.status == "fail"]
    named = {column for one in found for column in one.columns}
    return named if found and all(one.columns for one in found) else {*named, ""}


def still_in_view(alert: Alert, moment: datetime, days: int) -> bool:
    """Whether the last failing day of an alert looks back, over so many days, on what was there at
    a moment: what a person found out then is still part of what fails."""
    return date.fromisoformat(alert.last) - timedelta(days=days - 1) <= moment.date()


def holds(alert: Alert, other: Alert) -> bool:
    """Whether an alert's days hold the first one of another of the same check."""
    return alert.item == other.item and alert.begin <= other.begin <= alert.last


def _alert(item: str, failing: list[tuple[str, RecordedVerdict]], *, still_open: bool) -> Alert:
    latest = failing[-1][1]
    columns = sorted({column for f in latest.verdict.findings for column in f.columns})
    return _run(item, failing, tuple(columns), still_open=still_open)


def _of_column(
    item: str, column: str, failing: list[tuple[str, RecordedVerdict]], *, still_open: bool
) -> Alert:
    return _run(item, failing, (column,) if column else (), still_open=still_open)


def _run(
    item: str,
    failing: list[tuple[str, RecordedVerdict]],
    columns: tuple[str, ...],
    *,
    still_open: bool,
) -> Alert:
    (begin, first), (last, _) = failing[0], failing[-1]
    return Alert(item, begin, last, first.window.end, columns, still_open)
