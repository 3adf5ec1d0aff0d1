"""Time and sequence number of each line, read from the stamp that its writer set at its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from ai_ops.client.records import OpenRecord
from ai_ops.prediction_logging.line_scan import Flags, Places, Scan

_CRC: Final = len(b',"crc":"00000000"}\n')
_ZONES: Final = (b'Z"', b'+00:00"')
_DIGITS_AT_MOST: Final = 18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = _EPOCH.toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of each line: whether it has the writer's stamp, and then its time (µs, UTC) and number."""

    found: Flags
    times: Places
    numbers: Places


def moment_of(micros: int) -> datetime:
    """The moment so many microseconds after 1970 began.

    >>> micros_of(moment_of(1614816001500000))
    1614816001500000
    """
    return _EPOCH + micros * _MICROSECOND


def micros_of(moment: datetime) -> int:
    """A moment in microseconds since 1970 began."""
    return (moment - _EPOCH) // _MICROSECOND


def stamps_of(scan: Scan, opening: OpenRecord) -> Stamps:
    """The stamps of the lines that the writer of ``opening`` wrote.

    >>> opening = OpenRecord(schema=2, feature="f", writer="w", incarnation="i", pid=1,
    ...                      time=msgspec.json.decode('"2021-03-04T00:00:00Z"', type=datetime))
    >>> line = (b'{"id":"a","time":"2021-03-04T00:00:01.5Z","feature":"f","writer":"w",'
    ...         b'"incarnation":"i","seq":7,"crc":"00000000"}\\n')
    >>> stamps = stamps_of(Scan(line), opening)
    >>> stamps.found.tolist(), stamps.numbers.tolist(), stamps.times.tolist()
    ([True], [7], [1614816001500000])
    """
    names = {
        "feature": opening.feature,
        "writer": opening.writer,
        "incarnation": opening.incarnation,
    }
    stamp = b",%b" % msgspec.json.encode(names)[1:-1]
    count = len(scan.ends)
    found, times = np.zeros(count, np.bool_), np.zeros(count, np.int64)
    numbers = np.zeros(count, np.int64)
    for rows, places, values in _numbers(scan):
        same = scan.stands_before(stamp, places)
        rows, places, values = rows[same], places[same] - len(stamp), values[same]
        numbers[rows] = values
        for part, moments in _times(scan, places):
            found[rows[part]], times[rows[part]] = True, moments
    return Stamps(found, times, numbers)


def _numbers(scan: Scan) -> Iterator[tuple[Places, Places, Places]]:
    """The lines with a sequence number of each length: which, where ``,"seq":`` starts, number."""
    rows = np.flatnonzero(scan.ends - scan.starts > _CRC + _DIGITS_AT_MOST + 16)
    for digits in range(1, _DIGITS_AT_MOST + 1):
        if not len(rows):
            return
        end = scan.ends[rows] - _CRC
        found = scan.stands_before(b'","seq":', end - digits)
        if not found.any():
            continue
        values, sound = _digits(scan, end[found] - digits, digits)
        sound &= (digits == 1) | (values >= 10 ** (digits - 1))
        places = end[found][sound] - digits - len(b',"seq":')
        yield rows[found][sound], places, values[sound]
        rows = rows[~found]


def _times(scan: Scan, ends: Places) -> Iterator[tuple[Places, Places]]:
    """The times that end at these places, in each form that a client writes: which, and when."""
    left = np.arange(len(ends))
    for zone in _ZONES:
        for decimals in (6, 0, 5, 4, 3, 2, 1):
            if not len(left):
                return
            size = len("2021-03-04T05:06:07") + (decimals + 1 if decimals else 0) + len(zone)
            at = ends[left] - size
            begun = scan.stands_before(b',"time":"', at)
            begun &= scan.stands_before(zone, ends[left])
            if not begun.any():
                continue
            moments, sound = _moments(scan, at[begun], decimals)
            yield left[begun][sound], moments[sound]
            left = left[~begun]


def _moments(scan: Scan, at: Places, decimals: int) -> tuple[Places, Flags]:
    sound = np.ones(len(at), np.bool_)
    for place, sign in ((4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")):
        sound &= scan.octets[at + place] == ord(sign)
    values = []
    for place, digits in ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2)):
        value, plain = _digits(scan, at + place, digits)
        values.append(value)
        sound &= plain
    year, month, day, hour, minute, second = values
    sound &= (hour < 24) & (minute < 60) & (second < 60)
    fraction = np.zeros_like(second)
    if decimals:
        fraction, plain = _digits(scan, at + 20, decimals)
        fraction *= 10 ** (6 - decimals)
        sound &= plain & (scan.octets[at + 19] == ord("."))
    days, real = _days(year * 10_000 + month * 100 + day)
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * 1_000_000 + fraction, sound & real


def _days(dates: Places) -> tuple[Places, Flags]:
    """Days since 1970 of dates written as one number, and whether there is such a day."""
    if len(dates) and (dates == dates[0]).all():  # a segment seldom holds two
        different, inverse = dates[:1], np.zeros(len(dates), np.int64)
    else:
        different, inverse = np.unique(dates, return_inverse=True)
    days, real = np.zeros_like(different), np.zeros(len(different), np.bool_)
    for place, written in enumerate(different.tolist()):
        try:
            found = date(written // 10_000, written // 100 % 100, written % 100)
        except ValueError:
            continue
        days[place], real[place] = found.toordinal() - _FIRST_DAY, True
    return days[inverse], real[inverse]


def _digits(scan: Scan, at: Places, count: int) -> tuple[Places, Flags]:
    value, sound = np.zeros(len(at), np.int64), np.ones(len(at), np.bool_)
    for place in range(count):
        digit = scan.octets[at + place] - np.uint8(ord("0"))
        sound &= digit <= 9  # below zero it wraps round
        value = value * 10 + digit
    return value, sound
