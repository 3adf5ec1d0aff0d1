"""Both versions of flight_delay, trained by the set-up itself, once for all tests of a run."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import ai_ops.defs.flight_delay as flight_delay
from ai_ops.ai_features import load_feature
from ai_ops.defs.flight_delay import fitting, training
from ai_ops.defs.flight_delay.comparison import Comparison
from ai_ops.storage.root import Root
from ai_ops_tests.accuracy_evaluation.world import real_flights
from ai_ops_tests.made_once import made_once

FEATURE_FILE = Path(flight_delay.__file__).with_name("defs.yaml")


@dataclass(frozen=True)
class SetUp:
    """A root in which both versions are registered, and what the set-up said on the way."""

    root: Root
    comparison: Comparison
    steps: tuple[str, ...]

    def leave_versions(self, folder: Path) -> None:
        """Leave the registered versions where another root looks for them, and nothing besides:
        no pointer to the one that rehearses, no comparison. The files stay where they are."""
        target = folder / "mlflow" / "mlflow.db"
        if target.exists():  # a replay that failed is gone on with
            return
        with_flights(folder, self.root.folder.parent)
        target.parent.mkdir()
        source = self.root.folder / "mlflow" / "mlflow.db"
        with closing(sqlite3.connect(source)) as found, closing(sqlite3.connect(target)) as copy:
            found.backup(copy)
            copy.execute("delete from registered_model_aliases")
            copy.commit()


def set_up_once(shared: Path) -> SetUp:
    """The set-up of an empty root in a folder that the tests of a run share."""
    root = Root.open(shared / "set_up", {})
    comparison, steps = made_once("set_up", lambda: _set_up(root, shared))
    return SetUp(root, comparison, steps)


def with_flights(folder: Path, shared: Path) -> None:
    """A root's folder whose cache of flights is the one that all tests share."""
    real_flights(shared)
    folder.mkdir(exist_ok=True)
    (folder / "cache").symlink_to(shared / "flights")


def fit_once(recipe: fitting.Recipe, data: fitting.Trainable) -> fitting.Fitted:
    """A recipe fitted on the rows of the launch; these are the only ones that it is asked for."""
    return made_once(f"fitted_{recipe.title}", lambda: fitting.fit(recipe, data))


def _set_up(root: Root, shared: Path) -> tuple[Comparison, tuple[str, ...]]:
    with_flights(root.folder, shared)
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "fit", fit_once)
        comparison = training.set_up(root, load_feature(FEATURE_FILE), steps.append)
    return comparison, tuple(steps)
