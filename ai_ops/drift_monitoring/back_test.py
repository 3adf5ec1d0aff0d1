"""A back-test of thresholds: the stored reports judged again, as if with other factors on them.

A report keeps how many thresholds far each column was and the factor that was in force; with
another factor it is as many times nearer or further. The rule that judges them is the one that
judged the days themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.judgement import History, Report, judge_drift
from ai_ops.vocabulary.counts import plural

Factors = Mapping[str, float]
"""The factor on every threshold of a column; one that is not named has 1."""

Fate = Literal["confirmed", "false_alarm", "harmless", "open"]
"""What people found of an alert: bad data or a genuine shift; a false alarm; looked at, and over by
itself; or nothing that says it is none."""

_ROLES: Final[tuple[Role, ...]] = ("input", "output")


@dataclass(frozen=True, slots=True)
class ColumnAlert:
    """A run of days on which one column fired; ``lasts`` while no later day ended it."""

    column: str
    role: Role
    begin: str
    last: str
    lasts: bool

    @property
    def words(self) -> str:
        """The column and its days."""
        days = self.begin if self.begin == self.last else f"{self.begin} … {self.last}"
        return f"{self.column} ({days})"


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert with what people found of it: ``by`` whom, on which ``incident`` (or "")."""

    alert: ColumnAlert
    fate: Fate
    by: str = ""
    incident: str = ""


@dataclass(frozen=True, slots=True)
class BackTest:
    """What other factors would have made of the alerts of some days.

    ``later`` are confirmed incidents that would still be found, but so many days later.
    """

    factors: Factors
    vanished: tuple[KnownAlert, ...]
    remaining: tuple[KnownAlert, ...]
    appeared: tuple[ColumnAlert, ...]
    missed: tuple[str, ...]
    later: Mapping[str, int]

    @property
    def words(self) -> str:
        """The back-test in a sentence, as whoever signs it reads it."""
        alerts = len(self.vanished) + len(self.remaining)
        if not alerts and not self.appeared:
            return "there was no alert in these days, and with these there is none"
        told = f"with these, {len(self.vanished)} of {plural(alerts, 'alert')} vanish"
        if self.appeared:
            told += f", {len(self.appeared)} appear that nobody saw"
        if self.missed:
            return f"{told} and CONFIRMED INCIDENTS ARE MISSED: {', '.join(self.missed)}"
        late = [f"{name} is found {plural(days, 'day')} later" for name, days in self.later.items()]
        return f"{told} and no confirmed incident is missed{''.join(f'; {one}' for one in late)}"


def with_factors(report: Report, factors: Factors) -> Report:
    """A stored report as it would have been with other factors."""
    return tuple(_with_factor(column, factors.get(column.column, 1.0)) for column in report)


def alerts_under(
    reports: Mapping[str, Report],
    days: Sequence[str],
    rule: Drift,
    start: date,
    factors: Factors | None = None,
) -> tuple[ColumnAlert, ...]:
    """The alerts of each column in some days; with ``factors`` instead of those of their time.

    ``reports`` go back as far as the rule looks back before the first day.
    """
    told = (
        reports
        if factors is None
        else {day: with_factors(report, factors) for day, report in reports.items()}
    )
    fired: dict[tuple[str, Role], dict[str, bool]] = {}
    for day in days:
        for role in _ROLES if day in told else ():
            verdict = judge_drift(History(day, start, told), rule, role)
            if verdict.status == "no_evidence":
                continue  # neither begins an alert nor ends one
            hit = {name for one in verdict.findings if one.status == "fail" for name in one.columns}
            for column in told[day]:
                if column.role == role:
                    fired.setdefault((column.column, role), {})[day] = column.column in hit
    return tuple(
        sorted(
            (one for (name, role), own in fired.items() for one in _runs(name, role, own)),
            key=lambda one: (one.begin, one.column),
        )
    )


def back_test(
    reports: Mapping[str, Report],
    days: Sequence[str],
    rule: Drift,
    start: date,
    known: Iterable[KnownAlert],
    factors: Factors,
) -> BackTest:
    """What becomes of the ``known`` alerts of these days with other factors."""
    after = alerts_under(reports, days, rule, start, factors)
    vanished: list[KnownAlert] = []
    remaining: list[KnownAlert] = []
    found: dict[str, list[int]] = {}
    confirmed: dict[str, str] = {}
    known = tuple(known)
    for one in known:
        own = [new for new in after if _same(one.alert, new)]
        (remaining if own else vanished).append(one)
        if one.fate == "confirmed":
            begin = min(confirmed.get(one.incident, one.alert.begin), one.alert.begin)
            confirmed[one.incident] = begin
            found.setdefault(one.incident, []).extend(_days(new.begin) for new in own)
    late = {name: min(begins) - _days(confirmed[name]) for name, begins in found.items() if begins}
    return BackTest(
        factors,
        tuple(vanished),
        tuple(remaining),
        tuple(new for new in after if not any(_same(one.alert, new) for one in known)),
        tuple(sorted(name for name, begins in found.items() if not begins)),
        {name: days for name, days in late.items() if days > 0},
    )


def levels(
    reports: Mapping[str, Report], days: Sequence[str], rule: Drift, column: str
) -> dict[str, float]:
    """On each day the least factor with which the column would not fire.

    The rule fires where the day itself and ``k`` of the last ``n`` are beyond.
    """
    far = {}
    for day, report in reports.items():
        found = next((one for one in report if one.column == column), None)
        if found is not None and found.complete and found.ratio is not None:
            far[day] = found.ratio * found.allowance
    told = {}
    for day in days:
        recent = sorted((far[d] for d in _back(day, rule.n) if d in far), reverse=True)
        if day in far and len(recent) >= rule.k:
            told[day] = min(far[day], recent[rule.k - 1])
    return told


def _with_factor(column: ColumnDrift, factor: float) -> ColumnDrift:
    if factor == column.allowance or column.ratio is None:
        return replace(column, allowance=factor)
    scale = factor / column.allowance
    ratio = column.ratio / scale
    beyond = column.complete and ratio > 1
    return replace(
        column,
        ratio=ratio,
        threshold=None if column.threshold is None else column.threshold * scale,
        limit=None if column.limit is None else column.limit * scale,
        allowance=factor,
        beyond_since=column.beyond_since if beyond else None,
    )


def _runs(column: str, role: Role, fired: Mapping[str, bool]) -> Iterable[ColumnAlert]:
    run: list[str] = []
    for day, hit in sorted(fired.items()):
        if hit:
            run.append(day)
        elif run:
            yield ColumnAlert(column, role, run[0], run[-1], lasts=False)
            run = []
    if run:
        yield ColumnAlert(column, role, run[0], run[-1], lasts=True)


def _same(one: ColumnAlert, other: ColumnAlert) -> bool:
    overlap = one.begin <= other.last and other.begin <= one.last
    return (one.column, one.role) == (other.column, other.role) and overlap


def _back(day: str, days: int) -> list[str]:
    return [(date.fromisoformat(day) - timedelta(days=n)).isoformat() for n in range(days)]


def _days(day: str) -> int:
    return date.fromisoformat(day).toordinal()
