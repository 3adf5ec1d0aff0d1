"""A tiny AI feature in production on a replay's clock, with a real daemon, and a real server.

Everything but the clock is as in production: segments of the real client, labels and actions in
files, versions in MLflow with their out-of-fold answers, decisions signed with keys.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import ai_ops
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.checklist import jobs as names
from ai_ops.client import PredictionLog
from ai_ops.component import definitions_of
from ai_ops.orchestration.running import dagster_environment, open_runner
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.retraining_pipeline.promotion import launch
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import Event
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES, NAME, Constant
from ai_ops_tests.retraining_pipeline import pipeline_world, tiny_trainer

T = TypeVar("T")

CHECKOUT = Path(ai_ops.__file__).parents[1]
MONDAY = date(2021, 3, 1)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]
LAUNCHED = utc("2021-02-28T09:00:00Z")
NOW = utc("2021-03-08T10:00:00Z")
BACKEND, SCIENTIST, DEVOPS = pipeline_world.BACKEND, pipeline_world.SCIENTIST, pipeline_world.DEVOPS
SCORES = {"1": 0.25, "2": 0.75}
"""What each version answers, whatever it is asked."""

LOCATION = """
from pathlib import Path

from ai_ops.ai_features import load_feature
from ai_ops.component import definitions_of

defs = definitions_of(load_feature(Path(__file__).with_name("defs") / "tiny" / "defs.yaml"))
"""

PATIENCE_SECONDS = 300.0


def declared() -> dict[str, Any]:
    """The feature's YAML: a week of a constant answer is a confirmed gap to its launch."""
    owners = {
        "prediction_logging": {"accountable": BACKEND},
        "drift_monitoring": {"accountable": SCIENTIST},
        "retraining_pipeline": {"accountable": BACKEND},
        "inference_management": {"accountable": DEVOPS},
        "accuracy_evaluation": {"follows": "drift_monitoring"},
    }
    return {
        **ATTRIBUTES,
        "monitoring": {"start": MONDAY},
        "ground_truth": {**ATTRIBUTES["ground_truth"], "mature_after_hours": 12},
        "logging": {
            "writers": [{"name": "serve", "always": False}],
            "witness": {"table": f"sources/{NAME}/served/*.parquet"},
        },
        "owners": owners,
        "gate": {"k": 1, "n": 1, "candidate": {"minimum_days": 2, "minimum_rows": 100}},
        "retraining": {
            "automated": True,
            "trainer": tiny_trainer.__name__,
            "training_days": 28,
            "holdout_days": 3,
            "minimum_rows": 500,
        },
    }


@dataclass(frozen=True)
class DaemonWorld:
    """The folder of the installation: its definitions, its feature's YAML, its root."""

    folder: Path
    feature: AiFeatureSpec
    root: Root

    @property
    def defs(self) -> Path:
        """Where the feature is declared."""
        return self.folder / "defs"

    def land(self, writer: str, days: list[date]) -> None:
        """The segments of some days land at once, as a writer left them on its machine."""
        clock, machine = Stepping(), self.folder / "machine"
        policy = policy_of(self.feature, "replay")
        with PredictionLog(machine, NAME, writer, clock, policy=policy) as log:
            for day in days:
                for row in tiny_trainer.rows_of(day, "p").to_pylist():
                    clock.time = row["time"]
                    log.record(
                        id=row["id"],
                        model_version="1",
                        input={name: row[f"input_{name}"] for name in ("city", "temp", "express")},
                        output={"probability": SCORES["1"], "late": False},
                        latency_ms=1.0,
                        tenant=row["tenant"],
                    )
        landed = self.root.segments / NAME / writer
        landed.parent.mkdir(parents=True, exist_ok=True)
        (machine / NAME / writer).rename(landed)

    def decide(self, kind: EventKind, by: str, **content: Any) -> Event:
        """A decision, signed and recorded."""
        return record(self.root, self.feature, self.sign(kind, by, **content))

    def sign(self, kind: EventKind, by: str, **content: Any) -> str:
        """A decision, signed."""
        return sign_decision(self.root, self.feature, kind, by, content)


class Stepping:
    """The clock of a writer that sets it."""

    mode = "replay"
    time = LAUNCHED

    def now(self) -> datetime:
        return self.time


def build(folder: Path) -> DaemonWorld:
    """A feature that was launched, and whose week was judged without a single line of log."""
    file = folder / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": declared()}))
    (folder / "location.py").write_text(LOCATION)
    root = Root.open(folder / "root", environment={})
    root.begin_replay(LAUNCHED)
    world = DaemonWorld(folder, load_feature(file), root)
    keys = Identities(demo_identities(root))
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    for score in SCORES.values():
        _register(world, score)
    _write_sources(world)
    put_into_production(world)
    root.begin_replay(NOW)
    with open_runner(root.folder, definitions_of(world.feature)) as runner:
        runner.run(names.versions_job_name(world.feature))
        first, last = WEEK[0].isoformat(), WEEK[-1].isoformat()
        runner.run_range(names.daily_job_name(world.feature), first, last)
        for job in (names.weekly_job_name, names.checklist_job_name):
            runner.run(job(world.feature), partition=first)
    return world


def _register(world: DaemonWorld, score: float) -> None:
    """A version of constant output, which promised to know its labels."""
    rows = tiny_trainer.history(world.root, world.feature, date(2021, 1, 18), date(2021, 2, 28))
    count = rows.num_rows
    for name in ("logged", "known_on"):
        rows = rows.append_column(name, pa.array([False] * count))
    trained = tiny_trainer.train(world.feature, rows)
    sure = pa.array(np.where(rows["label"].to_numpy(zero_copy_only=False), 0.9, 0.1))
    place = trained.reference.column_names.index("output_probability")
    world.root.registry.register(
        NAME,
        Constant(score),
        trained.encoder,
        trained.example,
        metrics={"auc": 0.99},
        params={},
        dataset=rows.to_pandas(),
        dataset_digest="0" * 32,
        reference=trained.reference.set_column(place, "output_probability", sure),
    )


def _write_sources(world: DaemonWorld) -> None:
    """What is known without the log: who asked, and what became of it."""
    rows = pa.concat_tables([tiny_trainer.rows_of(day, "p") for day in WEEK])
    columns = {"labels": ["id", "label", "available_at"], "actions": ["id", "time"]}
    for name, chosen in columns.items():
        file = world.root.folder / "sources" / NAME / name / "week.parquet"
        file.parent.mkdir(parents=True)
        pq.write_table(rows.select(chosen), file)
    served = world.root.folder / "sources" / NAME / "served" / "week.parquet"
    served.parent.mkdir(parents=True)
    pq.write_table(pa.table({"time": rows["time"], "served": [1] * rows.num_rows}), served)


def put_into_production(world: DaemonWorld) -> None:
    """Frozen criteria, an approval, the list, and a launch that is signed."""
    root, gate = world.root, world.feature.gate
    world.decide("gate_freeze", SCIENTIST, gate=gate.model_dump(mode="json"), hash=gate.digest)
    world.decide("approval", SCIENTIST, version="1", gate_hash=gate.digest, reason="the first")
    pipeline_world.list_passed(root)
    root.registry.set_alias(NAME, REHEARSAL, "1")
    launch(root, world.feature, world.sign("launch", DEVOPS, version="1", reason="go"))


@contextmanager
def daemon(world: DaemonWorld) -> Iterator["subprocess.Popen[bytes]"]:
    """A real ``dagster-daemon`` with its own code server; all of it ends with the block."""
    command = [sys.executable, "-m", "dagster._daemon", "run"]
    with (world.folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "-f", str(world.folder / "location.py"), "-d", str(world.folder)],
            env={
                **{k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
                **{
                    k: v
                    for k, v in dagster_environment(world.root.folder).items()
                    if "DAGSTER" in k
                },
                "AI_OPS_ROOT": str(world.root.folder),
                "PYTHONPATH": str(CHECKOUT),
                "OMP_NUM_THREADS": "1",
            },
            cwd=world.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,  # its code server and runs end with it, however the test ends
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(what: str, seen: Callable[[], T | None], world: DaemonWorld) -> T:
    """What is seen when it is; a failure with the end of the daemon's log when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := seen():
            return found
        time.sleep(0.25)
    log = (world.folder / "daemon.log").read_text(errors="replace")[-4000:]
    raise AssertionError(f"{what}: not within {PATIENCE_SECONDS:.0f} s; the daemon says:\n{log}")
