"""Whether a move that the ledger holds may be carried out by the alias that was left behind."""

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.obstacles import broken_chain, event_at, wrong_signature
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing, standing_of


def of_completion(root: Root, feature: AiFeatureSpec, move: Move) -> tuple[str, ...]:
    """Why a move that the ledger holds may not be carried out by the alias: it is not what was
    decided."""
    standing = standing_of(root.ledger, feature.name)
    event = event_at(root, feature, move.kind, move.place)
    if move.kind == "promotion":
        wrong, chain = _unearned(root, feature, event, standing), broken_chain(root)
    else:
        wrong, chain = wrong_signature(root, feature, event, standing), ()
    return (*((f"the {move.kind} does not hold: {wrong}",) if wrong else ()), *chain)


def _unearned(root: Root, feature: AiFeatureSpec, event: Event, standing: Standing) -> str | None:
    """What is wrong with a promotion that the ledger holds: it names the approval that it used."""
    version, place = event.payload["version"], (event.block_seq, event.idx)
    for approval in root.ledger.events(feature.name, kinds=["approval"]):
        own = (approval.block_seq, approval.idx)
        if list(own) != event.payload.get("approval") or approval.payload["version"] != version:
            continue
        if any(m.version == version and own < m.place < place for m in standing.moves):
            return f"the approval of version {version} was used before"
        return wrong_signature(root, feature, approval, standing)
    return f"it names no approval of version {version}"
