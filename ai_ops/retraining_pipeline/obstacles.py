"""What stands between a version and production: read from ledger and registry, in words.

Nothing here is remembered from an earlier look: whoever acts reads all of it again.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.elsewhere import of_others
from ai_ops.storage.decisions import read_token, verified_again
from ai_ops.storage.ledger import Event
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Approval, Place, Standing
from ai_ops.vocabulary.errors import AiOpsError, DecisionRefused, LedgerBroken
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import GATE_CHECKS, PRE_LAUNCH_ITEMS, EventKind

GATE_ASSET: Final = "candidate_evaluation"
LIST_ASSET: Final = "pre_launch_checklist"
GATE_LIFE: Final = timedelta(days=14)
"""How long the gate's judgement of a candidate holds: the world that it was judged on moves on."""

LIST_LIFE: Final = timedelta(hours=24)
"""How long an item of the pre-launch checklist holds."""


def of_promotion(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to promote a version now; empty when nothing does."""
    return of_others(feature) or tuple(_of_promotion(root, feature, version, standing))


def of_launch(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to launch a feature with a version now; empty when nothing does."""
    return of_others(feature) or tuple(_of_launch(root, feature, version, standing))


def of_rollback(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> tuple[str, ...]:
    """Everything that forbids to roll back to a version; neither a hold nor an incident does.

    It was live before, so it was judged and approved before. A broken ledger forbids no way back.
    """
    if elsewhere := of_others(feature):
        return elsewhere
    reasons = []
    if version == standing.live:
        reasons.append(f"version {version} is live already")
    elif version not in {move.version for move in standing.moves}:
        reasons.append(f"version {version} was never live: a new one is promoted")
    return (*reasons, *_unregistered(root, feature, version))


def event_at(root: Root, feature: AiFeatureSpec, kind: EventKind, place: Place) -> Event:
    """The event of the ledger at a place that its standing named."""
    events = root.ledger.events(feature.name, kinds=[kind])
    return next(event for event in events if (event.block_seq, event.idx) == place)


def _of_promotion(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
    if standing.launched is None:
        yield f"{feature.name} is not launched: the first version is launched, not promoted"
    if version == standing.live:
        yield f"version {version} is live already"
    judged = {item: _judgements(root, feature, item, version) for item in GATE_CHECKS}
    yield from _gate(root.clock.now(), version, standing, judged)
    yield from _unapproved(root, feature, version, standing)
    approval = standing.approvals.get(version)
    signed = _signed_at(root, feature, approval) if approval else root.clock.now()
    if approval and any(own and own[0].as_of > signed for own in judged.values()):
        yield f"{approval.by} decided before the gate had judged version {version}"
    yield from standing.forbidding
    yield from _unregistered(root, feature, version)
    yield from broken_chain(root)


def _of_launch(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
    if standing.launched is not None:
        launched = standing.launched
        yield f"{feature.name} was launched on {launched.at:%Y-%m-%d} with {launched.version}"
    if standing.gate is None:
        yield "no criteria are frozen: freeze them before the launch"
    elif standing.gate.hash != feature.gate.digest:
        yield (
            f"the criteria of the feature's file ({feature.gate.digest[:12]}…) are not those that "
            f"{standing.gate.by} froze ({standing.gate.hash[:12]}…)"
        )
    yield from _unapproved(root, feature, version, standing)
    yield from _unlisted(root, feature, standing)
    yield from _unrehearsed(root, feature, version)
    for hold in standing.holds:
        yield f"held by {hold.by} since {hold.since:%Y-%m-%d %H:%M}: {hold.reason}"
    yield from _unregistered(root, feature, version)
    yield from broken_chain(root)


def _judgements(
    root: Root, feature: AiFeatureSpec, item: str, version: str
) -> list[RecordedVerdict]:
    """Every verdict of the gate on a version, oldest first."""
    return [
        verdict
        for verdict in root.ledger.history(feature.name, item)
        if verdict.asset == GATE_ASSET and verdict.verdict.observed.get("version") == version
    ]


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
    for item, own in judged.items():
        if not own:
            yield f"{item}: version {version} was never judged"
            continue
        verdict, observed = own[-1].verdict, own[-1].verdict.observed
        if verdict.status != "pass":
            yield f"{item}: {verdict.status}: {verdict.reason}"
        elif observed.get("gate_hash") != gate.hash:
            yield f"{item}: judged by other criteria than those in force ({gate.hash[:12]}…)"
        elif observed.get("champion") != standing.live:
            champion = observed.get("champion")
            yield f"{item}: judged beside version {champion}, live is {standing.live}"
        elif now - own[-1].as_of > GATE_LIFE:
            yield (
                f"{item}: judged on {own[-1].as_of:%Y-%m-%d}, more than {GATE_LIFE.days} days ago"
            )


def _unapproved(
    root: Root, feature: AiFeatureSpec, version: str, standing: Standing
) -> Iterator[str]:
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


def wrong_signature(
    root: Root, feature: AiFeatureSpec, event: Event, standing: Standing
) -> str | None:
    """What is wrong with the signature that an event of the ledger carries, or None."""
    try:
        verified_again(root, feature, event, standing)
    except DecisionRefused as refused:
        return str(refused)
    return None


def _unlisted(root: Root, feature: AiFeatureSpec, standing: Standing) -> Iterator[str]:
    """The items of the pre-launch checklist that neither pass nor are waived."""
    now = root.clock.now()
    known = {
        verdict.item: verdict
        for verdict in root.ledger.verdicts(
            feature.name, items=PRE_LAUNCH_ITEMS, assets=(LIST_ASSET,)
        )
    }
    for item in PRE_LAUNCH_ITEMS:
        if item not in known:
            yield f"{item}: never judged; materialise {LIST_ASSET}"
            continue
        recorded, verdict = known[item], known[item].verdict
        if not verdict.passed:
            yield f"{item}: {verdict.status}: {verdict.reason}"
        elif now - recorded.as_of > LIST_LIFE:
            yield f"{item}: judged at {recorded.as_of:%Y-%m-%d %H:%M}, more than a day ago"
        elif verdict.status == "waived" and (wrong := _unwaived(root, feature, item, standing)):
            yield f"{item}: {wrong}"


def _unwaived(root: Root, feature: AiFeatureSpec, item: str, standing: Standing) -> str | None:
    """Why no signed waiver excuses an item today, or None when one does."""
    today = root.clock.now().date().isoformat()
    found = [
        event
        for event in root.ledger.events(feature.name, kinds=["waiver"])
        if event.payload.get("item") == item and event.payload.get("until", "") >= today
    ]
    if not found:
        return "waived, and no waiver of it holds today"
    wrong = [wrong_signature(root, feature, event, standing) for event in found]
    return None if None in wrong else f"its waiver does not hold: {wrong[-1]}"


def _unrehearsed(root: Root, feature: AiFeatureSpec, version: str) -> tuple[str, ...]:
    """Why the checklist says nothing of a version: it was judged while another one answered."""
    try:
        rehearsed = root.registry.alias(feature.name, REHEARSAL)
    except AiOpsError:
        return ()  # a registry that does not answer is named with the version
    if rehearsed in (None, version):
        return ()
    return (f"version {version} was not rehearsed: in rehearsal is version {rehearsed}",)


def _unregistered(root: Root, feature: AiFeatureSpec, version: str) -> tuple[str, ...]:
    """Why a version cannot serve: not registered, without metrics, its files gone or changed."""
    try:
        found = root.registry.version(feature.name, version)
        root.registry.load(feature.name, version)
    except AiOpsError as error:
        return (str(error),)
    if not found.metrics:
        return (f"version {version} is registered without a metric that it passed",)
    return ()


def broken_chain(root: Root) -> tuple[str, ...]:
    """Where the ledger's chain breaks: nothing that it says can be relied on then."""
    try:
        root.ledger.verify()
    except LedgerBroken as broken:
        return (f"the ledger is broken: {broken}",)
    return ()
