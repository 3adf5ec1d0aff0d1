"""What the gate said of a version, now or before a place of the ledger."""

import json
from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_tables import EVENTS
from ai_ops.storage.marks import selected
from ai_ops.vocabulary.verdicts import RecordedVerdict, from_data
from ai_ops.vocabulary.words import GATE_CHECKS

GATE_ASSET: Final = "candidate_evaluation"


def gate_verdicts(
    ledger: Ledger, feature: str, version: str, before: int | None = None
) -> Mapping[str, list[RecordedVerdict]]:
    """Every verdict of each of the gate's checks on a version, oldest first; with ``before`` only
    what stands in the ledger before that block."""
    query = (
        sa.select(EVENTS.c.payload)
        .where(
            EVENTS.c.feature == feature,
            EVENTS.c.kind == "verdict",
            EVENTS.c.item.in_(GATE_CHECKS),
            EVENTS.c.asset == GATE_ASSET,
        )
        .order_by(EVENTS.c.as_of, EVENTS.c.block_seq, EVENTS.c.idx)
    )
    if before is not None:
        query = query.where(EVENTS.c.block_seq < before)
    found: dict[str, list[RecordedVerdict]] = {item: [] for item in GATE_CHECKS}
    for (payload,) in selected(ledger, query):
        verdict = from_data(feature, json.loads(payload))
        if verdict.verdict.observed.get("version") == version:
            found[verdict.item].append(verdict)
    return found
