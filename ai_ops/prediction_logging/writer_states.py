"""How each writer stands at a moment: there, silent, crashed, ended, or never begun."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ai_ops.prediction_logging.day_part import SILENT_AFTER
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.prediction_logging.roster import Roster

State = Literal["alive", "silent", "crashed", "closed", "cut short", "never started"]


@dataclass(frozen=True, slots=True)
class WriterState:
    """One process of a writer; of a writer that never began only its name.

    ``since`` is when the state began; ``sequence`` the last number it told of, and the counts are
    those of its last heartbeat (None when it told none).
    """

    writer: str
    state: State
    declared: bool
    since: datetime | None = None
    incarnation: str | None = None
    host: str | None = None
    pid: int | None = None
    last_alive: datetime | None = None
    sequence: int | None = None
    failures: int | None = None
    unsampled: int | None = None
    withheld: int | None = None
    served: int | None = None


def states_of(
    incarnations: Sequence[Incarnation], roster: Roster, now: datetime
) -> tuple[WriterState, ...]:
    """The state of every writer, declared or not, in the order of the roster."""
    declared = [writer.name for writer in roster.writers]
    names = [*declared, *sorted({one.writer for one in incarnations} - set(declared))]
    return tuple(
        state for name in names for state in _of_writer(name, incarnations, roster, now, declared)
    )


def as_data(state: WriterState) -> dict[str, Any]:
    """A state as JSON-ready data, times in ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name in WriterState.__slots__
        for value in (getattr(state, name),)
    }


def _of_writer(
    name: str,
    incarnations: Sequence[Incarnation],
    roster: Roster,
    now: datetime,
    declared: Sequence[str],
) -> Iterator[WriterState]:
    own = [one for one in incarnations if one.writer == name]
    if not own:
        yield WriterState(name, "never started", declared=True)
    for one in sorted(own, key=lambda one: (one.last_alive or now, one.incarnation)):
        told = one.told
        state = _state(one, roster, now)
        yield WriterState(
            writer=name,
            state=state,
            declared=name in declared,
            since=one.begun if state == "alive" else one.last_alive,
            incarnation=one.incarnation,
            host=one.host,
            pid=one.pid,
            last_alive=one.last_alive,
            sequence=max(told.last if told else 0, one.last or 0),
            failures=told.failures if told else None,
            unsampled=told.unsampled if told else None,
            withheld=told.withheld if told else None,
            served=told.served if told else None,
        )


def _state(one: Incarnation, roster: Roster, now: datetime) -> State:
    if one.ended != "open":
        return one.ended
    seconds = max(one.heartbeat_seconds or 0, roster.heartbeat_seconds)
    limit = timedelta(seconds=SILENT_AFTER * seconds)
    return "alive" if one.last_alive and now - one.last_alive <= limit else "silent"
