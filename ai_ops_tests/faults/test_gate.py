"""Faults of a candidate, planted in real versions and files: the gate refuses each and says why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.candidate_judging import (
    judge_gate_calibration,
    judge_gate_discrimination,
    judge_gate_evidence,
    judge_gate_improvement,
)
from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status
from ai_ops_tests.accuracy_evaluation.gate_world import (
    FIRST,
    LAST,
    NOW,
    Trained,
    evaluated,
    forgetful,
    found_sound,
    freeze_gate,
    judged,
    launched,
    overconfident,
    root_of,
    statuses,
    training_ids,
    write_candidate,
)
from ai_ops_tests.accuracy_evaluation.world import (
    FLIGHT_DELAY,
    Fitted,
    between,
    fit,
    open_root,
    real_flights,
    register,
)

OVERCONFIDENT, GOOD, FORGETFUL, TWIN, LEAKED = "1", "2", "3", "4", "5"

JUDGES = (
    judge_gate_evidence,
    judge_gate_discrimination,
    judge_gate_calibration,
    judge_gate_improvement,
)

pytestmark = pytest.mark.requirement("PB-15", "PB-34")


@pytest.fixture(scope="module")
def feature() -> AiFeatureSpec:
    return load_feature(FLIGHT_DELAY)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    whole = real_flights(tmp_path_factory.getbasetemp().parent)
    return whole[whole["time"] < pd.Timestamp("2013-04-17", tz="UTC")]


@pytest.fixture(scope="module")
def fitted(flights: pd.DataFrame, feature: AiFeatureSpec) -> Fitted:
    return fit(flights, feature, "2013-04-01")


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted: Fitted,
) -> Root:
    """Five versions of one model, as they must not and as they may be; the gate is frozen."""
    held = between(flights, FIRST, LAST).dropna(subset=["late"]).assign(probability=0.2)
    leaked = replace(fitted, reference=pd.concat([fitted.reference, held]))
    root = open_root(tmp_path_factory.mktemp("gate"))
    root_of(root, feature, flights, fitted.scores)
    for one in (overconfident(fitted), fitted, forgetful(fitted), fitted, leaked):
        register(root, feature, one)
    freeze_gate(root, feature)
    return root


Beside = Callable[[str, str], Trained]


@pytest.fixture(scope="module")
def ids(fitted: Fitted, feature: AiFeatureSpec) -> tuple[str, ...]:
    return training_ids(fitted, feature)


@pytest.fixture
def beside(root: Root, feature: AiFeatureSpec, ids: tuple[str, ...]) -> Beside:
    """Puts a version into production; gives the files of a candidate beside it."""

    def put(candidate: str, champion: str) -> Trained:
        launched(root, feature, champion)
        return Trained(candidate, ids)

    return put


def test_a_better_candidate_is_green(root: Root, feature: AiFeatureSpec, beside: Beside) -> None:
    verdicts = evaluated(root, feature, beside(GOOD, OVERCONFIDENT))
    assert statuses(verdicts) == ["pass"] * 4
    assert "none is among the 7" in verdicts["gate_evidence"].reason
    for verdict in verdicts.values():
        assert verdict.observed["version"] == GOOD and verdict.observed["champion"] == OVERCONFIDENT
        assert verdict.observed["gate_hash"] == feature.gate.digest and verdict.evidence


@pytest.mark.fault("gate_discrimination")
def test_a_candidate_that_forgot_its_categories_tells_late_from_punctual_worse(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    verdict = evaluated(root, feature, beside(FORGETFUL, GOOD))["gate_discrimination"]
    assert verdict.status == "fail" and "worse by more than the gate's 0.01" in verdict.reason
    (finding,) = verdict.findings
    assert finding.kind == "accuracy" and finding.size is not None and finding.size < -0.01


@pytest.mark.fault("gate_calibration")
def test_a_candidate_better_in_auc_and_overconfident_is_refused_with_both_numbers(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    verdicts = evaluated(root, feature, beside(OVERCONFIDENT, FORGETFUL))
    assert statuses(verdicts) == ["pass", "pass", "fail", "pass"]
    calibration = verdicts["gate_calibration"]
    seen = calibration.observed
    for name in ("ece", "auc"):
        assert f"{seen[name]:.4f} against {seen[f'champion_{name}']:.4f}" in calibration.reason
    assert "although it is better in AUC" in calibration.reason


@pytest.mark.fault("gate_improvement")
def test_a_candidate_that_answers_like_what_serves_is_refused(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    verdicts = evaluated(root, feature, beside(TWIN, GOOD))
    assert statuses(verdicts) == ["pass", "pass", "pass", "fail"]
    assert f"no better than version {GOOD}" in verdicts["gate_improvement"].reason


@pytest.mark.fault("gate_evidence")
def test_a_candidate_that_learnt_from_the_hold_out_is_refused(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    leaked = tuple(between(flights, "2013-04-05", "2013-04-05")["id"])
    leaking = Trained(GOOD, (*trained.ids, *leaked))
    verdicts = evaluated(root, feature, leaking)
    assert statuses(verdicts) == ["fail", *["no_evidence"] * 3]
    found = verdicts["gate_evidence"]
    assert f"it learnt from {len(leaked)} rows of the hold-out" in found.reason
    assert found.findings[0].kind == "data_quality"


@pytest.mark.fault("gate_evidence")
def test_a_candidate_whose_own_reference_holds_the_hold_out_is_refused(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    """The file of its training set holds none of it; what was registered with it does."""
    found = evaluated(root, feature, beside(LEAKED, OVERCONFIDENT))["gate_evidence"]
    assert found.status == "fail" and "rows of the hold-out" in found.reason


@pytest.mark.fault("gate_evidence")
def test_the_version_in_production_is_no_candidate(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    verdicts = evaluated(root, feature, beside(GOOD, GOOD))
    assert verdicts["gate_evidence"].status == "fail"
    assert "held against itself" in verdicts["gate_evidence"].reason
    assert "pass" not in statuses(verdicts)


@pytest.mark.fault("gate_evidence")
def test_too_few_days_with_labels_are_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    verdicts = evaluated(root, feature, Trained(GOOD, trained.ids, first="2013-04-08"))
    assert statuses(verdicts) == ["no_evidence"] * 4
    assert "of 7 days, needed are 2000 of 10" in verdicts["gate_evidence"].reason


@pytest.mark.fault("gate_evidence")
def test_a_day_of_the_hold_out_without_its_log_is_named(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    verdicts = evaluated(root, feature, Trained(GOOD, trained.ids, first="2013-03-31"))
    assert statuses(verdicts) == ["no_evidence"] * 4
    assert "prediction_log/2013-03-31" in verdicts["gate_evidence"].reason
    assert verdicts["gate_evidence"].findings[0].kind == "completeness"


@pytest.mark.fault("gate_evidence")
def test_a_training_set_that_is_another_is_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    found = evaluated(root, feature, Trained(GOOD, trained.ids, digest="f" * 36))
    assert found["gate_evidence"].status == "no_evidence"
    assert "not registered as learnt from training set" in found["gate_evidence"].reason


@pytest.mark.fault("gate_evidence")
@pytest.mark.parametrize("said", ["fail", "no_evidence", None])
def test_a_candidate_of_a_training_set_that_was_not_found_sound_is_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside, said: Status | None
) -> None:
    """Who materialises the candidate alone goes past the check that stops the retraining."""
    trained = beside(GOOD, OVERCONFIDENT)
    write_candidate(root, feature, trained)
    name = f"{NOW.date()}-{GOOD}"
    if said:
        found_sound(root, feature, name, said)
    else:
        latest = root.lake.path(feature.name, "candidate_model", None, "json")
        other = root.lake.path(feature.name, "training_set", "another", "json")
        manifest, _ = root.lake.read_json(
            root.lake.path(feature.name, "training_set", name, "json")
        )
        root.lake.write_json(other, manifest)
        candidate, _ = root.lake.read_json(latest)
        root.lake.write_json(latest, candidate | {"training_set": "another"})
        rows, _ = root.lake.read_table(root.lake.path(feature.name, "training_set", name))
        root.lake.write_table(root.lake.path(feature.name, "training_set", "another"), rows)
    compute_candidate_evaluation(root, feature, NOW)
    found = judged(root, feature)
    assert statuses(found) == ["no_evidence"] * 4
    assert "training_set_sound" in found["gate_evidence"].reason


@pytest.mark.fault("gate_evidence", "gate_discrimination", "gate_calibration", "gate_improvement")
def test_a_candidate_that_was_not_evaluated_is_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    evaluated(root, feature, beside(GOOD, OVERCONFIDENT))
    write_candidate(root, feature, Trained(TWIN, ("a",)))
    verdicts = judged(root, feature)
    assert statuses(verdicts) == ["no_evidence"] * 4
    assert f"version {TWIN} is the newest candidate" in verdicts["gate_evidence"].reason


@pytest.mark.fault("gate_evidence", "gate_discrimination", "gate_calibration", "gate_improvement")
def test_nothing_evaluated_yet_is_no_evidence(
    feature: AiFeatureSpec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = open_root(tmp_path_factory.mktemp("nothing"))
    empty.begin_replay(NOW)
    assert statuses(judged(empty, feature)) == ["no_evidence"] * 4


@pytest.mark.fault("gate_evidence")
def test_what_was_judged_beside_another_version_or_long_ago_is_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    evaluated(root, feature, beside(GOOD, OVERCONFIDENT))
    late = Window.of_day(LAST).end + timedelta(days=14, hours=1)
    assert {judge(root, feature, late).status for judge in JUDGES} == {"no_evidence"}
    launched(root, feature, FORGETFUL)
    moved = judged(root, feature)["gate_evidence"]
    assert moved.status == "no_evidence"
    assert f"held against version {OVERCONFIDENT}, in production is {FORGETFUL}" in moved.reason
