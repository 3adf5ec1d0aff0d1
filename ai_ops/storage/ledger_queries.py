"""Conditions of the ledger's reads: what was known at a moment, and which verdicts are meant."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from ai_ops.storage.ledger_chain import stamp
from ai_ops.storage.ledger_tables import BLOCKS, EVENTS
from ai_ops.vocabulary.clock import utc


def known_at(moment: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """What was known at a moment: as of then and, in a live root, recorded by then.

    A live run that judges a past day as its schedule would have dates its verdicts back. In a
    replay the wall at which it was recorded means nothing.
    """
    then = stamp(utc(moment))
    known = sa.select(BLOCKS.c.seq).where(
        sa.or_(BLOCKS.c.mode == "replay", BLOCKS.c.recorded_at <= then)
    )
    return EVENTS.c.as_of <= then, EVENTS.c.block_seq.in_(known)


def of_verdicts(
    feature: str,
    as_of: datetime | None,
    items: Collection[str] | None,
    assets: Collection[str] | None,
    *,
    afterwards: bool = False,
) -> list[sa.ColumnElement[bool]]:
    """The verdicts of a feature: of these items and assets, known at a moment, where named; with
    ``afterwards`` those as of then that were recorded later too."""
    conditions = [EVENTS.c.feature == feature, EVENTS.c.kind == "verdict"]
    if as_of is not None:
        conditions.extend(known_at(as_of)[:1] if afterwards else known_at(as_of))
    if items is not None:
        conditions.append(EVENTS.c.item.in_(items))
    if assets is not None:
        conditions.append(EVENTS.c.asset.in_(assets))
    return conditions
