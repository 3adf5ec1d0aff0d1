"""Where lines and member names lie in a block of a segment, found without decoding it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NEWLINE, _QUOTE, _BACKSLASH, _COLON = b'\n"\\:'
_STEP: Final = 1 << 20
"""How much is looked at in one go: what fits the processor's cache is looked at faster."""


@dataclass(frozen=True)
class Scan:
    """A block of whole lines, as bytes and as numbers.

    >>> scan = Scan(b'{"a":1}\\n{"b":"x","c":2}\\n')
    >>> scan.starts.tolist(), scan.ends.tolist()
    ([0, 8], [8, 24])
    >>> scan.keys.tolist(), scan.first_key.tolist(), scan.key_count.tolist()
    ([3, 11, 19], [0, 1], [1, 2])
    """

    content: bytes | memoryview

    @cached_property
    def octets(self) -> npt.NDArray[np.uint8]:
        """The bytes as numbers."""
        return np.frombuffer(self.content, np.uint8)

    @cached_property
    def words(self) -> npt.NDArray[np.uint64]:
        """The eight bytes from each place on, as one number."""
        size = max(len(self.content) - 7, 0)
        return np.ndarray((size,), "<u8", buffer=self.content, strides=(1,))

    @cached_property
    def ends(self) -> Places:
        """Where each line ends, behind its line feed."""
        return self._places(_NEWLINE) + 1

    @cached_property
    def starts(self) -> Places:
        """Where each line starts."""
        starts = np.zeros_like(self.ends)
        starts[1:] = self.ends[:-1]
        return starts

    @cached_property
    def keys(self) -> Places:
        """Where a quote stands before a colon: the end of every member's name, at any depth.

        A text that begins with a colon gives such a place too. An escaped quote gives none.
        """
        colons = self._places(_COLON)
        quotes = colons[self.octets[colons - 1] == _QUOTE] - 1
        kept: Places = quotes[self.octets[quotes - 1] != _BACKSLASH]
        return kept

    @cached_property
    def first_key(self) -> Places:
        """For each line, which of ``keys`` is its first."""
        places: Places = np.searchsorted(self.keys, self.starts)
        return places

    @cached_property
    def key_count(self) -> Places:
        """How many of ``keys`` each line has."""
        return np.diff(self.first_key, append=len(self.keys))

    def line(self, row: int) -> bytes:
        """A line, with its line feed."""
        return bytes(self.content[self.starts[row] : self.ends[row]])

    def stands_before(self, text: bytes, places: Places) -> Flags:
        """Whether ``text`` stands right before each of these places.

        In the block's first bytes, where no eight of them stand before a text, it is said not to.

        >>> Scan(b"0123456789abcdef").stands_before(b"abc", np.array([13, 14])).tolist()
        [True, False]
        """
        size = len(text) + 8
        if not len(places) or len(self.content) < size:
            return np.zeros(len(places), np.bool_)
        if places.min() < size:
            same, places = places >= size, np.maximum(places, size)
        else:
            same = np.ones(len(places), np.bool_)
        for end in range(len(text), 0, -8):
            piece = text[max(end - 8, 0) : end]
            found = self.words[places - (size - end)]
            if len(piece) < 8:  # what stands before the text is in the word's lower bytes
                found &= np.uint64((1 << 64) - (1 << 8 * (8 - len(piece))))
            same &= found == np.uint64(int.from_bytes(piece.rjust(8, b"\0"), "little"))
        return same

    def _places(self, octet: int) -> Places:
        found = [
            np.flatnonzero(self.octets[start : start + _STEP] == octet) + start
            for start in range(0, len(self.octets), _STEP)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int64)


def blocks_of(file: BinaryIO, size: int, buffer: bytearray) -> Iterator[tuple[int, memoryview]]:
    """The first ``size`` bytes of a file in blocks of whole lines, each with its offset.

    Each lies in ``buffer`` until the next is asked for: memory that was used already costs nothing.
    Ends early before a line that the buffer cannot hold.
    """
    file.seek(0)
    start, kept, view = 0, 0, memoryview(buffer)
    while True:
        read = file.readinto(view[kept : min(len(buffer), size - start)])  # type: ignore[attr-defined]
        filled = kept + read
        end = buffer.rfind(b"\n", 0, filled) + 1
        if not read or not end:
            return
        yield start, view[:end]
        kept = filled - end
        buffer[:kept] = buffer[end:filled]
        start += end


def parts_of(content: memoryview, size: int) -> Iterator[tuple[int, bytes]]:
    """A block of whole lines in parts of whole lines, about ``size`` long, each with its offset.

    >>> [(start, part) for start, part in parts_of(memoryview(b"a\\nbc\\nd\\n"), 3)]
    [(0, b'a\\n'), (2, b'bc\\n'), (5, b'd\\n')]
    """
    start = 0
    while start < len(content):
        reach = size
        part = bytes(content[start : start + reach])
        while start + reach < len(content) and not (end := part.rfind(b"\n") + 1):
            reach *= 2
            part = bytes(content[start : start + reach])
        if start + reach < len(content):
            part = part[:end]
        yield start, part
        start += len(part)
