"""Accuracy of a model that somebody else trains: by the declared reference, as labels come."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import (
    compute_evaluation_run,
    judge_accuracy,
    judge_label_coverage,
    read_run,
)
from ai_ops.accuracy_evaluation.evaluation_set import compute_labelled_evaluation_set
from ai_ops.accuracy_evaluation.held_out import judge_held_out, judge_held_out_accuracy
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.accuracy_evaluation.versions import evaluate_version
from ai_ops.ai_features.gate import LATER, Gate
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.kinds_world import (
    DAYS,
    REFERENCE_DAYS,
    World,
    built,
    day_of,
    moment,
)
from ai_ops_tests.accuracy_evaluation.world import open_root

LAST = moment(DAYS - 1)
FEBRUARY = Window.of_month("2021-02-01")
LATE_FROM = DAYS - 6

pytestmark = pytest.mark.requirement("MO-02", "FR-1")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> World:
    return built(tmp_path_factory.mktemp("numbers"), "numbers")


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Half of the last days' labels come five days after they are due, and say otherwise."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        chosen = rows["at"] >= pd.Timestamp(day_of(LATE_FROM), tz="UTC")
        chosen &= np.random.default_rng(2).random(len(rows)) < 0.5
        return rows.assign(
            known=rows["known"].mask(chosen, rows["known"] + pd.Timedelta(days=5)),
            truth=rows["truth"] + 500 * chosen,
        )

    return built(tmp_path_factory.mktemp("late"), "numbers", change)


def test_the_launch_is_measured_on_the_declared_reference(numbers: World) -> None:
    launch = JudgedModels(numbers.root, numbers.feature).launch("1")
    assert isinstance(launch, Launch)
    assert launch.measured.kind == "number" and launch.measured.days == REFERENCE_DAYS
    past = numbers.rows[numbers.rows["at"] < pd.Timestamp(day_of(REFERENCE_DAYS), tz="UTC")]
    assert launch.measured.rows == len(past)
    error = (past["answer"] - past["truth"]).abs().mean()
    assert launch.measured.metrics["mae"].value == pytest.approx(error)


def test_without_a_reference_accuracy_is_no_evidence_and_names_the_field(numbers: World) -> None:
    nothing = numbers.feature.model_copy(update={"reference": None})
    compute_evaluation_run(numbers.root, nothing, [LAST])
    run, _ = read_run(numbers.root, nothing, LAST.partition)
    assert run.launch is None and run.no_beside == "the registry holds no other version"
    verdict = judge_accuracy(numbers.root, nothing, LAST)
    assert verdict.status == "no_evidence" and "`reference`" in verdict.reason


def test_a_reference_without_labels_says_which_have_to_come(numbers: World, tmp_path: Path) -> None:
    root = open_root(Path(shutil.copytree(numbers.root.folder, tmp_path / "root")))
    for asset in ("ground_truth", "source_labels"):
        shutil.rmtree(Path(root.lake.path(numbers.feature.name, asset, None)).parent)
    launch = JudgedModels(root, numbers.feature).launch("1")
    assert isinstance(launch, str) and "reference.first_day" in launch


@pytest.mark.requirement("MO-03")
def test_a_week_is_judged_with_the_labels_that_were_known_when_it_was_judged(late: World) -> None:
    """The same week as judged on its Monday, and five days later with what came since."""
    root, feature = late.root, late.feature
    compute_evaluation_run(root, feature, [LAST])
    then, _ = read_run(root, feature, LAST.partition)
    assert then.week.metrics["mae"].value < 20, "what came later says otherwise, and nobody knew"
    missing = [day for day in then.coverage[-6:] if day.mature and not day.judged]
    assert missing, "half of these days' labels are due and have not come"
    coverage = judge_label_coverage(root, feature, LAST)
    assert coverage.status == "no_evidence" and "labels are missing" in coverage.reason
    later = Moment(LAST.partition, LAST.window, moment(DAYS + 7).as_of)
    arrived = [moment(number) for number in range(DAYS, DAYS + 7)]
    compute_ground_truth(root, feature, arrived)
    compute_evaluation_run(root, feature, [later])
    since, _ = read_run(root, feature, LAST.partition)
    assert since.week.metrics["mae"].value > 100 and since.week.rows > then.week.rows
    compute_evaluation_run(root, feature, [LAST])
    again, _ = read_run(root, feature, LAST.partition)
    assert again.week == then.week, "what has come since changes nothing of what was known then"


@pytest.mark.requirement("MO-03")
def test_labels_that_take_days_make_accuracy_late_and_not_unknown(tmp_path: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(known=rows["at"] + pd.Timedelta(days=4))

    world = built(tmp_path, "numbers", change)
    slow = world.feature.ground_truth.model_copy(update={"mature_after_hours": 96.0})
    feature = world.feature.model_copy(update={"ground_truth": slow})
    compute_evaluation_run(world.root, feature, [LAST])
    run, _ = read_run(world.root, feature, LAST.partition)
    assert run.week.last_day == day_of(DAYS - 1 - 3)
    assert run.week.days == 6, "of the last day of it no label is due"
    assert judge_accuracy(world.root, feature, LAST).status == "pass"
    assert judge_label_coverage(world.root, feature, LAST).status == "pass"


def test_a_range_gives_what_single_days_give(numbers: World) -> None:
    root, feature = numbers.root, numbers.feature
    moments = [moment(number) for number in range(DAYS - 3, DAYS)]
    compute_evaluation_run(root, feature, moments)
    paths = [root.lake.path(feature.name, "evaluation_run", m.partition, "json") for m in moments]
    together = [root.lake.read_bytes(path) for path in paths]
    for one in moments:
        compute_evaluation_run(root, feature, [one])
    assert [root.lake.read_bytes(path) for path in paths] == together


@pytest.mark.requirement("FQ-08")
@pytest.mark.parametrize("kind", ["classes", "decisions"])
def test_the_months_set_says_that_somebody_else_trains(tmp_path: Path, kind: str) -> None:
    world = built(tmp_path, kind)
    truth = world.feature.ground_truth.model_copy(
        update={"evaluation_share": 0.6, "minimum_labels": 50}
    )
    feature = world.feature.model_copy(update={"ground_truth": truth})
    month = Moment("2021-02-01", FEBRUARY, LAST.as_of)
    compute_labelled_evaluation_set(world.root, feature, [month])
    held_out = judge_held_out(world.root, feature, month)
    assert held_out.status == "waived", "nobody here can tell: that is no pass"
    assert "somebody else trains the model" in held_out.reason
    assert "ask vendor-manager@example.com" in held_out.reason
    assert held_out.observed["training"] == "somebody else's"
    accuracy = judge_held_out_accuracy(world.root, feature, month)
    assert accuracy.status == "pass", accuracy.reason
    assert "nobody here knows whether it learnt from them" in accuracy.reason
    assert accuracy.observed["version"] == "1" and accuracy.sample_size > 300


def test_a_version_of_others_is_asked_nothing(numbers: World) -> None:
    models = JudgedModels(numbers.root, numbers.feature)
    assert models.beside("1") is None
    compute_evaluation_run(numbers.root, numbers.feature, [LAST])
    with pytest.raises(BadInput, match="served_by: external"):
        models.asked("1", _rows(numbers), np.ones(1, bool))


@pytest.mark.requirement("PB-31")
def test_a_version_of_others_cannot_be_evaluated_and_it_is_said_why(numbers: World) -> None:
    with pytest.raises(BadInput, match="somebody else trains the model"):
        evaluate_version(numbers.root, numbers.feature, "1", LAST.window, LAST.as_of)


def _rows(world: World) -> LabelledRows:
    return read_rows(world.root.lake, world.feature, LAST.window, LAST.as_of)


@pytest.mark.requirement("PB-35")
def test_a_gate_frozen_before_there_were_other_kinds_keeps_its_digest() -> None:
    """The digest of the defaults as they were frozen first; another margin makes another gate."""
    assert Gate().digest == "1165f0e40a525e11671af5af7841c17dc8c25cee416bfa04b0cdf5f61c0e03b4"
    for name, value in LATER.items():
        if name == "candidate":
            continue  # those of its part have a test of their own
        assert getattr(Gate(), name) == value
        assert Gate.model_validate({name: value / 2}).digest != Gate().digest
