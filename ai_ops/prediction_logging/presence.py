"""Who was there when: spans of life laid over each other, and where there were too few."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ai_ops.prediction_logging.incarnation import Incarnation

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A span of time in which fewer were there than there should be; ``least`` at its worst."""

    begin: datetime
    end: datetime
    least: int

    @property
    def length(self) -> timedelta:
        """How long it was."""
        return self.end - self.begin


def spans_of(one: Incarnation, limit: timedelta, until: datetime) -> list[Span]:
    """When an incarnation was there: between signs of life that are no more than ``limit`` apart.

    One that is neither closed nor known to be gone is there until silence says otherwise.

    >>> from datetime import UTC
    >>> noon = datetime(2021, 3, 4, 12, tzinfo=UTC)
    >>> one = Incarnation(writer="web", incarnation="i", alive=((noon, noon),))
    >>> [(until - noon).seconds for _, until in spans_of(one, timedelta(seconds=30), noon)]
    [0]
    >>> later = noon + timedelta(seconds=20)
    >>> [(until - noon).seconds for _, until in spans_of(one, timedelta(seconds=30), later)]
    [20]
    """
    joined: list[Span] = []
    for begin, end in sorted(one.alive):
        if begin > until:
            break
        if joined and begin - joined[-1][1] <= limit:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((begin, end))
    if joined and one.ended == "open" and until - joined[-1][1] <= limit:
        joined[-1] = joined[-1][0], max(until, joined[-1][1])
    return joined


def silences(spans: Sequence[Span], one: Incarnation, until: datetime) -> list[Span]:
    """Where an incarnation gave no sign of life and did not end: between its spans, and behind."""
    between = [(left[1], right[0]) for left, right in pairwise(spans)]
    if spans and one.ended == "open" and spans[-1][1] < until:
        between.append((spans[-1][1], until))
    return between


def shortages(spans: Iterable[Span], wanted: int, begin: datetime, end: datetime) -> list[Shortage]:
    """The spans in [begin, end) during which fewer than ``wanted`` were there at once.

    >>> from datetime import UTC
    >>> t = [datetime(2021, 3, 4, hour, tzinfo=UTC) for hour in range(6)]
    >>> found = shortages([(t[0], t[3]), (t[1], t[5])], 2, t[0], t[5])
    >>> [(one.begin.hour, one.end.hour, one.least) for one in found]
    [(0, 1, 1), (3, 5, 1)]
    """
    steps = [(max(left, begin), 1) for left, right in spans if right > begin and left < end]
    steps += [(right, -1) for left, right in spans if begin < right < end and left < end]
    found: list[Shortage] = []
    there, since = 0, begin
    # At the same moment who comes counts before who goes.
    for time, change in [*sorted(steps, key=lambda step: (step[0], -step[1])), (end, 0)]:
        if there < wanted and time > since:
            if found and found[-1].end == since:
                before = found.pop()
                found.append(Shortage(before.begin, time, min(before.least, there)))
            else:
                found.append(Shortage(since, time, there))
        there, since = there + change, time
    return found
