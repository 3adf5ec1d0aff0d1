"""Where the raw members of lines reach from and to, and parts of lines as Arrow arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.block_scan import Flags, Places, Scan
from ai_ops.prediction_logging.ingest_members import OBJECTS

_OPENS: Final = np.frombuffer(b"{{}{}{}}", np.uint8)
_INLINE: Final = 12
_LOW: Final = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks of the lowest bytes of a word, by how many."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Where the input, output and cost of each line lie (0, 0 without), if ``found``."""

    found: Flags
    starts: Mapping[str, Places]
    ends: Mapping[str, Places]

    def cover(self, rows: Places, places: Places) -> Flags:
        """Which of these places, each in one of the lines, lie in one of its raw members."""
        inside = np.zeros(len(places), np.bool_)
        for name in OBJECTS:
            inside |= (places >= self.starts[name][rows]) & (places < self.ends[name][rows])
        return inside


def raw_spans(scan: Scan, given: Mapping[str, Flags]) -> Spans:
    """The spans of lines of sound JSON; ``given`` says which members of each are objects.

    Found in lines that hold no other object and no brace in a text, so that as many braces as
    the line's objects have are theirs.
    """
    count = len(scan.ends)
    found = given["input"] & given["output"]
    starts = {name: np.zeros(count, np.int64) for name in OBJECTS}
    ends = {name: np.zeros(count, np.int64) for name in OBJECTS}
    first = np.searchsorted(scan.braces, scan.starts)
    braces = np.diff(first, append=len(scan.braces))
    found &= braces == np.where(given["cost"], 8, 6)
    for number in np.unique(braces[found]).tolist():
        rows = np.flatnonzero(found & (braces == number))
        places = _places(scan, first[rows], number)
        alike = np.equal(scan.octets[places].T, _shape(number)).all(axis=1)
        for position, name in enumerate(OBJECTS[: number // 2 - 1]):
            begin, end = places[1 + 2 * position], places[2 + 2 * position]
            text = b',"%b":' % name.encode()
            alike &= scan.stands_at(text, begin - len(text))
            starts[name][rows], ends[name][rows] = begin, end + 1
        found[rows] = alike
    return Spans(found, starts, ends)


def texts_of(scan: Scan, starts: Places, ends: Places) -> pa.Array:
    """Parts of a block as an Arrow array of their own."""
    sizes = ends - starts
    views = np.empty((len(sizes), 2), np.uint64)
    views[:, 0] = sizes.astype(np.uint64) | (scan.words[starts] << np.uint64(32))
    views[:, 1] = starts.astype(np.uint64) << np.uint64(32)
    if (short := np.flatnonzero(sizes <= _INLINE)).size:  # Arrow keeps these in the view itself
        size = sizes[short]
        head = scan.words[starts[short]] & _LOW[np.minimum(size, 8)]
        tail = scan.words[starts[short] + 8] & _LOW[np.maximum(size - 8, 0)]
        views[short, 0] = size.astype(np.uint64) | (head << np.uint64(32))
        views[short, 1] = (head >> np.uint64(32)) | (tail << np.uint64(32))
    buffers = [None, pa.py_buffer(views), pa.py_buffer(scan.content)]
    return pa.Array.from_buffers(pa.string_view(), len(sizes), buffers).cast(pa.string())


def _shape(braces: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    shape = _OPENS[:braces].copy()
    shape[-1] = ord("}")
    return shape


def _places(scan: Scan, first: Places, count: int) -> Places:
    if len(first) and first[-1] - first[0] == count * (len(first) - 1):
        found = scan.braces[first[0] : first[0] + count * len(first)].reshape(len(first), count)
    else:
        found = scan.braces[first[:, None] + np.arange(count)]
    return np.ascontiguousarray(found.T)
