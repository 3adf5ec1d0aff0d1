"""A tiny AI feature whose rollback is drilled: versions that may be promoted, and quick hands."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.drill_answers import Counted
from ai_ops.inference_management.drill_root import DrillRoot
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.inference_management.explained import explained_by
from ai_ops.inference_management.predictor import Champion
from ai_ops.inference_management.rollback_drill import Hands
from ai_ops.inference_management.rollback_record import Clocks, Drilled, Load, Ran
from ai_ops.inference_management.rollback_steps import STEPS
from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.loaded_model import LoadedModel
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.inference_management.serving_world import (
    ATTRIBUTES,
    DAY,
    NAME,
    PROBABILITIES,
    ROWS,
    Constant,
    asking,
    write_feature,
)

PERSON = "someone@example.com"
NOON = utc(f"{DAY}T12:00:00Z")
PEAK = 10.0
"""Requests a second: a drill sends twice as many, which a busy machine answers too."""


def feature_in(folder: Path, poll_seconds: float = 0.1) -> AiFeatureSpec:
    """The tiny feature with a small peak, declared below a folder."""
    write_feature(folder)
    file = folder / NAME / "defs.yaml"
    said = yaml.safe_load(file.read_text())
    peak = {"requests_per_second": PEAK}
    said["attributes"]["serving"] = {"expected_peak": peak, "poll_seconds": poll_seconds}
    file.write_text(yaml.safe_dump(said))
    return load_feature(file)


def registered(folder: Path) -> Path:
    """A registry with version 1 (always 0.25) and 2 (always 0.75), either with a metric."""
    database = folder / "mlflow.db"
    registry = Registry(f"sqlite:///{database}", folder / "artifacts")
    for probability in PROBABILITIES.values():
        register(registry, probability)
    return database


def home_in(folder: Path, database: Path) -> Root:
    """A replay's root with a registry of its own; version 2 is live, after version 1."""
    own = folder / "mlflow" / "mlflow.db"
    own.parent.mkdir(parents=True)
    shutil.copy(database, own)
    root = Root.open(folder, {})
    root.begin_replay(NOON)
    Identities(demo_identities(root)).create(PERSON)
    moved(root, "1", None)
    moved(root, "2", "1")
    return root


def moved(root: Root, version: str, previous: str | None) -> None:
    """A launch or a promotion of production, as far as its ledger and registry tell of it."""
    said: dict[str, Any] = {"version": version, "previous": previous, "by": PERSON}
    kind: EventKind = "promotion" if previous else "launch"
    root.ledger.append([NewEvent(kind, NAME, said)], clock=root.clock)
    root.registry.set_alias(NAME, "champion", version)


def register(registry: Registry, probability: float) -> str:
    """Register a version of constant output that has passed something."""
    rows: dict[str, list[Any]] = dict(ROWS)  # type: ignore[arg-type]
    encoder = TabularEncoder.fit(rows, [InputColumn(**one) for one in ATTRIBUTES["inputs"]])
    return registry.register(
        NAME,
        Constant(probability),
        encoder,
        encoder.encode(rows),
        metrics={"auc": 0.7},
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [probability]}),
    ).version


Loads = Callable[[DrillRoot], Registry]
"""The registry that a drill's server reads."""


def quick(
    *, loads: Loads = lambda drill: drill.root.registry, enters: Any = None, patience: float = 20.0
) -> Hands:
    """Hands that do in this process what the commands and the server do: the same functions."""

    @contextmanager
    def serves(drill: DrillRoot) -> Iterator[str]:
        with served_here(drill, loads(drill)) as url:
            yield url

    return Hands(enters or entered_here, serves, patience=patience, steady=0.3)


def entered_here(drill: DrillRoot, step: str, arguments: Sequence[str]) -> Ran:
    """What a command does, without the seconds that its process takes to start."""
    begun, code, said = time.monotonic(), 0, "done"
    try:
        _acted(drill, step)
    except AiOpsError as error:
        code, said = 1, str(error)
    return Ran(step, " ".join(["ai-ops", *arguments]), code, time.monotonic() - begun, said)


def _acted(drill: DrillRoot, step: str) -> None:
    root, feature = drill.root, drill.feature
    if step == "promote":
        promote(root, feature, drill.candidate)
    elif step == "roll_back":
        content = {"version": drill.previous, "reason": "worse"}
        rollback(root, feature, sign_decision(root, feature, "rollback", drill.person, content))
    elif step == "hold":
        token = sign_decision(root, feature, "hold", drill.person, {"reason": "worse"})
        record(root, feature, token)


@contextmanager
def served_here(drill: DrillRoot, registry: Registry) -> Iterator[str]:
    """The drill's server in a thread of this process."""
    from ai_ops.client import PredictionLog
    from ai_ops.inference_management.server import create_app

    root, feature = drill.root, drill.feature
    followed = Champion(
        registry,
        feature.name,
        feature.serving.poll_seconds,
        root.clock,
        rehearses=True,
        explains=explained_by(root, feature.name),
    )
    log = PredictionLog(root.segments, feature.name, "serve", root.clock)
    with asking(create_app(root, feature, log, champion=followed)) as client:
        yield str(client.base_url).rstrip("/")


class _Swapped(Registry):
    """A registry that loads the files of one version under the number of another."""

    numbers: dict[str, str]

    def load(self, name: str, version: str) -> LoadedModel:
        """The other version's model, which says that it is this one."""
        return replace(super().load(name, self.numbers.get(version, version)), version=version)


def swapped(registry: Registry, numbers: dict[str, str]) -> Registry:
    """The same registry, which for each version named loads the files of another one."""
    made = _Swapped(registry.uri, registry.artifacts)
    object.__setattr__(made, "numbers", numbers)
    return made


def went_well(**otherwise: Any) -> Drilled:
    """A drill that went well, but for what is said otherwise."""
    load = Load(PEAK, 2 * PEAK, 10.0, 2 * PEAK, 0.02, 1.0, 20.0)
    ran = tuple(Ran(one.id, one.command, 0, 1.0, "done") for one in STEPS)
    made = Drilled(
        id="rollback-1",
        feature=NAME,
        at=NOON,
        mode="replay",
        candidate="2",
        previous="1",
        why_these="live, and the one before",
        workers=1,
        poll_seconds=0.1,
        bodies=32,
        ran=ran,
        clocks=Clocks(promoted=1.0, first_old=2.0, last_new=2.1, waited=4.0),
        load=load,
        counted=Counted(200, 200, 0, 0, 0, 0, 0),
        unlogged=0,
        moves=("launch 1", "promotion 2", "rollback 1", "hold"),
    )
    return replace(made, **otherwise)
