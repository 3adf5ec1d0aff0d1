"""Where in the ledger each item and partition was judged last: what is due is told from these.

No verdict is decoded: a sensor asks every few seconds, and a year of verdicts is long.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import stamp
from ai_ops.storage.ledger_queries import of_verdicts
from ai_ops.storage.ledger_tables import (
    BLOCKS,
    EVENTS,
    create_tables,
    is_absent,
    make_engine,
    reading,
)
from ai_ops.vocabulary.words import EventKind

Place = tuple[str, str | None]
"""An item, and the partition that was judged (None: an asset without partitions)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The last judgement of a place: the block of the ledger, and the latest ``as_of``."""

    block: int
    as_of: datetime


def marks_of(ledger: Ledger, feature: str) -> Mapping[Place, Mark]:
    """The last judgement of every item and partition of a feature; empty while nothing was."""
    query = (
        sa.select(
            EVENTS.c.item,
            EVENTS.c.partition,
            sa.func.max(EVENTS.c.block_seq),
            sa.func.max(EVENTS.c.as_of),
        )
        .where(*of_verdicts(feature, None, None, None))
        .group_by(EVENTS.c.item, EVENTS.c.partition)
    )
    rows = selected(ledger, query)
    return {(row[0], row[1]): Mark(row[2], datetime.fromisoformat(row[3])) for row in rows}


def newest_block(ledger: Ledger, feature: str, kinds: Collection[EventKind]) -> int:
    """The block that holds the last event of these kinds; 0 when there is none."""
    query = sa.select(sa.func.max(EVENTS.c.block_seq)).where(
        EVENTS.c.feature == feature, EVENTS.c.kind.in_(kinds)
    )
    rows = selected(ledger, query)
    return int(rows[0][0] or 0) if rows else 0


def reached(ledger: Ledger, moment: datetime, before: int) -> bool:
    """Whether anything that stands before a block was recorded as of a moment or later."""
    query = sa.select(EVENTS.c.block_seq).where(
        EVENTS.c.as_of >= stamp(moment), EVENTS.c.block_seq < before
    )
    return bool(selected(ledger, query.limit(1)))


def first_recorded(ledger: Ledger) -> datetime | None:
    """When the first block was recorded, by the wall; None while there is none."""
    query = sa.select(sa.func.min(BLOCKS.c.recorded_at))
    rows = selected(ledger, query)
    return datetime.fromisoformat(rows[0][0]) if rows and rows[0][0] else None


def selected(ledger: Ledger, query: sa.Select[Any]) -> list[Any]:
    """The rows of a query, none while the ledger is not there."""
    if is_absent(ledger.url):
        return []
    engine = make_engine(ledger.url)
    create_tables(engine)
    with reading(engine) as connection:
        return list(connection.execute(query).all())
