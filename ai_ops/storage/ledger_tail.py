"""The end of the ledger: when it was last written, and whether its last links hold.

To verify the whole chain takes longer with every year; a probe asks every minute.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import block_hash, event_digest
from ai_ops.storage.ledger_tables import (
    BLOCKS,
    EVENTS,
    create_tables,
    is_absent,
    make_engine,
    reading,
)
from ai_ops.vocabulary.errors import LedgerBroken

LAST: Final = 3
"""So many blocks at the end are looked at."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The last block: its number, and when the wall recorded it."""

    seq: int
    recorded_at: datetime


def tail_of(ledger: Ledger, last: int = LAST) -> Tail | None:
    """The ledger's last block, None while it is empty; ``LedgerBroken`` names a link of the last
    few that does not hold. The rest is the matter of ``ai-ops ledger verify``."""
    if is_absent(ledger.url):
        return None
    engine = make_engine(ledger.url)
    create_tables(engine)
    newest = sa.select(BLOCKS).order_by(BLOCKS.c.seq.desc()).limit(last)
    with reading(engine) as connection:
        blocks = connection.execute(newest).mappings().all()[::-1]
        if not blocks:
            return None
        own = sa.select(EVENTS).where(EVENTS.c.block_seq >= blocks[0]["seq"])
        events = connection.execute(own.order_by(EVENTS.c.block_seq, EVENTS.c.idx)).mappings().all()
    before = None
    for block in blocks:
        seq = block["seq"]
        if before is not None and (seq, block["prev_hash"]) != (before["seq"] + 1, before["hash"]):
            raise LedgerBroken(f"block {seq}: it does not follow block {before['seq']}")
        digests = [event_digest(event) for event in events if event["block_seq"] == seq]
        if block_hash(block, digests) != block["hash"]:
            raise LedgerBroken(f"block {seq}: its hash is not that of its header and its events")
        before = block
    return Tail(blocks[-1]["seq"], datetime.fromisoformat(blocks[-1]["recorded_at"]))
