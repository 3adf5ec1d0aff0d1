"""What an engine counted, made a profile: the same for every engine."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.fixed_sums import digits_of, exact_sum, furthest_summed
from ai_ops.drift_monitoring.profile import SCHEMA

UNSEEN_KEPT: Final = 200
"""Of the categories that the reference never had, this many a day and column are kept by name."""


def finished(
    rows: list[dict[str, Any]], cells: Sequence[ColumnCells], version: str, digest: str
) -> pa.Table:
    """A profile from the answers of an engine, whichever: sums that are exact, unseen categories
    named and capped, in a fixed order."""
    column_of = {one.column.name: (one, frozenset(one.values)) for one in cells}
    summed = {one.column.name: (digits_of(one), furthest_summed(one)) for one in cells}
    for row in rows:
        one, known = column_of[row["column"]]
        if one.column.kind == "category" and row["cell"] == "value" and row["value"] not in known:
            row["cell"] = "unseen"
        row["sum"] = exact_sum(row, *summed[row["column"]])
        if row["min"] is not None:
            # Engines do not agree which of 0.0 and -0.0 is the lower.
            row["min"], row["max"] = row["min"] + 0.0, row["max"] + 0.0
        row["reference_version"], row["reference_digest"] = version, digest
    order = ("day", "model_version", "column", "cell", "value")
    kept = sorted(_capped(rows), key=lambda row: tuple(row[name] or "" for name in order))
    return pa.Table.from_pylist(kept, schema=SCHEMA)


def _capped(rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The rows, with the rarest unseen categories beyond the cap counted together, unnamed."""
    unseen: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["cell"] == "unseen":
            unseen[row["day"], row["model_version"], row["column"]].append(row)
        else:
            yield row
    for group in unseen.values():
        group.sort(key=lambda row: (-row["count"], row["value"]))
        yield from group[:UNSEEN_KEPT]
        if rest := group[UNSEEN_KEPT:]:
            yield rest[0] | {"value": None, "count": sum(row["count"] for row in rest)}
