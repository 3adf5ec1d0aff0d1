"""Alerts: runs of failing verdicts of one item, with the day they began and whether they last."""

from collections.abc import Mapping
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


def still_in_view(alert: Alert, moment: datetime, days: int) -> bool:
    """Whether the last failing day of an alert looks back, over so many days, on what was there at
    a moment: what a person found out then is still part of what fails."""
    return date.fromisoformat(alert.last) - timedelta(days=days - 1) <= moment.date()


def _alert(item: str, failing: list[tuple[str, RecordedVerdict]], *, still_open: bool) -> Alert:
    (begin, first), (last, latest) = failing[0], failing[-1]
    columns = sorted({column for f in latest.verdict.findings for column in f.columns})
    return Alert(item, begin, last, first.window.end, tuple(columns), still_open)
