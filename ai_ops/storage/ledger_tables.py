"""The ledger's two tables on SQLite and Postgres, which refuse to be rewritten."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ai_ops.vocabulary.errors import BadInput, LedgerBroken

METADATA = sa.MetaData()

BLOCKS = sa.Table(
    "blocks",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    # Unique, so that not even a writer without the lock can fork the chain.
    sa.Column("prev_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("recorded_at", sa.String(32), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("n", sa.Integer, nullable=False),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("block_seq", sa.ForeignKey("blocks.seq"), primary_key=True),
    sa.Column("idx", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("feature", sa.Text, nullable=False),
    sa.Column("as_of", sa.String(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("item", sa.Text),
    sa.Column("asset", sa.Text),
    sa.Column("partition", sa.Text, quote=True),
    sa.Column("window_start", sa.String(32)),
    sa.Column("window_end", sa.String(32)),
    sa.Index("events_by_place", "feature", "kind", "item", "asset", "partition", "as_of"),
)

_BUSY_SECONDS: Final = 60
_LOCK_KEY: Final = 0x61695F6F7073  # "ai_ops": one lock for every writer of the database
_REFUSAL: Final = "the ledger is append-only"


def make_engine(url: str) -> sa.Engine:
    """An engine that keeps no connection between calls.

    A connection kept would be shared by a forked child; opening one costs less than a commit.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise BadInput(
            f"{url!r}: no address of a ledger; write sqlite:///path or postgresql://…"
        ) from None
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg2"), poolclass=NullPool)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise BadInput(
            f"{parsed.render_as_string()}: the ledger is a SQLite file (sqlite:///path) or Postgres"
        )
    engine = sa.create_engine(parsed, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def is_absent(url: str) -> bool:
    """Whether the ledger is a SQLite file that is not there: whoever reads must not make it."""
    file = _file_of(url)
    return file is not None and not file.exists()


@cache
def _file_of(url: str) -> Path | None:
    """The SQLite file of an address, None for Postgres; asked before every read."""
    parsed = make_engine(url).url
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


@contextmanager
def _damage_named(engine: sa.Engine) -> Iterator[None]:
    """A file that is no ledger is told as what it is; every other error keeps its own words."""
    try:
        yield
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        text = str(error.orig if isinstance(error, sa.exc.DatabaseError) else error)
        if "not a database" in text or "malformed" in text:
            raise LedgerBroken(
                f"{engine.url.database}: {text}; put back a copy of the ledger"
            ) from error
        if "unable to open" in text:
            raise BadInput(
                f"{engine.url.database}: {text}; mend the ledger's address or the folder's rights"
            ) from error
        raise


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that sees one moment of the database throughout."""
    with _damage_named(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that no other writer shares: commits at the end, rolls back on an error."""
    with (
        _damage_named(engine),
        engine.connect().execution_options(ledger_writes=True) as connection,
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            # An advisory lock, for LOCK TABLE would ask for rights beyond INSERT and SELECT.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
        yield connection


def create_tables(engine: sa.Engine) -> None:
    """Create tables and triggers where they are missing; safe in several processes at once."""
    with _damage_named(engine):
        if sa.inspect(engine).has_table(EVENTS.name):
            return
        if engine.dialect.name == "sqlite":
            _switch_to_wal(engine)
    with writing(engine) as connection:
        if sa.inspect(connection).has_table(EVENTS.name):
            return
        METADATA.create_all(connection, checkfirst=False)
        statements = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRES
        for statement in statements:
            connection.exec_driver_sql(statement)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver would begin transactions by itself, and too late for BEGIN IMMEDIATE.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(engine: sa.Engine) -> None:
    # Changing the journal mode does not wait for other processes as a transaction does.
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        finally:
            raw.close()


_SQLITE: Final = (
    *(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for table in ("blocks", "events")
        for verb in ("update", "delete")
    ),
    # INSERT OR REPLACE deletes without asking the trigger on DELETE.
    f"CREATE TRIGGER blocks_no_replace BEFORE INSERT ON blocks "
    f"WHEN EXISTS (SELECT 1 FROM blocks WHERE seq = NEW.seq OR hash = NEW.hash "
    f"OR prev_hash = NEW.prev_hash) BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
    f"CREATE TRIGGER events_no_replace BEFORE INSERT ON events "
    f"WHEN EXISTS (SELECT 1 FROM events WHERE block_seq = NEW.block_seq AND idx = NEW.idx) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END",
)

_POSTGRES: Final = (
    "CREATE FUNCTION ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses()"
        for table in ("blocks", "events")
    ),
)
