"""Whether a rollback drill shows that a bad version is reverted in minutes."""

from collections.abc import Iterator
from datetime import datetime

from ai_ops.inference_management.rollback_limits import (
    ALLOWED,
    ENOUGH_RATE,
    EXPIRES_AFTER,
    GENERATOR_SHARE,
    LOAD_FACTOR,
)
from ai_ops.inference_management.rollback_record import Drilled
from ai_ops.inference_management.rollback_steps import STEPS
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict


def judge(
    drilled: Drilled, now: datetime, signed_by: str | None, gone: tuple[str, ...] = ()
) -> Verdict:
    """Judge a drill as of a moment; ``gone`` names what of the versions is missing since.

    What went wrong fails, signed or not. What went well counts once somebody who answers for it
    signed, for as long as it holds.
    """
    observed = _observed(drilled, signed_by)
    size = drilled.counted.answered if drilled.counted else 0
    if wrong := [*_missing(drilled, gone), *_wrong(drilled)]:
        findings = [Finding("operations", "fail", words) for words in wrong]
        reason = f"drill {drilled.id}: {'; '.join(wrong)}"
        return Verdict.failing(reason, *findings, sample_size=size, observed=observed)
    if lacking := next(_lacking(drilled, now, signed_by), None):
        reason = f"drill {drilled.id}: {lacking}"
        return Verdict.lacking(reason, "operations", sample_size=size, observed=observed)
    clocks, counted = drilled.clocks, drilled.counted
    assert counted is not None and clocks.first_old is not None
    reason = (
        f"{signed_by} rolled version {drilled.candidate} back to {drilled.previous} on "
        f"{drilled.at:%Y-%m-%d}, outside production and under {LOAD_FACTOR:g} times the peak: the "
        f"previous version answered after {clocks.first_old:.1f} s, the candidate for "
        f"{clocks.last_new or 0:.1f} s; of {plural(counted.sent, 'request')} none was lost or "
        "mislabelled"
    )
    return Verdict.passing(reason, sample_size=size, observed=observed)


def _missing(drilled: Drilled, gone: tuple[str, ...]) -> Iterator[str]:
    yield from drilled.missing
    for words in gone:
        if words not in drilled.missing:
            yield f"since then: {words}"


def _wrong(drilled: Drilled) -> Iterator[str]:
    if drilled.missing or drilled.counted is None:
        yield from (f"it was broken off: {one}" for one in drilled.problems)
        return
    yield from (f"it was broken off: {one}" for one in drilled.problems)
    known = {step.id: step for step in STEPS}
    for one in drilled.ran:
        if one.code:
            title = known[one.step].title if one.step in known else one.step
            yield f"{title}: `{one.command}` ended with {one.code}: {_last_line(one.said)}"
    yield from _slow(drilled)
    counted = drilled.counted
    for count, words in (
        (counted.lost, "lost: no answer came"),
        (counted.failed, "answered with a failure"),
        (counted.mislabelled, "mislabelled: the label of one version, the outputs of the other"),
        (counted.strange, "answered with outputs of neither version"),
        (drilled.unlogged or 0, "answered and not logged"),
    ):
        if count:
            yield f"{plural(count, 'request')} {words}"


def _slow(drilled: Drilled) -> Iterator[str]:
    clocks, allowed = drilled.clocks, ALLOWED.total_seconds()
    waited = f"{clocks.waited or 0:.0f} s after it was entered"
    if clocks.promoted is None and not any("promotion" in move for move in drilled.moves):
        yield f"the promotion did nothing: no answer of the candidate came within {waited}"
    elif clocks.promoted is None:
        yield (
            "the endpoint never swapped: the promotion stands in the ledger, and no answer of the "
            f"candidate came within {waited}"
        )
    elif clocks.first_old is None:
        yield (
            "the endpoint never swapped: the candidate still answered, and the previous version "
            f"did not, {waited} (the rollback)"
        )
    else:
        if "previous" in clocks.stayed:
            yield (
                "a worker never swapped: the previous version still answered when the rollback was "
                "entered, so that the promotion was not everywhere"
            )
        if "candidate" in clocks.stayed:
            yield f"a worker never swapped back: the candidate still answered {waited}"
        for seconds, what in (
            (clocks.first_old, "the first answer of the previous version"),
            (clocks.last_new or 0.0, "the last answer of the candidate"),
        ):
            if seconds > allowed:
                yield f"{what} came {seconds:.0f} s after the rollback was entered: {_minutes()}"


def _lacking(drilled: Drilled, now: datetime, signed_by: str | None) -> Iterator[str]:
    if not drilled.bodies:
        yield "the two versions never differed, so nobody could see which of them answered"
    load = drilled.load
    if drilled.counted is None or load is None:
        yield "it says nothing of any request"
    elif load.generator_share > GENERATOR_SHARE:
        yield (
            f"the load's generator took {load.generator_share:.0%} of a core: what was slow may "
            "have been itself; run it on a machine with room"
        )
    elif load.achieved < ENOUGH_RATE * load.rate:
        refused = drilled.counted.refused
        yield (
            f"{load.achieved:.0f} of {load.rate:.0f} requests a second were answered in time"
            f"{f' ({refused} were turned away)' if refused else ''}: it was not the load that it "
            "was to be"
        )
    if now - drilled.at > EXPIRES_AFTER:
        yield f"it expired: {(now - drilled.at).days} days ago, it holds for {EXPIRES_AFTER.days}"
    if signed_by is None:
        yield (
            "nobody signed it who answers for inference management: ai-ops drill rollback "
            f"{drilled.feature} --sign --by PERSON"
        )


def _minutes() -> str:
    return f"{ALLOWED.total_seconds() / 60:g} minutes are allowed"


def _last_line(said: str) -> str:
    return (said.strip().splitlines() or ["it said nothing"])[-1]


def _observed(drilled: Drilled, signed_by: str | None) -> dict[str, Observed]:
    clocks, counted, load = drilled.clocks, drilled.counted, drilled.load
    observed: dict[str, Observed] = {
        "drill": drilled.id,
        "drilled_at": drilled.at.isoformat(),
        "signed_by": signed_by,
        "candidate": drilled.candidate,
        "previous": drilled.previous,
        "first_old_seconds": _rounded(clocks.first_old),
        "last_new_seconds": _rounded(clocks.last_new),
        "promoted_seconds": _rounded(clocks.promoted),
        "allowed_seconds": ALLOWED.total_seconds(),
        "workers": drilled.workers,
    }
    if load:
        observed |= {"requests_per_second": load.rate, "generator_share": load.generator_share}
    if counted:
        observed |= {
            "sent": counted.sent,
            "lost": counted.lost,
            "refused": counted.refused,
            "failed": counted.failed,
            "mislabelled": counted.mislabelled,
            "strange": counted.strange,
            "unlogged": drilled.unlogged,
        }
    return observed


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
