"""A tiny AI feature whose log is written by the real client, on a clock that the test sets."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import PredictionLog
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

DAY = "2021-03-04"
NOON = datetime(2021, 3, 4, 12, tzinfo=UTC)
LATER = datetime(2021, 4, 1, tzinfo=UTC)
INPUT = {"city": "A", "temp": 20.5, "express": True}
OUTPUT = {"probability": 0.25, "late": False}

_OWNER = {"accountable": "someone@example.com"}
FEATURE = AiFeatureSpec.model_validate(
    {
        "name": "tiny",
        "title": "Is it late?",
        "served_by": "own_model",
        "monitoring": {"start": date(2021, 1, 1)},
        "inputs": [
            {"name": "city", "type": "category"},
            {"name": "temp", "type": "number", "nullable": True},
            {"name": "express", "type": "boolean"},
        ],
        "outputs": [
            {"name": "probability", "type": "probability"},
            {"name": "late", "type": "boolean"},
        ],
        "judged": {"score": "probability", "decision": "late"},
        "ground_truth": {"labels": "sources/tiny/labels/*.parquet"},
        "user_actions": {"table": "sources/tiny/actions/*.parquet"},
        "owners": {
            "prediction_logging": _OWNER,
            "drift_monitoring": _OWNER,
            "retraining_pipeline": _OWNER,
            "inference_management": _OWNER,
            "accuracy_evaluation": {"follows": "drift_monitoring"},
        },
        "serving": {"expected_peak": {"requests_per_second": 50}},
    }
)


class SetClock:
    """A clock that shows what the test sets, and goes on by a millisecond when asked."""

    mode = "replay"

    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


class World:
    """A root of its own, and what a test does in it."""

    def __init__(self, folder: Path) -> None:
        self.root = Root.open(folder, {})
        self.clock = SetClock()

    def open_log(self, writer: str = "web") -> PredictionLog:
        return PredictionLog(self.root.segments, FEATURE.name, writer, self.clock)

    def write(self, log: PredictionLog, *ids: str, **fields: Any) -> None:
        for id in ids:
            told = {"model_version": "1", "input": INPUT, "output": OUTPUT, **fields}
            log.record(id=id, **told)

    def segments(self) -> list[Path]:
        return sorted(self.root.segments.glob(f"{FEATURE.name}/*/*.jsonl"))

    def log_of(self, day: str = DAY) -> pa.Table:
        return self.root.lake.read_table(self.path(day))[0]

    def quarantine_of(self, day: str = DAY) -> list[dict[str, Any]]:
        lake = self.root.lake
        path = lake.path(FEATURE.name, "prediction_log/quarantine", day)
        rows: list[dict[str, Any]] = lake.read_table(path)[0].to_pylist()
        return rows

    def path(self, day: str = DAY) -> str:
        return self.root.lake.path(FEATURE.name, "prediction_log", day)

    def act(self, ids: list[str], times: list[datetime], name: str = "a", **columns: Any) -> None:
        """Write user actions, as the product's own database would tell them."""
        file = self.root.folder / "sources" / "tiny" / "actions" / f"{name}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": ids, "time": times, **columns}), file)


def moment(day: str = DAY, as_of: datetime = LATER) -> Moment:
    return Moment(day, Window.of_day(day), as_of)


def week() -> list[Moment]:
    return [moment(day) for day in Window.of_week("2021-03-01").days()]
