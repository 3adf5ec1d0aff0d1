"""What is due: a pure function of what the ledger holds and of one clock.

Nobody keeps a list of what was run: a partition without a verdict is due as soon as its moment of
judging has passed, however long the daemon was down, and on a replay's clock as on the wall's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.partitions import judged_at, partitions_of, window_of
from ai_ops.storage.marks import Mark, Place
from ai_ops.vocabulary.words import Rhythm

MOST: Final = 31
"""The most partitions that one run is asked for."""

PATIENCE: Final = timedelta(days=1)
"""How long a partition waits for those it reads; then it is judged without them, and says so."""

RETRIED: Final = timedelta(days=3)
"""How long a partition of which some items were judged is tried again for the others. Later, its
evidence is no longer what it was at its time."""

EXPIRES: Final = timedelta(days=1)
"""How old the verdicts of an asset without partitions may get."""

HORIZON: Final = timedelta(days=366)
"""How long ago a partition may have ended to be caught up on: no daemon is down for longer, and
what is older was never meant to be judged here."""

CHANGED: Final = "what it reads has changed"

Books = Mapping[Place, Mark]


@dataclass(frozen=True, slots=True)
class Cadence:
    """One job that judges partitions, the items that it judges, and the cadences that it reads.

    A partition that was judged is due again when one that it reads was judged later.
    """

    job: str
    rhythm: Rhythm
    items: frozenset[str]
    reads: tuple["Cadence", ...] = ()


@dataclass(frozen=True, slots=True)
class Due:
    """One run that is due: of a job and, where it has partitions, of the first to the last.

    ``key`` names the attempt: what failed is tried again on the clock's next day, or when what it
    reads has changed.
    """

    job: str
    reason: str
    key: str
    partitions: tuple[str, ...] = ()

    def halves(self) -> tuple["Due", ...]:
        """The run as two of half its partitions, so that one bad partition does not keep the
        others; nothing of a run that cannot be divided.

        >>> [half.partitions for half in run_of("daily", ("a", "b", "c"), "late", "x").halves()]
        [('a',), ('b', 'c')]
        """
        if len(self.partitions) < 2:
            return ()
        middle = len(self.partitions) // 2
        mark = self.key.rsplit("@", 1)[1]
        return tuple(
            run_of(self.job, part, self.reason, mark)
            for part in (self.partitions[:middle], self.partitions[middle:])
        )


def run_of(job: str, partitions: tuple[str, ...], reason: str, mark: str) -> Due:
    """The run of a job for neighbouring partitions; ``mark`` tells one attempt from the next."""
    span = f"{partitions[0]}..{partitions[-1]}" if partitions else "latest"
    return Due(job, reason, f"{job}/{span}@{mark}", partitions)


def due_partitions(
    feature: AiFeatureSpec,
    cadences: Sequence[Cadence],
    books: Books,
    now: datetime,
    grace: timedelta = timedelta(0),
) -> list[Due]:
    """Every run of these cadences that is due, in their order: first what others read.

    ``grace`` is how long after its moment a partition is left to its schedule.
    """
    waiting: dict[str, frozenset[str]] = {}
    found: list[Due] = []
    for cadence in cadences:
        keys = partitions_of(feature, cadence.rhythm).get_partition_keys(current_time=now)
        due = [key for key in keys if _is_due(cadence, key, books, now, grace)]
        waiting[cadence.job] = frozenset(due)
        ready = [key for key in due if not _waits(cadence, key, waiting, now)]
        for group in neighbours(ready, keys):
            read = max(_newest_read(cadence, key, books) for key in group)
            reason = _reason(cadence, group, books)
            found.append(run_of(cadence.job, group, reason, attempt(now, read)))
    return found


def is_settled(cadence: Cadence, key: str, books: Books) -> bool:
    """Whether every item of a partition was judged, and after all that it reads."""
    own = _marks(cadence, [key], books)
    if len(own) < len(cadence.items):
        return False
    return _newest_read(cadence, key, books) <= min(mark.block for mark in own)


def due_latest(
    job: str,
    items: frozenset[str],
    books: Books,
    now: datetime,
    *,
    changed: int = 0,
    grace: timedelta = timedelta(0),
) -> Due | None:
    """The run of a job without partitions, if one is due.

    That is when an item was never judged, or longer ago than ``EXPIRES``, or before the block
    ``changed`` of the ledger, in which what it reads became another.
    """
    marks = [books.get((item, None)) for item in items]
    known = [mark for mark in marks if mark is not None]
    if len(known) < len(marks):
        reason = "was never judged"
    elif changed > min(mark.block for mark in known):
        reason = CHANGED
    elif now - min(mark.as_of for mark in known) > EXPIRES + grace:
        reason = "is older than a day"
    else:
        return None
    return run_of(job, (), reason, attempt(now, changed))


def is_monitored(feature: AiFeatureSpec, moment: datetime) -> bool:
    """Whether a moment lies in the days of the feature's monitoring, or on the one after them."""
    first, end = feature.monitoring.start, feature.monitoring.end
    return first <= moment.date() and (end is None or moment.date() <= end)


def neighbours(chosen: Iterable[str], keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The chosen ones of the keys as runs of keys in a row, at most ``MOST`` in one.

    >>> list(neighbours(["a", "b", "d"], ["a", "b", "c", "d"]))
    [('a', 'b'), ('d',)]
    """
    wanted = frozenset(chosen)
    group: list[str] = []
    for key in keys:
        if key in wanted:
            group.append(key)
        if group and (key not in wanted or len(group) == MOST):
            yield tuple(group)
            group = []
    if group:
        yield tuple(group)


def attempt(now: datetime, read: object) -> str:
    """What tells one attempt from the next: the clock's day, and the state of what is read."""
    return f"{now.date()},{read}"


def next_untried(due: Iterable[Due], tried: Callable[[Due], bool]) -> Due | None:
    """The first run that was not tried yet; one that was, and is due still, is tried in halves.

    >>> days = run_of("daily", ("a", "b"), "never judged", "2021-03-04")
    >>> next_untried([days], lambda run: len(run.partitions) == 2).partitions
    ('a',)
    """
    for run in due:
        if not tried(run):
            return run
        if (half := next_untried(run.halves(), tried)) is not None:
            return half
    return None


def _is_due(cadence: Cadence, key: str, books: Books, now: datetime, grace: timedelta) -> bool:
    at = judged_at(window_of(key, cadence.rhythm), cadence.rhythm) + grace
    if not at <= now < at + HORIZON:
        return False
    own = _marks(cadence, [key], books)
    if not own:
        return True
    if len(own) < len(cadence.items) and now < at + RETRIED:
        return True
    return _newest_read(cadence, key, books) > min(mark.block for mark in own)


def _waits(
    cadence: Cadence, key: str, waiting: Mapping[str, frozenset[str]], now: datetime
) -> bool:
    """Whether something that the partition reads is due itself and not late beyond patience."""
    if now >= judged_at(window_of(key, cadence.rhythm), cadence.rhythm) + PATIENCE:
        return False
    return any(
        waiting.get(read.job, frozenset()).intersection(_read_keys(cadence, key, read))
        for read in cadence.reads
    )


def _newest_read(cadence: Cadence, key: str, books: Books) -> int:
    return max(
        (
            mark.block
            for read in cadence.reads
            for mark in _marks(read, _read_keys(cadence, key, read), books)
        ),
        default=0,
    )


def _read_keys(cadence: Cadence, key: str, read: Cadence) -> Iterable[str]:
    """The partitions of a cadence that one of another reads: its own key, or its days."""
    if read.rhythm == cadence.rhythm:
        return (key,)
    return window_of(key, cadence.rhythm).days()


def _marks(cadence: Cadence, keys: Iterable[str], books: Books) -> list[Mark]:
    found = [books.get((item, key)) for key in keys for item in cadence.items]
    return [mark for mark in found if mark is not None]


def _reason(cadence: Cadence, keys: Sequence[str], books: Books) -> str:
    known = _marks(cadence, keys, books)
    if not known:
        return "never judged"
    return "judged in part, or before what it reads"
