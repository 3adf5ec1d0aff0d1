"""The shape of a line: its members' names in order, and of what kind each value is.

Lines of one shape differ in their values only, so that one of them, decoded, speaks for all. What
has another shape is decoded by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from ai_ops.prediction_logging.line_scan import Flags, Places, Scan

TEXT, NUMBER, BOOLEAN, NULL, OBJECT = 1, 2, 4, 8, 16
RAW: Final = ("input", "output", "cost")
"""The members whose own members are looked at."""

_KINDS: Final = np.zeros(256, np.uint8)
for _kind, _begins in ((TEXT, b'"'), (NUMBER, b"-0123456789"), (BOOLEAN, b"tf"), (NULL, b"n")):
    _KINDS[list(_begins)] = _kind
_KINDS[ord("{")] = OBJECT
_QUOTE: Final = ord('"')
_ROWS_AT_ONCE: Final = 2048
"""So many lines stay in the processor's cache while they are looked at, member by member."""

_BEHIND_CRC: Final = len(b'":"00000000"}\n')


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a line: whose it is ("" for the record's own), its name, its value's kind.

    ``closes`` says that an object was closed before it.
    """

    parent: str
    name: str
    kind: int
    text: bytes
    closes: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """The members of a line, in their order."""

    members: tuple[Member, ...]

    def place(self, parent: str, name: str) -> int | None:
        """Which of the members that is, None when there is none."""
        for place, member in enumerate(self.members):
            if member.parent == parent and member.name == name:
                return place
        return None

    def kind(self, parent: str, name: str) -> int | None:
        """Of what kind a member's value is, None when there is none."""
        place = self.place(parent, name)
        return None if place is None else self.members[place].kind


@dataclass(frozen=True, slots=True)
class Shaped:
    """Lines of one shape: which they are, and where each one's members' names end."""

    shape: Shape
    rows: Places
    places: Places  # [members, rows]

    def spans(self, name: str) -> tuple[Places, Places] | None:
        """From where to where the value of a raw member reaches; None when it is absent or null."""
        members = self.shape.members
        own = self.shape.place("", name)
        if own is None or members[own].kind != OBJECT:
            return None
        following = next(p for p in range(own + 1, len(members)) if not members[p].parent)
        before = len(members[following].text)  # its comma, its quote and its name
        return self.places[own] + 2, self.places[following] - before


def shaped_lines(
    scan: Scan, rows: Places, also: Mapping[tuple[str, str], int], inner: bool = True
) -> Iterator[Shaped]:
    """The lines among ``rows`` that hold a prediction, by shape; what has no shape is left out.

    ``also`` holds the kinds of which a member (parent, name) may be in the lines of one shape.
    Without ``inner`` the members of input, output and cost are counted only. Gives up when there
    are more shapes than is of use.
    """
    for _ in range(_SHAPES_AT_MOST):
        if not len(rows):
            return
        shape = shape_of(scan, int(rows[0]))
        if shape is None:
            rows = rows[1:]
            continue
        alike = scan.key_count[rows] == len(shape.members)
        candidates = rows[alike]
        places = _places(scan, candidates, len(shape.members))
        same = _has_shape(scan, shape, places, candidates, also, inner)
        if same.all():
            yield Shaped(shape, candidates, places)
        elif same.any():
            yield Shaped(shape, candidates[same], places[:, same])
        left = ~alike
        left[np.flatnonzero(alike)[~same]] = True
        left[0] = False
        rows = rows[left]


_SHAPES_AT_MOST: Final = 64


def shape_of(scan: Scan, row: int) -> Shape | None:
    """The shape of a line; None for one that has to be decoded by itself.

    >>> line = b'{"kind":"prediction","input":{"x":1},"seq":7,"crc":"00000000"}\\n'
    >>> [(m.parent, m.name, m.kind) for m in shape_of(Scan(line), 0).members]
    [('', 'kind', 1), ('', 'input', 16), ('input', 'x', 2), ('', 'seq', 2), ('', 'crc', 1)]
    """
    line = scan.line(row)
    try:
        named = _names(msgspec.json.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    first, count = int(scan.first_key[row]), int(scan.key_count[row])
    if named is None or len(named) != count:
        return None
    members = []
    for (parent, name), place in zip(named, scan.keys[first : first + count], strict=True):
        end = int(place - scan.starts[row])  # its closing quote
        text = b'"%b' % name.encode()
        begin = end - len(text)
        if line[begin:end] != text or line[begin - 1 : begin] not in (b"{", b","):
            return None
        kind = int(_KINDS[line[end + 2]])
        if not kind:
            return None
        closes = line[begin - 2 : begin - 1] == b"}"
        members.append(Member(parent, name, kind, line[begin - 1 : end], closes))
    return Shape(tuple(members))


def _names(line: Any) -> list[tuple[str, str]] | None:
    """The members' names in order, with their parents; None when one is not looked into."""
    if not isinstance(line, dict) or line.get("kind") != "prediction" or "crc" not in line:
        return None
    named = []
    for name, value in line.items():
        named.append(("", name))
        if isinstance(value, dict) and name in RAW:
            if any(isinstance(inner, dict | list) for inner in value.values()):
                return None
            named += [(name, inner) for inner in value]
        elif isinstance(value, dict | list) or (name in RAW and value is not None):
            return None
    return named if named[-1] == ("", "crc") else None


def _places(scan: Scan, rows: Places, count: int) -> Places:
    first = scan.first_key[rows]
    if len(rows) and (np.diff(first) == count).all():
        found = scan.keys[first[0] : first[0] + count * len(rows)].reshape(len(rows), count)
    else:
        found = scan.keys[first[:, None] + np.arange(count)]
    return np.ascontiguousarray(found.T)


def _has_shape(
    scan: Scan,
    shape: Shape,
    places: Places,
    rows: Places,
    also: Mapping[tuple[str, str], int],
    inner: bool,
) -> Flags:
    same: Flags = scan.ends[rows] - places[-1] == _BEHIND_CRC
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        for member, at in zip(shape.members, places[:, some], strict=True):
            if member.parent and not inner:
                continue
            kinds = also.get((member.parent, member.name), 0)
            allowed = kinds if kinds & member.kind else member.kind
            _is_there(scan, member, allowed, at, same[some])
    return same


def _is_there(scan: Scan, member: Member, allowed: int, at: Places, same: Flags) -> None:
    """Narrow ``same`` to the lines that have the member at these places."""
    # As many objects are closed as were opened: in sound JSON no other member closes one.
    text = b"}" + member.text if member.closes else member.text
    same &= scan.stands_before(text, at)
    if allowed == TEXT:
        same &= scan.octets[at + 2] == _QUOTE
    else:
        same &= (_KINDS[scan.octets[at + 2]] & allowed) != 0
    if (member.parent, member.name) == ("", "kind"):
        same &= scan.stands_before(b':"prediction"', at + len(b'":"prediction"'))
