"""Drift and accuracy are two questions: each finds what the other cannot, and at its own time."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, judge_accuracy
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.drift_monitoring.reporting import compute_drift_report
from ai_ops.drift_monitoring.reports import judge_input_drift, judge_output_drift
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.accuracy_evaluation.small_world import (
    DAYS,
    SmallWorld,
    day_of,
    encoder_of,
    scores_of,
)
from ai_ops_tests.accuracy_evaluation.world import write_labels

Judge = Callable[..., Verdict]


@pytest.fixture(autouse=True)
def without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    # The HTML page has a test of its own and takes a second each.
    monkeypatch.setattr(reporting, "make_evidently_report", lambda *_: "")


def drift_of(world: SmallWorld) -> tuple[Verdict, Verdict]:
    """What drift monitoring says of the last day, which it judged without a label."""
    root, feature, moments = world.root, world.feature, world.moments
    compute_reference_profile(root, feature, moments[-1].as_of)
    compute_prediction_profile(root, feature, moments)
    compute_drift_report(root, feature, moments)
    return (
        judge_input_drift(root, feature, moments[-1]),
        judge_output_drift(root, feature, moments[-1]),
    )


def accuracy_of(world: SmallWorld) -> Verdict:
    return judge_accuracy(world.root, world.feature, world.moments[-1])


def since(rows: pd.DataFrame, day: int) -> "pd.Series[bool]":
    return rows["time"] >= pd.Timestamp(day_of(day), tz="UTC")


def other_relation(rows: pd.DataFrame) -> pd.DataFrame:
    """The same inputs and answers; what comes true has nothing to do with them any more."""
    late = rows["late"].sample(frac=1.0, random_state=3).to_numpy()
    return rows.assign(late=rows["late"].where(~since(rows, 7), late))


def other_origins(rows: pd.DataFrame) -> pd.DataFrame:
    """Three quarters of the rows come from one origin; what is true of a row stays so."""
    random = np.random.default_rng(9)
    moved = since(rows, 7) & (random.random(len(rows)) < 0.6)
    rows = rows.assign(origin=rows["origin"].mask(moved, "EWR"))
    score = scores_of(encoder_of(), rows)
    return rows.assign(score=score, late=random.random(len(rows)) < score)


@pytest.mark.requirement("FQ-10", "MO-03")
def test_another_relation_of_inputs_and_labels_is_found_by_accuracy_and_not_by_drift(
    small: SmallWorld,
) -> None:
    planted = small.planted(other_relation, relabelled=True)
    inputs, outputs = drift_of(planted)
    assert (inputs.status, outputs.status) == ("pass", "pass"), inputs.reason + outputs.reason
    accuracy = accuracy_of(planted)
    assert accuracy.status == "fail" and "discrimination" in accuracy.reason


@pytest.mark.requirement("FQ-09", "FQ-10", "MO-03")
def test_other_inputs_that_are_answered_as_well_are_found_by_drift_and_not_by_accuracy(
    small: SmallWorld,
) -> None:
    """Drift is judged before any label came, accuracy when they mature."""
    planted = small.planted(other_origins, relabelled=True)
    root, feature, last = planted.root, planted.feature, planted.moments[-1]
    none_yet = planted.rows[~since(planted.rows, DAYS - 7)]
    write_labels(root, none_yet)
    compute_ground_truth(root, feature, planted.moments)
    compute_evaluation_run(root, feature, [last])
    inputs, _ = drift_of(planted)
    assert inputs.status == "fail", "it waits for nobody"
    assert "origin" in {column for found in inputs.findings for column in found.columns}
    waiting = accuracy_of(planted)
    assert waiting.status == "no_evidence"
    assert {finding.kind for finding in waiting.findings} == {"labels"}
    write_labels(root, planted.rows)
    compute_ground_truth(root, feature, planted.moments)
    compute_evaluation_run(root, feature, [last])
    assert accuracy_of(planted).status == "pass", "the labels have come, and say that all is well"


@pytest.mark.requirement("MO-02", "PB-32")
def test_accuracy_may_rise_while_discrimination_falls(small: SmallWorld) -> None:
    """Fewer come true, whoever they are: the decisions are right more often, by chance."""

    def rare(rows: pd.DataFrame) -> pd.DataFrame:
        late = np.random.default_rng(4).random(len(rows)) < 0.04
        low = rows["score"] * 0.13  # as rare as they come true: calibrated in the large
        return rows.assign(late=late, score=low)

    verdict = accuracy_of(small.planted(rare, relabelled=True))
    assert verdict.status == "fail"
    now, launch = verdict.observed["accuracy"], verdict.observed["launch_accuracy"]
    assert isinstance(now, float) and isinstance(launch, float) and now > launch + 0.1
    by_metric = {one.reason.split(":")[0]: one for one in verdict.findings}
    assert by_metric["discrimination"].status == "fail"
    assert by_metric["calibration"].status == "pass", "each is told apart from the other"
