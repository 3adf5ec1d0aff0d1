"""The labels that the lake knows of some days' predictions: each once, contradictions left out."""

from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root

GROUND_TRUTH: Final = "ground_truth"
SOURCE_LABELS: Final = "source_labels"
_KEPT: Final = ["id", "label", "available_at"]


def with_labels(
    root: Root, feature: AiFeatureSpec, table: pa.Table, days: Sequence[str]
) -> pa.Table:
    """The rows with ``label`` and ``available_at``, null where the lake knows none.

    Labels that stand in the source lie by the day of their prediction; those of tables of their
    own by the day on which they became known, the first one that the prediction could have.
    """
    known = _once(_tables(root, feature, days))
    if known is None:
        nothing = pa.nulls(table.num_rows)
        moments = nothing.cast(pa.timestamp("us", "UTC"))
        return table.append_column("label", nothing).append_column("available_at", moments)
    places = pc.index_in(table["id"], known["id"])
    for name in ("label", "available_at"):
        table = table.append_column(name, known[name].take(places))
    return table


def _tables(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> Iterable[pa.Table]:
    lake, name = root.lake, feature.name
    inside = feature.source is not None and feature.source.columns.label is not None
    if inside:
        paths = [lake.path(name, SOURCE_LABELS, day) for day in days]
    else:
        first = lake.path(name, GROUND_TRUTH, min(days))
        found = lake.glob(f"{name}/{GROUND_TRUTH}/*.parquet")
        paths = [path for path in found if _file(path) >= _file(first)]
    whole, _, _ = lake.read_tables(paths)
    return [] if whole is None else [whole.select(_KEPT)]


def _once(tables: Iterable[pa.Table]) -> pa.Table | None:
    rows = [table for table in tables if table.num_rows]
    if not rows:
        return None
    every = pa.concat_tables(rows, promote_options="permissive")
    labelled = every.filter(pc.and_(pc.is_valid(every["id"]), pc.is_valid(every["label"])))
    by_id = labelled.group_by("id", use_threads=False).aggregate(
        [("label", "min"), ("label", "max"), ("available_at", "min")]
    )
    agreed = by_id.filter(pc.equal(by_id["label_min"], by_id["label_max"]))
    return pa.table([agreed["id"], agreed["label_min"], agreed["available_at_min"]], names=_KEPT)


def _file(path: str) -> str:
    return path.rsplit("/", 1)[-1]
