"""The events of a file: one a line, or one JSON document that holds them all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import IO, Any, Final

import msgspec

from ai_ops.prediction_logging.events.payloads import Unreadable, read_json
from ai_ops.prediction_logging.log_table import Quarantined

NOT_JSON: Final = "not JSON"
LARGEST_DOCUMENT: Final = 256 * 1024 * 1024
"""A file that is one document is read as a whole: up to this size."""

_BOM: Final = b"\xef\xbb\xbf"
_BLOCK: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One event as found: its line (or its place in a file that is one list), or what is wrong."""

    number: int
    raw: bytes
    document: Any = None
    problem: str | None = None


def read_lines(file: IO[bytes]) -> Iterator[Line]:
    """The events of a file in their order; blank lines are none.

    A file whose first line is no JSON by itself may be one document over many lines: a list of
    events, or one event. A line that holds a list holds several events.
    """
    lines = _numbered(file)
    number, first = next(((n, one) for n, one in lines if one.strip()), (0, b""))
    first = first.removeprefix(_BOM)
    if first.lstrip()[:1] in (b"[", b"{") and not _is_json(first):
        following = list(_up_to(LARGEST_DOCUMENT, lines))
        whole = b"".join((first, *(one for _, one in following)))
        beyond = [one for one in [next(lines, None)] if one is not None]
        if not beyond and _is_json(whole):
            for place, one in enumerate(_of(number, whole), 1):
                yield replace(one, number=place)
            return
        lines = chain(following, beyond, lines)
    for place, raw in chain([(number, first)] if first else (), lines):
        if raw and not raw.isspace():
            yield from _of(place, raw)


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, split a block at a time."""
    rest, before = b"", 1
    while block := file.read(_BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        yield from enumerate(whole, before)
        before += len(whole)
    if rest:
        yield before, rest


def _up_to(size: int, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    for number, raw in lines:
        yield number, raw
        size -= len(raw)
        if size < 0:
            return


def damaged(line: Line, file: str) -> Quarantined:
    """A line that is no event at all."""
    return Quarantined(NOT_JSON, file, line.problem, line.number, raw=line.raw)


def _of(number: int, raw: bytes) -> Iterator[Line]:
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            document = read_json(raw, "line")
        except (Unreadable, UnicodeDecodeError) as error:
            yield Line(number, raw, problem=str(error))
            return
    if isinstance(document, list):
        for one in document:
            yield Line(number, msgspec.json.encode(one), one)
    else:
        yield Line(number, raw, document)


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
