"""A table that somebody else wrote, the feature that reads it, and its days as they are judged."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG, QUARANTINE, compute_prediction_log
from ai_ops.prediction_logging.completeness_report import judge_log_written
from ai_ops.prediction_logging.conformity_report import judge_schema_conforms
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window

NAME: Final = "loans"
DAYS: Final = ("2021-03-01", "2021-03-02", "2021-03-03")
FIRST: Final = datetime(2021, 3, 1, 9, tzinfo=UTC)
_OWNER: Final = {"accountable": "someone@example.com"}
_COLUMNS: Final = {"id": "loan", "time": "at"}


def feature(columns: dict[str, str] | None = None, **changed: Any) -> AiFeatureSpec:
    """The feature; ``columns`` and other attributes of ``source`` as a test wants them."""
    source = {"files": "tables/*", "columns": _COLUMNS if columns is None else columns}
    source |= changed.pop("source", {})
    return AiFeatureSpec.model_validate(
        {
            "name": NAME,
            "title": "Will it be paid back?",
            "served_by": "external",
            "monitoring": {"start": date(2021, 1, 1)},
            "inputs": [
                {"name": "amount", "type": "number"},
                {"name": "purpose", "type": "category", "nullable": True},
                {"name": "insured", "type": "boolean"},
            ],
            "outputs": [{"name": "risk", "type": "probability"}],
            "judged": {"score": "risk"} if "label" in source["columns"] else {},
            "ground_truth": {"kind": "binary" if "label" in source["columns"] else "none"},
            "source": source,
            "owners": {
                "prediction_logging": _OWNER,
                "drift_monitoring": _OWNER,
                "retraining_pipeline": _OWNER,
                "inference_management": _OWNER,
                "accuracy_evaluation": {"follows": "drift_monitoring"},
            },
        }
        | changed
    )


def loans(days: Sequence[str] = DAYS, a_day: int = 10) -> dict[str, list[Any]]:
    """The columns of a table with so many rows on each of these days."""
    times = [
        datetime.fromisoformat(f"{day}T09:00:00+00:00") + timedelta(minutes=number)
        for day in days
        for number in range(a_day)
    ]
    numbers = range(len(times))
    return {
        "loan": [f"loan-{time:%m%d}-{place % a_day}" for place, time in enumerate(times)],
        "at": list(times),
        "amount": [1000.0 + 7 * n for n in numbers],
        "purpose": [("car", "house", "studies")[n % 3] for n in numbers],
        "insured": [n % 2 == 0 for n in numbers],
        "risk": [0.05 + n % 10 / 11 for n in numbers],
    }


class SourceWorld:
    """A root with tables of somebody else's."""

    def __init__(self, folder: Path) -> None:
        self.root = Root.open(folder, environment={})
        self.tables = folder / "tables"
        self.tables.mkdir(parents=True)

    def parquet(self, columns: dict[str, Any], name: str = "loans.parquet") -> Path:
        """Write a Parquet file."""
        pq.write_table(pa.table(columns), self.tables / name)
        return self.tables / name

    def csv(self, content: bytes | str, name: str = "loans.csv") -> Path:
        """Write a file of text as it is."""
        data = content if isinstance(content, bytes) else content.encode()
        (self.tables / name).write_bytes(data)
        return self.tables / name

    def compute(
        self, spec: AiFeatureSpec | None = None, days: Sequence[str] = DAYS
    ) -> dict[str, Summary]:
        """Make the logs of these days."""
        return compute_prediction_log(self.root, spec or feature(), [moment(d) for d in days])

    def rows(self, day: str = DAYS[0], asset: str = LOG) -> list[dict[str, Any]]:
        """The rows of a day's log, or of another table of the day."""
        table, _ = self.root.lake.read_table(self.root.lake.path(NAME, asset, day))
        found: list[dict[str, Any]] = table.to_pylist()
        return found

    def quarantine(self, day: str = DAYS[0]) -> list[dict[str, Any]]:
        """What of a day could not enter the log."""
        return self.rows(day, QUARANTINE)

    def undated(self) -> list[dict[str, Any]]:
        """What belongs to no day."""
        path = self.root.lake.path(NAME, "prediction_log/undated", None)
        found: list[dict[str, Any]] = self.root.lake.read_table(path)[0].to_pylist()
        return found

    def written(self, spec: AiFeatureSpec | None = None, day: str = DAYS[0]) -> Verdict:
        """The verdict of ``log_written``."""
        return judge_log_written(self.root, spec or feature(), moment(day))

    def conforms(self, spec: AiFeatureSpec | None = None, day: str = DAYS[0]) -> Verdict:
        """The verdict of ``schema_conforms``."""
        return judge_schema_conforms(self.root, spec or feature(), moment(day))


def moment(day: str, as_of: datetime | None = None) -> Moment:
    """A day as its schedule judges it."""
    window = Window.of_day(day)
    return Moment(day, window, as_of or window.end + timedelta(hours=6))
