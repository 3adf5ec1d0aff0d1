"""Lines of one shape, gathered from a block, and parts of them as Arrow arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.line_scan import Flags, Places, Scan
from ai_ops.prediction_logging.line_shapes import RAW, Shaped
from ai_ops.prediction_logging.line_stamps import Stamps

_INLINE: Final = 12
_LOW: Final = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""Masks of the lowest bytes of a word, by how many."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of one shape: where they and their raw members lie in the block, and their stamps."""

    starts: Places
    ends: Places
    spans: dict[str, tuple[Places, Places]]
    times: Places
    numbers: Places
    inside: Flags

    @classmethod
    def of(cls, scan: Scan, stamps: Stamps, shaped: Shaped, inside: Flags, start: int) -> "Lines":
        """Those of a part that starts there in the block."""
        rows = shaped.rows
        spans = {name: span for name in RAW if (span := shaped.spans(name)) is not None}
        return cls(
            scan.starts[rows] + start,
            scan.ends[rows] + start,
            {name: (begin + start, end + start) for name, (begin, end) in spans.items()},
            stamps.times[rows],
            stamps.numbers[rows],
            inside,
        )

    @classmethod
    def together(cls, parts: Sequence["Lines"]) -> "Lines":
        """Those of all parts."""
        return cls(
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.ends for part in parts]),
            {
                name: (
                    np.concatenate([part.spans[name][0] for part in parts]),
                    np.concatenate([part.spans[name][1] for part in parts]),
                )
                for name in parts[0].spans
            },
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.inside for part in parts]),
        )


def texts_of(scan: Scan, starts: Places, ends: Places) -> pa.Array:
    """Parts of the block as an Arrow array that points into it."""
    sizes = ends - starts
    views = np.empty((len(sizes), 2), np.uint64)
    first = scan.words[starts]
    views[:, 0] = sizes.astype(np.uint64) | (first << np.uint64(32))
    views[:, 1] = starts.astype(np.uint64) << np.uint64(32)
    if (short := np.flatnonzero(sizes <= _INLINE)).size:  # Arrow keeps these in the view itself
        size = sizes[short]
        head = scan.words[starts[short]] & _LOW[np.minimum(size, 8)]
        tail = scan.words[starts[short] + 8] & _LOW[np.maximum(size - 8, 0)]
        views[short, 0] = size.astype(np.uint64) | (head << np.uint64(32))
        views[short, 1] = (head >> np.uint64(32)) | (tail << np.uint64(32))
    buffers = [None, pa.py_buffer(views), pa.py_buffer(scan.content)]
    return pa.Array.from_buffers(pa.string_view(), len(sizes), buffers)
