"""Whether the feed is alive: no copy of earlier rows, nothing stuck at one value or on few points.

Pure: from days of the feed, and how alike the reference's own days are, to a ``Verdict``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.feed.day import FeedDay
from ai_ops.drift_monitoring.feed.marks import ColumnMarks
from ai_ops.drift_monitoring.feed.normal import ColumnNormal, FeedNormal, bins_shared
from ai_ops.drift_monitoring.feed.usual import days_before
from ai_ops.drift_monitoring.profile import DECIMALS
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

ROWS_NEEDED: Final = 20
"""Days of fewer rows may be alike, or hold one value, by chance."""
LOOKED_BACK: Final = 60
LUCK: Final = -9.0
"""The power of ten of what chance is held able to do."""
YESTERDAY: Final = 3
"""A column by itself is a copy of a day that is no farther away: a timetable repeats every week."""
ALIKE: Final = 0.5
"""A column whose near days share more of their bins' extremes by themselves cannot tell."""
RUN_TIMES: Final = 3
RUN_MORE: Final = 7
"""Where the reference has days with one value only, such a run is no sign until it is so many times
as long as the reference's longest one and so many days more: one season's weather is not all."""
POINTED: Final = 0.6
POINTED_MARGIN: Final = 0.3


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign that a column is dead; ``lasting`` ones need k of the last n days."""

    column: str
    what: str
    reason: str
    lasting: bool = False


@dataclass(frozen=True)
class Feed:
    """The days of a feed, and what is normal for it."""

    days: Mapping[str, FeedDay]
    normal: FeedNormal
    inputs: Sequence[str]
    start: date

    def signs(self, day: str) -> dict[tuple[str, str], Sign]:
        """The signs of a day, by column and kind."""
        today = self.days.get(day)
        if today is None or today.rows < ROWS_NEEDED or today.cells != self.normal.cells:
            return {}
        found = [*self._repeated(day, today)]
        for name, marks in today.columns.items():
            own = self.normal.columns.get(name)
            if own is not None and marks.rows >= ROWS_NEEDED:
                coarse = [*_coarse(name, marks, own)]
                found += [*self._single(day, name, marks, own), *coarse]
                # Few points have the same extremes every day.
                found += self._same_extremes(day, today, name, own) if not coarse else ()
        return {(sign.column, sign.what): sign for sign in found}

    def lasts(self, day: str, sign: Sign, rule: Drift) -> bool:
        """Whether a sign of the day stands on ``k`` of the last ``n`` days, if it has to."""
        if not sign.lasting:
            return True
        days = [day, *self._before(day, rule.n - 1)]
        return sum((sign.column, sign.what) in self.signs(one) for one in days) >= rule.k

    def since(self, day: str, sign: Sign) -> str:
        """The first of the days on end that have the sign."""
        first = day
        for earlier in self._before(day, LOOKED_BACK):
            if (sign.column, sign.what) not in self.signs(earlier):
                break
            first = earlier
        return first

    def _repeated(self, day: str, today: FeedDay) -> Iterator[Sign]:
        """What is exactly as on an earlier day, or on a day of the reference."""
        marks = {name: one for name, one in today.columns.items() if one.rows >= ROWS_NEEDED}
        telling = {
            name
            for name, own in self.normal.columns.items()
            if own.telling and name in marks and marks[name].luck <= LUCK
        }
        inputs = [name for name in self.inputs if name in today.columns]
        exact = {name: one.exact for name, one in today.columns.items()}
        if telling.intersection(inputs) and (then := self._whole(day, today, inputs)):
            reason = f"every input is exactly as on {then}, in all {today.rows:,} rows"
            yield Sign("", "copied", f"the feed is frozen: {reason}")
            telling -= set(inputs)
        for name in sorted(telling):
            near = self._before(day, YESTERDAY)
            same = [one for one in near if self._exact(one, today.cells).get(name) == exact[name]]
            if same:
                reason = f"{name} repeats {same[0]}: its {today.rows:,} rows are the same in every"
                yield Sign(name, "copied", f"{reason} cell, in count, sum and extremes")

    def _whole(self, day: str, today: FeedDay, inputs: Sequence[str]) -> str | None:
        """The day on which every input was exactly as today; one of the reference at last."""
        exact = {name: today.columns[name].exact for name in inputs}
        for one in self._before(day, LOOKED_BACK):
            known = self._exact(one, today.cells)
            if all(known.get(name) == own for name, own in exact.items()):
                return one
        for one, then in self.normal.days.items():
            # (a reference may be days of this very log)
            if one != day and exact.items() <= then.items():
                return f"{one} of the reference"
        return None

    def _exact(self, day: str, cells: str) -> dict[str, str]:
        """The exact marks of a day in the same cells."""
        known = self.days.get(day)
        if known is None or known.cells != cells:
            return {}
        return {name: marks.exact for name, marks in known.columns.items()}

    def _single(self, day: str, name: str, marks: ColumnMarks, own: ColumnNormal) -> Iterator[Sign]:
        """One value only, longer than the reference knows it and chance allows. Of a category it
        may be a calm day: there it takes several."""
        if marks.single is None or own.fullest**marks.rows > 10**LUCK:
            return
        run = 1
        for one in self._before(day, LOOKED_BACK):
            known = self.days.get(one)
            if known is None or name not in known.columns:
                break
            if known.columns[name].single != marks.single:
                break
            run += 1
        usual = own.longest_single
        if run > (RUN_TIMES * usual + RUN_MORE if usual else 0):
            known_for = (
                f"the reference has that for {plural(usual, 'day')} at most"
                if usual
                else "no day of the reference has"
            )
            reason = f"{name} holds one value only, in all {marks.rows:,} rows; {known_for}"
            yield Sign(name, "single", reason, lasting=marks.grain is None and not marks.bins)

    def _same_extremes(
        self, day: str, today: FeedDay, name: str, own: ColumnNormal
    ) -> Iterator[Sign]:
        """The lowest and highest of each bin as the day before: the same values, shared out
        otherwise among the rows."""
        if own.bins_alike is None or own.bins_alike > ALIKE:
            return
        [before] = self._before(day, 1) or [""]
        known = self.days.get(before)
        if known is None or name not in known.columns or known.cells != today.cells:
            return
        marks, then = today.columns[name], known.columns[name]
        if then.rows >= ROWS_NEEDED and bins_shared(marks, then) == 1.0:
            reason = (
                f"{name} has the values of {before}: lowest and highest are the same in each of "
                f"its {len(marks.bins)} cells"
            )
            yield Sign(name, "stale", reason)

    def _before(self, day: str, count: int) -> list[str]:
        first = self.start.isoformat()
        return [one for one in days_before(day, count) if one >= first]


def judge_alive(day: str, feed: Feed, rule: Drift) -> Verdict:
    """Whether the day's columns live: as restless as the reference's days are."""
    window, today = Window.of_day(day), feed.days.get(day)
    if today is None or not today.rows:
        return Verdict.lacking("the day has no answered prediction", "volume", window=window)
    rows = today.rows
    if rows < ROWS_NEEDED:
        reason = f"{rows} rows in the day, fewer than the {ROWS_NEEDED} that tell a dead feed"
        return Verdict.lacking(reason, "volume", window=window, sample_size=rows)
    if today.cells != feed.normal.cells:
        reason = (
            f"the profile of {day} was made for another reference than that of the version which "
            "was live; materialise prediction_profile again"
        )
        return Verdict.lacking(reason, "data_quality", window=window, sample_size=rows)
    signs = list(feed.signs(day).values())
    lasting = [sign for sign in signs if feed.lasts(day, sign, rule)]
    telling = [name for name, own in feed.normal.columns.items() if own.telling]
    observed: dict[str, Observed] = {
        "rows": rows,
        "columns": len(today.columns),
        "columns_that_tell_copies": len(telling),
        "signs": len(signs),
    }
    if lasting:
        found = [_finding(feed, day, sign, window) for sign in lasting]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        reason = f"{found[0].reason}{more}"
        return Verdict.failing(reason, *found, sample_size=rows, observed=observed)
    if not telling:
        reason = "the reference has no column of which no two days are alike: copies cannot be told"
        return Verdict.lacking(
            reason, "data_quality", window=window, sample_size=rows, observed=observed
        )
    reason = (
        f"the {len(today.columns)} columns of {rows:,} rows live: none repeats an earlier day, is "
        "stuck at a value or coarser than in the reference"
    )
    if signs:
        names = ", ".join(sorted({sign.column for sign in signs}))
        reason += f"; not on {rule.k} of {rule.n} days: {names}"
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def _coarse(name: str, marks: ColumnMarks, own: ColumnNormal) -> Iterator[Sign]:
    """Fewer decimals, or fewer points, than on any day of the reference."""
    if marks.single is not None or marks.rows < own.coarse_from:
        return
    if marks.grain is not None and own.grain is not None and marks.grain > own.grain:
        unit, usual = 10.0**marks.grain, 10.0**own.grain
        least = f"{usual:g} or less" if own.grain == -DECIMALS else f"{usual:g}"
        reason = f"{name} comes in steps of {unit:g}, in the reference in steps of {least}"
        yield Sign(name, "coarse", reason, lasting=True)
        return
    if marks.pointed is None or own.pointed is None:
        return
    if marks.pointed >= POINTED and marks.pointed > own.pointed + POINTED_MARGIN:
        reason = (
            f"{name} lies on few points: {marks.pointed:.0%} of its rows are in cells with one "
            f"value or two, on no day of the reference more than {own.pointed:.0%}"
        )
        yield Sign(name, "coarse", reason, lasting=True)


def _finding(feed: Feed, day: str, sign: Sign, window: Window) -> Finding:
    since = feed.since(day, sign)
    return Finding(
        "data_quality",
        "fail",
        f"{sign.reason}, since {since}",
        columns=(sign.column,) if sign.column else tuple(feed.inputs),
        window=window,
        begin=Window.of_day(since).start,
        cause="bad_data",
    )
