"""Windows of time: days, Monday weeks and months in UTC, half open, named by their first day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open span of time [start, end), both with zone UTC.

    >>> Window.of_day("2021-03-04").end.isoformat()
    '2021-03-05T00:00:00+00:00'
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window's ends need their zone")
        if self.end <= self.start:
            raise ValueError(f"a window ends after its start: {self.start} … {self.end}")

    @classmethod
    def of_day(cls, day: str | date) -> "Window":
        """The UTC day that an ISO date names."""
        return cls.trailing(day, days=1)

    @classmethod
    def of_week(cls, monday: str | date) -> "Window":
        """The seven UTC days that begin on an ISO date.

        >>> [d for d in Window.of_week("2021-03-01").days()][-1]
        '2021-03-07'
        """
        first = _midnight(monday)
        return cls(first, first + timedelta(days=7))

    @classmethod
    def of_month(cls, first: str | date) -> "Window":
        """The UTC days of the month that begins on an ISO date; ``ValueError`` in its middle.

        >>> len(list(Window.of_month("2021-02-01").days()))
        28
        """
        start = _midnight(first)
        if start.day != 1:
            raise ValueError(f"a month begins on its first day, not on {start.date()}")
        return cls(start, (start + timedelta(days=31)).replace(day=1))

    @classmethod
    def trailing(cls, last_day: str | date, *, days: int) -> "Window":
        """The ``days`` UTC days that end with ``last_day``, that day included.

        >>> list(Window.trailing("2021-03-04", days=2).days())
        ['2021-03-03', '2021-03-04']
        """
        last = _midnight(last_day)
        return cls(last - timedelta(days=days - 1), last + timedelta(days=1))

    def days(self) -> Iterator[str]:
        """The ISO dates of the days that the window touches, in order."""
        day = self.start.date()
        while _midnight(day) < self.end:
            yield day.isoformat()
            day += timedelta(days=1)

    def overlaps(self, other: "Window") -> bool:
        """Whether the two share a moment."""
        return self.start < other.end and other.start < self.end

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies inside."""
        return self.start <= moment < self.end


def _midnight(day: str | date) -> datetime:
    parsed = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(parsed, time(), tzinfo=UTC)
