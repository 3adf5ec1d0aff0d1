"""Signs of life: when each part of the machinery was last seen at work, by the clock on the wall.

They stand in the ledger's database, in a table of their own that is no part of the chain: a sign
every few seconds would bury what was decided. One that is forged hides a sensor that is gone and
makes no item pass: for that its verdicts are needed still.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ai_ops.storage.clocks import WallClock
from ai_ops.storage.ledger import Ledger
from ai_ops.storage.ledger_chain import stamp
from ai_ops.storage.ledger_tables import create_tables, is_absent, make_engine, reading, writing
from ai_ops.storage.root import Root

METADATA = sa.MetaData()

SIGNS = sa.Table(
    "signs",
    METADATA,
    sa.Column("feature", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("hour", sa.String(13), primary_key=True),
    # A bit for each minute in which there was a sign: what was known at a moment is told later.
    sa.Column("minutes", sa.BigInteger, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
)

SPARED: Final = timedelta(seconds=30)
"""A sign that comes this soon after one with the same words is not written."""

STOPPED: Final = "stopped:"
FAILED: Final = "failed:"
KNOWN: Final = "known:"
"""Before the name of a source: it was seen stopped, it failed, it is to run."""

AWAKE: Final = "awake"
"""The sign that after a silence of all of it the machinery came back."""

KEPT: Final = timedelta(days=100)
"""How long signs are kept: three times what the rarest schedule takes."""


@dataclass(frozen=True, slots=True)
class LastSign:
    """When a source was first and last seen, and what it said then."""

    first_at: datetime
    at: datetime
    words: str


def sign(
    root: Root, feature: str, source: str, words: str = "", *, at: datetime | None = None
) -> bool:
    """Note that a source is at work now; whether it was written.

    It is not in a replay, whose processes come and go with it, nor right after the same sign.
    """
    if root.clock.mode == "replay":
        return False
    moment = (at or WallClock().now()).astimezone(UTC)
    engine = _engine(root.ledger)
    with reading(engine) as connection:
        last = connection.execute(_newest(feature, source).limit(1)).one_or_none()
    if last and last.words == words and abs(moment - datetime.fromisoformat(last.at)) < SPARED:
        return False
    row = {
        "feature": feature,
        "source": source,
        "hour": _hour(moment),
        "minutes": 1 << moment.minute,
        "at": stamp(moment),
        "words": words,
    }
    with writing(engine) as connection:
        connection.execute(_upsert(engine, row))
        if last is None or last.hour != row["hour"]:
            old = SIGNS.c.hour < _hour(moment - KEPT)
            mine = sa.and_(SIGNS.c.feature == feature, SIGNS.c.source == source)
            connection.execute(sa.delete(SIGNS).where(mine, old))
    return True


def last_sign(ledger: Ledger, feature: str, source: str) -> datetime | None:
    """When a source was last seen; None where it never was."""
    if (engine := _readable(ledger)) is None:
        return None
    with reading(engine) as connection:
        last = connection.execute(_newest(feature, source).limit(1)).one_or_none()
    return None if last is None else datetime.fromisoformat(last.at)


def signs_of(ledger: Ledger, feature: str, as_of: datetime | None = None) -> Mapping[str, LastSign]:
    """The last sign of each source of a feature that was there at a moment (to the minute)."""
    if (engine := _readable(ledger)) is None:
        return {}
    with reading(engine) as connection:
        found = {}
        for source in _sources(connection, feature):
            query = _newest(feature, source)
            if as_of is not None:
                query = query.where(SIGNS.c.hour <= _hour(as_of))
            # Of the hour of that moment every sign may be later; the one before then tells.
            rows = connection.execute(query.limit(2)).all()
            oldest = query.order_by(None).order_by(SIGNS.c.hour).limit(1)
            first = connection.execute(oldest).one_or_none()
            last = next((seen for row in rows if (seen := _seen(row, as_of))), None)
            if last is not None and first is not None:
                found[source] = LastSign(_first(first), *last)
    return found


def newest_sign(ledger: Ledger, feature: str) -> datetime | None:
    """The latest moment at which any source of a feature gave a sign, even if it is not yet."""
    return max((one.at for one in signs_of(ledger, feature).values()), default=None)


def forget_after(root: Root, moment: datetime) -> int:
    """Remove the signs that were given after a moment, by a clock that was wrong; how many hours
    of a source they were."""
    if (engine := _readable(root.ledger)) is None:
        return 0
    with writing(engine) as connection:
        done = connection.execute(sa.delete(SIGNS).where(SIGNS.c.at > stamp(moment)))
    return int(done.rowcount)


def _sources(connection: sa.Connection, feature: str) -> Iterator[str]:
    """The sources of a feature in order, each found by one step into the index: to look through
    all rows for the few names that they hold takes a second."""
    source = ""
    while True:
        query = sa.select(sa.func.min(SIGNS.c.source)).where(
            SIGNS.c.feature == feature, SIGNS.c.source > source
        )
        if (found := connection.execute(query).scalar_one_or_none()) is None:
            return
        source = str(found)
        yield source


def _newest(feature: str, source: str) -> sa.Select[tuple[str, int, str, str]]:
    return (
        sa.select(SIGNS.c.hour, SIGNS.c.minutes, SIGNS.c.at, SIGNS.c.words)
        .where(SIGNS.c.feature == feature, SIGNS.c.source == source)
        .order_by(SIGNS.c.hour.desc())
    )


def _seen(
    row: sa.Row[tuple[str, int, str, str]], as_of: datetime | None
) -> tuple[datetime, str] | None:
    """The last sign of an hour that was there at a moment, and what it said."""
    last = datetime.fromisoformat(row.at)
    if as_of is None or last <= as_of:
        return last, row.words
    start = _start(row.hour)
    known = [minute for minute in range(60) if row.minutes >> minute & 1]
    before = [at for minute in known if (at := start + timedelta(minutes=minute)) <= as_of]
    return (before[-1], row.words) if before else None


def _first(row: sa.Row[tuple[str, int, str, str]]) -> datetime:
    lowest = (row.minutes & -row.minutes).bit_length() - 1
    return _start(row.hour) + timedelta(minutes=lowest)


def _hour(moment: datetime) -> str:
    """The hour of a moment, whose alphabetical order is the order of time.

    >>> _hour(datetime(2021, 3, 4, 5, 59, tzinfo=UTC))
    '2021-03-04T05'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H}"


def _start(hour: str) -> datetime:
    return datetime.fromisoformat(f"{hour}:00:00+00:00")


def _upsert(engine: sa.Engine, row: Mapping[str, object]) -> sa.Executable:
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(SIGNS).values(dict(row))
    later = insert.excluded.at >= SIGNS.c.at
    statement: sa.Executable = insert.on_conflict_do_update(
        index_elements=[SIGNS.c.feature, SIGNS.c.source, SIGNS.c.hour],
        set_={
            "minutes": SIGNS.c.minutes.op("|")(insert.excluded.minutes),
            "at": sa.case((later, insert.excluded.at), else_=SIGNS.c.at),
            "words": sa.case((later, insert.excluded.words), else_=SIGNS.c.words),
        },
    )
    return statement


def _engine(ledger: Ledger) -> sa.Engine:
    engine = make_engine(ledger.url)
    create_tables(engine)
    if not _has_table(engine):
        with writing(engine) as connection:  # one process at a time makes it
            METADATA.create_all(connection, checkfirst=True)
    return engine


def _readable(ledger: Ledger) -> sa.Engine | None:
    """An engine where there are signs to read; whoever reads makes no table."""
    if is_absent(ledger.url):
        return None
    engine = make_engine(ledger.url)
    return engine if _has_table(engine) else None


def _has_table(engine: sa.Engine) -> bool:
    with reading(engine) as connection:
        return sa.inspect(connection).has_table(SIGNS.name)
