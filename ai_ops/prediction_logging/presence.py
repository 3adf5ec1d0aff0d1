"""Who was there when: spans of life laid over each other, and where there were too few."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ai_ops.prediction_logging.incarnation import Incarnation

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A span of time in which ``there`` were present, fewer than there should be."""

    begin: datetime
    end: datetime
    there: int

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
    spans = joined((span for span in one.alive if span[0] <= until), limit)
    if spans and one.ended == "open" and until - spans[-1][1] <= limit:
        spans[-1] = spans[-1][0], max(until, spans[-1][1])
    return spans


def joined(spans: Iterable[Span], limit: timedelta) -> list[Span]:
    """Spans in order, those as one that are no more than ``limit`` apart."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin - found[-1][1] <= limit:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def silences(spans: Sequence[Span], one: Incarnation, until: datetime) -> list[Span]:
    """Where an incarnation gave no sign of life and did not end: between its spans, and behind."""
    between = [(left[1], right[0]) for left, right in pairwise(spans)]
    if spans and one.ended == "open" and spans[-1][1] < until:
        between.append((spans[-1][1], until))
    return between


def shortages(
    spans: Iterable[Span], wanted: int, begin: datetime, end: datetime, limit: timedelta
) -> list[Shortage]:
    """Where in [begin, end) fewer than ``wanted`` were there for longer than ``limit``.

    A span of one number is told by itself when it is long enough, else with those beside it.

    >>> from datetime import UTC
    >>> t = [datetime(2021, 3, 4, hour, tzinfo=UTC) for hour in range(6)]
    >>> found = shortages([(t[0], t[3]), (t[1], t[5])], 2, t[0], t[5], timedelta(minutes=9))
    >>> [(one.begin.hour, one.end.hour, one.there) for one in found]
    [(0, 1, 1), (3, 5, 1)]
    """
    found: list[Shortage] = []
    for run in _runs(_levels(spans, wanted, begin, end)):
        long = [one for one in run if one.length > limit]
        whole = Shortage(run[0].begin, run[-1].end, max(one.there for one in run))
        found += long or ([whole] if whole.length > limit else [])
    return found


def _levels(
    spans: Iterable[Span], wanted: int, begin: datetime, end: datetime
) -> Iterator[Shortage]:
    """The spans of one number below ``wanted`` each."""
    inside = [span for span in spans if span[1] > begin and span[0] < end]
    steps = [(max(left, begin), 1) for left, _ in inside]
    steps += [(right, -1) for _, right in inside if right < end]
    there, since = 0, begin
    # At the same moment who comes counts before who goes.
    for time, change in [*sorted(steps, key=lambda step: (step[0], -step[1])), (end, 0)]:
        if there < wanted and time > since:
            yield Shortage(since, time, there)
        there, since = there + change, time


def _runs(found: Iterable[Shortage]) -> list[list[Shortage]]:
    """Those that follow each other without a pause, as one list each."""
    runs: list[list[Shortage]] = []
    for one in found:
        if runs and runs[-1][-1].end == one.begin:
            before = runs[-1][-1]
            if before.there == one.there:
                runs[-1][-1] = Shortage(before.begin, one.end, one.there)
            else:
                runs[-1].append(one)
        else:
            runs.append([one])
    return runs
