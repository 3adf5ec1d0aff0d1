"""What is missing between the parts of an incarnation, before the first and behind the last."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from ai_ops.prediction_logging.incarnation import Missing
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.vocabulary.moments import Moment

_STARTED = re.compile(r"^(\d{8}T\d{6})-")


@dataclass(frozen=True, slots=True)
class Seen:
    """How far an incarnation was seen to have come on its own machine.

    ``at`` is its own time of that, ``looked`` when it was looked at. ``pending`` says that
    something of it still lies there: what is not here is then not lost, and for a day that goes on
    not late either.
    """

    part: int
    last: int
    at: datetime
    by: str
    looked: datetime
    pending: bool = False


def missing_between(
    parts: Sequence[SegmentIndex],
    elsewhere: frozenset[int],
    begun: datetime | None,
    seen: Seen | None,
    moment: Moment,
) -> Iterator[Missing]:
    """What lies between the parts that are here, as far as it concerns a moment's day.

    ``elsewhere`` are numbers of parts that are there and were not read. What was lost around
    midnight concerns both days: nobody knows on which side of it it was.
    """
    found = [_before_first(parts[0], elsewhere, begun)]
    reached, newest = 0, None
    for before, after in pairwise(parts):
        reached, newest = max(reached, before.reached or 0), before.newest or newest
        found.append(_between(before.number, reached, newest, after, elsewhere))
    reached = max(reached, parts[-1].reached or 0)
    if seen is not None and not (seen.pending and moment.as_of < moment.window.end):
        found.append(_behind_last(parts[-1], reached, seen))
    yield from (one for one in found if one is not None and _concerns(one, moment))


def missing_unlanded(begun: datetime, seen: Seen, moment: Moment) -> Missing | None:
    """All that an incarnation wrote, of which no part is here, as far as its machine saw it."""
    if seen.pending and moment.as_of < moment.window.end:
        return None
    missing = Missing(
        first=1,
        last=seen.last,
        after=begun,
        before=seen.at,
        told_by=f"{seen.by}, where it still lies" if seen.pending else seen.by,
        first_part=1,
        last_part=seen.part,
    )
    return missing if _concerns(missing, moment) else None


def _before_first(
    first: SegmentIndex, elsewhere: frozenset[int], begun: datetime | None
) -> Missing | None:
    """What lies before the first part that is here, when no part before it was filed."""
    known = max((number for number in elsewhere if number < first.number), default=0)
    if first.number == known + 1:
        return None
    reached = _begin(first) or 0
    return Missing(
        first=1 if known == 0 else reached + 1,
        last=reached,
        after=begun,
        before=_oldest(first),
        told_by=f"the opening of part {first.number}",
        first_part=known + 1,
        last_part=first.number - 1,
    )


def _between(
    number: int,
    reached: int,
    newest: datetime | None,
    after: SegmentIndex,
    elsewhere: frozenset[int],
) -> Missing | None:
    lost = [part for part in range(number + 1, after.number) if part not in elsewhere]
    if after.number > number + 1 and not lost:
        return None  # they are there, and were not read: nothing between can be told here
    begin = _begin(after)
    if begin is None or (begin <= reached and not lost):
        return None
    return Missing(
        first=reached + 1,
        last=max(begin, reached),
        after=newest,
        before=_oldest(after),
        told_by=f"the opening of part {after.number}",
        first_part=lost[0] if lost else None,
        last_part=lost[-1] if lost else None,
    )


def _behind_last(last: SegmentIndex, reached: int, seen: Seen) -> Missing | None:
    """What was seen on its machine to lie behind the last part that is here."""
    if seen.last <= reached and seen.part <= last.number:
        return None
    return Missing(
        first=reached + 1,
        last=max(seen.last, reached),
        after=last.newest,
        before=seen.at,
        told_by=f"{seen.by}, where it still lies" if seen.pending else seen.by,
        first_part=last.number + 1 if seen.part > last.number else None,
        last_part=seen.part if seen.part > last.number else None,
    )


def started(incarnation: str) -> datetime | None:
    """When an incarnation began, by its name.

    >>> started("20210304T050607-12-ab").isoformat()
    '2021-03-04T05:06:07+00:00'
    """
    if (found := _STARTED.match(incarnation)) is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _concerns(missing: Missing, moment: Moment) -> bool:
    """Whether it was known at ``as_of`` and may belong to the day."""
    before = missing.before
    if before is None or before > moment.as_of or before < moment.window.start:
        return False
    return (missing.after or before) < moment.window.end


def _begin(index: SegmentIndex) -> int | None:
    """The sequence number reached before a segment, by its own word."""
    if index.opening is not None:
        return index.opening.last
    parts = [part for _, part in sorted(index.days.items())]
    return parts[0].before if parts else None


def _oldest(index: SegmentIndex) -> datetime | None:
    begins = [part.begin for part in index.days.values() if part.begin]
    if index.sealing is not None:
        begins.append(index.sealing.time)
    return min(begins, default=None)
