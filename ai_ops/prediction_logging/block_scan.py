"""Where lines lie in a block of a segment, and what stands where in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NEWLINE: Final = ord("\n")
_BRACE: Final = np.uint8(ord("{"))
_BAR: Final = ord("|")
_BACKSLASH: Final = ord("\\")
_STEP: Final = 1 << 18
"""How much is looked at in one go: what fits the processor's cache is looked at faster."""


@dataclass(frozen=True)
class Scan:
    """A block of whole lines, as bytes and as numbers.

    >>> scan = Scan(memoryview(b'{"a":{}}\\n{"b":"x"}\\n'))
    >>> scan.starts.tolist(), scan.ends.tolist(), scan.braces.tolist()
    ([0, 9], [9, 19], [0, 5, 6, 7, 9, 17])
    """

    content: memoryview

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
        return self._places(lambda part: part == _NEWLINE) + 1

    @cached_property
    def starts(self) -> Places:
        """Where each line starts."""
        starts = np.zeros_like(self.ends)
        starts[1:] = self.ends[:-1]
        return starts

    @cached_property
    def braces(self) -> Places:
        """Where ``{`` and ``}`` stand."""
        # Between them in the table of characters is ``|`` alone, so that one comparison finds all.
        found = self._places(lambda part: (part - _BRACE) <= 2)
        kept: Places = found[self.octets[found] != _BAR]
        return kept

    @cached_property
    def backslashes(self) -> Places:
        """Where a backslash stands."""
        return self._places(lambda part: part == _BACKSLASH)

    def line(self, row: int) -> bytes:
        """A line, with its line feed."""
        return bytes(self.content[self.starts[row] : self.ends[row]])

    def lines(self, first: int, end: int) -> "Scan":
        """Some lines that lie one behind the other."""
        if (first, end) == (0, len(self.ends)):
            return self
        begin = int(self.starts[first])
        part = Scan(self.content[begin : self.ends[end - 1]])
        part.__dict__["ends"] = self.ends[first:end] - begin
        return part

    def stands_at(self, text: bytes, places: Places) -> Flags:
        """Whether ``text`` stands at each of these places.

        In the block's last bytes, where no eight of them follow a text, it is said not to.

        >>> Scan(memoryview(b"0abc012345678")).stands_at(b"abc", np.array([0, 1, 2])).tolist()
        [False, True, False]
        """
        last = len(self.content) - len(text) - 8
        if not len(places) or last < 0:
            return np.zeros(len(places), np.bool_)
        same: Flags = (places >= 0) & (places <= last)
        if not same.all():
            places = np.clip(places, 0, last)
        for begin in range(0, len(text), 8):
            piece = text[begin : begin + 8]
            found = self.words[places + begin]
            if len(piece) < 8:
                found = found & np.uint64((1 << 8 * len(piece)) - 1)
            same &= found == np.uint64(int.from_bytes(piece, "little"))
        return same

    def _places(self, wanted: Callable[[npt.NDArray[np.uint8]], Flags]) -> Places:
        found = [
            np.flatnonzero(wanted(self.octets[start : start + _STEP])) + start
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
