"""Labels whose id no readable logged prediction has: counted and named, never dropped silently."""

from datetime import datetime, timedelta
from math import ceil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.labelled_rows import ArrivedLabels
from ai_ops.accuracy_evaluation.records import UnknownLabels
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

EXAMPLES = 3
_QUARANTINE = "prediction_log/quarantine"


class LoggedIds:
    """The ids in the log, looked for from a day backwards; each day's file is read once."""

    def __init__(self, lake: Lake, feature: AiFeatureSpec) -> None:
        self.lake, self.feature = lake, feature
        pattern = f"{feature.name}/prediction_log/*.parquet"
        self._days = [Path(path).stem for path in lake.glob(pattern)]
        self._ids: dict[str, pa.ChunkedArray] = {}
        apart = lake.glob(f"{feature.name}/{_QUARANTINE}/*.parquet")
        self._quarantines = [Path(path).stem for path in apart]

    def unknown_labels(self, day: str, arrived: ArrivedLabels | None) -> UnknownLabels:
        """The labels that became known on a day for ids that no prediction up to it has; of those
        that ``arrived`` only the ones without an answered prediction are looked for.

        In the first days of the log labels still arrive for predictions from before it began:
        those are counted apart, for nobody can tell them from strangers.
        """
        if arrived is None:
            try:
                path = self.lake.path(self.feature.name, "ground_truth", day)
                ids = self.lake.read_table(path, ["id"])[0]["id"]
            except MissingEvidence:
                return UnknownLabels(day)
            arrived = ArrivedLabels(len(ids), ids)
        unknown, labels = arrived.apart.unique(), arrived.labels
        for logged in sorted((one for one in self._days if one <= day), reverse=True):
            if not len(unknown):
                break
            unknown = unknown.filter(pc.invert(pc.is_in(unknown, self._on(logged))))
        if Window.of_day(day).start < _log_speaks_from(self.feature):
            return UnknownLabels(day, labels, before_log=len(unknown))
        examples = sorted(unknown.to_pylist())[:EXAMPLES]
        return UnknownLabels(
            day,
            labels,
            unknown=len(unknown),
            examples=examples,
            quarantined=self._quarantined(day, unknown),
        )

    def _quarantined(self, day: str, unknown: pa.Array) -> int:
        """How many of these ids stand in the quarantine of the log's days up to this one."""
        rest = unknown
        for logged in sorted((one for one in self._quarantines if one <= day), reverse=True):
            if not len(rest):
                break
            path = self.lake.path(self.feature.name, _QUARANTINE, logged)
            ids = self.lake.read_table(path, ["id"])[0]["id"].cast(pa.string())
            rest = rest.filter(pc.invert(pc.is_in(rest, ids)))
        return len(unknown) - len(rest)

    def _on(self, day: str) -> pa.ChunkedArray:
        if day not in self._ids:
            path = self.lake.path(self.feature.name, "prediction_log", day)
            self._ids[day] = self.lake.read_table(path, ["id"])[0]["id"].cast(pa.string())
        return self._ids[day]


def _log_speaks_from(feature: AiFeatureSpec) -> datetime:
    days = ceil(feature.ground_truth.mature_after_hours / 24)
    return Window.of_day(feature.monitoring.start).start + timedelta(days=days)
