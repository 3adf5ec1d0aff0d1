"""Is the log complete? Judged from what its writers told, and from what users did."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from ai_ops.prediction_logging.day_part import Hour
from ai_ops.prediction_logging.findings import first_of
from ai_ops.prediction_logging.incarnation import Incarnation, Missing
from ai_ops.prediction_logging.times import at, between
from ai_ops.prediction_logging.unanswered import Actions, unanswered
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

RANGES_SHOWN = 3


class NotRead(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that may hold predictions of the day and cannot be read, with the reason.

    Of one that is not ``lost`` lines could be read, but they are not all that it should be.
    """

    segment: str
    reason: str
    lost: bool = True


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a witness counted: requests served, by writer ("" when it tells none) and hour.

    ``missing`` says why it could not be read, or which of its rows could not.
    """

    served: Mapping[str, Mapping[str, int]] = {}
    missing: str = ""


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one day: ``records`` is None when the day's log was not materialised.

    ``began`` is when the first of this feature's writers began, if that was on this day.
    ``logged`` holds predictions and requests by writer and hour, from two hours before the day to
    the hour after it; ``witness`` what was served in the same hours. ``set_apart`` are predictions
    among the quarantined, ``machines`` when each was last heard of.
    """

    feature: str
    day: str
    records: int | None
    torn: int
    quarantined: int
    duplicates: int
    incarnations: tuple[Incarnation, ...]
    user_actions: Actions
    predictions_without_action: int
    by_call_site: Mapping[str, Actions] = {}
    by_tenant: Mapping[str, Actions] = {}
    not_read: tuple[NotRead, ...] = ()
    began: datetime | None = None
    logged: Mapping[str, Mapping[str, Hour]] = {}
    witness: Counted = Counted()
    set_apart: int = 0
    machines: Mapping[str, datetime] = {}


def judge_completeness(known: Completeness, missing_share: float, window: Window) -> Verdict:
    """Whether every prediction that was asked for stands in the log.

    Fails when a sequence number, a part of a log or a segment is missing or is not what was
    sealed, when a writer told of more than stands in its segments or of what it could not write,
    when the day's table lacks what stands in the segments, and when more than ``missing_share`` of
    the user actions have no prediction. Without a log, without user actions to compare it with, or
    without the sequence numbers of all its records, there is no evidence.
    """
    actions = known.user_actions
    observed: dict[str, Observed] = {
        "records": known.records,
        "missing_sequence_numbers": sum(one.missing_numbers for one in known.incarnations),
        "missing_parts": sum(_parts(gone) for one in known.incarnations for gone in one.missing),
        "failures": sum(one.change.failures for one in known.incarnations if one.change),
        "unreadable_segments": len(known.not_read),
        "user_actions": actions.n,
        "actions_without_prediction": actions.without_prediction,
        "predictions_without_action": known.predictions_without_action,
        "torn": known.torn,
        "duplicates": known.duplicates,
    }
    groups = known.by_call_site, known.by_tenant
    findings = [
        *(_not_read(segment, window) for segment in known.not_read),
        *(found for one in known.incarnations for found in _losses(one, window)),
        *_not_in_table(known, window),
        *(unanswered(actions, *groups, missing_share, window) if known.records is not None else []),
    ]
    if findings:
        return Verdict.failing(
            first_of(findings), *findings, sample_size=actions.n, observed=observed
        )
    if known.records is None:
        return Verdict.lacking(
            f"no log of {known.day} was compacted", "completeness", window=window
        )
    if actions.n == 0:
        reason = f"{known.records} records, and no user action of {known.day} to compare them with"
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    numbered = sum(one.n for one in known.incarnations)
    if known.records > numbered:  # the table outlives segments that were archived
        reason = (
            f"the segments of {known.day} hold the sequence numbers of {numbered} records, "
            f"the log has {known.records}: gaps among the others would not show"
        )
        return Verdict.lacking(reason, "completeness", window=window, observed=observed)
    reason = (
        f"{actions.n - actions.without_prediction} of {actions.n} user actions have their "
        f"prediction, no sequence number of {plural(len(known.incarnations), 'incarnation')} is "
        "missing"
    )
    if crashed := sum(one.ended == "crashed" for one in known.incarnations):
        reason += f"; {crashed} of them crashed: what came behind their last lines cannot be told"
    return Verdict.passing(reason, sample_size=actions.n, observed=observed)


def _losses(one: Incarnation, window: Window) -> Iterator[Finding]:
    """What one incarnation's sequence, seals and own counts tell."""

    def found(reason: str, size: float | None = None, begin: datetime | None = None) -> Finding:
        return Finding("completeness", "fail", reason, window=window, size=size, begin=begin)

    change, who = one.change, f"writer {one.writer}"
    failures = change.failures if change else 0
    lines = [gone for gone in one.missing if gone.first_part is None]
    unexplained = sum(gone.size for gone in lines) - failures
    if lines and (unexplained > 0 or (change and change.lost > 0)):
        yield found(_gaps(one, lines, failures), sum(gone.size for gone in lines), _earliest(lines))
    for gone in one.missing:
        if gone.first_part is not None:
            yield found(_lost_parts(one, gone), gone.size or _parts(gone), gone.after)
    if failures > 0 and change:
        yield found(
            f"{failures} predictions of {who} could not be written, by its own count "
            f"({between(change.since, change.until)}{_at_gaps(lines)}, {one.name})",
            failures,
            change.since or one.begun,
        )
    if change and change.lost > one.missing_numbers:
        yield found(
            f"{who} told at {at(change.until or window.end)} of {change.written} predictions, "
            f"{change.records} stand in its segments ({one.name})",
            change.lost,
            change.since,
        )
    if change and change.lost < 0:
        yield found(
            f"{-change.lost} predictions more than {who} told of stand in its segments "
            f"({one.name})",
            -change.lost,
        )
    for words in one.unlike_seal:
        yield found(f"not what was sealed: {words}")
    for number in one.unsealed:
        yield found(
            f"part {number} of {who} has no seal, though others follow it: its disk lost or tore "
            f"what was written, or its end is gone ({one.name})"
        )
    if one.repeated:
        yield found(f"{one.repeated} sequence numbers of {who} came again ({one.name})")
    if one.copies:
        copies = ", ".join(one.copies[:3])
        yield found(f"copied segments of {who}, counted once: {copies}", len(one.copies))
    if one.ended == "cut short":
        yield found(
            f"the log of {who} goes on behind its last part that is here, which was sealed and "
            f"not closed: the part behind it is gone, or could not be begun ({one.name})",
            begin=one.last_alive,
        )


def _not_in_table(known: Completeness, window: Window) -> Iterator[Finding]:
    """Whether each whole line of the segments became a row, repeats one, or was set apart."""
    if known.records is None:
        return
    numbered = sum(one.n for one in known.incarnations)
    lacking = numbered - known.records - known.duplicates - known.set_apart
    if lacking > 0:
        reason = (
            f"the log of {known.day} lacks {lacking} of the {numbered} predictions that stand in "
            "its segments: they came after it was compacted, or were lost there; materialise "
            "`prediction_log` of that day again"
        )
        yield Finding("completeness", "fail", reason, window=window, size=lacking)


def _gaps(one: Incarnation, lines: Sequence[Missing], failures: int) -> str:
    size = sum(gone.size for gone in lines)
    shown = [f"{gone.numbers} {between(gone.after, gone.before)}" for gone in lines]
    more = ", …" if len(shown) > RANGES_SHOWN else ""
    told = f"; {failures} of them could not be written" if failures > 0 else ""
    return (
        f"{size} sequence numbers of writer {one.writer} are missing "
        f"({', '.join(shown[:RANGES_SHOWN])}{more}, {one.name}{told})"
    )


def _lost_parts(one: Incarnation, gone: Missing) -> str:
    parts = (
        f"part {gone.first_part} is"
        if gone.first_part == gone.last_part
        else f"parts {gone.first_part}–{gone.last_part} are"
    )
    held = f"sequence numbers {gone.numbers}, {gone.size} in all" if gone.size else "no prediction"
    return (
        f"{parts} missing of writer {one.writer}: {held} "
        f"({between(gone.after, gone.before)}, told by {gone.told_by}, {one.name})"
    )


def _parts(gone: Missing) -> int:
    if gone.first_part is None or gone.last_part is None:
        return 0
    return gone.last_part - gone.first_part + 1


def _at_gaps(lines: Sequence[Missing]) -> str:
    if not lines:
        return ""
    more = ", …" if len(lines) > RANGES_SHOWN else ""
    return f", numbers {', '.join(gone.numbers for gone in lines[:RANGES_SHOWN])}{more}"


def _earliest(lines: Sequence[Missing]) -> datetime | None:
    return min((gone.after for gone in lines if gone.after), default=None)


def _not_read(segment: NotRead, window: Window) -> Finding:
    cannot = " cannot be read" if segment.lost else ""
    reason = f"segment {segment.segment}{cannot}: {segment.reason}"
    return Finding("completeness", "fail", reason, window=window)
