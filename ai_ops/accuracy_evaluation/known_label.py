"""What is known of one prediction's correct answer: its label, since when, what contradicts it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake

_LABELS = "SELECT label, available_at FROM read_parquet(?, union_by_name = true) WHERE id = ?"
_QUARANTINED = (
    "SELECT label, available_at, reason FROM read_parquet(?, union_by_name = true) WHERE id = ?"
)


@dataclass(frozen=True, slots=True)
class KnownLabel:
    """A prediction's label: ``label`` is None while none is known, and ``reason`` says why.

    ``contradicted`` are labels of its id that stand in the quarantine, with their reason.
    """

    label: Any
    available_at: datetime | None
    reason: str
    contradicted: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The label as JSON-ready data."""
        known = self.available_at.isoformat() if self.available_at else None
        return {**asdict(self), "available_at": known, "contradicted": list(self.contradicted)}


def known_label(
    engine: duckdb.DuckDBPyConnection, lake: Lake, feature: AiFeatureSpec, id: str, since: str
) -> KnownLabel:
    """The label of a prediction made on the day ``since``, as the labels' asset holds it now.

    ``engine`` reads the files of the lake.
    """
    if not feature.labelled:
        reason = "nobody ever learns the correct answers (ground_truth.kind: none)"
        return KnownLabel(None, None, reason)
    files = _files(lake, feature, "ground_truth", since)
    if not files:
        reason = f"no labels were imported since {since}: materialise ground_truth"
        return KnownLabel(None, None, reason)
    found = _asked(engine, _LABELS, files, id)
    apart = _files(lake, feature, "ground_truth/quarantine", since)
    against = _asked(engine, _QUARANTINED, apart, id) if apart else []
    told = tuple(f"{one['label']} ({one['reason']})" for one in against)
    if not found:
        hours = feature.ground_truth.mature_after_hours
        reason = f"no label of it is known; one is expected {hours:g} hours after the prediction"
        return KnownLabel(None, None, reason, told)
    first = min(found, key=lambda one: one["available_at"])
    reason = f"known since {first['available_at']:%Y-%m-%d %H:%M}"
    return KnownLabel(first["label"], first["available_at"], reason, told)


def _files(lake: Lake, feature: AiFeatureSpec, asset: str, since: str) -> list[str]:
    first = lake.path(feature.name, asset, since)
    return [path for path in lake.glob(f"{feature.name}/{asset}/*.parquet") if path >= first]


def _asked(
    engine: duckdb.DuckDBPyConnection, query: str, files: Sequence[str], id: str
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]]
    rows = engine.sql(query, params=[list(files), id]).to_arrow_table().to_pylist()
    return rows
