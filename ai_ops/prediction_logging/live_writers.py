"""The writers as they are now: read from their segments, locks and machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.courses import (
    began,
    courses_of,
    incarnations_on,
    segments_around,
)
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.landing_records import MachineStatus
from ai_ops.prediction_logging.roster import Roster, judge_writers
from ai_ops.prediction_logging.writer_states import WriterState, states_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True, slots=True)
class LiveWriters:
    """What is known of a feature's writers at a moment, the verdict on them, and each machine."""

    as_of: datetime
    verdict: Verdict
    states: tuple[WriterState, ...]
    machines: tuple[MachineStatus, ...]

    @property
    def digest(self) -> str:
        """What changes when a writer comes, goes or falls silent, or a day begins."""
        known = sorted(
            f"{one.writer} {one.incarnation} {one.state}"
            for one in self.states
            if one.state != "closed"
        )
        return f"{self.as_of.date()} {self.verdict.status} {'; '.join(known)}"


def judge_writers_alive(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """Every writer that the YAML declares is there now, in as many processes as declared.

    Judged from the signs of life of the last heartbeats: one that was killed, that hangs or that
    never began shows within three of them. What happened earlier, each day's own check tells.
    """
    return look_at_writers(root, feature, as_of).verdict


def look_at_writers(root: Root, feature: AiFeatureSpec, now: datetime) -> LiveWriters:
    """The writers at a moment: those of today, and those before it of whom no end is known.

    Of a writer of whom there is none, the one that went last, if that was yesterday.
    """
    roster = Roster.of(feature, root.clock.mode)
    begin = now - 2 * roster.limit
    moments = [Moment(day, Window.of_day(day), now) for day in Window(begin, now).days()]
    [yesterday] = Window(
        moments[0].window.start - timedelta(days=1), moments[0].window.start
    ).days()
    # Not over yet: a writer that comes once a day is not missed before its day has ended.
    window = Window(begin, now + roster.limit)
    incarnations: Sequence[Incarnation] = ()
    earlier: Sequence[Incarnation] = ()
    machines: tuple[MachineStatus, ...] = ()
    first = None
    try:
        segments = segments_around(root, feature.name, moments)
    except MissingEvidence:
        pass  # no writer ever began: the roster tells who should have
    else:
        courses = courses_of(segments)
        # Everything that is there was written by now: nothing has to be counted again.
        incarnations = _joined([incarnations_on(courses, moment, {}) for moment in moments])
        before = Moment(yesterday, Window.of_day(yesterday), now)
        earlier = _not_in(incarnations_on(courses, before, {}), incarnations)
        machines, first = segments.statuses, began(segments)
    recent = _recent(incarnations, window)
    gone = _by_writer(_not_in([*earlier, *incarnations], recent))
    heard = {machine.machine: utc(machine.at) for machine in machines}
    verdict = judge_writers(recent, roster, window, now, first, heard, gone)
    there = {one.writer for one in incarnations}
    last = [ones[-1] for writer, ones in gone.items() if writer not in there]
    return LiveWriters(now, verdict, states_of([*incarnations, *last], roster, now), machines)


def _joined(days: Sequence[Sequence[Incarnation]]) -> list[Incarnation]:
    """Each incarnation once, as its last day knows it, alive on all of them."""
    found: dict[tuple[str, str], Incarnation] = {}
    for day in days:
        for one in day:
            before = found.get((one.writer, one.incarnation))
            alive = (*(before.alive if before else ()), *one.alive)
            found[one.writer, one.incarnation] = msgspec.structs.replace(one, alive=alive)
    return list(found.values())


def _recent(incarnations: Sequence[Incarnation], window: Window) -> list[Incarnation]:
    """Those that were there within the window, or of whom no end is known."""
    return [
        one
        for one in incarnations
        if one.ended == "open" or (one.last_alive and one.last_alive >= window.start)
    ]


def _not_in(ones: Sequence[Incarnation], others: Sequence[Incarnation]) -> list[Incarnation]:
    known = {(one.writer, one.incarnation) for one in others}
    return [one for one in ones if (one.writer, one.incarnation) not in known]


def _by_writer(gone: Sequence[Incarnation]) -> Mapping[str, Sequence[Incarnation]]:
    """In the order in which they went."""
    ended = [(one.last_alive, one) for one in gone if one.last_alive]
    found: dict[str, list[Incarnation]] = {}
    for _, one in sorted(ended, key=lambda known: known[0]):
        found.setdefault(one.writer, []).append(one)
    return found
