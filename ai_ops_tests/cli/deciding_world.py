"""A root with the demo feature's name, tiny versions, and the command on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import torch
import typer
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn
from ai_ops.cli.common import resolve_feature
from ai_ops.cli.main import assemble
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS

FEATURE = resolve_feature("flight_delay")
BEGIN = Window.of_day(FEATURE.monitoring.start).start
NOW = BEGIN + timedelta(days=7, hours=9)
"""The morning after a week of rehearsal."""

BACKEND = FEATURE.owner_of("retraining_pipeline").accountable
SCIENTIST = FEATURE.owner_of("drift_monitoring").accountable
DEVOPS = FEATURE.owner_of("inference_management").accountable

METRICS = {"1": {"auc": 0.68}, "2": {"auc": 0.71}}
_ROWS = {"distance": [100.0, 900.0]}
_APP = assemble()


class Constant(torch.nn.Module):
    """A model that answers every row with the same probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = torch.nn.Parameter(torch.tensor(probability), requires_grad=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.sum(dim=1, keepdim=True) * 0 + self.probability


@dataclass(frozen=True)
class Called:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class World:
    """One root, and the command on it."""

    folder: Path
    app: typer.Typer = _APP
    feature: AiFeatureSpec = FEATURE

    def __call__(self, *arguments: str, root: bool = True) -> Called:
        """Call the command with the root's folder."""
        place = ["--root", str(self.folder)] if root else []
        env = {"COLUMNS": "400", "AI_OPS_IDENTITY": "", "AI_OPS_IDENTITIES": ""}
        done = CliRunner().invoke(self.app, [*arguments, *place], env=env)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Called(done.exit_code, done.stdout, done.stderr)

    @property
    def root(self) -> Root:
        """The root."""
        return Root.open(self.folder, environment={})

    @property
    def standing(self) -> Standing:
        """How the feature stands."""
        return standing_of(self.root.ledger, self.feature.name)

    def advance(self, moment: datetime) -> None:
        """Move the replay's clock."""
        self.root.begin_replay(moment)

    def judged(self, item: str, day: str, verdict: Verdict) -> None:
        """A verdict of a daily check, as the schedule would have made it."""
        window = Window.of_day(day)
        as_of = window.end + timedelta(hours=6)
        one = RecordedVerdict(self.feature.name, item, "asset", day, window, as_of, verdict)
        self.root.ledger.record_verdicts([one], clock=self.root.clock)

    def happened(self, kind: Any, **payload: Any) -> None:
        """Something that no person signs."""
        event = NewEvent(kind, self.feature.name, payload)
        self.root.ledger.append([event], clock=self.root.clock)

    def gate_judged(
        self, version: str, champion: str, verdict: Verdict, items: Sequence[str] = GATE_CHECKS
    ) -> None:
        """The gate's verdicts on a candidate."""
        now = self.root.clock.now()
        said = {"version": version, "champion": champion, "gate_hash": self.feature.gate.digest}
        verdicts = [
            RecordedVerdict(
                self.feature.name,
                item,
                "candidate_evaluation",
                None,
                Window.of_day(now.date()),
                now,
                Verdict(
                    verdict.status,
                    verdict.reason,
                    said,
                    verdict.sample_size,
                    findings=verdict.findings,
                ),
            )
            for item in items
        ]
        self.root.ledger.record_verdicts(verdicts, clock=self.root.clock)


FINE = Verdict.passing("auc .03 better on 4,000 rows", sample_size=4000)
BAD = Verdict.failing("temp moved", Finding("drift", "fail", "temp moved"), sample_size=900)


def replay(folder: Path, versions: int = 2) -> World:
    """A replay after the rehearsal: tiny versions are registered, the first one answers."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder)
    root = world.root
    root.begin_replay(NOW)
    encoder = TabularEncoder.fit(_ROWS, [InputColumn(name="distance", type="number")])
    for number in range(1, versions + 1):
        root.registry.register(
            FEATURE.name,
            Constant(number / 10),
            encoder,
            encoder.encode(_ROWS),
            metrics=METRICS[str(number)],
            params={},
            dataset=pd.DataFrame({"x": [1.0]}),
            dataset_digest=str(number) * 32,
            reference=pa.table({"id": ["a"], "probability": [0.1]}),
        )
    if versions:
        root.registry.set_alias(FEATURE.name, "rehearsal", "1")
    return world
