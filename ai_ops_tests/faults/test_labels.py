"""Faults of the labels, planted in real ones: each turns its check red and is named."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.accuracy_evaluation.evaluation import (
    compute_evaluation_run,
    judge_accuracy,
    judge_label_coverage,
    judge_label_coverage_slices,
    judge_labels_plausible,
)
from ai_ops.accuracy_evaluation.label_arrival import compute_label_arrival, judge_label_maturity
from ai_ops.accuracy_evaluation.labels import compute_ground_truth, judge_labels_arrived
from ai_ops.accuracy_evaluation.versions import evaluate_version, judge_version_evaluation
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.world import (
    FLIGHT_DELAY,
    Fitted,
    at_schedule,
    between,
    daily,
    fit,
    open_root,
    real_flights,
    register,
    write_labels,
    write_log,
)

FIRST, LAST = "2013-04-01", "2013-04-09"
DAY = at_schedule(LAST)
WEEK = Window.of_week("2013-04-01")
MONDAY = Moment("2013-04-01", WEEK, WEEK.end + timedelta(hours=7))
"""The week as it is judged on the Monday after it."""

pytestmark = pytest.mark.requirement("FR-1", "MO-02")

Plant = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def feature() -> AiFeatureSpec:
    return load_feature(FLIGHT_DELAY)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    whole = real_flights(tmp_path_factory.getbasetemp().parent)
    return whole[whole["time"] < pd.Timestamp("2013-04-11", tz="UTC")]


@pytest.fixture(scope="module")
def fitted(feature: AiFeatureSpec, flights: pd.DataFrame) -> Fitted:
    return fit(flights, feature, "2013-04-01")


@pytest.fixture(scope="module")
def scores(fitted: Fitted) -> pd.Series:
    return fitted.scores


@pytest.fixture(scope="module")
def logged(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted: Fitted,
) -> Root:
    root = open_root(tmp_path_factory.mktemp("faults"))
    register(root, feature, fitted)
    rows = between(flights, FIRST, LAST)
    write_log(root, feature, rows, fitted.scores, with_inputs=True)
    return root


@pytest.fixture
def planted(
    logged: Root, feature: AiFeatureSpec, flights: pd.DataFrame
) -> Iterator[Callable[[Plant], Root]]:
    def plant(change: Plant) -> Root:
        write_labels(logged, between(flights, FIRST, LAST), change)
        compute_ground_truth(logged, feature, daily(FIRST, LAST))
        compute_evaluation_run(logged, feature, [DAY])
        return logged

    yield plant
    for path in Path(logged.folder).glob("sources/**/*.parquet"):
        path.unlink()


def evaluated(root: Root, feature: AiFeatureSpec) -> Verdict:
    """The version on the labels of the week before the last day, evaluated afresh."""
    week = Window.trailing("2013-04-08", days=7)
    evaluate_version(root, feature, "1", week, DAY.as_of)
    return judge_version_evaluation(root, feature, DAY.as_of)


def flip(labels: pd.DataFrame) -> pd.DataFrame:
    """Three labels in ten say the opposite of what happened."""
    chosen = np.random.default_rng(3).random(len(labels)) < 0.3
    return labels.assign(label=labels["label"] ^ chosen)


def matured(root: Root, feature: AiFeatureSpec) -> Verdict:
    compute_label_arrival(root, feature, [MONDAY])
    return judge_label_maturity(root, feature, MONDAY)


def judged(root: Root, feature: AiFeatureSpec) -> tuple[Verdict, Verdict, Verdict]:
    return (
        judge_labels_arrived(root, feature, DAY),
        judge_label_coverage(root, feature, DAY),
        judge_accuracy(root, feature, DAY),
    )


def test_clean_labels_are_green(planted: Callable[[Plant], Root], feature: AiFeatureSpec) -> None:
    root = planted(lambda labels: labels)
    assert [verdict.status for verdict in judged(root, feature)] == ["pass"] * 3
    assert judge_labels_plausible(root, feature, DAY).status == "pass"
    covered = judge_label_coverage_slices(root, feature, DAY)
    assert covered.status == "pass" and int(str(covered.observed["slices_judged"])) > 40
    assert evaluated(root, feature).status == "pass"
    assert matured(root, feature).status == "pass"


def test_order_and_repetition_change_nothing(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    clean = judge_accuracy(planted(lambda labels: labels), feature, DAY)

    def shuffled_and_repeated(labels: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([labels, labels.head(500)]).sample(frac=1, random_state=1)

    root = planted(shuffled_and_repeated)
    arrived, _, accuracy = judged(root, feature)
    assert arrived.status == "pass"
    assert accuracy.observed == clean.observed and accuracy.reason == clean.reason


@pytest.mark.fault("label_coverage", "accuracy")
def test_labels_two_days_late_are_no_evidence(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    late = pd.Timedelta(days=2)
    root = planted(lambda labels: labels.assign(available_at=labels["available_at"] + late))
    _, coverage, accuracy = judged(root, feature)
    for verdict in (coverage, accuracy):
        assert verdict.status == "no_evidence"
        assert {finding.kind for finding in verdict.findings} == {"labels"}
    assert LAST in coverage.reason and "0 of" in coverage.reason
    assert "labels to 2013-04-06 are there: since then they are late or lost" in coverage.reason


@pytest.mark.fault("label_maturity")
def test_labels_that_always_come_two_days_late_are_later_than_declared(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    late = pd.Timedelta(days=2)
    root = planted(lambda labels: labels.assign(available_at=labels["available_at"] + late))
    verdict = matured(root, feature)
    assert verdict.status == "fail" and {f.kind for f in verdict.findings} == {"labels"}
    assert "labels come later than declared: at 12 hours 0% are there" in verdict.reason
    hours = verdict.observed["covered_at_hours"]
    assert isinstance(hours, float) and 48 < hours < 60
    assert f"set ground_truth.mature_after_hours to {int(hours) + 1}" in verdict.reason


@pytest.mark.fault("label_maturity")
def test_labels_that_come_two_days_late_since_a_day_are_named_with_that_day(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def late_since_thursday(labels: pd.DataFrame) -> pd.DataFrame:
        at = labels["available_at"]
        late = at >= pd.Timestamp("2013-04-04 12:00", tz="UTC")
        return labels.assign(available_at=at.where(~late, at + pd.Timedelta(days=2)))

    verdict = matured(planted(late_since_thursday), feature)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "labels" and finding.begin == Window.of_day("2013-04-04").start
    assert "labels are late since 2013-04-04" in finding.reason
    assert verdict.observed["late_by_hours"] == pytest.approx(48, abs=2)
    assert "about 48 hours later" in finding.reason


@pytest.mark.fault("label_maturity")
def test_without_a_label_nothing_tells_when_they_come(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels.head(0))
    verdict = matured(root, feature)
    assert verdict.status == "no_evidence" and "not one of" in verdict.reason


@pytest.mark.fault("labels_plausible")
@pytest.mark.requirement("PB-32")
def test_flipped_labels_name_themselves_and_are_no_accuracy_drop(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(flip)
    verdict = judge_labels_plausible(root, feature, DAY)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "labels" and finding.size == pytest.approx(0.3, abs=0.05)
    assert "of the labels look flipped since 2013-04-01" in finding.reason
    assert verdict.reason.endswith("labels, not the model")
    share = [verdict.observed[f"flipped_{end}"] for end in ("low", "high")]
    assert all(isinstance(end, float) for end in share) and share[0] < 0.3 < share[1]
    accuracy = judge_accuracy(root, feature, DAY)
    assert accuracy.status == "no_evidence" and "the labels look wrong" in accuracy.reason
    assert {finding.kind for finding in accuracy.findings} == {"labels"}


@pytest.mark.fault("labels_plausible")
def test_labels_that_are_flipped_from_a_day_on_name_that_day(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def since_the_fifth(labels: pd.DataFrame) -> pd.DataFrame:
        late = labels["available_at"] >= pd.Timestamp("2013-04-05 06:00", tz="UTC")
        return labels.assign(label=labels["label"].where(~late, flip(labels)["label"]))

    verdict = judge_labels_plausible(planted(since_the_fifth), feature, DAY)
    assert verdict.status == "fail"
    assert verdict.findings[0].begin == Window.of_day("2013-04-05").start


@pytest.mark.fault("labels_plausible")
def test_one_class_only_names_itself(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def all_false(labels: pd.DataFrame) -> pd.DataFrame:
        late = labels["available_at"] >= pd.Timestamp("2013-04-08", tz="UTC")
        return labels.assign(label=labels["label"] & ~late)

    root = planted(all_false)
    verdict = judge_labels_plausible(root, feature, DAY)
    assert verdict.status == "fail"
    assert {f.begin for f in verdict.findings} == {
        Window.of_day(day).start for day in ("2013-04-08", "2013-04-09")
    }
    assert "labels of 2013-04-08 say false, where at least" in verdict.reason
    assert judge_accuracy(root, feature, DAY).status == "no_evidence"
    before = at_schedule("2013-04-07")
    compute_evaluation_run(root, feature, [before])
    assert judge_labels_plausible(root, feature, before).status == "pass"


@pytest.mark.fault("labels_plausible")
def test_labels_that_say_the_opposite_are_told_from_any_decay(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels.assign(label=~labels["label"]))
    verdict = judge_labels_plausible(root, feature, DAY)
    assert verdict.status == "fail" and "most labels look flipped" in verdict.reason


@pytest.mark.fault("labels_plausible")
def test_days_too_few_to_tell_flips_are_no_evidence(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root, second = planted(lambda labels: labels), at_schedule("2013-04-02")
    compute_evaluation_run(root, feature, [second])
    verdict = judge_labels_plausible(root, feature, second)
    assert verdict.status == "no_evidence" and "days have labels beside scores" in verdict.reason
    assert verdict.sample_size >= feature.ground_truth.minimum_labels


@pytest.fixture
def decayed(
    logged: Root, feature: AiFeatureSpec, flights: pd.DataFrame, scores: pd.Series
) -> Iterator[Root]:
    """Of four answers three are those of another flight of the day: the model broke."""
    rows = between(flights, FIRST, LAST)
    random = np.random.default_rng(7)
    broken = scores.copy()
    for _, part in rows.groupby(rows["time"].dt.date):
        chosen = part.index[random.random(len(part)) < 0.75]
        broken.loc[chosen] = random.permutation(scores.loc[chosen].to_numpy())
    write_log(logged, feature, rows, broken, with_inputs=True)
    yield logged
    write_log(logged, feature, rows, scores, with_inputs=True)


@pytest.mark.fault("accuracy")
def test_a_model_that_broke_is_an_accuracy_drop_and_its_labels_stay_plausible(
    decayed: Root, planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels)
    plausible = judge_labels_plausible(root, feature, DAY)
    assert plausible.status == "pass", plausible.reason
    verdict = judge_accuracy(root, feature, DAY)
    assert verdict.status == "fail"
    failed = [finding for finding in verdict.findings if finding.status == "fail"]
    assert {finding.kind for finding in failed} == {"accuracy"}
    assert any(finding.reason.startswith("discrimination") for finding in failed)
    assert all(finding.begin and finding.size for finding in failed)


@pytest.mark.fault("label_coverage_slices")
def test_a_slice_whose_labels_are_missing_while_others_have_theirs_is_named(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    of_carrier = set(flights.loc[flights["carrier"] == "US", "id"])

    def without(labels: pd.DataFrame) -> pd.DataFrame:
        late = labels["available_at"] >= pd.Timestamp("2013-04-06 06:00", tz="UTC")
        return labels[~(late & labels["id"].isin(of_carrier))]

    root = planted(without)
    verdict = judge_label_coverage_slices(root, feature, DAY)
    assert verdict.status == "no_evidence"
    finding = verdict.findings[0]
    assert finding.kind == "labels" and finding.slice == "tenant US" and finding.tenant == "US"
    assert finding.begin == Window.of_day("2013-04-06").start
    assert "labels of tenant US are missing since 2013-04-06: 0 of" in finding.reason
    assert len(verdict.findings) == 1, "its airports lack labels too, and it is why"
    assert judge_label_coverage(root, feature, DAY).status == "pass", "the whole looks well"
    before = at_schedule("2013-04-05")
    compute_evaluation_run(root, feature, [before])
    assert judge_label_coverage_slices(root, feature, before).status == "pass"


@pytest.mark.fault("version_evaluated")
@pytest.mark.requirement("PB-31", "PB-32")
def test_a_version_that_became_worse_is_named(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    verdict = evaluated(planted(flip), feature)
    assert verdict.status == "fail" and "version 1 on" in verdict.reason
    assert {finding.kind for finding in verdict.findings} == {"accuracy"}
    assert all(finding.begin and finding.size for finding in verdict.findings)


@pytest.mark.fault("version_evaluated")
def test_a_version_that_nobody_evaluated_lately_is_no_evidence(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels)
    assert evaluated(root, feature).status == "pass"
    months_later = at_schedule("2013-07-01").as_of
    assert judge_version_evaluation(root, feature, months_later).status == "no_evidence"
    before = at_schedule("2013-04-08").as_of
    verdict = judge_version_evaluation(root, feature, before)
    assert verdict.status == "no_evidence", "what was found out later was not known then"
    assert "ai-ops evaluate flight_delay" in verdict.reason


@pytest.mark.fault("labels_arrived", "label_coverage", "accuracy")
def test_no_label_at_all_is_no_evidence(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels.head(0))
    for verdict in judged(root, feature):
        assert verdict.status == "no_evidence"
        assert {finding.kind for finding in verdict.findings} == {"labels"}


@pytest.mark.fault("labels_arrived")
def test_a_label_source_that_is_gone_is_named(logged: Root, feature: AiFeatureSpec) -> None:
    compute_ground_truth(logged, feature, [DAY])
    verdict = judge_labels_arrived(logged, feature, DAY)
    assert (
        verdict.status == "no_evidence" and "ground_truth.labels: no file matches" in verdict.reason
    )


@pytest.mark.fault("labels_arrived")
def test_a_label_source_without_its_column_is_named(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels.rename(columns={"label": "was_late"}))
    verdict = judge_labels_arrived(root, feature, DAY)
    assert verdict.status == "no_evidence"
    assert "no column label" in verdict.reason and "was_late" in verdict.reason


@pytest.mark.fault("label_coverage")
def test_labels_for_unknown_ids_are_counted_and_kept(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def strangers(labels: pd.DataFrame) -> pd.DataFrame:
        today = labels[labels["available_at"].dt.strftime("%Y-%m-%d") == LAST].head(7)
        return pd.concat([labels, today.assign(id="nobody-" + today["id"])])

    root = planted(strangers)
    verdict = judge_label_coverage(root, feature, DAY)
    assert verdict.status == "fail" and verdict.observed["unknown_ids"] == 7
    assert "that no readable logged prediction has, as nobody-" in verdict.reason
    assert verdict.findings[0].kind == "labels" and verdict.findings[0].size == 7
    kept, _ = root.lake.read_table(root.lake.path(feature.name, "ground_truth", LAST))
    assert sum(id.startswith("nobody-") for id in kept["id"].to_pylist()) == 7
    before = at_schedule("2013-04-08")
    compute_evaluation_run(root, feature, [before])
    assert judge_label_coverage(root, feature, before).status == "pass"


@pytest.mark.fault("label_coverage")
def test_a_label_of_a_quarantined_prediction_is_told_apart(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def strangers(labels: pd.DataFrame) -> pd.DataFrame:
        today = labels[labels["available_at"].dt.strftime("%Y-%m-%d") == LAST].head(3)
        return pd.concat([labels, today.assign(id=["torn-1", "torn-2", "nobody"])])

    root = planted(strangers)
    path = root.lake.path(feature.name, "prediction_log/quarantine", "2013-04-08")
    root.lake.write_table(path, pa.table({"id": ["torn-1", None, "torn-2", "other"]}))
    compute_evaluation_run(root, feature, [DAY])
    verdict = judge_label_coverage(root, feature, DAY)
    Path(path).unlink()
    assert verdict.status == "fail" and verdict.findings[0].kind == "labels"
    assert verdict.observed["unknown_ids"] == 3 and verdict.observed["quarantined_ids"] == 2
    assert "2 such ids stand in prediction_log/quarantine" in verdict.reason


@pytest.mark.fault("labels_arrived")
def test_all_labels_null_are_no_evidence_and_some_are_green(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    root = planted(lambda labels: labels.assign(label=pd.Series(pd.NA, labels.index, "boolean")))
    arrived, coverage, _ = judged(root, feature)
    assert (arrived.status, coverage.status) == ("no_evidence", "no_evidence")
    assert "have no label yet (null)" in arrived.reason

    def three(labels: pd.DataFrame) -> pd.DataFrame:
        label = labels["label"].astype("boolean")
        today = labels["available_at"].dt.strftime("%Y-%m-%d") == LAST
        label[labels.index[today][:3]] = pd.NA
        return labels.assign(label=label)

    arrived = judge_labels_arrived(planted(three), feature, DAY)
    assert arrived.status == "pass" and "3 rows have no label yet" in arrived.reason


@pytest.mark.fault("labels_arrived")
def test_contradicting_labels_are_believed_neither(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    """The second label comes a day after the first: both are out from then on."""

    def contradict(labels: pd.DataFrame) -> pd.DataFrame:
        first = labels[labels["available_at"].dt.strftime("%Y-%m-%d") == "2013-04-06"].head(5)
        second = first.assign(
            label=~first["label"], available_at=first["available_at"] + pd.Timedelta(days=1)
        )
        return pd.concat([labels, second])

    root = planted(contradict)
    assert judge_labels_arrived(root, feature, at_schedule("2013-04-06")).status == "pass"
    verdict = judge_labels_arrived(root, feature, at_schedule("2013-04-07"))
    assert verdict.status == "fail" and "5 labels contradict" in verdict.reason
    quarantine, _ = root.lake.read_table(
        root.lake.path(feature.name, "ground_truth/quarantine", "2013-04-07")
    )
    assert quarantine["reason"].to_pylist() == ["contradiction"] * 5
    accuracy = judge_accuracy(root, feature, DAY)
    clean = judge_accuracy(planted(lambda labels: labels), feature, DAY)
    assert accuracy.sample_size == clean.sample_size - 5


@pytest.mark.fault("labels_arrived")
def test_a_label_that_is_neither_true_nor_false_is_quarantined(
    planted: Callable[[Plant], Root], feature: AiFeatureSpec
) -> None:
    def unreadable(labels: pd.DataFrame) -> pd.DataFrame:
        text = labels["label"].map({True: "true", False: "false"}).astype(object)
        today = labels["available_at"].dt.strftime("%Y-%m-%d") == LAST
        text[labels.index[today][:3]] = "perhaps"
        return labels.assign(label=text)

    root = planted(unreadable)
    verdict = judge_labels_arrived(root, feature, DAY)
    assert verdict.status == "fail" and "3 labels are neither true nor false" in verdict.reason
    assert judge_labels_arrived(root, feature, at_schedule("2013-04-08")).status == "pass"
