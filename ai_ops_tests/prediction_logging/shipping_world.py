"""A machine with writers, and the installation that its segments are shipped to."""

import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ai_ops.client import PredictionLog
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import judge_log_written
from ai_ops.prediction_logging.landing import Landing
from ai_ops.prediction_logging.segments import Segments, open_segments
from ai_ops.prediction_logging.shipping import Round, Shipper
from ai_ops.storage.lake import Lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import WallClock
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.logging_world import (
    DAY,
    FEATURE,
    INPUT,
    NOON,
    OUTPUT,
    SetClock,
    World,
    moment,
)

NAME = FEATURE.name
CRASH = """
import os, signal, sys
from datetime import datetime, timedelta
from ai_ops.client import PredictionLog
class Clock:
    mode = "live"
    def now(self):
        return datetime.fromisoformat(sys.argv[3])
log = PredictionLog(sys.argv[1], "tiny", sys.argv[2], Clock())
for id in sys.argv[4:]:
    log.record(id=id, model_version="1", input={"city": "A", "temp": 1.5, "express": True},
               output={"probability": 0.25, "late": False})
os.kill(os.getpid(), signal.SIGKILL)
"""


class Shipping(World):
    """The installation, and beside it a machine that shares nothing with it but the lake."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        super().__init__(folder / "installation")
        self.root = Root.open(folder / "installation", environment or {})
        self.machine = folder / "machine" / "segments"
        if self.root.lake.is_local:
            Path(self.root.lake.url).mkdir(parents=True)

    @property
    def landing(self) -> Landing:
        return Landing(self.root.lake, NAME)

    def write_on(self, *ids: str, day: str = DAY, writer: str = "web", **fields: Any) -> list[Path]:
        """Write a whole incarnation on the machine; its segments."""
        before = set(self.here())
        clock = SetClock(NOON + timedelta(days=(date(day) - date(DAY)).days))
        with PredictionLog(self.machine, NAME, writer, clock) as log:
            for id in ids:
                told = {"model_version": "1", "input": INPUT, "output": OUTPUT, **fields}
                log.record(id=id, **told)
        return sorted(set(self.here()) - before)

    def crash(self, *ids: str, writer: str = "web", at: datetime = NOON) -> Path:
        """Have a process write and be killed; its segment, as if it lay there for a minute."""
        before = set(self.here())
        told = [str(self.machine), writer, at.isoformat(), *ids]
        subprocess.run([sys.executable, "-c", CRASH, *told], check=False)
        [file] = set(self.here()) - before
        back_date(file)
        return file

    def here(self) -> list[Path]:
        """The segments on the machine."""
        return sorted((self.machine / NAME).glob("*/*.jsonl"))

    def shipper(self, lake: Lake | None = None, **options: Any) -> Shipper:
        return Shipper(self.machine, NAME, lake or self.root.lake, WallClock(), **options)

    def ship(self) -> Round:
        return self.shipper().round()

    def compact(self, *days: str) -> dict[str, Any]:
        summaries = compute_prediction_log(self.root, FEATURE, [moment(d) for d in days or [DAY]])
        return dict(summaries[days[0] if days else DAY].numbers)

    def judged(self, day: str = DAY) -> Verdict:
        return judge_log_written(self.root, FEATURE, moment(day))

    def opened(self, *days: str) -> Segments:
        return open_segments(self.root, NAME, days or [DAY])

    def ids(self, day: str = DAY) -> list[str]:
        found: list[str] = sorted(self.log_of(day)["id"].to_pylist())
        return found

    def landed(self, place: str = DAY) -> list[str]:
        """What lies in a folder of the landing place."""
        lake = self.root.lake
        return sorted(lake.listing(f"{lake.url}/{NAME}/landing/{place}"))

    def path_of(self, file: Path, place: str = DAY) -> str:
        """Where a segment of the machine lands."""
        return self.landing.path_of(place, name_of(file))


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def date(day: str) -> Any:
    return datetime.fromisoformat(day).date()


def back_date(file: Path, seconds: float = 60.0) -> None:
    os.utime(file, (time.time() - seconds,) * 2)
