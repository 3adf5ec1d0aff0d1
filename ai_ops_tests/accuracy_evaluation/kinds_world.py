"""Models of others whose answers are classes, numbers, or decisions without a score.

One table each, with its labels in it or beside it; a fault is planted in the rows before they are
written. What is made and judged of them goes the whole way: table, log, labels, evaluation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, judge_accuracy
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.reference_set import compute_reference_set
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.sourced_world import _OWNERS, write_rows, write_yaml

FIRST: Final = date(2021, 1, 4)
REFERENCE_DAYS: Final = 21
DAYS: Final = 35
A_DAY: Final = 120
FAULT_DAY: Final = 28
"""The day of the table from which on a fault is planted: a week after monitoring began."""
SPECIES: Final = ("ant", "bee", "cat")

Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class World:
    """A root, its feature, and the rows of its table."""

    root: Root
    feature: AiFeatureSpec
    rows: pd.DataFrame

    def accuracy(self, days: int = DAYS) -> Verdict:
        """The verdict on the last of these days of the table, everything before it made."""
        moments = [moment(day) for day in range(REFERENCE_DAYS, days)]
        compute_evaluation_run(self.root, self.feature, moments)
        return judge_accuracy(self.root, self.feature, moments[-1])


def day_of(number: int) -> str:
    """A day of the table, from 0 on."""
    return (FIRST + timedelta(days=number)).isoformat()


def moment(number: int) -> Moment:
    """A day of the table as its schedule judges it."""
    window = Window.of_day(day_of(number))
    return Moment(day_of(number), window, window.end + timedelta(hours=6))


def built(folder: Path, kind: str, change: Change | None = None, **attributes: Any) -> World:
    """The world of a kind of answer, with its log, its reference and its labels made."""
    make, declared = KINDS[kind]
    rows = make(np.random.default_rng(5))
    rows = rows if change is None else change(rows)
    root = Root.open(folder / "root", environment={})
    write_rows(root.folder / "sources" / "answers.parquet", rows)
    file = folder / "defs" / f"others_{kind}" / "defs.yaml"
    write_yaml(file, _declared(kind) | declared | attributes)
    world = World(root, load_feature(file), rows)
    every = [moment(number) for number in range(DAYS)]
    root.begin_replay(every[-1].as_of)
    compute_prediction_log(root, world.feature, every)
    compute_ground_truth(root, world.feature, every)
    compute_reference_set(root, world.feature, every[REFERENCE_DAYS].as_of)
    return world


def from_the_fault_day(rows: pd.DataFrame) -> pd.Series:
    """Which rows were answered when the fault had begun."""
    return rows["at"] >= pd.Timestamp(day_of(FAULT_DAY), tz="UTC")


def _frame(random: np.random.Generator) -> pd.DataFrame:
    count = DAYS * A_DAY
    second = np.sort(random.integers(0, 86_400, (DAYS, A_DAY)), axis=1)
    seconds = (np.arange(DAYS)[:, None] * 86_400 + second).ravel()
    at = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(seconds, unit="s")
    return pd.DataFrame(
        {
            "id": [f"row-{number:05d}" for number in range(count)],
            "at": at.astype("datetime64[us, UTC]"),
            "known": (at + pd.Timedelta(hours=12)).astype("datetime64[us, UTC]"),
            "signal": random.normal(size=count),
        }
    )


def _classes(random: np.random.Generator) -> pd.DataFrame:
    rows = _frame(random)
    logits = np.stack([rows["signal"], -rows["signal"], np.zeros(len(rows))], axis=1)
    chances = np.exp(1.6 * logits)
    chances /= chances.sum(axis=1, keepdims=True)
    truth = (random.random(len(rows))[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    names = np.array(SPECIES)
    likely = {f"p_{name}": chances[:, place] for place, name in enumerate(SPECIES)}
    return rows.assign(answer=names[chances.argmax(axis=1)], truth=names[truth], **likely)


def _numbers(random: np.random.Generator) -> pd.DataFrame:
    rows = _frame(random)
    answer = 300 + 40 * rows["signal"]
    return rows.assign(answer=answer, truth=answer + random.normal(0, 20, len(rows)))


def _decisions(random: np.random.Generator) -> pd.DataFrame:
    rows = _frame(random)
    words = np.array(["benign", "malignant"])
    truth = rows["signal"] > 0.8
    answer = truth ^ (random.random(len(rows)) < 0.08)
    return rows.assign(answer=words[answer.astype(int)], truth=words[truth.astype(int)])


def _declared(kind: str) -> dict[str, Any]:
    last = FIRST + timedelta(days=REFERENCE_DAYS - 1)
    columns = {"id": "id", "time": "at", "label": "truth", "available_at": "known"}
    return {
        "name": f"others_{kind}",
        "title": f"What does the vendor's model of {kind} answer?",
        "served_by": "external",
        "monitoring": {"start": last + timedelta(days=1)},
        "inputs": [{"name": "signal", "type": "number"}],
        "source": {"files": "sources/answers.parquet", "columns": columns},
        "reference": {"first_day": FIRST, "last_day": last},
        "owners": _OWNERS,
    }


def _truth(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "mature_after_hours": 12, "minimum_labels": 100, **more}


KINDS: Final[dict[str, tuple[Callable[[np.random.Generator], pd.DataFrame], dict[str, Any]]]] = {
    "classes": (
        _classes,
        {
            "outputs": [
                {"name": "answer", "type": "category"},
                *({"name": f"p_{name}", "type": "probability"} for name in SPECIES),
            ],
            "judged": {
                "decision": "answer",
                "probabilities": {name: f"p_{name}" for name in SPECIES},
            },
            "ground_truth": _truth("classes"),
        },
    ),
    "numbers": (
        _numbers,
        {
            "outputs": [{"name": "answer", "type": "number"}],
            "judged": {"score": "answer"},
            "ground_truth": _truth("number"),
        },
    ),
    "decisions": (
        _decisions,
        {
            "outputs": [{"name": "answer", "type": "category"}],
            "judged": {"decision": "answer"},
            "ground_truth": _truth("binary", positive="malignant"),
        },
    ),
}
