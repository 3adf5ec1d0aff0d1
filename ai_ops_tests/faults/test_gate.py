"""Faults of a candidate, planted in real versions and files: the gate refuses each and says why."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, Status
from ai_ops_tests.accuracy_evaluation.gate_world import (
    FIRST,
    GATE,
    LAST,
    NOW,
    Evaluated,
    Trained,
    careless,
    evaluated,
    forgetful,
    found_sound,
    freeze_gate,
    heavy,
    judged,
    launched,
    overconfident,
    refusing,
    registered,
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
)

OVERCONFIDENT, GOOD, FORGETFUL, TWIN, LEAKED, HALF, HEAVY, CARELESS = map(str, range(1, 9))

NONE = ["no_evidence"] * len(GATE_CHECKS)

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
    """Versions of one model, as they must not and as they may be; the gate is frozen."""
    held = between(flights, FIRST, LAST).dropna(subset=["late"]).assign(probability=0.2)
    leaked = replace(fitted, reference=pd.concat([fitted.reference, held]))
    root = open_root(tmp_path_factory.mktemp("gate"))
    root_of(root, feature, flights, fitted.scores)
    half = forgetful(fitted, keep=0.5)
    good = (overconfident(fitted), fitted, forgetful(fitted), fitted, leaked, half)
    registered(root, feature, *good, heavy(fitted), careless(fitted, "EV"), version_4=GOOD)
    launched(root, feature, OVERCONFIDENT)
    freeze_gate(root, feature)
    return root


Beside = Callable[[str, str], Trained]
Gate = Callable[[str, str], dict[str, Verdict]]


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


@pytest.fixture(scope="module")
def gate(root: Root, feature: AiFeatureSpec, ids: tuple[str, ...]) -> Gate:
    """What the gate says of a candidate beside a version in production; evaluated once."""
    evaluate = Evaluated(root, feature)
    return lambda candidate, champion: evaluate(Trained(candidate, ids), champion)


def test_a_better_candidate_is_green(feature: AiFeatureSpec, gate: Gate) -> None:
    verdicts = gate(GOOD, OVERCONFIDENT)
    assert statuses(verdicts) == ["pass"] * len(GATE_CHECKS)
    assert "none is among the 7" in verdicts["gate_evidence"].reason
    for verdict in verdicts.values():
        assert verdict.observed["version"] == GOOD and verdict.observed["champion"] == OVERCONFIDENT
        assert verdict.observed["gate_hash"] == feature.gate.digest and verdict.evidence


@pytest.mark.fault("gate_discrimination")
def test_a_candidate_that_forgot_its_categories_tells_late_from_punctual_worse(gate: Gate) -> None:
    verdict = gate(FORGETFUL, GOOD)["gate_discrimination"]
    assert verdict.status == "fail" and "worse by more than the gate's 0.01" in verdict.reason
    (finding,) = verdict.findings
    assert finding.kind == "accuracy" and finding.size is not None and finding.size < -0.01


@pytest.mark.fault("gate_calibration")
def test_a_candidate_better_in_auc_and_overconfident_is_refused_with_both_numbers(
    gate: Gate,
) -> None:
    verdicts = gate(OVERCONFIDENT, FORGETFUL)
    assert refusing(verdicts) == {"gate_calibration"}
    calibration = verdicts["gate_calibration"]
    seen = calibration.observed
    for name in ("ece", "auc"):
        assert f"{seen[name]:.4f} against {seen[f'champion_{name}']:.4f}" in calibration.reason
    assert "although it is better in AUC" in calibration.reason


@pytest.mark.fault("gate_improvement")
def test_a_candidate_that_answers_like_what_serves_is_refused(gate: Gate) -> None:
    verdicts = gate(TWIN, GOOD)
    assert refusing(verdicts) == {"gate_improvement", "gate_sanity"}
    assert f"no better than version {GOOD}" in verdicts["gate_improvement"].reason


@pytest.mark.fault("gate_sanity")
def test_what_serves_under_another_number_is_no_candidate(gate: Gate) -> None:
    """Trained again, on nothing new."""
    verdict = gate(TWIN, GOOD)["gate_sanity"]
    assert verdict.status == "fail"
    assert f"its model and encoder are those of version {GOOD}" in verdict.reason
    assert f"it learnt from the very rows that version {GOOD} learnt from" in verdict.reason
    assert {finding.kind for finding in verdict.findings} == {"version", "data_quality"}
    assert verdict.observed["rows_answered_differently"] == 0


def with_the_label(rows: pa.Table) -> pa.Table:
    """A number that is the label, as a join with what became known later makes it, and a category
    of which one value says it."""
    told = {
        "input_plane_age": pc.if_else(rows["label"], 41.0, 7.0),
        "input_weekday": pc.if_else(rows["label"], "late", rows["input_weekday"]),
    }
    for name, column in told.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows


@pytest.mark.fault("gate_sanity")
def test_an_input_that_tells_the_label_by_itself_is_named(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = replace(beside(GOOD, OVERCONFIDENT), change=with_the_label)
    verdicts = evaluated(root, feature, trained)
    assert refusing(verdicts) == {"gate_sanity"}
    found = {finding.columns: finding for finding in verdicts["gate_sanity"].findings}
    assert set(found) == {("plane_age",), ("weekday",)}
    for (column,), finding in found.items():
        assert finding.kind == "data_quality"
        assert f"{column} (AUC 1.0 on" in finding.reason and "of the training set" in finding.reason


@pytest.mark.fault("gate_slices")
def test_a_candidate_that_is_better_on_the_whole_and_breaks_one_carrier_is_refused(
    gate: Gate,
) -> None:
    verdict = gate(CARELESS, FORGETFUL)["gate_slices"]
    assert verdict.status == "fail" and "tenant EV" in verdict.reason, "the tenants are carriers"
    assert "tenant EV" in {finding.slice for finding in verdict.findings}
    assert verdict.observed["worst_slice"] == "tenant EV"


@pytest.mark.fault("gate_baseline")
def test_a_chain_of_promotions_gives_up_nothing_that_the_launch_had(gate: Gate) -> None:
    """Better than what serves, and worse than what was launched."""
    verdicts = gate(HALF, FORGETFUL)
    assert refusing(verdicts) == {"gate_baseline"}
    baseline = verdicts["gate_baseline"]
    assert baseline.status == "fail" and baseline.observed["first"] == OVERCONFIDENT
    assert "beside the version launched first" in baseline.reason and "AUC" in baseline.reason


@pytest.mark.fault("gate_budget")
def test_a_candidate_that_takes_long_and_is_large_is_refused(gate: Gate) -> None:
    """The same answers, after a product of matrices that nobody needs."""
    verdicts = gate(HEAVY, OVERCONFIDENT)
    assert refusing(verdicts) == {"gate_budget"}
    budget = verdicts["gate_budget"]
    assert "times as long" in budget.reason and "times as large" in budget.reason
    assert {finding.kind for finding in budget.findings} == {"operations"}


@pytest.mark.fault("gate_evidence")
def test_a_candidate_that_learnt_from_the_hold_out_is_refused(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    leaked = tuple(between(flights, "2013-04-05", "2013-04-05")["id"])
    leaking = Trained(GOOD, (*trained.ids, *leaked))
    verdicts = evaluated(root, feature, leaking)
    assert statuses(verdicts) == ["fail", *NONE[1:]]
    found = verdicts["gate_evidence"]
    assert f"it learnt from {len(leaked)} rows of the hold-out" in found.reason
    assert found.findings[0].kind == "data_quality"


@pytest.mark.fault("gate_evidence")
def test_a_candidate_whose_own_reference_holds_the_hold_out_is_refused(gate: Gate) -> None:
    """The file of its training set holds none of it; what was registered with it does."""
    found = gate(LEAKED, OVERCONFIDENT)["gate_evidence"]
    assert found.status == "fail" and "rows of the hold-out" in found.reason


@pytest.mark.fault("gate_evidence")
def test_the_version_in_production_is_no_candidate(gate: Gate) -> None:
    verdicts = gate(GOOD, GOOD)
    assert verdicts["gate_evidence"].status == "fail"
    assert "held against itself" in verdicts["gate_evidence"].reason
    assert "pass" not in statuses(verdicts)


@pytest.mark.fault("gate_evidence")
def test_too_few_days_with_labels_are_no_evidence(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    verdicts = evaluated(root, feature, Trained(GOOD, trained.ids, first="2013-04-08"))
    assert statuses(verdicts) == NONE
    assert "of 7 days, needed are 2000 of 10" in verdicts["gate_evidence"].reason


@pytest.mark.fault("gate_evidence")
def test_a_day_of_the_hold_out_without_its_log_is_named(
    root: Root, feature: AiFeatureSpec, beside: Beside
) -> None:
    trained = beside(GOOD, OVERCONFIDENT)
    verdicts = evaluated(root, feature, Trained(GOOD, trained.ids, first="2013-03-31"))
    assert statuses(verdicts) == NONE
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
    assert statuses(found) == NONE
    assert "training_set_sound" in found["gate_evidence"].reason


@pytest.mark.fault("gate_evidence")
def test_a_candidate_that_was_not_evaluated_is_no_evidence(
    root: Root, feature: AiFeatureSpec, gate: Gate
) -> None:
    gate(GOOD, OVERCONFIDENT)
    write_candidate(root, feature, Trained(TWIN, ("a",)))
    verdicts = judged(root, feature)
    assert statuses(verdicts) == NONE
    assert f"version {TWIN} is the newest candidate" in verdicts["gate_evidence"].reason


@pytest.mark.fault("gate_evidence")
def test_nothing_evaluated_yet_is_no_evidence(
    feature: AiFeatureSpec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = open_root(tmp_path_factory.mktemp("nothing"))
    empty.begin_replay(NOW)
    assert statuses(judged(empty, feature)) == NONE


@pytest.mark.fault("gate_evidence")
def test_what_was_judged_beside_another_version_or_long_ago_is_no_evidence(
    root: Root, feature: AiFeatureSpec, gate: Gate
) -> None:
    gate(GOOD, OVERCONFIDENT)
    late = Window.of_day(LAST).end + timedelta(days=14, hours=1)
    for check in GATE:
        assert check.judge(root, feature, late).status == "no_evidence"  # type: ignore[arg-type]
    launched(root, feature, FORGETFUL)
    moved = judged(root, feature)["gate_evidence"]
    assert moved.status == "no_evidence"
    assert f"held against version {OVERCONFIDENT}, in production is {FORGETFUL}" in moved.reason
