"""Payloads of CSV, many at once: rows and cells are split by Arrow, not one by one."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.block_scan import Places
from ai_ops.prediction_logging.events.sides import CsvSide, Members


@dataclass(frozen=True, slots=True)
class CsvPayloads:
    """The cells of payloads: where each row's begin, and how many rows each payload has.

    ``wrong`` says of payloads that cannot be read why (place → problem).
    """

    members: Members
    cells: pa.Array
    starts: Places
    counts: Places
    wrong: dict[int, str]

    def side(self, stands: npt.NDArray[np.bool_]) -> CsvSide:
        """The rows of the payloads that stand."""
        starts = self.starts[np.repeat(stands, self.counts)]
        return CsvSide(self.members, self.cells, pa.array(starts, pa.int64()))


def split(
    members: Members, payloads: Sequence[str], field: str, asked: Places | None = None
) -> CsvPayloads:
    """Split payloads into rows and cells. There is no header: SageMaker's containers take none.

    ``asked`` says of answers how many rows were asked: some containers answer them all in one line.

    >>> from ai_ops.prediction_logging.log_columns import LogColumn
    >>> column = LogColumn("input", "x", "number", nullable=False)
    >>> found = split(Members([column], [None]), ["1.5\\n2.5\\n", "7,8"], "data")
    >>> found.counts.tolist(), found.wrong[1][:23]
    ([2, 1], 'data: 2 values, and 1 a')
    """
    lines: list[str] = []
    sizes: list[int] = []
    quoted: dict[int, list[str]] = {}
    wrong: dict[int, str] = {}
    for place, payload in enumerate(payloads):
        text = payload.rstrip("\r\n")
        if not text:
            wrong[place] = f"{field}: empty"
            sizes.append(0)
        elif '"' in text:
            found = list(csv.reader(io.StringIO(text)))
            quoted.update(enumerate(found, len(lines)))
            lines += [""] * len(found)
            sizes.append(len(found))
        elif "\n" in text or "\r" in text:
            many = text.splitlines()
            lines += many
            sizes.append(len(many))
        else:
            lines.append(text)
            sizes.append(1)
    table = pc.split_pattern(pa.array(lines, pa.string()), ",")
    if quoted:
        listed = [quoted.get(place, row) for place, row in enumerate(table.to_pylist())]
        table = pa.array(listed, table.type)
    offsets = table.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    starts, widths, counts = offsets[:-1], np.diff(offsets), np.asarray(sizes, dtype=np.int64)
    if asked is not None and len(members.columns) == 1:
        starts, widths, counts = _spread(starts, widths, counts, asked)
    index = np.repeat(np.arange(len(payloads)), counts)
    for width in np.unique(widths).tolist():
        if problem := members.misfit(width):
            for place in np.unique(index[widths == width]).tolist():
                wrong.setdefault(place, f"{field}: {problem}")
    return CsvPayloads(members, table.values, starts, counts, wrong)


def _spread(
    starts: Places, widths: Places, counts: Places, asked: Places
) -> tuple[Places, Places, Places]:
    """Starts, widths and rows, where an answer in one line is one row for each that was asked."""
    index = np.repeat(np.arange(len(counts)), counts)
    in_one = (counts[index] == 1) & (asked[index] > 1) & (widths == asked[index])
    if not in_one.any():
        return starts, widths, counts
    times = np.where(in_one, widths, 1)
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    counts = counts.copy()
    counts[index[in_one]] = asked[index[in_one]]
    return np.repeat(starts, times) + within, np.repeat(np.where(in_one, 1, widths), times), counts
