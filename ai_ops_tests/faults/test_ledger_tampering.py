"""Somebody goes round the triggers and rewrites the ledger: each way is found and named."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger import Ledger, NewEvent
from ai_ops.storage.ledger_chain import block_hash, event_digest
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Four blocks: three of two failing verdicts each, then a hold."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    for day in ("2021-03-01", "2021-03-02", "2021-03-03"):
        window = Window.of_day(day)
        verdicts = [
            RecordedVerdict(
                "parcels", item, "parcels/log", day, window, datetime(2021, 3, 9, tzinfo=UTC),
                Verdict.failing("rows are missing", Finding("volume", "fail", "3 of 7 rows")),
            )
            for item in ("rows", "nulls")
        ]  # fmt: skip
        ledger.record_verdicts(verdicts, clock=WallClock())
    ledger.append([NewEvent("hold", "parcels", {"by": "Ada"})], clock=WallClock())
    return ledger


def tamper(ledger: Ledger, *statements: str) -> None:
    """Run statements on the file with every trigger dropped and no key enforced."""
    with sqlite3.connect(ledger.url.removeprefix("sqlite:///")) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_the_untouched_ledger_verifies(ledger: Ledger) -> None:
    tamper(ledger)
    verified = ledger.verify()
    assert (verified.blocks, verified.events) == (4, 7)
    assert ledger.verify(head=verified.head) == verified


WHERE = "WHERE block_seq = 2 AND idx = 1"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            [f"UPDATE events SET payload = replace(payload, '3 of 7', '7 of 7') {WHERE}"],
            "block 2, event 1: payload, kind, feature or as_of differ from its digest",
        ),
        ([f"UPDATE events SET payload = 'nothing' {WHERE}"], "block 2, event 1: payload"),
        ([f"UPDATE events SET feature = 'letters' {WHERE}"], "block 2, event 1: .*feature"),
        ([f"UPDATE events SET item = 'rows' {WHERE}"], "block 2, event 1: column item differs"),
        ([f"UPDATE events SET partition = NULL {WHERE}"], "block 2, event 1: column partition"),
        ([f"UPDATE events SET as_of = '2021-03-08' {WHERE}"], "block 2, event 1: column as_of"),
        ([f"UPDATE events SET window_end = 'z' {WHERE}"], "block 2, event 1: column window_end"),
        (["UPDATE events SET kind = 'release' WHERE kind = 'hold'"], "block 4, event 0: .*kind"),
        (["UPDATE events SET item = 'rows' WHERE kind = 'hold'"], "block 4, event 0: column item"),
        ([f"DELETE FROM events {WHERE}"], "block 2, event 1: .* 2 events and has 1"),
        (
            ["DELETE FROM events WHERE block_seq = 2 AND idx = 0"],
            "block 2, event 0: it is missing",
        ),
        (
            [
                "INSERT INTO events SELECT block_seq, 2, kind, feature, as_of, payload, digest, "
                f"item, asset, partition, window_start, window_end FROM events {WHERE}"
            ],
            "block 2, event 2: payload",
        ),
        (
            [
                "UPDATE events SET idx = 9 WHERE block_seq = 2 AND idx = 0",
                "UPDATE events SET idx = 0 WHERE block_seq = 2 AND idx = 1",
                "UPDATE events SET idx = 1 WHERE block_seq = 2 AND idx = 9",
            ],
            "block 2, event 0: payload",
        ),
        (["DELETE FROM events WHERE block_seq = 2"], "block 2, event 0: .* 2 events and has 0"),
        (
            ["DELETE FROM blocks WHERE seq = 2", "DELETE FROM events WHERE block_seq = 2"],
            "block 2: it is missing; the next one is block 3",
        ),
        (["DELETE FROM blocks WHERE seq = 4"], "block 4, event 0: there is no such block"),
        (
            [
                "UPDATE blocks SET seq = 9 WHERE seq = 2",
                "UPDATE blocks SET seq = 2 WHERE seq = 3",
                "UPDATE blocks SET seq = 3 WHERE seq = 9",
            ],
            "block 2: it names .* as the hash before it",
        ),
        (
            [
                "INSERT INTO blocks SELECT 5, 'x', 'y', recorded_at, mode, run_id, n "
                "FROM blocks WHERE seq = 4"
            ],
            "block 5: it names x",
        ),
        (["UPDATE blocks SET prev_hash = 'x' WHERE seq = 3"], "block 3: it names x"),
        (["UPDATE blocks SET hash = 'x' WHERE seq = 3"], "block 3: its hash is not"),
        (["UPDATE blocks SET recorded_at = 'x' WHERE seq = 3"], "block 3: its hash is not"),
        (["UPDATE blocks SET run_id = 'x' WHERE seq = 3"], "block 3: its hash is not"),
        (["UPDATE blocks SET mode = 'replay' WHERE seq = 3"], "block 3: its mode is replay"),
        (["UPDATE blocks SET mode = 'replay'"], "block 1: its hash is not"),
    ],
)
def test_each_way_to_rewrite_is_named(ledger: Ledger, statements: list[str], message: str) -> None:
    tamper(ledger, *statements)
    with pytest.raises(LedgerBroken, match=message):
        ledger.verify()


def test_a_digest_made_to_fit_breaks_the_block(ledger: Ledger) -> None:
    event = next(e for e in ledger.events() if e.kind == "hold")
    payload = json.dumps({"by": "Eve"}, separators=(",", ":"))
    as_of = event.as_of.isoformat(timespec="microseconds")
    row = {"idx": 0, "kind": "hold", "feature": "parcels", "as_of": as_of, "payload": payload}
    tamper(
        ledger,
        f"UPDATE events SET payload = '{payload}', digest = '{event_digest(row)}' "
        "WHERE block_seq = 4",
    )
    with pytest.raises(LedgerBroken, match="block 4: its hash is not"):
        ledger.verify()


def test_a_truncated_tail_is_found_by_a_head_that_was_copied(ledger: Ledger) -> None:
    head = ledger.verify().head
    tamper(ledger, "DELETE FROM events WHERE block_seq = 4", "DELETE FROM blocks WHERE seq = 4")
    assert ledger.verify().blocks == 3, "the rest is a chain of its own"
    with pytest.raises(LedgerBroken, match=r"block 3 is the last.*truncated or recomputed"):
        ledger.verify(head=head)


def test_a_recomputed_chain_is_found_by_a_head_that_was_copied(ledger: Ledger) -> None:
    head = ledger.verify().head
    url = ledger.url.removeprefix("sqlite:///")
    with sqlite3.connect(url) as connection:
        connection.row_factory = sqlite3.Row
        block = dict(connection.execute("SELECT * FROM blocks WHERE seq = 4").fetchone())
        digests = [row["digest"] for row in connection.execute(
            "SELECT digest FROM events WHERE block_seq = 4")]  # fmt: skip
    connection.close()
    forged = block_hash({**block, "run_id": "forged"}, digests)
    tamper(ledger, f"UPDATE blocks SET run_id = 'forged', hash = '{forged}' WHERE seq = 4")
    assert ledger.verify().head == forged
    with pytest.raises(LedgerBroken, match="truncated or recomputed"):
        ledger.verify(head=head)


def test_a_head_stays_good_while_the_chain_grows(ledger: Ledger) -> None:
    head = ledger.verify().head
    ledger.append([NewEvent("release", "parcels", {})], clock=WallClock())
    assert ledger.verify(head=head).blocks == 5
