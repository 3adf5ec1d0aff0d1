"""Which thresholds ought to change, by what people found of the alerts.

Only two things are ever proposed. A column whose alerts people found to be nothing is given the
least factor with which these alerts vanish; and a factor that no day since has needed is taken
back. Below its own threshold no column is ever put: that holds its rate of false alarms. What
nobody has looked at is no false alarm: an alert that is confirmed or open is never proposed away.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.back_test import Factors, KnownAlert, levels
from ai_ops.drift_monitoring.judgement import Report
from ai_ops.vocabulary.counts import plural

MARGIN: Final = 1.1
"""A factor is as many times what the alerts reached: the next one is as far by chance."""

SURE_DAYS: Final = 84
"""A factor is taken back when so many judged days did not need it."""

MOST: Final = 3.0
"""A column that is three thresholds off and healthy needs another reference, not a factor."""

LATER_DAYS: Final = 2
"""At most so many days later what people confirmed may be found."""

NOTHING: Final = frozenset({"false_alarm", "harmless"})


@dataclass(frozen=True, slots=True)
class Proposed:
    """The factor that a column is proposed to have, or None to leave it; and why."""

    column: str
    factor: float | None
    reason: str


def propose(
    reports: Mapping[str, Report],
    rule: Drift,
    known: Sequence[KnownAlert],
    in_force: Factors,
) -> tuple[Proposed, ...]:
    """What to do about each column with an alert that was none, or with a factor in force."""
    every = sorted(reports)
    names = {one.alert.column for one in known if one.fate in NOTHING} | set(in_force)
    return tuple(
        told
        for name in sorted(names)
        if (told := _of(name, levels(reports, every, rule, name), known, in_force.get(name, 1.0)))
    )


def proposed_factors(in_force: Factors, proposed: Sequence[Proposed]) -> dict[str, float]:
    """The factors in force with those that are proposed in their place; 1 is none."""
    changed = {one.column: one.factor for one in proposed if one.factor is not None}
    return {name: factor for name, factor in (dict(in_force) | changed).items() if factor != 1.0}


def _of(
    column: str, far: Mapping[str, float], known: Sequence[KnownAlert], now: float
) -> Proposed | None:
    own = [one for one in known if one.alert.column == column]
    nothing = [one for one in own if one.fate in NOTHING]
    protected = [_peak(one, far, LATER_DAYS + 1) for one in own if one.fate not in NOTHING]
    if nothing:
        return _loosened(column, nothing, min(protected, default=math.inf), far)
    quiet = {
        day: level
        for day, level in far.items()
        if not any(one.alert.begin <= day <= one.alert.last for one in own)
    }
    return _tightened(column, quiet, now)


def _loosened(
    column: str, nothing: Sequence[KnownAlert], limit: float, far: Mapping[str, float]
) -> Proposed:
    reached = max(_peak(one, far) for one in nothing)
    factor = _up(reached * MARGIN)
    by = ", ".join(sorted({one.by for one in nothing if one.by}))
    found = f"{plural(len(nothing), 'alert')} of it were none ({by}), at up to {reached:.2f} times"
    if factor > MOST:
        words = f"{found} its threshold: no factor, but another reference is what it needs"
        return Proposed(column, None, words)
    if factor >= limit:
        words = (
            f"{found} its threshold; one that is confirmed or open began at {limit:.2f}: no factor "
            "tells them apart"
        )
        return Proposed(column, None, words)
    return Proposed(column, factor, f"{found} its threshold")


def _tightened(column: str, quiet: Mapping[str, float], now: float) -> Proposed | None:
    if now <= 1 or len(quiet) < SURE_DAYS:
        return None
    reached = max(quiet.values())
    factor = max(1.0, _up(reached * MARGIN))
    if factor >= now:
        return None
    words = f"none of {plural(len(quiet), 'day')} came further than {reached:.2f} times"
    return Proposed(column, factor, f"{words} its own threshold: × {now:g} is not needed")


def _peak(one: KnownAlert, far: Mapping[str, float], days: int | None = None) -> float:
    """How far an alert went, in its first days or in all."""
    begin = date.fromisoformat(one.alert.begin)
    until = one.alert.last
    if days is not None:
        until = min(until, (begin + timedelta(days=days - 1)).isoformat())
    return max((far[day] for day in far if one.alert.begin <= day <= until), default=0.0)


def _up(factor: float) -> float:
    """Rounded up to hundredths, so that it is surely enough."""
    return math.ceil(factor * 100 - 1e-9) / 100
