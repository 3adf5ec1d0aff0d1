"""The ledger: the append-only book of what was judged and decided, every append a chained block.

State is a fold over its events, nothing is ever rewritten: the database refuses UPDATE and DELETE,
and ``verify`` finds whoever went round the refusal.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger_chain import (
    GENESIS,
    Block,
    Event,
    Row,
    Verified,
    block_hash,
    stamp,
    verify_chain,
)
from ai_ops.storage.ledger_queries import known_at, of_verdicts
from ai_ops.storage.ledger_rows import NewEvent, event_of, event_row, verdict_row
from ai_ops.storage.ledger_tables import (
    BLOCKS,
    EVENTS,
    create_tables,
    is_absent,
    make_engine,
    reading,
    writing,
)
from ai_ops.vocabulary.clock import Clock
from ai_ops.vocabulary.errors import BadInput, ClockRefused, LedgerMoved
from ai_ops.vocabulary.verdicts import RecordedVerdict, from_data
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind, RootMode

__all__ = ["Block", "Event", "Ledger", "NewEvent", "Verified"]


@dataclass(frozen=True)
class Ledger:
    """The ledger in one database: ``sqlite:///path`` or ``postgresql://…``.

    Any number of processes and threads may append at once: each append is one transaction that
    takes its turn. A call keeps no connection, so a ledger may cross a fork.
    """

    url: str

    def __reduce__(self) -> tuple[type["Ledger"], tuple[str]]:
        """What a process that is spawned needs: the URL."""
        return Ledger, (self.url,)

    def mode(self) -> RootMode | None:
        """Whether the root is live or a replay, as its first event fixed; None while empty."""
        if is_absent(self.url):
            return None
        with reading(self._engine) as connection:
            return _genesis_mode(connection)

    def head(self) -> int:
        """The number of the last block, 0 while empty: what a decision is made upon."""
        if is_absent(self.url):
            return 0
        with reading(self._engine) as connection:
            return connection.execute(sa.select(sa.func.max(BLOCKS.c.seq))).scalar_one() or 0

    def birth(self) -> str:
        """The hash of the first block, which tells this ledger from every other."""
        return self.hash_of(1) or GENESIS

    def hash_of(self, block: int) -> str | None:
        """The hash of a block, None when there is no such block."""
        found = self._read(sa.select(BLOCKS.c.hash).where(BLOCKS.c.seq == block))
        return str(found[0]["hash"]) if found else None

    def append(
        self,
        events: Sequence[NewEvent],
        *,
        clock: Clock,
        run_id: str | None = None,
        only_after: int | None = None,
    ) -> Block:
        """Append events as one block; with ``only_after``, only if that block is still the last.

        Raises ``LedgerMoved`` when it is not, ``ClockRefused`` for a clock of the other mode than
        the root's, and ``BadInput`` for no events, an unknown kind, a time in the clock's future,
        or a payload that is not JSON. Verdicts are appended with ``record_verdicts``.
        """
        now = clock.now()
        rows = [event_row(idx, event, now) for idx, event in enumerate(events)]
        return self._append(rows, clock.mode, run_id, WallClock().now(), only_after)

    def record_verdicts(
        self,
        verdicts: Sequence[RecordedVerdict],
        *,
        clock: Clock,
        run_id: str | None = None,
    ) -> tuple[RecordedVerdict, ...]:
        """Append verdicts as one block; returns them with the time of recording set.

        Raises as ``append`` does, ``BadInput`` naming item and key of a number that is not finite.
        """
        if not verdicts:
            return ()
        now, wall = clock.now(), WallClock().now()
        recorded = tuple(replace(verdict, recorded_at=wall) for verdict in verdicts)
        rows = [verdict_row(idx, verdict, now) for idx, verdict in enumerate(recorded)]
        self._append(rows, clock.mode, run_id, wall)
        return recorded

    def verdicts(
        self,
        feature: str,
        *,
        window: Window | None = None,
        as_of: datetime | None = None,
        items: Collection[str] | None = None,
        assets: Collection[str] | None = None,
        afterwards: bool = False,
    ) -> list[RecordedVerdict]:
        """Per item, asset and partition the latest verdict as it was known at ``as_of``.

        Latest means the greatest ``as_of``, then the later in the chain. Of these, the ones whose
        window overlaps ``window``, sorted by the start of their window, then by item. Where nothing
        was known, what a backfill judged ``afterwards`` as of then counts, if it is asked for.
        """
        chain = (EVENTS.c.block_seq, EVENTS.c.idx)
        latest_first: list[sa.ColumnElement[Any]]
        latest_first = [column.desc() for column in (EVENTS.c.as_of, *chain)]
        if as_of is not None and afterwards:
            latest_first.insert(0, sa.case((sa.and_(*known_at(as_of)), 0), else_=1))
        place = (EVENTS.c.item, EVENTS.c.asset, EVENTS.c.partition)
        rank = sa.func.row_number().over(partition_by=place, order_by=latest_first)
        ranked = (
            sa.select(*chain, rank.label("rank"))
            .where(*of_verdicts(feature, as_of, items, assets, afterwards=afterwards))
            .subquery()
        )
        here = sa.and_(EVENTS.c.block_seq == ranked.c.block_seq, EVENTS.c.idx == ranked.c.idx)
        query = (
            sa.select(EVENTS.c.payload)
            .join(ranked, here)
            .where(ranked.c.rank == 1)
            .order_by(EVENTS.c.window_start, *place)
        )
        if window is not None:
            query = query.where(
                EVENTS.c.window_start < stamp(window.end),
                EVENTS.c.window_end > stamp(window.start),
            )
        return self._read_verdicts(feature, query)

    def history(
        self,
        feature: str,
        item: str,
        *,
        partition: str | None = None,
        as_of: datetime | None = None,
    ) -> list[RecordedVerdict]:
        """Every verdict of one item (of one partition, if named), by ``as_of``, then the chain."""
        query = (
            sa.select(EVENTS.c.payload)
            .where(*of_verdicts(feature, as_of, (item,), None))
            .order_by(EVENTS.c.as_of, EVENTS.c.block_seq, EVENTS.c.idx)
        )
        if partition is not None:
            query = query.where(EVENTS.c.partition == partition)
        return self._read_verdicts(feature, query)

    def events(
        self,
        feature: str | None = None,
        kinds: Collection[EventKind] | None = None,
        as_of: datetime | None = None,
        after: int = 0,
    ) -> list[Event]:
        """The events as of a moment, in the order of the chain; those ``after`` a block of it."""
        query = (
            sa.select(EVENTS, BLOCKS.c.recorded_at, BLOCKS.c.run_id)
            .join(BLOCKS, BLOCKS.c.seq == EVENTS.c.block_seq)
            .order_by(EVENTS.c.block_seq, EVENTS.c.idx)
        )
        if after:
            query = query.where(EVENTS.c.block_seq > after)
        if feature is not None:
            query = query.where(EVENTS.c.feature == feature)
        if kinds is not None:
            query = query.where(EVENTS.c.kind.in_(kinds))
        if as_of is not None:
            query = query.where(*known_at(as_of))
        return [event_of(row) for row in self._read(query)]

    def items(self, feature: str) -> list[str]:
        """The items of a feature on which there is any verdict, sorted."""
        query = sa.select(EVENTS.c.item).distinct().where(*of_verdicts(feature, None, None, None))
        return sorted(row["item"] for row in self._read(query))

    def verify(self, *, head: str | None = None) -> Verified:
        """What holds of the chain; ``LedgerBroken`` names the first link that does not.

        ``head`` is the hash of a block that was the last when it was copied outside the database:
        only with it is a truncated or wholly recomputed chain found.
        """
        if is_absent(self.url):
            return verify_chain([], [], head)
        blocks = sa.select(BLOCKS).order_by(BLOCKS.c.seq)
        events = sa.select(EVENTS).order_by(EVENTS.c.block_seq, EVENTS.c.idx)
        with reading(self._engine) as connection:
            return verify_chain(
                connection.execute(blocks).mappings().all(),
                connection.execute(events.execution_options(yield_per=1000)).mappings(),
                head,
            )

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = make_engine(self.url)
        create_tables(engine)
        return engine

    def _append(
        self,
        rows: list[dict[str, Any]],
        mode: RootMode,
        run_id: str | None,
        wall: datetime,
        only_after: int | None = None,
    ) -> Block:
        if not rows:
            raise BadInput("an append needs at least one event")
        with writing(self._engine) as connection:
            if (root_mode := _genesis_mode(connection) or mode) != mode:
                raise ClockRefused(f"this root is {root_mode}; a {mode} clock may not write to it")
            last = connection.execute(
                sa.select(BLOCKS.c.seq, BLOCKS.c.hash).order_by(BLOCKS.c.seq.desc()).limit(1)
            ).one_or_none()
            seq, prev_hash = (last.seq + 1, last.hash) if last else (1, GENESIS)
            if only_after is not None and seq != only_after + 1:
                raise LedgerMoved(f"the ledger is at block {seq - 1}, it was read at {only_after}")
            header = {
                "seq": seq,
                "prev_hash": prev_hash,
                "recorded_at": stamp(wall),
                "mode": mode,
                "run_id": run_id,
                "n": len(rows),
            }
            digest = block_hash(header, (row["digest"] for row in rows))
            connection.execute(BLOCKS.insert(), {**header, "hash": digest})
            connection.execute(EVENTS.insert(), [{**row, "block_seq": seq} for row in rows])
        return Block(seq, prev_hash, digest, wall, mode, run_id, len(rows))

    def _read_verdicts(self, feature: str, query: sa.Select[Any]) -> list[RecordedVerdict]:
        return [from_data(feature, json.loads(row["payload"])) for row in self._read(query)]

    def _read(self, query: sa.Select[Any]) -> Sequence[Row]:
        if is_absent(self.url):
            return ()
        with reading(self._engine) as connection:
            return connection.execute(query).mappings().all()


def _genesis_mode(connection: sa.Connection) -> RootMode | None:
    mode: RootMode | None = connection.execute(
        sa.select(BLOCKS.c.mode).order_by(BLOCKS.c.seq).limit(1)
    ).scalar_one_or_none()
    return mode
