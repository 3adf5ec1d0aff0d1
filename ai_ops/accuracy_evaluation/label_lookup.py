"""What is known of given predictions: their labels in the source, and the day of their log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.label_source import label_source
from ai_ops.accuracy_evaluation.label_values import read_labels
from ai_ops.accuracy_evaluation.queue_marks import HUMAN_LABELS
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

_LABELS = """
WITH source AS ({source})
SELECT id, min(label) AS label, max(label) AS other, min(available_at) AS since
FROM source SEMI JOIN wanted USING (id)
WHERE label IS NOT NULL AND (available_at IS NULL OR available_at <= $now) GROUP BY id
"""


@dataclass(frozen=True)
class SourceLabel:
    """The label of one prediction, typed as its kind is; ``other`` differs if it has two."""

    label: Any
    other: Any
    since: datetime | None


@dataclass(frozen=True)
class SourceLabels:
    """Labels by id; ``problem`` says why the source could not be read, if it could not."""

    known: dict[str, SourceLabel]
    problem: str = ""


def labels_of(
    root: Root, feature: AiFeatureSpec, ids: Sequence[str], now: datetime
) -> SourceLabels:
    """The labels that the source holds of these predictions, whether they came in yet or not."""
    span = Window(Window.of_day(feature.monitoring.start).start, now)
    try:
        with label_source(root, feature, span) as source:
            source.engine.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
            query = _LABELS.format(source=source.sql)
            rows = source.engine.sql(query, params={**source.parameters, "now": now})
            found = rows.to_arrow_table().to_pylist()
    except MissingEvidence as error:
        return SourceLabels(_of_people(root, feature, ids), str(error))
    return SourceLabels(
        {one["id"]: SourceLabel(one["label"], one["other"], one["since"]) for one in found}
    )


def _of_people(root: Root, feature: AiFeatureSpec, ids: Sequence[str]) -> dict[str, SourceLabel]:
    """What people labelled: all that is known where the source itself cannot be read."""
    wanted, found = pa.array(ids, pa.string()), dict[str, SourceLabel]()
    for path in root.lake.glob(f"{feature.name}/{HUMAN_LABELS}/*.parquet"):
        table, _ = root.lake.read_table(path, ["id", "label", "available_at"])
        rows = table.filter(pc.is_in(table["id"], wanted))
        labels = read_labels(rows["label"], feature.ground_truth).to_pylist()
        told = zip(rows["id"].to_pylist(), labels, rows["available_at"].to_pylist(), strict=True)
        found |= {id: SourceLabel(label, label, since) for id, label, since in told}
    return found


def logged_days(root: Root, feature: AiFeatureSpec, ids: Sequence[str]) -> dict[str, str]:
    """The day in whose log each of these predictions stands; those of no readable log are absent.
    The newest logs are read first, until all are found."""
    found: dict[str, str] = {}
    wanted = pa.array(sorted(set(ids)), pa.string())
    for path in reversed(root.lake.glob(f"{feature.name}/prediction_log/*.parquet")):
        if not len(wanted):
            break
        logged = root.lake.read_table(path, ["id"])[0]["id"].cast(pa.string())
        here = pc.is_in(wanted, logged)
        found |= dict.fromkeys(wanted.filter(here).to_pylist(), PurePosixPath(path).stem)
        wanted = wanted.filter(pc.invert(here))
    return found
