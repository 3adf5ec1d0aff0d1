"""Faults of a challenger in shadow, planted with a real server: each turns its check red."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ai_ops.accuracy_evaluation.challenger import compute_challenger_report, read_report
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.client import PredictionLog
from ai_ops.component import CHECKS
from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.challenger import Shadow
from ai_ops.inference_management.predictor import Serving
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.challenger_log import compute_challenger_log
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.policy import policy_of
from ai_ops.storage.environments import beside, place
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.serving_world import (
    registered,
    root_with,
    write_feature,
)

DAYS = ["2021-03-04", "2021-03-05", "2021-03-06"]
ASKED = 40
CHECK = next(check for check in CHECKS if check.name == "challenger_compared")
pytestmark = pytest.mark.requirement("ST-08")

Scores = Callable[[Any], Any]


class Follower:
    """Stands where a follower of an alias stands; its model scores by the row's temperature."""

    def __init__(self, version: str, scores: Scores) -> None:
        model: Any = type("Model", (), {"scores": staticmethod(scores)})
        self.serving = Serving(version, model, registry_reachable=True)

    def start(self) -> None: ...

    def stop(self) -> None: ...


def column(rows: Any, name: str) -> np.ndarray[Any, Any]:
    values = rows[name] if isinstance(rows, dict) else [row[name] for row in rows]
    return np.array(values, float)


def champion(rows: Any) -> Any:
    """Half right: it sees every other row."""
    return 0.3 + 0.4 * (column(rows, "temp") % 2)


def better(rows: Any) -> Any:
    """It knows what the label is made of."""
    return 0.1 + 0.8 * (column(rows, "temp") >= ASKED / 2)


class World:
    """A feature whose server has a challenger, for three days with their labels."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.root = root_with(database, folder / "root")
        made = write_feature(folder / "defs")
        serving = made.serving.model_copy(update={"shadow": True})
        self.feature = made.model_copy(update={"serving": serving})

    def run(
        self,
        scores: Scores | None = better,
        *,
        days: Sequence[str] = DAYS,
        capacity: int = 1000,
        challenges: bool = True,
    ) -> None:
        """The days, each answered and compacted; without ``scores`` the server has no shadow."""
        for number, day in enumerate(days):
            if challenges and not number:
                place(self.root, self.feature, "challenger", "2", by="somebody")
            self.root.begin_replay(utc(f"{day}T13:00:00Z"))
            self._answer(day, scores, capacity)
        self.root.begin_replay(utc(f"{days[-1]}T06:00:00Z") + timedelta(days=2))
        self._label(days)

    def _answer(self, day: str, scores: Scores | None, capacity: int) -> None:
        clock = self.root.clock
        policy = policy_of(self.feature, clock.mode)
        own = PredictionLog(self.root.segments, "tiny", "web", clock, policy=policy)
        follower: Any = Follower("1", champion)
        answering = Answering(self.feature, follower, own)
        apart = beside(self.root, "challenger").segments
        with own, PredictionLog(apart, "tiny", "web", clock, policy=policy) as log:
            challenger: Any = Follower("2", scores or better)
            shadow = Shadow(challenger, answering.outputs, log, capacity=capacity)
            for n in range(ASKED):
                inputs = f'{{"city": "A", "temp": {n}, "express": true}}'
                answer = answering.single(f'{{"id": "{day}-{n}", "inputs": {inputs}}}'.encode())
                assert answer.status == 200
                if scores is not None:
                    shadow.hand(answer.answered)
            while shadow._queue:
                shadow._ask(shadow._next())

    def _label(self, days: Sequence[str]) -> None:
        ids = [f"{day}-{n}" for day in days for n in range(ASKED)]
        known = [utc(f"{day}T18:00:00Z") for day in days for _ in range(ASKED)]
        late = [_late(n, place) for place in range(len(days)) for n in range(ASKED)]
        folder = self.root.folder / "sources" / "tiny" / "labels"
        folder.mkdir(parents=True)
        table = pa.table({"id": ids, "label": late, "available_at": known})
        pa.parquet.write_table(table, folder / "labels.parquet")
        compute_ground_truth(self.root, self.feature, [moment_of(day) for day in days])

    def judged(self, day: str = DAYS[-1]) -> Verdict:
        moment = moment_of(day)
        for compute in (compute_prediction_log, compute_challenger_log):
            compute(self.root, self.feature, [moment_of(one) for one in DAYS if one <= day])
        compute_challenger_report(self.root, self.feature, [moment])
        [recorded] = judge_and_record(self.root, self.feature, [CHECK], [moment], run_id=None)
        return recorded.verdict


def _late(n: int, day: int) -> bool:
    """Rows of the second half are late; of every so many, another number each day, the others."""
    return (n >= ASKED / 2) != (n % (7 + day) == 0)


def moment_of(day: str) -> Moment:
    window = Window.of_day(day)
    return Moment(day, window, window.end + timedelta(hours=6))


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path, registered(tmp_path_factory.getbasetemp()))


def test_a_challenger_that_answers_what_the_champion_answers_is_green(world: World) -> None:
    world.run()
    verdict = world.judged()
    assert verdict.status == "pass", verdict.reason
    assert verdict.sample_size == ASKED
    assert "50.0% with another decision" in verdict.reason
    assert "on 80 labelled rows of 2 days auc +0." in verdict.reason
    report, _ = read_report(world.root, world.feature, DAYS[-1])
    assert [(one.day, one.answered, one.missing) for one in report.days] == [
        (day, ASKED, 0) for day in DAYS
    ]
    assert report.on_labels is not None
    assert report.on_labels.difference["auc"].low is not None
    assert report.on_labels.difference["auc"].low > 0.1
    own, _ = world.root.lake.read_table(world.root.lake.path("tiny", "prediction_log", DAYS[-1]))
    assert set(own["model_version"].to_pylist()) == {"1"}


def raises(rows: Any) -> Any:
    raise RuntimeError("out of memory")


FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "it was never asked": (
        {"scores": None},
        "fail",
        "version 2, the challenger since 2021-03-04T12:00, answered none of the 40 predictions",
    ),
    "it fails on every row": ({"scores": raises}, "fail", "failed on 40 of 40"),
    "it is too slow for what it is asked": (
        {"capacity": 30},
        "fail",
        "has no answer to 10 of 40: dropped, or never asked",
    ),
}


@pytest.mark.fault("challenger_compared")
@pytest.mark.parametrize("case", FAULTS)
def test_a_challenger_that_was_not_compared_is_named(world: World, case: str) -> None:
    how, status, words = FAULTS[case]
    world.run(**how, days=DAYS[:1])
    verdict = world.judged(DAYS[0])
    assert verdict.status == status
    assert words in verdict.reason
    assert verdict.findings[0].kind == "operations"


@pytest.mark.fault("challenger_compared")
def test_a_challenger_of_a_champion_that_nobody_asked_has_no_evidence(world: World) -> None:
    place(world.root, world.feature, "challenger", "2", by="somebody")
    world.root.begin_replay(utc(f"{DAYS[0]}T06:00:00Z") + timedelta(days=1))
    verdict = world.judged(DAYS[0])
    assert verdict.status == "no_evidence"
    assert "was asked nothing" in verdict.reason


def test_without_a_challenger_there_is_nothing_to_nag_about(world: World) -> None:
    world.run(None, days=DAYS[:1], challenges=False)
    verdict = world.judged(DAYS[0])
    assert verdict.status == "waived" and verdict.passed
    assert verdict.reason == f"no version was the challenger on {DAYS[0]}"


def test_a_challenger_that_was_taken_out_is_compared_until_then(world: World) -> None:
    world.run(days=DAYS[:1])
    place(world.root, world.feature, "challenger", None, by="somebody")
    assert world.judged(DAYS[0]).status == "pass"
    world.root.begin_replay(utc("2021-03-08T06:00:00Z"))
    assert world.judged("2021-03-07").status == "waived"
