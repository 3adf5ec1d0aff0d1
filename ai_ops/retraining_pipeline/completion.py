"""Whether a move that the ledger holds may be carried out by the alias that was left behind."""

from collections.abc import Iterator

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.retraining_pipeline.earned import unearned
from ai_ops.retraining_pipeline.obstacles import broken_chain, of_gate
from ai_ops.storage.believed import believed
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move


def of_completion(root: Root, feature: AiFeatureSpec, move: Move) -> tuple[str, ...]:
    """Why a move that the ledger holds may not be carried out by the alias: it is not what was
    decided, or it was forbidden when it was recorded."""
    if wrong := unearned(root, feature, move):
        found = [f"the {move.kind} does not hold: {wrong}"]
    elif move.kind == "promotion":
        found = [f"the promotion does not hold: {one}" for one in _forbidden(root, feature, move)]
    else:
        return ()  # neither a hold nor a broken chain forbids the way back
    return (*found, *broken_chain(root)) if move.kind == "promotion" else tuple(found)


def _forbidden(root: Root, feature: AiFeatureSpec, move: Move) -> Iterator[str]:
    """What forbade a promotion at its place of the ledger: nobody recorded it through here then."""
    before, _ = believed(root, feature, before=move.place)
    yield from of_gate(root, feature, move.version, before, move.at, move.place[0])
    yield from before.forbidding
