"""From which day a drafted feature is monitored, and what its traffic allows to judge."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Final

from ai_ops.ai_features.drafting.questions import Asking
from ai_ops.vocabulary.errors import BadInput

_WEEK: Final = 7
REFERENCE_WEEKS: Final = 4
"""Fewer weeks of reference do not show how restless a column is by itself."""
_MOST_WEEKS: Final = 12
_OVER: Final = timedelta(days=7)
"""A log that ended longer ago than this is taken for one that goes on no more."""
_SYNTHETIC_WEEKS: Final = 16
_SYNTHETIC_START: Final = date(2024, 1, 1)  # a Monday, so that weeks are whole


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a log: whole ones from ``first`` to ``last``, and how they are shared out.

    ``reference`` are the first and last day of what is taken for normal; monitoring begins after
    them. ``week_rows`` is the median of a week.
    """

    first: date
    last: date
    start: date
    end: date | None
    reference: tuple[date, date] | None
    week_rows: int

    @property
    def minimum_rows(self) -> int:
        """Half of an ordinary week, so that a weak week is judged; at most 500, at least 30."""
        return min(500, max(30, self.week_rows // 2))

    @property
    def days(self) -> int:
        """How many days the log has."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class SyntheticDays:
    """A calendar for a table that has an order and no times."""

    start: date
    rows_a_day: int
    order_column: str | None

    def days(self, rows: int) -> dict[date, int]:
        """How many rows each of its days has; a last one that is not full ends no traffic.

        >>> list(SyntheticDays(date(2024, 1, 1), 2, None).days(5).values())
        [2, 2]
        """
        whole, rest = divmod(rows, self.rows_a_day)
        days = {self.start + timedelta(days=n): self.rows_a_day for n in range(whole)}
        return days or {self.start: rest}


def synthetic(rows: int, order: list[str], asking: Asking) -> SyntheticDays:
    """A declared calendar of about four months, asked for: the table tells no times."""
    words = (
        "no column tells when a prediction was made: how many rows make a day? (every verdict "
        "will say that its calendar is synthetic)"
    )
    field = "source.calendar.rows_a_day"
    guess = max(1, round(rows / (_SYNTHETIC_WEEKS * _WEEK)))
    told = asking.ask(field, words, ("source.columns.time: COLUMN",), str(guess)) or str(guess)
    if not told.isdigit() or not int(told):
        raise BadInput(f"--answer {field}: write a whole number of rows (found {told!r})")
    column = asking.column(
        "source.calendar.order_column",
        order,
        order[:1],
        sure=True,
        question="which of these columns gives the order of the rows?",
    )
    return SyntheticDays(_SYNTHETIC_START, int(told), column)


def calendar_of(
    days: Mapping[date, int], today: date, has_reference: bool, asking: Asking
) -> Calendar:
    """The days to monitor, after those that are proposed as the reference."""
    first, last = _whole_days(days)
    counts = [days.get(first + timedelta(days=n), 0) for n in range((last - first).days + 1)]
    weeks = [sum(counts[n : n + _WEEK]) for n in range(0, len(counts), _WEEK)]
    full = weeks[: len(counts) // _WEEK] or weeks
    end = last + timedelta(days=1) if last + _OVER < today else None
    reference = None
    if not has_reference:
        reference = _reference(first, len(counts), asking)
    start = reference[1] + timedelta(days=1) if reference else first
    return Calendar(first, last, start, end, reference, int(median(full)))


def _reference(first: date, days: int, asking: Asking) -> tuple[date, date] | None:
    if days < (REFERENCE_WEEKS + 1) * _WEEK:
        words = (
            f"the log has {days} days, too few to know what is normal and to monitor the rest: "
            f"drift takes {REFERENCE_WEEKS} weeks. Is there a reference set, as what the model "
            "was trained on? Without one, drift has no evidence"
        )
        asking.ask("reference", words, ("ai-ops features init … --reference FILES",), "none")
        return None
    weeks = min(_MOST_WEEKS, max(REFERENCE_WEEKS, days // _WEEK // 4))
    return first, first + timedelta(days=weeks * _WEEK - 1)


def _whole_days(days: Mapping[date, int]) -> tuple[date, date]:
    """The first and last whole day, without the few rows that lie years away from the others.

    A weekday is measured by its own kind: a quiet Sunday is as whole as a Monday.
    """
    total, passed = sum(days.values()), 0
    inner = []
    for day, count in sorted(days.items()):
        if passed + count > total * 0.001 and passed < total * 0.999:
            inner.append(day)
        passed += count
    usual = median(days[day] for day in inner)

    def whole(day: date) -> bool:
        same = [days[one] for one in inner if one != day and one.weekday() == day.weekday()]
        return days[day] >= min(usual, median(same) if same else usual) / 2

    return next(filter(whole, inner), inner[0]), next(filter(whole, reversed(inner)), inner[-1])
