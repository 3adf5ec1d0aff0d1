"""What a look at the registry sees, and whether it is another picture than that of the last one."""

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.environments import ALIASES, PLACED
from ai_ops.storage.fingerprints import (
    RECORDED_WITH,
    fingerprint_of,
    record_first_sight,
    states_of_files,
)
from ai_ops.storage.ledger_chain import canonical
from ai_ops.storage.marks import newest_block
from ai_ops.storage.registry import CHAMPION
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.words import EventKind

HALFWAY_SECONDS: Final = 2.0
"""How long a move may take from the ledger to the alias before it counts as stopped halfway."""

DECIDING: Final[tuple[EventKind, ...]] = ("approval", "rejection", "placement", *RECORDED_WITH)
"""What the ledger may say that makes the same registry another thing."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what tells it from another, and whether a move may just be on its way."""

    digest: str
    halfway: bool = False


def watch_registry(root: Root, feature: AiFeatureSpec) -> Look:
    """Look at every version, its files and its aliases, and at what the ledger decided last.

    Versions that nobody saw before have their fingerprint recorded. An alias that is where it was
    before the last move may be on its way: it is looked at once more before that means anything.
    """
    look = _looked(root, feature)
    if look.halfway:
        time.sleep(HALFWAY_SECONDS)
        look = _looked(root, feature)
    return look


def _looked(root: Root, feature: AiFeatureSpec) -> Look:
    try:
        record_first_sight(root, feature)
        versions = root.registry.versions(feature.name)
    except RegistryUnavailable as error:
        return Look(f"unreachable: {type(error.__cause__).__name__}")
    seen = {
        one.version: [fingerprint_of(one), list(one.aliases), list(map(str, states_of_files(one)))]
        for one in versions
    }
    decided = newest_block(root.ledger, feature.name, DECIDING)
    digest = sha256(canonical({"seen": seen, "decided": decided}).encode()).hexdigest()
    standing = standing_of(root.ledger, feature.name)
    aliases = {alias: one.version for one in versions for alias in one.aliases}
    behind = [
        aliases.get(ALIASES[placed.environment]) == placed.previous != placed.version
        for placed in map(standing.placed, PLACED)
        if placed is not None
    ]
    if standing.moves:
        last = standing.moves[-1]
        behind.append(aliases.get(CHAMPION) == last.previous != last.version)
    return Look(digest, any(behind))
