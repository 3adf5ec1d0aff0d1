"""Time is passed in, never read from a global: a replay then judges as production would have."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from ai_ops.vocabulary.words import RootMode


class Clock(Protocol):
    """What tells the time: the wall in production, a file in a replay."""

    @property
    def mode(self) -> RootMode:
        """Whether this clock is the wall's or a replay's."""
        ...

    def now(self) -> datetime:
        """The moment, with its zone (always UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class WallClock:
    """The clock on the wall: production's."""

    mode: Literal["live"] = "live"

    def now(self) -> datetime:
        """The moment, UTC."""
        return datetime.now(UTC)


def utc(text: str | datetime) -> datetime:
    """A moment from ISO 8601; a moment without a zone is refused, one in another zone converted.

    >>> utc("2021-03-04T05:00:00+01:00").isoformat()
    '2021-03-04T04:00:00+00:00'
    >>> utc("2021-03-04T05:00:00")
    Traceback (most recent call last):
    ...
    ValueError: a time needs its zone: 2021-03-04T05:00:00
    """
    moment = datetime.fromisoformat(text) if isinstance(text, str) else text
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone: {moment.isoformat()}")
    return moment.astimezone(UTC)
