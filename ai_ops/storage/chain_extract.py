"""The ledger's chain written out for somebody else: whole, with the payloads of some events."""

from collections.abc import Callable, Iterator
from itertools import groupby

import sqlalchemy as sa

from ai_ops.storage.chain_proof import Proof, line_of, prove
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import GENESIS, Row, stamp
from ai_ops.storage.ledger_tables import BLOCKS, EVENTS, is_absent, make_engine, reading
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS


def concerns(feature: str, window: Window) -> Callable[[Row], bool]:
    """Whether an event is told to who asks about a feature's days.

    Told are all its decisions and moves, of whatever time, the gate's verdicts on any version,
    and the other verdicts on these days or made in them.
    """
    start, end = stamp(window.start), stamp(window.end)

    def asked(event: Row) -> bool:
        if event["feature"] != feature:
            return False
        if event["kind"] != "verdict" or event["item"] in GATE_CHECKS:
            return True
        overlaps: bool = event["window_start"] < end and event["window_end"] > start
        return overlaps or start <= event["as_of"] < end

    return asked


def extract(ledger: Ledger, tells: Callable[[Row], bool]) -> tuple[bytes, Proof]:
    """The chain as it stands now, one line a block, and what was proven of it.

    ``LedgerBroken`` when it does not hold: what is broken is not handed on as proof.
    """
    content = b"".join(_lines(ledger, tells))
    return content, prove(content)


def _lines(ledger: Ledger, tells: Callable[[Row], bool]) -> Iterator[bytes]:
    if is_absent(ledger.url):
        return
    blocks = sa.select(BLOCKS).order_by(BLOCKS.c.seq)
    events = sa.select(EVENTS).order_by(EVENTS.c.block_seq, EVENTS.c.idx)
    with reading(make_engine(ledger.url)) as connection:
        headers = connection.execute(blocks).mappings().all()
        rows = connection.execute(events.execution_options(yield_per=1000)).mappings()
        own = groupby(rows, key=lambda row: row["block_seq"])
        seq, group = next(own, (None, iter(())))
        for header in headers:
            told: list[Row | str] = []
            if seq == header["seq"]:
                told = [event if tells(event) else event["digest"] for event in group]
                seq, group = next(own, (None, iter(())))
            yield line_of(header, told)


def is_empty(proof: Proof) -> bool:
    """Whether nothing was ever judged or decided."""
    return proof.head == GENESIS
