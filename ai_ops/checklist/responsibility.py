"""Who answers for what: each item of a checklist beside its domain and the people of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.checklist.reading import ITEMS
from ai_ops.storage.authority import signers
from ai_ops.storage.root import Root
from ai_ops.vocabulary.words import Cadence, OwnedDomain


@dataclass(frozen=True, slots=True)
class Responsibility:
    """An item, who is accountable for it, and who shares the work."""

    item: str
    title: str
    cadence: Cadence
    domain: OwnedDomain
    accountable: str
    supporting: tuple[str, ...]
    checks: tuple[str, ...]

    def as_row(self) -> dict[str, str]:
        """It as a row of the matrix that the UI shows."""
        return {
            "item": self.title,
            "list": self.cadence,
            "domain": self.domain,
            "accountable": self.accountable,
            "supporting": ", ".join(self.supporting) or "–",
        }


def responsibilities(feature: AiFeatureSpec) -> tuple[Responsibility, ...]:
    """The fourteen items with their people, list by list."""
    return tuple(
        Responsibility(
            item.id,
            item.title,
            item.cadence,
            item.domain,
            feature.owner_of(item.domain).accountable,
            feature.owner_of(item.domain).supporting,
            item.reads,
        )
        for items in ITEMS.values()
        for item in items
    )


def keyless(root: Root, feature: AiFeatureSpec) -> Iterator[str]:
    """The domains whose accountable owner cannot sign, in words: no decision of it can be taken."""
    for domain in OWNED_DOMAINS:
        owner = feature.owner_of(domain).accountable
        known = signers(root, feature, (domain,))
        if owner not in known:
            others = f" ({', '.join(sorted(known))} can)" if known else ""
            yield (
                f"{owner} is accountable for {domain} and has no public key{others}: nothing of "
                f"it can be signed; ai-ops identity init {owner}"
            )
