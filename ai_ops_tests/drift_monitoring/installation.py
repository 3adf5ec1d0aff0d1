"""A root with a reference and the logs of some days, without registry, server or ledger."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pandas as pd
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profiling import compute_prediction_profile
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.windows import Window

VERSION: Final = "1"

Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass
class Registered:
    """What drift monitoring asks of the registry, answered from memory."""

    table: pa.Table
    digest: str = "the-first-table"
    version: str | None = VERSION
    later: dict[str, pa.Table] = field(default_factory=dict)

    def serving_version(self, name: str) -> str | None:
        return self.version

    def reference(self, name: str, version: str) -> tuple[pa.Table, str]:
        if version in self.later:
            return self.later[version], f"the table of {version}"
        return self.table, self.digest


@dataclass(frozen=True)
class Installation:
    """A root with the logs of some days; ``registry`` stands in for MLflow."""

    root: Root
    feature: AiFeatureSpec
    registry: Registered

    def log(self, rows: pd.DataFrame) -> None:
        """Write the rows as the prediction log of their days."""
        for day, own in rows.groupby(rows["time"].dt.strftime("%Y-%m-%d")):
            self.write_log(str(day), own)

    def write_log(self, day: str, rows: pd.DataFrame) -> None:
        path = self.root.lake.path(self.feature.name, "prediction_log", day)
        self.root.lake.write_table(path, pa.Table.from_pandas(rows, preserve_index=False))

    def monitor(self, first: str, last: str) -> dict[str, Summary]:
        """Profile and report on these days, as one call each."""
        moments = [self.moment(day) for day in days(first, last)]
        compute_prediction_profile(self.root, self.feature, moments)
        return reporting.compute_drift_report(self.root, self.feature, moments)

    def moment(self, day: str) -> Moment:
        window = Window.of_day(day)
        return Moment(day, window, window.end + timedelta(hours=6))


def days(first: str, last: str) -> list[str]:
    return list(Window(Window.of_day(first).start, Window.of_day(last).end).days())
