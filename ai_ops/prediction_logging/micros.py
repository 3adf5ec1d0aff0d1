"""Moments as whole microseconds since 1970 began, as Arrow keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def moment_of(micros: int) -> datetime:
    """The moment so many microseconds after 1970 began.

    >>> micros_of(moment_of(1614816001500000))
    1614816001500000
    """
    return _EPOCH + micros * _MICROSECOND


def micros_of(moment: datetime) -> int:
    """A moment in microseconds since 1970 began."""
    return (moment - _EPOCH) // _MICROSECOND
