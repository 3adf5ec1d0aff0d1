"""Many lines parsed at once, by a schema that allows no members but their own."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.json

from ai_ops.prediction_logging.block_scan import Scan
from ai_ops.prediction_logging.ingest_members import Members
from ai_ops.prediction_logging.log_columns import LogColumn

FEWEST_LINES: Final = 32
"""So few lines are decoded one by one sooner than parsed again and again."""

_PATIENCE: Final = 50
"""After so many failures lines are parsed together only where at least so many were, for each."""
_SAMPLES: Final = 16
_ROW: Final = re.compile(r"in row (\d+)$")


@dataclass(frozen=True, slots=True)
class Parsed:
    """Lines that lie one behind the other and what they hold; ``first`` says where they begin."""

    first: int
    scan: Scan
    batch: pa.RecordBatch


class Parser:
    """Parses lines that begin with ``{`` and end with ``}``, and remembers their members."""

    def __init__(self, columns: Iterable[LogColumn]) -> None:
        self._members = Members(columns)
        self._failures = self._taken = 0

    def parse(self, scan: Scan) -> Iterator[Parsed]:
        """The lines in pieces as large as can be parsed, without those that cannot."""
        todo = [(0, len(scan.ends))]
        while todo and not self._is_hopeless:
            begin, end = todo.pop()
            if end - begin < FEWEST_LINES:
                continue
            piece = scan.lines(begin, end)
            try:
                batch = _parsed(piece, self._members.schema)
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                self._failures += 1
                wrong = _wrong_row(error, begin, end)
                anew = self._learn(scan, begin, end, wrong)
                todo += [(begin, end)] if anew else _without(wrong, begin, end)
                continue
            # As many objects as lines, each of which begins one: so each is one, and whole.
            if batch.num_rows == end - begin:
                self._taken += end - begin
                yield Parsed(begin, piece, batch)
            else:
                todo += _without(None, begin, end)

    @property
    def _is_hopeless(self) -> bool:
        """Whether the lines are too unlike each other for it to pay."""
        return self._failures > _PATIENCE and self._taken < _PATIENCE * self._failures

    def _learn(self, scan: Scan, begin: int, end: int, wrong: int | None) -> bool:
        rows = {*np.linspace(begin, end - 1, _SAMPLES).astype(int).tolist(), begin}
        if wrong is not None:
            rows.add(wrong)
        return sum(self._members.learn(scan.line(row)) for row in sorted(rows)) > 0


def _parsed(lines: Scan, schema: pa.Schema) -> pa.RecordBatch:
    if int(lines.octets.max()) > 127:
        str(lines.content, "utf-8")  # Arrow takes any bytes for text
    size = len(lines.content)
    table = pa.json.read_json(
        pa.BufferReader(pa.py_buffer(lines.content)),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=size + 1),
        parse_options=pa.json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="error"
        ),
    )
    [batch] = table.combine_chunks().to_batches()
    return batch


def _wrong_row(error: Exception, begin: int, end: int) -> int | None:
    found = _ROW.search(str(error))
    row = begin + int(found[1]) if found else end
    return row if row < end else None


def _without(wrong: int | None, begin: int, end: int) -> list[tuple[int, int]]:
    """What to parse next of lines that could not be parsed together; the first comes last."""
    if wrong is None:
        middle = (begin + end) // 2
        return [(middle, end), (begin, middle)] if middle > begin else []
    if wrong - begin < FEWEST_LINES:  # where there are many such it is not done for each
        return [(max(wrong + 1, begin + FEWEST_LINES), end)]
    return [(wrong + 1, end), (begin, wrong)]
