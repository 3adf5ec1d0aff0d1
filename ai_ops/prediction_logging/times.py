"""Times of a day as findings write them."""

from datetime import UTC, datetime, timedelta


def at(moment: datetime) -> str:
    """A moment to the second.

    >>> at(datetime(2021, 3, 4, 12, 0, 7, tzinfo=UTC))
    '2021-03-04 12:00:07'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def between(after: datetime | None, before: datetime | None) -> str:
    """A span of time, as far as its ends are known.

    >>> noon = datetime(2021, 3, 4, 12, tzinfo=UTC)
    >>> between(noon, noon + timedelta(seconds=9))
    'between 2021-03-04 12:00:00 and 12:00:09'
    >>> between(None, noon)
    'before 2021-03-04 12:00:00'
    """
    if before is None:
        return f"after {at(after)}" if after else "at an unknown time"
    if after is None:
        return f"before {at(before)}"
    same = after.astimezone(UTC).date() == before.astimezone(UTC).date()
    return f"between {at(after)} and {at(before)[11:] if same else at(before)}"


def lasting(span: timedelta | float) -> str:
    """A span of time in words, from seconds or a difference.

    >>> [lasting(seconds) for seconds in (2.5, 90, 3 * 3600, 47 * 3600)]
    ['2.5 s', '90 s', '180 min', '47.0 h']
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if abs(seconds) < 10:
        return f"{seconds:.1f} s"
    if abs(seconds) < 300:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if abs(seconds) < 4 * 3600 else f"{seconds / 3600:.1f} h"
