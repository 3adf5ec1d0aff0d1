"""Candidates, tokens and refusals: what the tests of moves share."""

import sqlite3

import pytest

from ai_ops.retraining_pipeline.promotion import promote
from ai_ops.storage.ledger_chain import GENESIS, block_hash, event_digest
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import PromotionRefused
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    approved,
    champion,
    gate_passed,
    last_refusal,
    launched,
    standing,
    token_of,
)


def candidate(root: Root, version: str = "2", beside: str = "1") -> None:
    """A launched feature and a candidate that the gate passed and a person approved."""
    if standing(root).launched is None:
        launched(root)
    gate_passed(root, version, beside)
    approved(root, version)


def launch_token(root: Root, version: str = "1", by: str = DEVOPS) -> str:
    return token_of(root, "launch", by, version=version, reason="all is in place")


def back_token(root: Root, version: str = "1", by: str = DEVOPS) -> str:
    return token_of(root, "rollback", by, version=version, reason="it got worse")


def refused_promotion(root: Root, version: str = "2") -> tuple[str, ...]:
    """The reasons for which a promotion is refused: raised, recorded, and nothing moved."""
    before, live = champion(root), standing(root).live
    with pytest.raises(PromotionRefused) as refusal:
        promote(root, FEATURE, version)
    assert last_refusal(root) == ("promotion", refusal.value.reasons)
    assert (champion(root), standing(root).live) == (before, live)
    return refusal.value.reasons


def edit(root: Root, statement: str, *, recompute: bool = False) -> None:
    """Change the ledger's database behind its back; ``recompute`` makes every hash fit again."""
    with sqlite3.connect(root.folder / "ledger.db") as connection:
        connection.row_factory = sqlite3.Row
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (trigger,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
        if recompute:
            _recompute(connection)
    connection.close()


def _recompute(connection: sqlite3.Connection) -> None:
    head = GENESIS
    for block in connection.execute("SELECT * FROM blocks ORDER BY seq").fetchall():
        digests = []
        query = "SELECT * FROM events WHERE block_seq = ? ORDER BY idx"
        for event in connection.execute(query, (block["seq"],)).fetchall():
            digests.append(event_digest(dict(event)))
            place = digests[-1], block["seq"], event["idx"]
            connection.execute("UPDATE events SET digest=? WHERE block_seq=? AND idx=?", place)
        made = block_hash({**dict(block), "prev_hash": head}, digests)
        told = head, made, block["seq"]
        connection.execute("UPDATE blocks SET prev_hash=?, hash=? WHERE seq=?", told)
        head = made
