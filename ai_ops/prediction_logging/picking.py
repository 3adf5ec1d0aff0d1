"""Rows picked out of a table that lies in memory in many pieces."""

import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.block_scan import Places


class Rows:
    """The rows of a table, by their places.

    >>> table = pa.concat_tables([pa.table({"x": [1, 2]}), pa.table({"x": [3]})])
    >>> Rows(table).pick(np.array([2, 0])).to_pydict()
    {'x': [3, 1]}
    """

    def __init__(self, table: pa.Table) -> None:
        self._empty = table.schema.empty_table()
        self._pieces = [batch for batch in table.to_batches() if batch.num_rows]
        ends = np.cumsum([piece.num_rows for piece in self._pieces], dtype=np.int64)
        self._starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])

    def pick(self, places: Places) -> pa.RecordBatch:
        """These rows in this order.

        Only what lies between the first and the last of a piece is copied: Arrow's own way, over
        all pieces at once, costs several times more.
        """
        if not len(places):
            return pa.RecordBatch.from_pylist([], schema=self._empty.schema)
        owner = np.searchsorted(self._starts, places, side="right") - 1
        parts, found, shift = [], np.zeros(len(places), np.int64), 0
        for number in np.unique(owner).tolist():
            here = owner == number
            rows = places[here] - self._starts[number]
            first, last = int(rows.min()), int(rows.max())
            span = last - first + 1
            if span > 2 * len(rows):  # far from each other
                parts.append(self._pieces[number].take(pa.array(rows)))
                found[here], span = np.arange(len(rows)) + shift, len(rows)
            else:
                parts.append(self._pieces[number].slice(first, span))
                found[here] = rows - first + shift
            shift += span
        return pa.concat_batches(parts).take(pa.array(found))
