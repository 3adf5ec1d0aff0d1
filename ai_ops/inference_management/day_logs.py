"""The logs of some days in one table, so that many days cost one query and not one each."""

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa

DAY: Final = "day"
ROWS_AT_ONCE: Final = 1_000_000


def together(
    logs: Iterable[tuple[str, pa.Table]], at_once: int = ROWS_AT_ONCE
) -> Iterator[pa.Table]:
    """The days' rows with a column of their day; no more days at once than hold so many rows.

    >>> three = [(day, pa.table({"n": [1, 2]})) for day in ("a", "b", "c")]
    >>> [table["day"].to_pylist() for table in together(three, at_once=4)]
    [['a', 'a', 'b', 'b'], ['c', 'c']]
    """
    held: list[pa.Table] = []
    rows = 0
    for day, log in logs:
        if held and rows + log.num_rows > at_once:
            yield pa.concat_tables(held, promote_options="permissive")
            held, rows = [], 0
        dated = log.append_column(DAY, pa.repeat(pa.scalar(day), log.num_rows))
        held.append(dated.replace_schema_metadata(None))
        rows += log.num_rows
    if held:
        yield pa.concat_tables(held, promote_options="permissive")
