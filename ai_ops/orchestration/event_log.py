"""What ai_ops asks of Dagster's event log beyond its public interface, in this one module.

The SQLite event log keeps one engine a shard: the stock storage builds and disposes an engine for
every event, which is two thirds of the time of a replay of 150 days. Remove the class when
Dagster's own storage keeps its engines. What belongs together is stored together
(``event_batches``).
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import dagster as dg
from dagster._core.events import (
    DagsterEvent,
    DagsterEventBatchMetadata,
    DagsterEventType,
    generate_event_batch_id,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

from ai_ops.orchestration.event_batches import is_batch, store_batch

BATCHED: Final = {"DAGSTER_EVENT_BATCH_SIZE": "5000"}
"""The variable by which Dagster hands the planned partitions of a run and the materializations of
an op to the storage together; without it each is a transaction, or several."""

BUSY_TIMEOUT_SECONDS = 60
ENGINES_KEPT = 8


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, with the engines of the last few shards kept open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: OrderedDict[tuple[int, str], Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Any:
        """``base_dir`` defaults to where the stock storage lies: ``$DAGSTER_HOME/history/runs``."""
        return {"base_dir": dg.Field(str, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "PooledSqliteEventLogStorage":
        """The storage that dagster.yaml describes."""
        home = os.environ.get("DAGSTER_HOME", "")
        base_dir = config_value.get("base_dir") or os.path.join(home, "history", "runs")
        return cls(base_dir, inst_data)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction per database, where they allow it."""
        if is_batch(events):
            store_batch(self, events)
        else:
            super().store_event_batch(events)

    def has_table(self, table_name: str) -> bool:
        """Whether a table exists; one that did is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        # A forked child must not use its parent's connections: engines are kept by process.
        key = (os.getpid(), shard)
        if key not in self._engines:
            engine = create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _without_a_sync_per_event)
            self._engines[key] = engine
            while len(self._engines) > ENGINES_KEPT:
                self._engines.popitem(last=False)[1].dispose()
        self._engines.move_to_end(key)
        return self._engines[key]

    def dispose(self) -> None:
        """Close what is open."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _without_a_sync_per_event(connection: Any, _record: Any) -> None:
    # In WAL mode NORMAL loses no consistency, only the last events of a power cut; the ledger,
    # not this log, is what verdicts are read from.
    connection.execute("PRAGMA synchronous=NORMAL")


def report_evaluations(
    instance: dg.DagsterInstance, run_id: str, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> None:
    """Report the check evaluations of partitions on behalf of a run over a range of them.

    ``instance.report_runless_asset_event`` would do it once only (its rows are unique per check
    and partition, a second run over the same range fails) and leave the run's own rows "planned"
    for ever. Remove this when a check of a range run may yield a result per partition.
    """
    batch = str(generate_event_batch_id())  # type: ignore[no-untyped-call]
    # Other storages take no evaluation in a batch.
    together = isinstance(instance.event_log_storage, PooledSqliteEventLogStorage)
    for number, evaluation in enumerate(evaluations, start=1):
        instance.report_dagster_event(
            DagsterEvent(
                event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
                job_name="range_of_partitions",
                event_specific_data=evaluation,
            ),
            run_id=run_id,
            batch_metadata=DagsterEventBatchMetadata(batch, number == len(evaluations))
            if together
            else None,
        )
