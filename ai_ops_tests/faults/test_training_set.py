"""Faults of a training set, planted in real ones: each turns its check red and is named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.retraining_pipeline.learning_rows import digest_of
from ai_ops.retraining_pipeline.records import TRAINING_SET, latest_training_set, rows_path
from ai_ops.retraining_pipeline.training_set import compute_training_set
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BEGIN,
    FEATURE,
    NAME,
    NOW,
    copied_root,
    logged_root,
    write_labels,
)

(CHECK,) = [check for check in CHECKS if check.name == "training_set_sound"]
YESTERDAY = NOW.date() - timedelta(days=1)
LOGGED_ONLY = FEATURE.model_copy(
    update={
        "retraining": FEATURE.retraining.model_copy(
            update={"training_days": 14, "minimum_rows": 300}
        )
    }
)
"""So few days of training that none of them is from before the log."""

Plant = Callable[[pa.Table], pa.Table]

pytestmark = pytest.mark.requirement("FR-3")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return logged_root(tmp_path_factory.mktemp("logged") / "root")


@pytest.fixture
def root(whole: Root, tmp_path: Path) -> Root:
    """Three weeks of a log with its labels."""
    return copied_root(whole, tmp_path / "root")


def judged(root: Root, feature: AiFeatureSpec = FEATURE) -> Verdict:
    """The verdict on the training set that stands there, as the ledger has it."""
    (recorded,) = judge_and_record(root, feature, [CHECK], [moment_now(NOW)], run_id=None)
    return recorded.verdict


def sound(root: Root, feature: AiFeatureSpec = FEATURE) -> Verdict:
    """The verdict on a training set that is made now."""
    compute_training_set(root, feature, NOW)
    return judged(root, feature)


def rewritten(root: Root, change: Plant) -> None:
    """Make a training set whose rows are changed, and a manifest that knows of nothing."""
    compute_training_set(root, FEATURE, NOW)
    manifest, _ = latest_training_set(root, FEATURE)
    rows = change(root.lake.read_table(rows_path(root, FEATURE, manifest.id))[0])
    root.lake.write_table(rows_path(root, FEATURE, manifest.id), rows)
    changed = replace(manifest, digest=digest_of(rows), rows=rows.num_rows)
    root.lake.write_json(root.lake.path(NAME, TRAINING_SET, None, "json"), changed.as_data())


def with_column(rows: pa.Table, name: str, values: object) -> pa.Table:
    place = rows.column_names.index(name)
    return rows.set_column(place, name, pa.array(values, rows.schema.field(name).type))


def first_row_with(rows: pa.Table, name: str, value: object) -> pa.Table:
    values = rows[name].to_pylist()
    return with_column(rows, name, [value, *values[1:]])


def findings_of(verdict: Verdict) -> set[tuple[str, str]]:
    return {(finding.kind, finding.status) for finding in verdict.findings}


def test_a_whole_training_set_is_green(root: Root) -> None:
    verdict = sound(root)
    assert verdict.status == "pass"
    assert verdict.sample_size == verdict.observed["labelled"] > 900
    assert "none of the hold-out (2021-03-06 to 2021-03-08)" in verdict.reason
    assert len(verdict.evidence) == 2


@pytest.mark.fault("training_set_sound")
def test_nothing_that_was_made_is_no_evidence(root: Root) -> None:
    verdict = judged(root)
    assert verdict.status == "no_evidence" and "no such file" in verdict.reason


@pytest.mark.fault("training_set_sound")
@pytest.mark.parametrize("asset", ["prediction_log", "ground_truth", "ground_truth/quarantine"])
def test_a_day_that_is_missing_is_named_and_no_evidence(root: Root, asset: str) -> None:
    Path(root.lake.path(NAME, asset, "2021-02-20")).unlink()
    verdict = sound(root)
    assert verdict.status == "no_evidence"
    assert f"tiny/{asset}/2021-02-20 was not there to be read" in verdict.reason
    assert ("completeness", "no_evidence") in findings_of(verdict)


@pytest.mark.fault("training_set_sound")
def test_too_few_rows_are_no_evidence(root: Root) -> None:
    more = FEATURE.retraining.model_copy(update={"minimum_rows": 100_000})
    verdict = sound(root, FEATURE.model_copy(update={"retraining": more}))
    assert verdict.status == "no_evidence" and "at least 100000 are needed" in verdict.reason


@pytest.mark.fault("training_set_sound")
@pytest.mark.parametrize("label", [True, False])
def test_labels_of_one_kind_only_are_no_evidence(root: Root, label: bool) -> None:
    write_labels(
        root, BEGIN, YESTERDAY, lambda rows: with_column(rows, "label", [label] * rows.num_rows)
    )
    verdict = sound(root, LOGGED_ONLY)
    assert verdict.status == "no_evidence" and f"labels is {label}".lower() in verdict.reason


@pytest.mark.fault("training_set_sound")
def test_labels_that_are_missing_are_no_evidence(root: Root) -> None:
    kept = np.random.default_rng(0).random(40 * 24) < 0.5
    write_labels(root, BEGIN, YESTERDAY, lambda rows: rows.filter(pa.array(kept[: rows.num_rows])))
    verdict = sound(root, LOGGED_ONLY)
    assert verdict.status == "no_evidence"
    assert "at least 90% are needed" in verdict.reason
    assert ("labels", "no_evidence") in findings_of(verdict)


@pytest.mark.fault("training_set_sound")
def test_a_row_of_the_hold_out_is_named(root: Root) -> None:
    def by_time(rows: pa.Table) -> pa.Table:
        return first_row_with(rows, "time", NOW - timedelta(days=3))

    rewritten(root, by_time)
    verdict = judged(root)
    assert verdict.status == "fail" and "of the gate's hold-out" in verdict.reason

    judged_id = next(id for id in (f"p-2021-03-07-{n}" for n in range(9)) if not held(id))
    rewritten(root, lambda rows: first_row_with(rows, "id", judged_id))
    verdict = judged(root)
    assert verdict.status == "fail"
    assert f"1 rows, as {judged_id}, are of the gate's hold-out" in verdict.reason


@pytest.mark.fault("training_set_sound")
@pytest.mark.requirement("MO-01")
def test_a_row_of_the_labelled_evaluation_set_is_named(root: Root) -> None:
    kept = next(id for id in (f"h-{day}" for day in range(999)) if held(id))
    rewritten(root, lambda rows: first_row_with(rows, "id", kept))
    verdict = judged(root)
    assert verdict.status == "fail"
    assert f"1 rows, as {kept}, are of the labelled evaluation set" in verdict.reason

    compute_training_set(root, FEATURE, NOW)
    assert judged(root).status == "pass"
    manifest, _ = latest_training_set(root, FEATURE)
    rows, _ = root.lake.read_table(rows_path(root, FEATURE, manifest.id))
    own = root.lake.path(NAME, "labelled_evaluation_set", "2021-02-01")
    root.lake.write_table(own, rows.select(["id", "label"]).slice(3, 2))
    verdict = judged(root)
    assert verdict.status == "fail" and "2 rows, as" in verdict.reason


@pytest.mark.fault("training_set_sound")
def test_a_label_that_nobody_knew_by_then_is_named(root: Root) -> None:
    rewritten(root, lambda rows: first_row_with(rows, "known_on", NOW.date()))
    verdict = judged(root)
    assert verdict.status == "fail"
    assert "1 labels were not known before 2021-03-10" in verdict.reason
    rewritten(root, lambda rows: first_row_with(rows, "known_on", None))
    assert judged(root).status == "fail"


@pytest.mark.fault("training_set_sound")
def test_rows_that_are_not_those_of_the_manifest_are_named(root: Root) -> None:
    compute_training_set(root, FEATURE, NOW)
    manifest, _ = latest_training_set(root, FEATURE)
    path = rows_path(root, FEATURE, manifest.id)
    rows, _ = root.lake.read_table(path)
    flipped = with_column(rows, "label", pc.invert(rows["label"]).to_pylist())
    root.lake.write_table(path, flipped)
    verdict = judged(root)
    assert verdict.status == "fail" and "its rows are not those of its manifest" in verdict.reason
    root.lake.write_table(path, pa.concat_tables([rows, rows.slice(0, 5)]))
    assert "5 rows repeat an id" in judged(root).reason


def held(id: str) -> bool:
    return is_held_out(id, FEATURE.ground_truth.evaluation_share)


def test_the_days_of_the_world_are_those_that_the_tests_name(root: Root) -> None:
    compute_training_set(root, FEATURE, NOW)
    manifest, _ = latest_training_set(root, FEATURE)
    assert (manifest.first_day, manifest.last_day) == ("2021-02-06", "2021-03-05")
    assert (manifest.holdout_first, manifest.holdout_last) == ("2021-03-06", "2021-03-08")
    assert date.fromisoformat(manifest.first_day) < BEGIN
