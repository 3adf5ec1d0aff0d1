"""An extract of the ledger's chain, and its proof: every link from the first block to the last.

Each block stands there with its header. Of its events some are told, with their payload; of the
others there is the digest alone, which is all that the block's hash takes. So the chain is
recomputed to its head without anything being shown that is nobody's business here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ai_ops.storage.ledger_chain import GENESIS, block_hash, canonical, event_digest
from ai_ops.vocabulary.errors import LedgerBroken

HEADER: Final = ("seq", "prev_hash", "hash", "recorded_at", "mode", "run_id", "n")
TOLD: Final = ("idx", "kind", "feature", "as_of", "payload", "digest")


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the extract whose digest holds, with the block that it stands in."""

    block: int
    idx: int
    kind: str
    feature: str
    as_of: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    """What held of an extract: its blocks and events, the first and the last hash."""

    blocks: int
    events: int
    birth: str
    head: str
    told: tuple[Told, ...]


def line_of(block: Mapping[Any, Any], events: list[Mapping[Any, Any] | str]) -> bytes:
    """The line of a block: its header, and of each event all of it or its digest."""
    shown = [
        event if isinstance(event, str) else {name: event[name] for name in TOLD}
        for event in events
    ]
    said = {**{name: block[name] for name in HEADER}, "events": shown}
    return canonical(said).encode() + b"\n"


def prove(content: bytes) -> Proof:
    """Recompute the chain of an extract; ``LedgerBroken`` names the first link that does not hold.

    >>> prove(b"").blocks
    0
    """
    head, birth, blocks, events = GENESIS, GENESIS, 0, 0
    told: list[Told] = []
    for line in content.splitlines():
        blocks += 1
        try:
            block = json.loads(line)
            head = _linked(block, blocks, head)
            told.extend(_told(block))
            events += len(block["events"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerBroken(f"block {blocks}: it cannot be read ({error})") from None
        birth = head if blocks == 1 else birth
    return Proof(blocks, events, birth, head, tuple(told))


def _linked(block: Mapping[str, Any], seq: int, head: str) -> str:
    """The block's hash, if it is the next one and made of what stands there."""
    if block["seq"] != seq:
        raise LedgerBroken(f"block {seq}: it is missing; the next one is block {block['seq']}")
    if block["prev_hash"] != head:
        raise LedgerBroken(f"block {seq}: it does not follow the block before it")
    digests = [event if isinstance(event, str) else event["digest"] for event in block["events"]]
    if block["n"] != len(digests):
        raise LedgerBroken(f"block {seq}: it was recorded with {block['n']} events")
    found = block_hash(block, digests)
    if found != block["hash"]:
        raise LedgerBroken(f"block {seq}: its hash is not that of its header and its events")
    return found


def _told(block: Mapping[str, Any]) -> Iterator[Told]:
    for idx, event in enumerate(block["events"]):
        if isinstance(event, str):
            continue
        if event["idx"] != idx or event_digest(event) != event["digest"]:
            raise LedgerBroken(f"block {block['seq']}, event {idx}: it differs from its digest")
        yield Told(
            block["seq"],
            idx,
            event["kind"],
            event["feature"],
            event["as_of"],
            json.loads(event["payload"]),
        )
