"""What was in force at a moment: the version that answers, and the criteria it is judged by.

The ledger tells it of any moment. The registry's alias has no history: it speaks for a feature
that nobody launched yet. So does the YAML's gate, until one is frozen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.gate import Gate
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """The version that answers; ``since`` when, by the ledger (None: in rehearsal)."""

    version: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class GateInForce:
    """The criteria that hold, with their hash; ``frozen`` in the ledger or only declared."""

    gate: Gate
    hash: str
    frozen: bool


def live_version(
    root: Root, feature: str, at: datetime, as_of: datetime | None = None
) -> LiveVersion | None:
    """The version that answered at a moment, by what the ledger knew ``as_of`` (default: by all).

    Before the launch that is the version which was launched then; without any launch the one that
    the registry's alias names now. None when there is none.
    """
    standing = standing_of(root.ledger, feature, as_of)
    if standing.moves:
        return _by_moves(standing, at)
    serving = root.registry.serving_version(feature)
    return None if serving is None else LiveVersion(serving)


def live_in(root: Root, feature: str, moment: Moment) -> LiveVersion | None:
    """The version that answered when the moment's window ended, as the moment knew it."""
    return live_version(root, feature, moment.window.end - _INSTANT, moment.as_of)


def launched_in(root: Root, feature: str, moment: Moment) -> LiveVersion | None:
    """The same by the ledger alone: None before the launch. No registry is asked."""
    moves = standing_of(root.ledger, feature, moment.as_of).moves
    made = [move for move in moves if move.at < moment.window.end]
    return LiveVersion(made[-1].version, made[-1].at) if made else None


def gate_in_force(root: Root, feature: AiFeatureSpec, as_of: datetime) -> GateInForce:
    """The gate that the ledger froze last, whatever the YAML says by now; before that the YAML's.

    ``MissingEvidence`` when what was frozen cannot be read.
    """
    frozen = standing_of(root.ledger, feature.name, as_of).gate
    if frozen is None:
        return GateInForce(feature.gate, feature.gate.digest, frozen=False)
    try:
        return GateInForce(Gate.model_validate(frozen.criteria), frozen.hash, frozen=True)
    except ValidationError as error:
        raise MissingEvidence(
            f"{feature.name}: the gate that {frozen.by} froze on {frozen.at:%Y-%m-%d} cannot be "
            f"read, amend it: {error}"
        ) from None


def _by_moves(standing: Standing, at: datetime) -> LiveVersion:
    made = [move for move in standing.moves if move.at <= at]
    if made:
        return LiveVersion(made[-1].version, made[-1].at)
    return LiveVersion(standing.moves[0].version)
