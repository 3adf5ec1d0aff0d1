"""What stands between a version and its promotion or rollback: read from ledger and registry.

Nothing here is remembered from an earlier look: whoever acts reads all of it again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.earned import event_at, unearned, wrong_signature
from ai_ops.retraining_pipeline.elsewhere import of_others
from ai_ops.storage.believed import Void, believed
from ai_ops.storage.decisions import read_token
from ai_ops.storage.fingerprints import changed_since_seen
from ai_ops.storage.gate_verdicts import gate_verdicts
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Approval, Standing
from ai_ops.vocabulary.errors import AiOpsError, DecisionRefused, LedgerBroken
from ai_ops.vocabulary.verdicts import RecordedVerdict

GATE_LIFE: Final = timedelta(days=14)
"""How long the gate's judgement of a candidate holds: the world that it was judged on moves on."""


def of_promotion(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to promote a version now; empty when nothing does."""
    return of_others(feature) or tuple(_of_promotion(root, feature, version, standing))


def of_rollback(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to roll back to a version; neither a hold nor an incident does.

    It was live before, by a launch or a promotion that was earned: so it was judged and approved
    before. A broken ledger forbids no way back.
    """
    if elsewhere := of_others(feature):
        return elsewhere
    reasons = []
    own = [move for move in standing.moves if move.version == version]
    came = [move for move in own if move.kind != "rollback"]
    if version == standing.live:
        reasons.append(f"version {version} is live already")
    elif not own:
        reasons.append(f"version {version} was never live: it can only be promoted")
    elif all(wrong := [unearned(root, feature, move) for move in came]):
        how = came[-1].kind if came else "rollback"
        words = wrong[-1] if wrong else "nothing brought it to production before"
        reasons.append(f"the {how} of version {version} does not hold: {words}")
    return (*reasons, *unregistered(root, feature, version))


def of_gate(
    root: Root,
    feature: AiFeatureSpec,
    version: str,
    standing: Standing,
    now: datetime,
    before: int | None = None,
) -> tuple[str, ...]:
    """What the gate has against a version on a standing; ``before`` a block: what it had then."""
    judged = gate_verdicts(root.ledger, feature.name, version, before)
    return tuple(_gate(now, version, standing, judged))


def _of_promotion(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
    told = standing
    standing, void = believed(root, feature)
    if standing.launched is None:
        yield f"{feature.name} is not launched: the first version is launched, not promoted"
    elif wrong := unearned(root, feature, standing.moves[-1]):
        move = standing.moves[-1]
        yield (
            f"version {move.version} is live by a {move.kind} that does not hold: {wrong}; bring "
            f"back what was live: ai-ops rollback {feature.name}"
        )
    if version == standing.live:
        yield f"version {version} is live already"
    yield from other_criteria(feature, standing)
    judged = gate_verdicts(root.ledger, feature.name, version)
    yield from _gate(root.clock.now(), version, standing, judged)
    yield from unapproved(root, feature, version, standing)
    approval = standing.approvals.get(version)
    if approval:
        yield from _unseen(approval, _signed_at(root, feature, approval), judged)
    yield from standing.forbidding
    yield from void_words(told, standing, void)
    yield from unregistered(root, feature, version)
    yield from edited(root, feature, version)
    yield from broken_chain(root)


def other_criteria(feature: AiFeatureSpec, standing: Standing) -> Iterator[str]:
    """That the feature's file says other criteria than those that were frozen."""
    if standing.gate is not None and standing.gate.hash != feature.gate.digest:
        yield (
            f"the criteria of the feature's file ({feature.gate.digest[:12]}…) are not those that "
            f"{standing.gate.by} froze ({standing.gate.hash[:12]}…)"
        )


def void_words(told: Standing, standing: Standing, void: Sequence[Void]) -> Iterator[str]:
    """The decisions that do not hold and would open what is closed."""
    for one in void:
        incident = standing.incident(one.about) if one.about else None
        criteria = one.kind in ("gate_freeze", "gate_amendment") and told.gate != standing.gate
        release = one.kind == "release" and standing.holds
        if criteria or release or (incident and incident.forbids_promotion):
            yield one.words


def _gate(
    now: datetime,
    version: str,
    standing: Standing,
    judged: Mapping[str, list[RecordedVerdict]],
) -> Iterator[str]:
    gate = standing.gate
    if gate is None:
        yield "no criteria are frozen: nothing can have been passed"
        return
    items: dict[str, list[str]] = {}
    for item, own in judged.items():
        if own and own[-1].verdict.status != "pass":
            yield f"{item}: {own[-1].verdict.status}: {own[-1].verdict.reason}"
        elif wrong := _judged_otherwise(now, version, standing, gate.hash, own):
            items.setdefault(wrong, []).append(item)
    for wrong, named in items.items():  # what is true of all of them is said once
        yield f"{', '.join(named)}: {wrong}"


def _judged_otherwise(
    now: datetime, version: str, standing: Standing, criteria: str, own: Sequence[RecordedVerdict]
) -> str | None:
    """Why one check of the gate opens nothing now: never judged, or of other things than these."""
    if not own:
        return f"version {version} was never judged"
    observed = own[-1].verdict.observed
    if observed.get("gate_hash") != criteria:
        return f"judged by other criteria than those in force ({criteria[:12]}…)"
    if observed.get("champion") != standing.live:
        return f"judged beside version {observed.get('champion')}, live is {standing.live}"
    if now - own[-1].as_of > GATE_LIFE:
        return f"judged on {own[-1].as_of:%Y-%m-%d}, more than {GATE_LIFE.days} days ago"
    return None


def unapproved(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
    """Why no approval of a version counts now: none, another criteria's, used, or not signed."""
    approval = standing.approvals.get(version)
    if approval is None:
        yield f"nobody approved version {version}"
        return
    if not approval.approved:
        yield f"{approval.by} rejected version {version}: {approval.reason}"
        return
    if standing.gate is None or approval.gate_hash != standing.gate.hash:
        yield f"{approval.by} approved version {version} by other criteria than those in force"
    for move in standing.moves:
        if move.version == version and move.place > approval.place:
            yield (
                f"the approval of {approval.at:%Y-%m-%d} was used by the {move.kind} of "
                f"{move.at:%Y-%m-%d}: version {version} takes another one"
            )
            break
    if unsigned := _unsigned(root, feature, approval, standing):
        yield f"the approval of version {version} does not hold: {unsigned}"


def _unseen(
    approval: Approval, signed: datetime, judged: Mapping[str, list[RecordedVerdict]]
) -> Iterator[str]:
    """That a person decided on what the gate had not said, or said otherwise then."""
    known = [(item, own) for item, own in judged.items() if own]
    if any(own[0].as_of > signed for _, own in known):
        yield f"{approval.by} decided before the gate had judged version {approval.version}"
        return
    for item, own in known:
        seen = [one.verdict for one in own if one.as_of <= signed][-1]
        if own[-1].verdict.status == "pass" != seen.status:
            yield (
                f"{approval.by} decided on version {approval.version} while {item} was "
                f"{seen.status}: what passed since takes another approval"
            )


def _signed_at(root: Root, feature: AiFeatureSpec, approval: Approval) -> datetime:
    """When it was decided: a signature may be handed in days after what it says nothing of."""
    event = event_at(
        root, feature, "approval" if approval.approved else "rejection", approval.place
    )
    try:
        return min(approval.at, read_token(str(event.payload.get("token"))).at)
    except DecisionRefused:
        return approval.at


def _unsigned(
    root: Root, feature: AiFeatureSpec, approval: Approval, standing: Standing
) -> str | None:
    """What is wrong with an approval's signature, verified anew from what the ledger holds."""
    event = event_at(root, feature, "approval", approval.place)
    if wrong := wrong_signature(root, feature, event, standing):
        return wrong
    approvals = root.ledger.events(feature.name, kinds=["approval"])
    if sum(one.payload["nonce"] == event.payload["nonce"] for one in approvals) > 1:
        return "its signature stands in the ledger twice"
    return None


def unregistered(root: Root, feature: AiFeatureSpec, version: str) -> tuple[str, ...]:
    """Why a version cannot serve: not registered, without metrics, its files gone or changed."""
    try:
        found = root.registry.version(feature.name, version)
        root.registry.load(feature.name, version)
    except AiOpsError as error:
        return (str(error),)
    if not found.metrics:
        return (f"version {version} is registered without a metric that it passed",)
    if unknown := sorted(name for name, value in found.metrics.items() if not isfinite(value)):
        return (f"version {version} is registered with {', '.join(unknown)} that is no number",)
    return ()


def edited(root: Root, feature: AiFeatureSpec, version: str) -> tuple[str, ...]:
    """What of a version is not as it was when it was first seen: the gate judged another one."""
    try:
        found = root.registry.version(feature.name, version)
    except AiOpsError:
        return ()  # it is not registered, which is said already
    if changed := changed_since_seen(root, feature.name, found):
        return (f"version {version} is not what was first seen of it: {', '.join(changed)}",)
    return ()


def broken_chain(root: Root) -> tuple[str, ...]:
    """Where the ledger's chain breaks: nothing that it says can be relied on then."""
    try:
        root.ledger.verify()
    except LedgerBroken as broken:
        return (f"the ledger is broken: {broken}",)
    return ()
