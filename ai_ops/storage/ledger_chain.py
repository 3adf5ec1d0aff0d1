"""The hash chain of the ledger: what is hashed, and where a chain first breaks.

Each block names the hash of the block before it, and its own hash covers that name, its header
and the digests of its events. Whoever edits, removes, inserts or reorders anything must rewrite
every later hash; whoever does that too is found by the heads that people signed with their
decisions, and by a head that was copied elsewhere.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from ai_ops.storage.decision_tokens import opened
from ai_ops.vocabulary.errors import DecisionRefused, LedgerBroken
from ai_ops.vocabulary.words import EventKind, RootMode

GENESIS: Final = "0" * 64
"""What the first block names as the hash before it."""

Row = Mapping[Any, Any]
"""A row of a table, by the names of its columns."""

INDEXED: Final = ("as_of", "item", "asset", "partition", "window_start", "window_end")
"""The columns that repeat what a verdict's payload says, so that reads are fast."""


@dataclass(frozen=True, slots=True)
class Block:
    """One append: its place in the chain, when the wall recorded it, how many events it holds."""

    seq: int
    prev_hash: str
    hash: str
    recorded_at: datetime
    mode: RootMode
    run_id: str | None
    n: int


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the ledger, with the block that holds it and the wall's time of recording."""

    block_seq: int
    idx: int
    kind: EventKind
    feature: str
    as_of: datetime
    payload: Mapping[str, Any]
    recorded_at: datetime
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    """What held: how many blocks and events, and the hash of the last block (None when empty)."""

    blocks: int
    events: int
    head: str | None


def stamp(moment: datetime) -> str:
    """A moment as text whose alphabetical order is the order of time.

    >>> stamp(datetime(2021, 3, 4, 5, tzinfo=UTC))
    '2021-03-04T05:00:00.000000+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(data: Any) -> str:
    """The one JSON text of some data; ``ValueError`` for NaN and infinities, which JSON lacks.

    >>> canonical({"b": 1.5, "a": None})
    '{"a":null,"b":1.5}'
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def event_digest(event: Row) -> str:
    """The sha256 of an event's place in its block, kind, feature, time and payload."""
    content = [event[name] for name in ("idx", "kind", "feature", "as_of", "payload")]
    return sha256(canonical(content).encode()).hexdigest()


def block_hash(block: Row, digests: Iterable[str]) -> str:
    """The sha256 over the hash before, the block's header and its events' digests, in order."""
    header = {name: block[name] for name in ("seq", "recorded_at", "mode", "run_id", "n")}
    content = canonical({**header, "events": list(digests)})
    return sha256((block["prev_hash"] + content).encode()).hexdigest()


def indexed_columns(payload: Row) -> dict[str, str | None]:
    """The columns that a verdict's payload implies."""
    return {
        "as_of": stamp(datetime.fromisoformat(payload["as_of"])),
        "item": payload["item"],
        "asset": payload["asset"],
        "partition": payload["partition"],
        "window_start": stamp(datetime.fromisoformat(payload["window"]["start"])),
        "window_end": stamp(datetime.fromisoformat(payload["window"]["end"])),
    }


def verify_chain(
    blocks: Iterable[Row],
    events: Iterable[Row],
    expected_head: str | None = None,
) -> Verified:
    """What held of a chain, both parts in order; ``LedgerBroken`` names the first broken link.

    ``expected_head`` is the hash of a block, copied elsewhere when that block was the last: a
    chain that no longer holds it was truncated or recomputed.
    """
    seq, head, total, mode, seen = 0, GENESIS, 0, None, expected_head is None
    rest, hashes = _Rest(iter(events)), [GENESIS]
    for block in blocks:
        seq += 1
        mode = mode or block["mode"]
        _check_header(block, seq, head, mode)
        own = rest.of_block(seq)
        _check_events(block, own)
        if block_hash(block, (event["digest"] for event in own)) != block["hash"]:
            raise LedgerBroken(f"block {seq}: its hash is not that of its header and its events")
        _check_signed_heads(own, hashes)
        head = block["hash"]
        hashes.append(head)
        total += len(own)
        seen = seen or head == expected_head
    if (orphan := rest.next) is not None:
        raise LedgerBroken(
            f"block {orphan['block_seq']}, event {orphan['idx']}: there is no such block"
        )
    if not seen:
        raise LedgerBroken(
            f"block {seq} is the last, and no block has the expected hash {expected_head}: "
            "the chain was truncated or recomputed"
        )
    return Verified(seq, total, head if seq else None)


class _Rest:
    """The events that are still to be read, handed out block by block."""

    def __init__(self, events: Iterator[Row]) -> None:
        self._events = events
        self.next = next(events, None)

    def of_block(self, seq: int) -> list[Row]:
        own = []
        while self.next is not None and self.next["block_seq"] == seq:
            own.append(self.next)
            self.next = next(self._events, None)
        return own


def _check_header(block: Row, seq: int, head: str, mode: RootMode) -> None:
    if block["seq"] != seq:
        raise LedgerBroken(f"block {seq}: it is missing; the next one is block {block['seq']}")
    if block["prev_hash"] != head:
        raise LedgerBroken(
            f"block {seq}: it names {block['prev_hash'][:12]}… as the hash before it, "
            f"which is {head[:12]}…"
        )
    if block["mode"] != mode:
        raise LedgerBroken(f"block {seq}: its mode is {block['mode']}, the root's is {mode}")


def _check_events(block: Row, events: list[Row]) -> None:
    seq = block["seq"]
    for idx, event in enumerate(events):
        if event["idx"] != idx:
            raise LedgerBroken(f"block {seq}, event {idx}: it is missing")
        if differing := _differing_column(event):
            raise LedgerBroken(
                f"block {seq}, event {idx}: column {differing} differs from its payload"
            )
        if event_digest(event) != event["digest"]:
            raise LedgerBroken(
                f"block {seq}, event {idx}: payload, kind, feature or as_of differ from its digest"
            )
    if len(events) != block["n"]:
        raise LedgerBroken(
            f"block {seq}, event {len(events) if len(events) < block['n'] else block['n']}: "
            f"the block was recorded with {block['n']} events and has {len(events)}"
        )


def _check_signed_heads(events: list[Row], hashes: Sequence[str]) -> None:
    """Whoever decides signs the last block as it was then: a chain made anew has another there."""
    for event in events:
        if event["kind"] == "verdict" or '"token"' not in event["payload"]:
            continue
        try:
            decision = opened(str(json.loads(event["payload"])["token"]))[0]
        except (DecisionRefused, KeyError, TypeError):
            continue  # nobody's decision: whoever acts on it refuses it
        signed = decision.head
        if signed and (signed.block >= len(hashes) or hashes[signed.block] != signed.hash):
            raise LedgerBroken(
                f"block {event['block_seq']}, event {event['idx']}: the {event['kind']} of "
                f"{decision.by} was signed on block {signed.block} with another hash "
                f"({signed.hash[:12]}…): the chain was recomputed"
            )


def _differing_column(event: Row) -> str | None:
    if event["kind"] != "verdict":
        return next((name for name in INDEXED[1:] if event[name] is not None), None)
    try:
        implied = indexed_columns(json.loads(event["payload"]))
    except (ValueError, KeyError, TypeError):
        return None  # the payload itself was damaged: the digest tells
    return next((name for name in INDEXED if event[name] != implied[name]), None)
