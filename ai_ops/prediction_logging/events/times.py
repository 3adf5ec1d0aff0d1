"""Moments as events write them: ISO 8601, or a number since 1970 began."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ai_ops.prediction_logging.events.payloads import Unreadable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = ((10**11, 10**6), (10**14, 10**3), (10**17, 1))
"""Up to which number an epoch counts seconds, milliseconds, microseconds; beyond: nanoseconds.

The first is the year 5138 in seconds and March 1973 in milliseconds.
"""


def moment(told: Any, field: str, zone: ZoneInfo | None) -> datetime:
    """The moment that was told, to the microsecond; ``Unreadable`` where it says none.

    >>> moment("2021-04-10T00:23:26.0789529Z", "time", None).isoformat()
    '2021-04-10T00:23:26.078952+00:00'
    >>> moment("1581452772000000321", "startTimeUnixNano", None).isoformat()
    '2020-02-11T20:26:12+00:00'
    >>> moment("2021-04-10T00:23:26", "time", None)
    Traceback (most recent call last):
    ...
    ai_ops.prediction_logging.events.payloads.Unreadable: time: 2021-04-10T00:23:26 tells no \
zone: name it as source.time_zone
    """
    if type(told) is str:
        try:
            found = datetime.fromisoformat(told)
        except ValueError:
            return _since_1970(told, field)
        if found.tzinfo is not None:
            return found
        if zone is None:
            raise Unreadable(field, f"{told} tells no zone: name it as source.time_zone")
        return found.replace(tzinfo=zone)
    return _since_1970(told, field)


def _since_1970(told: Any, field: str) -> datetime:
    try:
        if isinstance(told, bool):
            raise ValueError
        number = int(told) if isinstance(told, int | str) else float(told)
        for limit, micros in _UNITS:
            if abs(number) < limit:
                return _EPOCH + timedelta(microseconds=int(number * micros))
        return _EPOCH + timedelta(microseconds=int(number) // 1000)
    except (ValueError, TypeError, OverflowError):
        raise Unreadable(field, f"no moment: {str(told)[:80]!r}") from None
