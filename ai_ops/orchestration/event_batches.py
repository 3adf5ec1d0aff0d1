"""Many events of one run, stored in one transaction per database: what a range of partitions needs.

Dagster's SQLite event log stores each event alone, in four to six statements with a look at the
schema in between; a range of a hundred days has three thousand events. The rows are the ones that
it would write. Remove this module when its ``store_event_batch`` is one transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from dagster._core.events import DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection

PLANNED: Final = DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
EVALUATED: Final = DagsterEventType.ASSET_CHECK_EVALUATION
OF_ASSETS: Final = (
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
)

Stored = tuple[EventLogEntry, int, dict[str, Any]]
"""An event, its number in the index database, and its row."""


class Storage(Protocol):
    """What is used of Dagster's SQLite event log, all of it private to Dagster."""

    def run_connection(self, run_id: str | None = None) -> Any:
        """A connection to a run's own database, in a transaction."""

    def index_connection(self) -> Any:
        """A connection to the database over all runs, in a transaction."""

    def _event_to_row(self, event: EventLogEntry) -> dict[str, Any]: ...

    def _event_insert_timestamp(self, event: EventLogEntry) -> Any: ...

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None: ...

    def _store_asset_event_tags(
        self, conn: Connection, events: Sequence[EventLogEntry], event_ids: Sequence[int]
    ) -> None: ...


def is_batch(events: Sequence[EventLogEntry]) -> bool:
    """Whether all of them are of one run and of the kinds that are stored together."""
    return len({event.run_id for event in events}) == 1 and all(_fits(event) for event in events)


def store_batch(storage: Storage, events: Sequence[EventLogEntry]) -> None:
    """Store the events of a run: in the run's own database, then in the index over all runs."""
    rows = [storage._event_to_row(event) for event in events]
    with storage.run_connection(events[0].run_id) as connection:
        connection.execute(SqlEventLogStorageTable.insert(), rows)
    with storage.index_connection() as connection:
        # The first one takes the lock for writing: from then on the numbers are ours.
        first = connection.execute(SqlEventLogStorageTable.insert(), rows[0])
        [number] = first.inserted_primary_key
        stored = [
            (event, number + n, row)
            for n, (event, row) in enumerate(zip(events, rows, strict=True))
        ]
        if rest := [{**row, "id": id} for _, id, row in stored[1:]]:
            connection.execute(SqlEventLogStorageTable.insert(), rest)
        _store_assets(storage, connection, stored)
        _store_checks(storage, connection, stored)


def _fits(event: EventLogEntry) -> bool:
    if not event.is_dagster_event or not event.run_id:
        return False
    if event.dagster_event_type is EVALUATED:
        return event.get_dagster_event().asset_check_evaluation_data.partition is not None
    return event.dagster_event_type in (PLANNED, *OF_ASSETS)


def _store_assets(storage: Storage, connection: Connection, stored: Sequence[Stored]) -> None:
    """An asset's own row tells of its last event of each kind: the others need not write it."""
    last: dict[tuple[str, DagsterEventType], Stored] = {}
    made: list[Stored] = []
    for one in stored:
        kind = one[0].dagster_event_type
        if kind in OF_ASSETS:
            place = str(one[0].get_dagster_event().asset_key), kind
            last.pop(place, None)
            last[place] = one
        if kind is DagsterEventType.ASSET_MATERIALIZATION:
            made.append(one)
    for event, number, _ in last.values():
        storage._store_asset_event(connection, event, number)
    if made:
        storage._store_asset_event_tags(
            connection, [event for event, _, _ in made], [number for _, number, _ in made]
        )


def _store_checks(storage: Storage, connection: Connection, stored: Sequence[Stored]) -> None:
    planned = [row for one in stored for row in _planned_rows(storage, one)]
    if planned:
        connection.execute(AssetCheckExecutionsTable.insert(), planned)
    evaluated = [_evaluated_row(storage, one) for one in stored if _is(one, EVALUATED)]
    if not evaluated:
        return
    known = _known_places(connection, evaluated)
    if updated := [row for row in evaluated if _place(row) in known]:
        columns = AssetCheckExecutionsTable.c
        names = ("asset_key", "check_name", "run_id", "partition")
        here = [columns[name] == bindparam(f"its_{name}") for name in names]
        changed: dict[str, Any] = {
            name: bindparam(name) for name in updated[0] if name not in names
        }
        connection.execute(
            AssetCheckExecutionsTable.update().where(*here).values(changed),
            [
                {(f"its_{name}" if name in names else name): value for name, value in row.items()}
                for row in updated
            ],
        )
    if added := [row for row in evaluated if _place(row) not in known]:
        connection.execute(AssetCheckExecutionsTable.insert(), added)


def _planned_rows(storage: Storage, one: Stored) -> Iterable[dict[str, Any]]:
    if not _is(one, PLANNED):
        return
    planned = one[0].get_dagster_event().asset_check_planned_data
    subset = planned.partitions_subset
    for partition in subset.get_partition_keys() if subset else [None]:
        yield _row(storage, one, planned, AssetCheckExecutionRecordStatus.PLANNED, partition)


def _evaluated_row(storage: Storage, one: Stored) -> dict[str, Any]:
    evaluation = one[0].get_dagster_event().asset_check_evaluation_data
    statuses = AssetCheckExecutionRecordStatus
    status = statuses.SUCCEEDED if evaluation.passed else statuses.FAILED
    target = evaluation.target_materialization_data
    return {
        **_row(storage, one, evaluation, status, evaluation.partition),
        "materialization_event_storage_id": target.storage_id if target else None,
    }


def _row(
    storage: Storage,
    one: Stored,
    data: Any,
    status: AssetCheckExecutionRecordStatus,
    partition: str | None,
) -> dict[str, Any]:
    event, number, row = one
    return {
        "asset_key": data.asset_key.to_string(),
        "check_name": data.check_name,
        "partition": partition,
        "run_id": event.run_id,
        "execution_status": status.value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": storage._event_insert_timestamp(event),
        "evaluation_event_storage_id": number,
    }


def _known_places(
    connection: Connection, rows: Sequence[dict[str, Any]]
) -> set[tuple[str, str, str]]:
    columns = AssetCheckExecutionsTable.c
    query = select(columns.asset_key, columns.check_name, columns.partition).where(
        columns.asset_key.in_({row["asset_key"] for row in rows}),
        columns.check_name.in_({row["check_name"] for row in rows}),
        columns.run_id == rows[0]["run_id"],
        columns.partition.is_not(None),
    )
    return {(row[0], row[1], row[2]) for row in connection.execute(query)}


def _place(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["asset_key"], row["check_name"], row["partition"]


def _is(one: Stored, kind: DagsterEventType) -> bool:
    return one[0].dagster_event_type is kind
