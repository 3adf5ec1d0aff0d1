"""The one way to production: launch, promotion and rollback.

Each reads ledger and registry at that moment, records what it does in the ledger, and only then
moves the registry's alias. There is no other way, and none past a reason: what is refused is
recorded too.
"""

from collections.abc import Callable
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.completion import of_completion
from ai_ops.retraining_pipeline.earned import event_at
from ai_ops.retraining_pipeline.launch_obstacles import of_launch
from ai_ops.retraining_pipeline.obstacles import of_promotion, of_rollback
from ai_ops.storage.believed import believed
from ai_ops.storage.decisions import Decision, appended, read_token, refuse, verified
from ai_ops.storage.fingerprints import fingerprint_of
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.registry import CHAMPION
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing, fold, standing_of
from ai_ops.storage.told_moves import tell
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops.vocabulary.words import EventKind

obstacles = of_promotion


def promote(root: Root, feature: AiFeatureSpec, version: str, *, run_id: str | None = None) -> Move:
    """Make an approved candidate the version in production.

    Raises ``PromotionRefused`` with everything in the way, and records that. When the version is
    live by the ledger already and the alias was left behind, the alias is moved.
    """
    if (left_behind := _left_behind(root, feature)) and left_behind.version == version:
        return _complete(root, feature, left_behind, "promotion", run_id)

    def decide(standing: Standing) -> NewEvent:
        if reasons := obstacles(root, feature, version, standing):
            raise _refused("promotion", feature, version, reasons)
        approval = standing.approvals[version]
        return _move(
            root,
            feature,
            "promotion",
            standing,
            {
                "version": version,
                "approved_by": approval.by,
                "approval": list(approval.place),
                "reason": approval.reason,
            },
        )

    return _moved(root, feature, "promotion", decide, version=version, run_id=run_id)


def launch(root: Root, feature: AiFeatureSpec, token: str, *, run_id: str | None = None) -> Move:
    """Bring a feature's first version to production, by a signed decision of whoever runs it.

    Raises ``DecisionRefused`` for a token that decides nothing of the kind, ``PromotionRefused``
    with everything in the way, and records either.
    """
    return _by_token(root, feature, "launch", token, of_launch, run_id)


def rollback(root: Root, feature: AiFeatureSpec, token: str, *, run_id: str | None = None) -> Move:
    """Bring back a version that was live before, by a signed decision of whoever runs the service.

    Raises as ``launch`` does; neither a hold nor an incident forbids it.
    """
    return _by_token(root, feature, "rollback", token, of_rollback, run_id)


def _by_token(
    root: Root,
    feature: AiFeatureSpec,
    kind: EventKind,
    token: str,
    in_the_way: Callable[[Root, AiFeatureSpec, str, Standing], tuple[str, ...]],
    run_id: str | None,
) -> Move:
    claimed = _claimed(token)
    left_behind = _left_behind(root, feature)
    if left_behind and claimed and _is_of(root, feature, left_behind, claimed):
        return _complete(root, feature, left_behind, kind, run_id)

    def decide(standing: Standing) -> NewEvent:
        decision = verified(root, feature, token, standing)
        if decision.kind != kind:
            raise DecisionRefused(f"a {decision.kind} was signed, not a {kind}")
        version = str(decision.content["version"])
        if reasons := in_the_way(root, feature, version, standing):
            raise _refused(kind, feature, version, reasons)
        said: dict[str, Any] = decision.payload()
        if kind == "launch":
            said["approval"] = list(standing.approvals[version].place)
        return _move(root, feature, kind, standing, said)

    by = claimed.by if claimed else None
    version = claimed.content.get("version") if claimed else None
    return _moved(root, feature, kind, decide, version=version, by=by, run_id=run_id)


def _move(
    root: Root, feature: AiFeatureSpec, kind: EventKind, standing: Standing, said: dict[str, Any]
) -> NewEvent:
    """The event of a move: what is ``said``, the previous version, the metrics it passed with."""
    version = said["version"]
    registered = root.registry.version(feature.name, version)
    own = next((move for move in reversed(standing.moves) if move.version == version), None)
    gate = believed(root, feature)[0].gate
    metrics, gate_hash = registered.metrics, gate.hash if gate else None
    if kind == "rollback" and own is not None:
        # What it came to production with, and by which criteria: not what is said of it now.
        metrics, gate_hash = own.metrics, own.gate_hash
    payload = {
        **said,
        "previous": standing.live,
        "metrics": dict(metrics),
        "gate_hash": gate_hash,
        "fingerprint": fingerprint_of(registered),
    }
    return NewEvent(kind, feature.name, payload)


def _moved(
    root: Root,
    feature: AiFeatureSpec,
    kind: EventKind,
    decide: Callable[[Standing], NewEvent],
    *,
    version: str | None,
    by: str | None = None,
    run_id: str | None = None,
) -> Move:
    try:
        event = appended(root, feature, decide, run_id=run_id)
    except (PromotionRefused, DecisionRefused) as error:
        reasons = error.reasons if isinstance(error, PromotionRefused) else (str(error),)
        refuse(root, feature, kind, list(reasons), by=by, version=version, run_id=run_id)
        raise
    _follow_ledger(root, feature)
    return fold([event]).moves[0]


def _left_behind(root: Root, feature: AiFeatureSpec) -> Move | None:
    """The latest move, if the alias did not follow it: whoever recorded it was stopped there."""
    moves = standing_of(root.ledger, feature.name).moves
    if not moves or root.registry.champion(feature.name) == moves[-1].version:
        return None
    return moves[-1]


def _complete(
    root: Root, feature: AiFeatureSpec, move: Move, kind: EventKind, run_id: str | None
) -> Move:
    if reasons := of_completion(root, feature, move):
        refuse(root, feature, kind, list(reasons), version=move.version, run_id=run_id)
        raise _refused(kind, feature, move.version, reasons)
    _follow_ledger(root, feature)
    return move


def _follow_ledger(root: Root, feature: AiFeatureSpec) -> None:
    """Point the alias at the version that is live by the ledger, also when that moves meanwhile."""
    live = None
    while (now := standing_of(root.ledger, feature.name).live) != live and now is not None:
        root.registry.set_alias(feature.name, CHAMPION, now)
        live = now
    tell(root, feature.name)


def _is_of(root: Root, feature: AiFeatureSpec, move: Move, claimed: Decision) -> bool:
    event = event_at(root, feature, move.kind, move.place)
    return event.payload.get("token") == claimed.token


def _claimed(token: str) -> Decision | None:
    """What a token says, believed or not."""
    try:
        return read_token(token)
    except DecisionRefused:
        return None


def _refused(
    kind: EventKind, feature: AiFeatureSpec, version: str, reasons: tuple[str, ...]
) -> PromotionRefused:
    return PromotionRefused(f"the {kind} of {feature.name} version {version}", reasons)
