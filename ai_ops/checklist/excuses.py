"""What people signed about an item: a waiver that excuses it for a time, a sign-off of its line."""

from dataclasses import replace

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.items import Item
from ai_ops.storage.standing import SignedOff, Waiver
from ai_ops.vocabulary.verdicts import Verdict


def excuse_of(item: Item, evidence: ChecklistEvidence) -> Waiver | None:
    """The waiver that excuses an item at the moment of the judgement, or None."""
    return evidence.standing.waiver(item.id, item.domain, evidence.as_of)


def excused(item: Item, verdict: Verdict, evidence: ChecklistEvidence) -> Verdict:
    """The verdict, `waived` where the item's owner excused it; what it found stays with it.

    A pass needs no excuse and stays a pass. A waiver that excuses nothing (it is over, or whoever
    signed it does not answer for the item) is named in the reason.
    """
    if verdict.passed:
        return verdict
    waiver = excuse_of(item, evidence)
    if waiver is not None:
        excuse = f"waived by {waiver.by} until {waiver.until}: {waiver.reason}"
        return replace(verdict, status="waived", reason=f"{excuse} (excused: {verdict.reason})")
    if words := _excuses_nothing(item, evidence):
        return replace(verdict, reason=f"{verdict.reason}; {words}")
    return verdict


def signed_off(item: Item, evidence: ChecklistEvidence) -> SignedOff | None:
    """The latest sign-off of this line by whoever answers for the item; None when there is none."""
    partition = None if item.cadence == "pre_launch" else evidence.window.start.date().isoformat()
    found = None
    for one in evidence.standing.sign_offs:
        own = (one.item, one.domain, one.cadence) == (item.id, item.domain, item.cadence)
        if own and one.partition == partition:
            found = one
    return found


def _excuses_nothing(item: Item, evidence: ChecklistEvidence) -> str | None:
    """The latest attempt to excuse the item, and why it does not."""
    for waiver in reversed(evidence.standing.waivers):
        if waiver.item != item.id or waiver.since > evidence.as_of:
            continue
        if waiver.domain != item.domain:
            return (
                f"the waiver of {waiver.by} excuses nothing: it was signed for {waiver.domain}, "
                f"the item belongs to {item.domain}"
            )
        return f"the waiver of {waiver.by} was good until {waiver.until}: {waiver.reason}"
    for void in reversed(evidence.void):
        if (void.kind, void.item) == ("waiver", item.id):
            return f"the waiver of {void.by} excuses nothing: {void.reason}"
    return None
