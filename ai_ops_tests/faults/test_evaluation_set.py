"""Faults of the labelled evaluation set, planted in real files and versions."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.accuracy_evaluation.evaluation_set import (
    compute_labelled_evaluation_set,
    latest_version,
    read_set,
    read_set_rows,
)
from ai_ops.accuracy_evaluation.held_out import (
    judge_evaluation_set_sufficient,
    judge_held_out,
    judge_held_out_accuracy,
)
from ai_ops.accuracy_evaluation.label_queue import hand_out
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.set_versions import read_manifest
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.ai_features.parts import Monitoring
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.gate_world import launched, overconfident
from ai_ops_tests.accuracy_evaluation.world import (
    FLIGHT_DELAY,
    Change,
    Fitted,
    between,
    daily,
    fit,
    open_root,
    real_flights,
    register,
    write_labels,
    write_log,
)

MARCH, LAST, NEXT = "2013-03-01", "2013-03-31", "2013-04-01"
WINDOW = Window.of_month(MARCH)
MONTH = Moment(MARCH, WINDOW, WINDOW.end + timedelta(hours=9))

pytestmark = pytest.mark.requirement("MO-01", "MO-02", "FQ-08")


@pytest.fixture(scope="module")
def feature() -> AiFeatureSpec:
    declared = load_feature(FLIGHT_DELAY)
    monitoring = Monitoring(start=WINDOW.start.date())
    return declared.model_copy(update={"monitoring": monitoring})


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    whole = real_flights(tmp_path_factory.getbasetemp().parent)
    return whole[whole["time"] < pd.Timestamp("2013-04-03", tz="UTC")]


@pytest.fixture(scope="module")
def fitted(flights: pd.DataFrame, feature: AiFeatureSpec) -> Fitted:
    return fit(flights, feature, MARCH)


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted: Fitted,
) -> Root:
    """A month of flights that version 1 answered, with their labels; version 1 is live."""
    root = open_root(tmp_path_factory.mktemp("evaluation-set"))
    root.begin_replay(WINDOW.start)
    register(root, feature, fitted)
    launched(root, feature, "1")
    root.begin_replay(MONTH.as_of)
    write_log(root, feature, between(flights, MARCH, NEXT), fitted.scores, with_inputs=True)
    with_labels(root, feature, flights)
    compute_labelled_evaluation_set(root, feature, [MONTH])
    return root


def with_labels(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, change: Change | None = None
) -> None:
    write_labels(root, between(flights, MARCH, NEXT), change)
    compute_ground_truth(root, feature, daily(MARCH, NEXT))


@pytest.fixture
def root(built: Root, feature: AiFeatureSpec, flights: pd.DataFrame) -> Iterator[Root]:
    """The same; what a test plants is taken out after it."""
    yield built
    for path in Path(built.folder).glob("lake/*/training_set/*"):
        path.unlink()


def judged(root: Root, feature: AiFeatureSpec) -> tuple[Verdict, Verdict]:
    return judge_held_out(root, feature, MONTH), judge_held_out_accuracy(root, feature, MONTH)


def made_again(root: Root, feature: AiFeatureSpec) -> tuple[Verdict, Verdict]:
    compute_labelled_evaluation_set(root, feature, [MONTH])
    return judged(root, feature)


def test_a_month_that_nobody_learnt_from_is_green(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    held_out, accuracy = judged(root, feature)
    assert (held_out.status, accuracy.status) == ("pass", "pass")
    found, _ = read_set(root, feature, MARCH)
    rows, _ = read_set_rows(root, feature, MARCH)
    share = feature.ground_truth.evaluation_share
    assert found.rows == rows.num_rows == held_out.sample_size > 1300
    assert all(is_held_out(id, share) for id in rows["id"].to_pylist())
    assert found.positives == sum(rows["label"].to_pylist()) == found.strata["label"]["true"]
    labels = dict(zip(flights["id"], flights["late"], strict=True))
    assert all(labels[one["id"]] == one["label"] for one in rows.to_pylist())
    assert accuracy.observed["answered"] == accuracy.observed["rows"] == accuracy.sample_size
    assert accuracy.observed["version"] == "1" and accuracy.observed["auc"] > 0.6
    assert "of 2013-03" in accuracy.reason and held_out.evidence and accuracy.evidence


@pytest.mark.fault("held_out")
def test_a_training_set_that_holds_some_of_it_is_named(root: Root, feature: AiFeatureSpec) -> None:
    rows, _ = read_set_rows(root, feature, MARCH)
    ids = [*rows["id"].to_pylist()[:3], "2013-02-01-of-another-month"]
    path = root.lake.path(feature.name, "training_set", "2013-05-01-abcdef01")
    root.lake.write_table(path, pa.table({"id": ids}))
    verdict = judge_held_out(root, feature, MONTH)
    assert verdict.status == "fail"
    assert "training set 2013-05-01-abcdef01 learnt from 3 of its rows" in verdict.reason
    assert verdict.findings[0].kind == "data_quality" and verdict.findings[0].size == 3


@pytest.mark.fault("held_out")
def test_rows_that_were_changed_afterwards_are_no_set(root: Root, feature: AiFeatureSpec) -> None:
    path = Path(root.lake.url) / latest_version(root, feature, MARCH).rows_file
    before = path.read_bytes()
    rows = pq.read_table(path).to_pandas()
    flipped = rows.assign(label=rows["label"] ^ (rows.index < 5))
    root.lake.write_table(str(path), pa.Table.from_pandas(flipped, preserve_index=False))
    changed = judge_held_out(root, feature, MONTH)
    assert changed.status == "fail" and "not those that were recorded" in changed.reason
    stranger = rows.assign(id=["anybody", *rows["id"][1:]])
    root.lake.write_table(str(path), pa.Table.from_pandas(stranger, preserve_index=False))
    assert "1 of its rows, as anybody not held out" in judge_held_out(root, feature, MONTH).reason
    path.write_bytes(before)


@pytest.mark.fault("held_out", "held_out_accuracy")
def test_a_month_without_a_set_or_without_labels_is_no_evidence(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    nothing = Moment("2013-02-01", Window.of_month("2013-02-01"), MONTH.as_of)
    judges = (judge_held_out, judge_held_out_accuracy, judge_evaluation_set_sufficient)
    for judge in judges:
        with pytest.raises(MissingEvidence, match="no such file"):
            judge(root, feature, nothing)
    with_labels(root, feature, flights, lambda labels: labels.head(0))
    assert [verdict.status for verdict in made_again(root, feature)] == ["no_evidence"] * 2
    with_labels(root, feature, flights)
    assert [verdict.status for verdict in made_again(root, feature)] == ["pass"] * 2


@pytest.mark.fault("held_out")
def test_a_month_that_is_not_whole_is_no_evidence(root: Root, feature: AiFeatureSpec) -> None:
    log = Path(root.lake.path(feature.name, "prediction_log", "2013-03-12"))
    away = log.rename(log.with_suffix(".away"))
    held_out, _ = made_again(root, feature)
    assert held_out.status == "no_evidence" and "prediction_log of 2013-03-12" in held_out.reason
    away.rename(log)
    assert made_again(root, feature)[0].status == "pass"


@pytest.mark.fault("held_out_accuracy")
def test_a_version_that_became_worse_is_seen_on_the_held_out_rows(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    def flip(labels: pd.DataFrame) -> pd.DataFrame:
        chosen = np.random.default_rng(3).random(len(labels)) < 0.3
        return labels.assign(label=labels["label"] ^ chosen)

    with_labels(root, feature, flights, flip)
    held_out, accuracy = made_again(root, feature)
    assert held_out.status == "pass", "labels say nothing about who learnt from what"
    assert accuracy.status == "fail" and "surely beyond the gate's" in accuracy.reason
    assert {finding.kind for finding in accuracy.findings} == {"accuracy"}
    with_labels(root, feature, flights)
    assert made_again(root, feature)[1].status == "pass"


@pytest.mark.fault("held_out_accuracy")
def test_too_small_a_set_is_no_evidence(root: Root, feature: AiFeatureSpec) -> None:
    truth = feature.ground_truth.model_copy(update={"evaluation_share": 0.002})
    small = feature.model_copy(update={"ground_truth": truth})
    compute_labelled_evaluation_set(root, small, [MONTH])
    verdict = judge_held_out_accuracy(root, small, MONTH)
    assert verdict.status == "no_evidence" and "at least 200 of 5 are needed" in verdict.reason
    compute_labelled_evaluation_set(root, feature, [MONTH])


@pytest.mark.fault("held_out", "held_out_accuracy")
def test_another_version_came_live_and_it_had_learnt_from_the_month(
    built: Root, feature: AiFeatureSpec, flights: pd.DataFrame, fitted: Fitted, tmp_path: Path
) -> None:
    """Version 2 is asked about the rows that version 1 answered; and it has seen them before."""
    root = open_root(Path(shutil.copytree(built.folder, tmp_path / "copy")))
    month = between(flights, MARCH, LAST).dropna(subset=["late"]).assign(probability=0.2)
    seen = replace(overconfident(fitted), reference=pd.concat([fitted.reference, month]))
    version = register(root, feature, seen)
    launched(root, feature, version, at=WINDOW.end - timedelta(hours=5))
    unasked = judge_held_out_accuracy(root, feature, MONTH)
    assert unasked.status == "no_evidence"
    assert f"in production was version {version}: materialise" in unasked.reason
    held_out, accuracy = made_again(root, feature)
    assert held_out.status == "fail" and f"version {version} learnt from" in held_out.reason
    assert accuracy.observed["version"] == version
    assert accuracy.observed["answered"] == 0 and accuracy.observed["rows"] > 1000


@pytest.mark.requirement("MO-01")
def test_every_version_is_kept_and_listed_and_the_latest_that_was_known_is_judged(
    built: Root, feature: AiFeatureSpec, flights: pd.DataFrame, tmp_path: Path
) -> None:
    root = open_root(Path(shutil.copytree(built.folder, tmp_path / "copy")))
    first = latest_version(root, feature, MARCH)
    rows = Path(root.lake.url) / first.rows_file
    assert first.content[:16] in rows.name
    before = rows.read_bytes()
    compute_labelled_evaluation_set(root, feature, [MONTH])
    assert latest_version(root, feature, MARCH) == first, "the same once more is no version"

    chosen = read_set_rows(root, feature, MARCH)[0]["id"].to_pylist()
    gone, other = set(chosen[:3]), set(chosen[3:5])

    def revised(labels: pd.DataFrame) -> pd.DataFrame:
        kept = labels[~labels["id"].isin(gone)]
        return kept.assign(label=kept["label"] ^ kept["id"].isin(other))

    with_labels(root, feature, flights, revised)
    later = replace(MONTH, as_of=MONTH.as_of + timedelta(hours=1))
    compute_labelled_evaluation_set(root, feature, [later])
    second = latest_version(root, feature, MARCH)
    assert (second.version, second.rows) == (first.version + 1, first.rows - 3)
    assert second.change.words == "2 labels revised, 3 withdrawn"
    assert second.change.since == first.version and second.digest != first.digest
    assert rows.read_bytes() == before, "what was there stays"
    listed = read_manifest(root, feature.name, MARCH).versions
    assert [one.version for one in listed] == list(range(1, second.version + 1))
    assert [one.as_of for one in listed[-2:]] == [MONTH.as_of, later.as_of]
    then, now = (judge_held_out(root, feature, moment) for moment in (MONTH, later))
    assert (then.observed["digest"], now.observed["digest"]) == (first.digest, second.digest)
    assert f"version {second.version}, digest {second.digest[:12]}" in now.reason
    accuracy = judge_held_out_accuracy(root, feature, later)
    assert (accuracy.observed["set_version"], accuracy.observed["digest"]) == (
        second.version,
        second.digest,
    )
    with pytest.raises(MissingEvidence, match="did not know; materialise it as of then"):
        judge_held_out(root, feature, replace(MONTH, as_of=MONTH.as_of - timedelta(days=9)))


@pytest.mark.fault("held_out")
def test_a_version_whose_data_has_the_digest_of_the_set_learnt_from_it(
    built: Root, feature: AiFeatureSpec, fitted: Fitted, tmp_path: Path
) -> None:
    root = open_root(Path(shutil.copytree(built.folder, tmp_path / "copy")))
    found, _ = read_set(root, feature, MARCH)
    version = register(root, feature, fitted, dataset_digest=found.digest[:36])
    verdict = judge_held_out(root, feature, MONTH)
    assert verdict.status == "fail" and f"version {version} learnt from" in verdict.reason


def test_a_set_with_labels_enough_is_green(root: Root, feature: AiFeatureSpec) -> None:
    verdict = judge_evaluation_set_sufficient(root, feature, MONTH)
    assert verdict.status == "pass", verdict.reason
    assert "±0.02 of auc (no precision is asked)" in verdict.reason
    assert verdict.observed["precision_is_asked"] is False
    found, _ = read_set(root, feature, MARCH)
    assert found.needed is not None and found.live is not None
    auc = found.live.measured.metrics["auc"]
    assert auc.low is not None
    assert found.needed.half_width == pytest.approx(auc.value - auc.low, rel=0.5)
    assert sum(found.population["predicted"].values()) == sum(found.population["tenant"].values())
    assert set(found.strata["predicted"]) <= set(found.population["predicted"])
    assert verdict.observed["thin_strata"] > 0, "few scores are above 0.8"
    assert "predicted 0.8 to 1" in verdict.reason


@pytest.mark.fault("evaluation_set_sufficient")
def test_a_set_too_small_for_the_precision_asked_says_how_many_labels_it_needs(
    root: Root, feature: AiFeatureSpec
) -> None:
    asked = with_precision(feature, 0.005)
    verdict = judge_evaluation_set_sufficient(root, asked, MONTH)
    assert verdict.status == "no_evidence"
    needed = verdict.observed["labels_needed"]
    assert needed > verdict.sample_size and verdict.findings[0].kind == "labels"
    assert re.search(rf"has 1,\d+ labels, needs {needed:,} for ±0.005 of auc;", verdict.reason)
    wide = with_precision(feature, 0.2)
    assert judge_evaluation_set_sufficient(root, wide, MONTH).status == "pass"


@pytest.mark.fault("evaluation_set_sufficient")
def test_a_stratum_without_a_label_is_named_and_one_label_only_tells_nothing_apart(
    built: Root, feature: AiFeatureSpec, flights: pd.DataFrame, tmp_path: Path
) -> None:
    root = open_root(Path(shutil.copytree(built.folder, tmp_path / "copy")))
    united = set(flights.loc[flights["tenant"] == "UA", "id"])
    with_labels(root, feature, flights, lambda labels: labels[~labels["id"].isin(united)])
    compute_labelled_evaluation_set(root, feature, [MONTH])
    verdict = judge_evaluation_set_sufficient(root, feature, MONTH)
    assert verdict.status == "no_evidence"
    assert [finding.slice for finding in verdict.findings] == ["tenant UA"]
    assert "no label of tenant UA, which is" in verdict.reason
    with_labels(root, feature, flights, lambda labels: labels.assign(label=False))
    compute_labelled_evaluation_set(root, feature, [MONTH])
    verdict = judge_evaluation_set_sufficient(root, feature, MONTH)
    assert verdict.status == "no_evidence" and "every label of 2013-03 is false" in verdict.reason


@pytest.mark.requirement("MO-02")
def test_what_is_handed_out_to_label_begins_with_the_set_and_doubts_what_may_be_trained_on(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    """Of a model that is trained here: the drawn are the set's own rows, the doubtful never."""
    share = feature.ground_truth.evaluation_share
    labels = root.folder / "sources" / "flight_delay" / "labels" / "labels.parquet"
    away = labels.rename(labels.with_suffix(".away"))
    handout = hand_out(root, feature, WINDOW, 400, blind=False)
    away.rename(labels)
    assert "no file matches" in handout.export.problem, "it is told that the source was not there"
    rows = handout.record.to_pandas()
    drawn, doubted = (rows[rows["picked_by"] == how] for how in ("drawn", "doubt"))
    assert len(rows) == handout.form.num_rows == 400
    assert all(is_held_out(id, share) for id in drawn["id"])
    assert not any(is_held_out(id, share) for id in doubted["id"])
    score = dict(
        zip(
            handout.form["id"].to_pylist(),
            handout.form["output_probability"].to_pylist(),
            strict=True,
        )
    )
    far = [abs(score[id] - feature.judged.threshold) for id in doubted["id"]]
    assert max(far) < 0.01 < max(abs(score[id] - feature.judged.threshold) for id in drawn["id"])
    assert set(rows.loc[rows["picked_by"] == "stratum", "stratum"]) >= {"tenant HA", "tenant YV"}


def with_precision(feature: AiFeatureSpec, precision: float) -> AiFeatureSpec:
    truth = feature.ground_truth.model_copy(update={"precision": precision})
    return feature.model_copy(update={"ground_truth": truth})
