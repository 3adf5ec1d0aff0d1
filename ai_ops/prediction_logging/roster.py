"""Were all writers there that should be? Judged from their signs of life, at any moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Writer
from ai_ops.prediction_logging.day_part import CLOCK_TOLERANCE_SECONDS, SILENT_AFTER
from ai_ops.prediction_logging.endings import crash_of, end_of
from ai_ops.prediction_logging.findings import first_of, gathered
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.prediction_logging.presence import Shortage, shortages, silences, spans_of
from ai_ops.prediction_logging.times import at, between, lasting
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import RootMode, Status

UNHEARD_AFTER = timedelta(minutes=10)
"""A machine of which nothing was heard for so long may have lost its shipping process."""

_FORGOTTEN_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Roster:
    """The writers that a feature declares, and how often each gives a sign of life."""

    writers: tuple[Writer, ...]
    heartbeat_seconds: float

    @classmethod
    def of(cls, feature: AiFeatureSpec, clock: RootMode) -> "Roster":
        """The roster of a feature's YAML, as its writers follow it under this clock."""
        return cls(feature.logging.writers, policy_of(feature, clock).heartbeat_seconds)

    @property
    def limit(self) -> timedelta:
        """After how long without a sign of life a writer is silent."""
        return timedelta(seconds=SILENT_AFTER * self.heartbeat_seconds)


def judge_writers(
    incarnations: Sequence[Incarnation],
    roster: Roster,
    window: Window,
    now: datetime,
    began: datetime | None = None,
    machines: Mapping[str, datetime] | None = None,
    gone: Mapping[str, Sequence[Incarnation]] | None = None,
) -> Verdict:
    """Whether every declared writer was there, in as many processes as declared.

    Fails when a writer never started, when fewer processes than declared were there for longer
    than three heartbeats, when one gave no sign of life for that long without having ended, when
    one crashed, when one logs that nobody declared, and when a writer's clock was moved or is
    wrong. Without a declared roster nothing passes. ``began`` is when the feature's first writer
    began: nobody is missed before. ``machines`` are those that ship, with when each was last heard
    of: what is behind that may be there and not have landed. ``gone`` are incarnations by writer
    that ended before the window, in order.
    """
    until = min(window.end, now)
    start = max(window.start, began) if began and began < until else window.start
    span = _Judging(roster, window, start, until, machines or {}, gone or {})
    observed: dict[str, Observed] = {
        "writers": len(roster.writers),
        "processes": sum(writer.processes for writer in roster.writers),
        "incarnations": len(incarnations),
        "crashed": sum(one.ended == "crashed" for one in incarnations),
    }
    findings = [*span.of_incarnations(incarnations), *span.of_roster(incarnations)]
    if any(finding.status == "fail" for finding in findings):
        findings.sort(key=lambda finding: finding.status != "fail")
        return Verdict.failing(
            first_of(findings), *findings, sample_size=len(incarnations), observed=observed
        )
    if not roster.writers:
        reason = (
            "no roster of writers is declared: nobody knows who should log; "
            "name them in the YAML under `logging.writers`"
        )
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    if findings:
        return Verdict.lacking(first_of(findings), "completeness", *findings, observed=observed)
    names = ", ".join(f"{writer.name} × {writer.processes}" for writer in roster.writers)
    reason = f"every declared writer was there ({names}), none was silent for {lasting(span.limit)}"
    return Verdict.passing(reason, sample_size=len(roster.writers), observed=observed)


@dataclass(frozen=True, slots=True)
class _Judging:
    """One judgement: the roster, and the span of time that it is about."""

    roster: Roster
    window: Window
    start: datetime
    until: datetime
    machines: Mapping[str, datetime] = field(default_factory=dict)
    gone: Mapping[str, Sequence[Incarnation]] = field(default_factory=dict)

    @property
    def limit(self) -> timedelta:
        return self.roster.limit

    def of_incarnations(self, incarnations: Sequence[Incarnation]) -> Iterator[Finding]:
        """What is wrong with each one that there was."""
        declared = {writer.name for writer in self.roster.writers}
        strangers: dict[str, list[Incarnation]] = {}
        crashed: dict[str, list[Finding]] = {}
        for one in incarnations:
            if declared and one.writer not in declared and one.segments:
                strangers.setdefault(one.writer, []).append(one)
            if one.ended == "crashed" and self._is_in(one.last_alive):
                crash = self._found(crash_of(one, incarnations), one.last_alive)
                crashed.setdefault(one.writer, []).append(crash)
        for name, found in sorted(crashed.items()):
            yield from gathered(found, f"writer {name} crashed")
        for one in incarnations:
            if one.beats:
                silent = list(self._silent(one))
                yield from gathered(silent, f"writer {one.writer} gave no sign of life")
            yield from gathered(list(self._clock(one)), f"the clock of writer {one.writer} moved")
        for name, ones in sorted(strangers.items()):
            records = sum(one.n for one in ones)
            first = min((one.alive[0][0] for one in ones if one.alive), default=None)
            reason = (
                f"writer {name} logs and nobody declared it: {records} predictions in "
                f"{plural(len(ones), 'incarnation')}; name it in the YAML under `logging.writers`"
            )
            yield self._found(reason, first, records)

    def of_roster(self, incarnations: Sequence[Incarnation]) -> Iterator[Finding]:
        """Which declared writers were not there, or in too few processes."""
        for writer in self.roster.writers:
            ones = [one for one in incarnations if one.writer == writer.name]
            if not writer.always:
                yield from self._once(writer, ones)
            elif ones and not any(one.beats for one in ones):
                reason = (
                    f"writer {writer.name} gives no signs of life: its client is older than they "
                    "are; nobody can tell whether it was there"
                )
                yield self._found(reason, status="no_evidence")
            else:
                yield from self._too_few(writer, ones)

    def _too_few(self, writer: Writer, ones: Sequence[Incarnation]) -> Iterator[Finding]:
        spans = [span for one in ones for span in spans_of(one, self._limit_of(one), self.until)]
        gone = self.gone.get(writer.name, ())
        before = gone[-1].last_alive if gone and not ones else None
        found = [
            self._found(
                self._shortage(writer, ones, missed),
                before or missed.begin,
                writer.processes - missed.there,
            )
            for missed in shortages(spans, writer.processes, self.start, self.until, self.limit)
        ]
        yield from gathered(found, f"too few processes of writer {writer.name} were there")
        if not ones and self.until - self.start <= self.limit:
            reason = f"writer {writer.name} has not begun; it is awaited for {lasting(self.limit)}"
            yield self._found(reason, self.start, status="no_evidence")

    def _shortage(self, writer: Writer, ones: Sequence[Incarnation], shortage: Shortage) -> str:
        open_end = shortage.end >= self.until
        when = f"since {at(shortage.begin)}" if open_end else between(shortage.begin, shortage.end)
        for_long = f"{when}, for {lasting(shortage.length)}"
        unheard = self._unheard() if open_end else ""
        gone = self.gone.get(writer.name, ())
        if gone and not ones:
            last = end_of(gone[-1])
            return f"writer {writer.name} is not there: {last}, none began after it{unheard}"
        if not ones:
            return (
                f"writer {writer.name} never started: nothing of it is there ({for_long}{unheard})"
            )
        ended = [one.name for one in ones if one.closed and one.last_alive == shortage.begin]
        then = "none began" if open_end else "the next one began only then"
        why = f"; {ended[0]} ended in order and {then}" if ended else ""
        why = f"; the last that went: {end_of(gone[-1])}" if gone and not why else why
        began = len(ones) + len(gone)
        why = f"; only {began} of them began" if began < writer.processes else why
        number = "none" if shortage.there == 0 else f"{shortage.there}"
        were = "was" if shortage.there == 1 else "were"
        who = f"{number} of the {writer.processes} processes of writer {writer.name} {were} there"
        who = f"writer {writer.name} was not there" if writer.processes == 1 else who
        return f"{who} ({for_long}{why}{unheard})"

    def _once(self, writer: Writer, ones: Sequence[Incarnation]) -> Iterator[Finding]:
        """A writer that comes once a day is missed when the day is over."""
        came = sum(one.segments > 0 and self._came(one) for one in ones)
        if self.until >= self.window.end and came < writer.processes:
            reason = (
                f"writer {writer.name} came with {came} of its {writer.processes} processes: "
                f"it is expected once a day, on {self.window.start.date()} it did not log"
            )
            yield self._found(reason, self.start, writer.processes - came)

    def _came(self, one: Incarnation) -> bool:
        """Whether it is this day's run: not the end of one that began on the day before."""
        if one.begun is None or one.ended == "open":
            return True
        # One that lasts for days is there on each of them, the day of its end as well.
        lasts = self.window.start - one.begun >= timedelta(days=1)
        return lasts or one.begun >= self.window.start

    def _silent(self, one: Incarnation) -> Iterator[Finding]:
        limit = self._limit_of(one)
        for begin, end in silences(spans_of(one, limit, self.until), one, self.until):
            if end - begin <= limit or end <= self.window.start:
                continue
            over = end < self.until
            when = between(begin, end) if over else f"since {at(begin)}"
            reason = (
                f"writer {one.writer} gave no sign of life for {lasting(end - begin)} and had not "
                f"ended ({when}, {one.name}; one is due every "
                f"{lasting(one.heartbeat_seconds or self.roster.heartbeat_seconds)}"
                f"{'' if over else self._unheard()})"
            )
            yield self._found(reason, begin, (end - begin).total_seconds())

    def _clock(self, one: Incarnation) -> Iterator[Finding]:
        for moment, seconds in one.jumps:
            if self._is_in(moment):
                moved = f"{'forward' if seconds > 0 else 'back'} by {lasting(abs(seconds))}"
                what = "times and days of its records before or behind it are not right"
                if seconds > 0:
                    what += ", unless its machine slept (suspended, or a paused virtual machine)"
                reason = (
                    f"the clock of writer {one.writer} was moved {moved} "
                    f"before {at(moment)} ({one.name}): {what}"
                )
                yield self._found(reason, moment, seconds)
        if one.skew is not None and abs(one.skew) > CLOCK_TOLERANCE_SECONDS:
            side = "behind" if one.skew > 0 else "ahead of"
            reason = (
                f"the clock of writer {one.writer} is {lasting(abs(one.skew))} {side} the one that "
                f"dates its files ({one.name})"
            )
            yield self._found(reason, one.begun, one.skew)

    def _unheard(self) -> str:
        """Of which machines nothing was heard up to the end: their writers may well be there."""
        since = self.window.start - _FORGOTTEN_AFTER
        told = [
            f"machine {name} since {at(heard)}"
            for name, heard in sorted(self.machines.items())
            if since <= heard < self.until - UNHEARD_AFTER
        ]
        if not told:
            return ""
        return (
            f"; nothing was heard of {', '.join(told)}: look whether it and its `ai-ops ship` run, "
            "a writer may be there whose segments do not land"
        )

    def _limit_of(self, one: Incarnation) -> timedelta:
        """A writer that was told a longer rhythm keeps that; what told it so is another check."""
        declared = max(one.heartbeat_seconds or 0, self.roster.heartbeat_seconds)
        return timedelta(seconds=SILENT_AFTER * declared)

    def _is_in(self, moment: datetime | None) -> bool:
        return moment is not None and self.window.start <= moment <= self.until

    def _found(
        self,
        reason: str,
        begin: datetime | None = None,
        size: float | None = None,
        status: Status = "fail",
    ) -> Finding:
        return Finding("completeness", status, reason, window=self.window, begin=begin, size=size)
