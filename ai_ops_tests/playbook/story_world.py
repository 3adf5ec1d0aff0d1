"""A small AI feature in production under a real daemon: a week that is judged, and faults to land.

What is logged is what the registered module answers. A person's commands are processes of their
own; the clock is a replay's, so that weeks pass in seconds.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ai_ops.ai_features import load_feature
from ai_ops.checklist import jobs as names
from ai_ops.client import PredictionLog
from ai_ops.component import definitions_of
from ai_ops.orchestration.running import open_runner
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing, standing_of
from ai_ops.vocabulary.words import AlertKind
from ai_ops_tests.inference_management.serving_world import NAME
from ai_ops_tests.orchestration import daemon_world
from ai_ops_tests.orchestration.daemon_world import (
    BACKEND,
    CHECKOUT,
    DEVOPS,
    LAUNCHED,
    LOCATION,
    MONDAY,
    SCIENTIST,
    DaemonWorld,
    Stepping,
)
from ai_ops_tests.playbook import story_trainer

Fault = Callable[[dict[str, Any]], dict[str, Any]]
"""What befalls a call before it is logged: its inputs, its mode, its cost."""

WEEK = timedelta(weeks=1)


def broken_feed(since: date) -> Fault:
    """From a day on the feed sends its cities in another spelling."""

    def fault(call: dict[str, Any]) -> dict[str, Any]:
        if call["time"].date() < since:
            return dict(call)
        return call | {"input": call["input"] | {"city": call["input"]["city"].lower()}}

    return fault


def one_by_one(call: dict[str, Any]) -> dict[str, Any]:
    """What the app asked in batches it asks one by one, in bursts, and each takes longer."""
    if call["call_site"] != "app":
        return call
    hour, minute = call["time"].hour // 6 * 6, call["time"].hour % 6 * 60 + call["time"].minute
    together = call["time"].replace(hour=hour, minute=0, microsecond=1000 * minute)
    slow = {"compute_ms": 3 * call["cost"]["compute_ms"]}
    return call | {"mode": "sync", "time": together, "cost": slow}


@dataclass(frozen=True)
class Story(DaemonWorld):
    """The installation, and what is measured of its answers."""

    model: list[Any] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """How the feature stands."""
        return standing_of(self.root.ledger, NAME)

    @property
    def location(self) -> tuple[str, ...]:
        """How Dagster is told what to load."""
        return "-f", str(self.folder / "location.py"), "-d", str(self.folder)

    def incident(self, alert: AlertKind) -> Incident | None:
        """The newest incident of a kind."""
        return next((one for one in reversed(self.standing.incidents) if one.alert == alert), None)

    def events(self, incident: str) -> list[Event]:
        """All that the ledger tells of an incident, in its order."""
        every = self.root.ledger.events(NAME)
        return [one for one in every if one.payload.get("incident") == incident]

    def happens(self, days: Sequence[date], until: datetime, fault: Fault | None = None) -> float:
        """Days pass: what was asked lands, with a fault or none; when its rows are there."""
        place = self._written(days, fault)
        self.root.begin_replay(until)
        landed = self.root.segments / NAME / "serve"
        landed.mkdir(parents=True, exist_ok=True)
        for segment in sorted(place.iterdir()):
            segment.rename(landed / segment.name)
        return time.monotonic()

    def later(self, **by: float) -> None:
        """Time passes."""
        self.root.begin_replay(self.root.clock.now() + timedelta(**by))

    def command(self, *words: str, code: int | None = 0) -> str:
        """A person's command, as a process of its own; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "ai_ops.cli", *words, "--root", str(self.root.folder)],
            env={
                **os.environ,
                "AI_OPS_DEFS": str(self.defs),
                "PYTHONPATH": str(CHECKOUT),
                "OMP_NUM_THREADS": "1",
                "COLUMNS": "200",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        said = f"{done.stdout}{done.stderr}"
        assert code in (done.returncode, None), f"{words}: {done.returncode}\n{said}"
        return done.stdout

    def shown(self, *words: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.command(*words, "--json"))

    def tell(self, words: str) -> None:
        """Keep a measured time, for the report at the end."""
        self.told.append(words)

    def _written(self, days: Sequence[date], fault: Fault | None) -> Path:
        """What a writer left on its machine, and what is known without the log."""
        clock, machine = Stepping(), self.folder / f"machine-{days[0]}"
        module, encoder = self.model[0]
        with PredictionLog(
            machine, NAME, "serve", clock, policy=policy_of(self.feature, "replay")
        ) as log:
            for day in days:
                rows = story_trainer.rows_of(day)
                calls = sorted(map(fault or dict, _calls(rows)), key=itemgetter("time"))
                self._write_sources(day, rows, [call["time"] for call in calls])
                for call in calls:
                    clock.time = call.pop("time")
                    columns = {name: [value] for name, value in call["input"].items()}
                    (score,) = story_trainer.answers(module, encoder, columns).tolist()
                    log.record(output={"probability": score, "late": score >= 0.5}, **call)
        return machine / NAME / "serve"

    def _write_sources(self, day: date, rows: pa.Table, asked: list[datetime]) -> None:
        columns = {"labels": ["id", "label", "available_at"], "actions": ["id", "time"]}
        tables = {name: rows.select(chosen) for name, chosen in columns.items()}
        counted = {"time": pa.array(asked, rows["time"].type), "served": [1] * len(asked)}
        tables["served"] = pa.table(counted)
        for name, table in tables.items():
            file = self.root.folder / "sources" / NAME / name / f"{day}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, file)


def _calls(rows: pa.Table) -> list[dict[str, Any]]:
    """What is asked: at ``web`` one by one, at ``app`` and at ``night`` in batches."""
    calls, sites = [], (("web", "sync"), ("app", "batch"), ("night", "batch"))
    for number, row in enumerate(rows.to_pylist()):
        site, mode = sites[number % 3]
        calls.append(
            {
                "id": row["id"],
                "time": row["time"],
                "model_version": "1",
                "input": {name: row[f"input_{name}"] for name in ("city", "temp", "express")},
                "latency_ms": 5.0,
                "call_site": site,
                "mode": mode,
                "tenant": row["tenant"],
                "cost": {"compute_ms": 200_000},
            }
        )
    return calls


def declared() -> dict[str, Any]:
    """The feature's YAML: an alert is confirmed within two days."""
    base = daemon_world.declared()
    return {
        **base,
        "drift": {"window_days": 1, "k": 2, "n": 2, "minimum_rows": 100},
        "ground_truth": {**base["ground_truth"], "minimum_labels": 60},
        "gate": {"k": 1, "n": 1, "candidate": {"minimum_days": 2, "minimum_rows": 100}},
        "costs": {
            "compute": [{"name": "vm", "hourly_price": 0.04}],
            "storage_price_per_gb_month": 0.02,
        },
        "retraining": {
            "automated": True,
            "trainer": story_trainer.__name__,
            "training_days": 28,
            "holdout_days": 5,
            "minimum_rows": 300,
        },
    }


def build(folder: Path) -> Story:
    """A feature that was launched a week ago, and whose first week was calm."""
    file = folder / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": declared()}))
    (folder / "location.py").write_text(LOCATION)
    root = Root.open(folder / "root", environment={})
    root.begin_replay(LAUNCHED)
    archive = root.folder / story_trainer.ARCHIVE
    archive.parent.mkdir(parents=True)
    archive.write_text("parcels of the years before\n")
    story = Story(folder, load_feature(file), root)
    keys = Identities(demo_identities(root))
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    story.model.append(_register(story))
    daemon_world.put_into_production(story)
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    story.happens(days, daemon_world.NOW)
    with open_runner(root.folder, definitions_of(story.feature)) as runner:
        first, last = days[0].isoformat(), days[-1].isoformat()
        runner.run(names.versions_job_name(story.feature))
        runner.run_range(names.daily_job_name(story.feature), first, last)
        for job in (names.weekly_job_name, names.checklist_job_name):
            runner.run(job(story.feature), partition=first)
    return story


def _register(story: Story) -> tuple[Any, Any]:
    """The first version: what it answered when it was trained is what is normal."""
    rows = story_trainer.past(date(2021, 1, 18), date(2021, 2, 28))
    made = story_trainer.train(story.feature, rows)
    story.root.registry.register(
        NAME,
        made.module,
        made.encoder,
        made.example,
        metrics=made.metrics,
        params={},
        dataset=rows.to_pandas(),
        dataset_digest="0" * 32,
        reference=made.reference,
    )
    return made.module, made.encoder
