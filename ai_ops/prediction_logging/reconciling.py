"""One incarnation's parts, laid end to end: what is missing between them, and how it went on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from ai_ops.prediction_logging.between_parts import (
    Seen,
    missing_between,
    missing_unlanded,
    started,
)
from ai_ops.prediction_logging.day_part import CLOCK_TOLERANCE_SECONDS, DayPart, jump
from ai_ops.prediction_logging.incarnation import (
    End,
    Incarnation,
    Missing,
    Owner,
    described,
)
from ai_ops.prediction_logging.presence import joined
from ai_ops.prediction_logging.segment_index import SegmentIndex, day_of
from ai_ops.prediction_logging.statements import Piece, change_of
from ai_ops.vocabulary.moments import Moment


@dataclass(frozen=True, slots=True)
class Course:
    """All that is known of one incarnation around a day: its parts in order, each of them once.

    ``elsewhere`` are numbers of parts that are there and were not read; ``copies`` names the
    segments that repeat one of ``parts``. ``owner`` is the last part's. Without ``parts`` it is
    known from what its machine saw, and from nothing else.
    """

    writer: str
    incarnation: str
    parts: tuple[SegmentIndex, ...]
    elsewhere: frozenset[int] = frozenset()
    copies: tuple[str, ...] = ()
    owner: Owner = "unknown"
    skew: float | None = None
    seen: Seen | None = None

    def on(self, moment: Moment, counted: dict[str, DayPart]) -> Incarnation | None:
        """What it did on a moment's day, as known at its ``as_of``; None when it had no part in it.

        ``counted`` are its segments' parts of the day as they stood at ``as_of``, by name.
        """
        if not self.parts:
            return self._unlanded(moment)
        course = [
            (index, day, counted.get(index.name, part) if day == moment.partition else part)
            for index in self.parts
            for day, part in sorted(index.days.items())
            if day <= day_of(moment.window.end)  # what lies further may not have been read
        ]
        pieces = [piece for piece in course if piece[1] <= moment.partition]
        today = [part for _, day, part in pieces if day == moment.partition]
        missing = tuple(self._missing(moment, today))
        ended = self._ended(moment)
        alive = tuple(joined([*_alive(pieces, moment), *self._seen_alive(moment)], self._limit))
        until = min(moment.window.end, moment.as_of)
        latest = max((end for _, end in alive), default=None)
        recent = latest is not None and moment.window.start - latest <= self._limit
        lingers = (ended in ("open", "crashed") and recent) or (
            ended == "open" and self.owner == "holds" and latest is not None and latest < until
        )
        if not today and not missing and not lingers:
            return None
        opening = next((part.opening for part in self.parts if part.opening), None)
        told = next((part.told for part in reversed(today) if part.told), None)
        numbers = [n for part in today for n in (part.first, part.last) if n is not None]
        return Incarnation(
            **{**described(opening), "beats": any(map(_beats, self.parts))},  # type: ignore[arg-type]
            writer=self.writer,
            incarnation=self.incarnation,
            begun=started(self.incarnation) or (opening.time if opening else None),
            ended=ended,
            segments=len(today),
            first=min(numbers, default=None),
            last=max(numbers, default=None),
            n=sum(part.n for part in today),
            repeated=sum(part.repeated for part in today),
            sampling=min((p.opening.sampling for p in self.parts if p.opening), default=1.0),
            alive=alive,
            missing=missing,
            unlike_seal=tuple(self._unlike_seal(moment)),
            unsealed=tuple(self._unsealed(moment)),
            copies=self.copies if today else (),
            told=told,
            # With the next day: a clock that was set back has it lie between two parts of this one.
            change=change_of(course, moment.partition, self.elsewhere),
            jumps=tuple(_jumps(pieces, moment.partition)),
            skew=self.skew if self.owner == "holds" else None,
            policies=_policies(today),
        )

    def _unlanded(self, moment: Moment) -> Incarnation | None:
        """What its machine saw of it, when no part of it is here."""
        seen, begun = self.seen, started(self.incarnation)
        until = min(moment.window.end, moment.as_of)
        if seen is None or begun is None or not moment.window.start <= seen.at <= moment.as_of:
            return None
        missing = missing_unlanded(begun, seen, moment)
        if begun >= until or not (missing or seen.pending):
            return None
        return Incarnation(
            writer=self.writer,
            incarnation=self.incarnation,
            beats=True,
            begun=begun,
            alive=((begun, min(max(begun, seen.at), until)),),
            missing=(missing,) if missing else (),
        )

    @property
    def _limit(self) -> timedelta:
        return timedelta(seconds=max(p.limit or 0 for i in self.parts for p in i.days.values()))

    def _missing(self, moment: Moment, today: Sequence[DayPart]) -> Iterator[Missing]:
        for part in today:
            for gap in part.gaps:
                yield Missing(
                    first=gap.first,
                    last=gap.last,
                    after=gap.after,
                    before=gap.before,
                    told_by="the line behind them",
                )
        yield from missing_between(
            self.parts, self.elsewhere, started(self.incarnation), self.seen, moment
        )

    def _seen_alive(self, moment: Moment) -> Iterator[tuple[datetime, datetime]]:
        """Its life behind the last line that is here, as its machine saw it."""
        newest, seen = self.parts[-1].newest, self.seen
        until = min(moment.window.end, moment.as_of)
        if seen is not None and newest is not None and newest < seen.at and newest < until:
            fresh = timedelta(0) <= seen.looked - seen.at <= self._limit
            yield newest, min(seen.looked if fresh else seen.at, until)

    def _ended(self, moment: Moment) -> End:
        last = self.parts[-1]
        newest = last.newest
        told = last.days[last.day].told if last.day in last.days else None
        if newest is None or newest > moment.as_of or newest >= moment.window.end:
            return "open"  # then and there it was
        if told and told.closing:
            return "closed"
        if last.sealing is None:
            return "crashed" if self.owner == "gone" and _beats(last) else "open"
        later = self.seen is not None and self.seen.at > newest
        return "open" if later or moment.as_of - newest <= self._limit else "cut short"

    def _unlike_seal(self, moment: Moment) -> Iterator[str]:
        previous: SegmentIndex | None = None
        for index in self.parts:
            seal = index.sealing
            if moment.partition in index.days:
                yield from (f"{index.name}: {words}" for words in index.unlike_seal or ())
                if index.behind_seal:
                    yield f"{index.name}: {index.behind_seal} lines stand behind its seal"
                before = previous.sealing.sha256 if previous and previous.sealing else None
                follows = previous is not None and previous.number + 1 == index.number
                if seal and seal.previous and follows and before not in (None, seal.previous):
                    yield f"{index.name}: it was sealed behind another part {index.number - 1}"
            previous = index

    def _unsealed(self, moment: Moment) -> Iterator[int]:
        for place, index in enumerate(self.parts):
            followed = any(later.sealing for later in self.parts[place + 1 :])
            known = index.sealing is None and followed and _beats(index)
            if known and moment.partition in index.days:
                yield index.number


def _beats(index: SegmentIndex) -> bool:
    """Whether its writer gives signs of life, and holds its lock: an older one does neither."""
    if index.opening is None:  # its line is damaged: what stands behind it tells as well
        return any(part.beats for part in index.days.values())
    return index.opening.heartbeat_seconds is not None


def _oldest(index: SegmentIndex) -> datetime | None:
    return min((part.begin for part in index.days.values() if part.begin), default=None)


def _alive(pieces: Sequence[Piece], moment: Moment) -> Iterator[tuple[datetime, datetime]]:
    """Its spans of life on the day, after the last sign of life before it."""
    before = [part.end for _, day, part in pieces if day < moment.partition and part.end]
    if before:
        yield max(before), max(before)
    for _, day, part in pieces:
        if day == moment.partition and part.begin and part.end:
            begin = part.begin
            for end, again in part.silences:
                yield begin, end
                begin = again
            yield begin, max(begin, part.end)


def _jumps(pieces: Sequence[Piece], day: str) -> Iterator[tuple[datetime, float]]:
    """Where its clock moved on the day, within its segments and between them."""
    for _, piece_day, part in pieces:
        if piece_day == day:
            yield from part.jumps
    for (before, _, left), (after, piece_day, _) in pairwise(pieces):
        opening = after.opening
        if piece_day != day or before is after or opening is None or opening.clock != "live":
            continue
        if left.pulse is not None and opening.monotonic is not None:
            moved = jump(left.pulse, (opening.time, opening.monotonic))
            if abs(moved) > CLOCK_TOLERANCE_SECONDS:
                yield opening.time, moved


def _policies(today: Sequence[DayPart]) -> dict[str, datetime]:
    seen: dict[str, datetime] = {}
    for part in today:
        for digest, time in part.policies.items():
            seen[digest] = min(time, seen.get(digest, time))
    return seen
