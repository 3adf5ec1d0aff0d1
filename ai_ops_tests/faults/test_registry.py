"""Faults of the registry, planted in a real one: each turns its check red and is named."""

import math
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn
from ai_ops.component import CHECKS
from ai_ops.drift_monitoring.profiling import compute_reference_profile
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.retraining_pipeline.versions import compute_model_versions
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.inference_management.serving_world import (
    ATTRIBUTES,
    NAME,
    ROWS,
    Constant,
    write_feature,
)

NOW = utc("2021-03-04T06:00:00Z")
BY_NAME = {check.name: check for check in CHECKS}
METRICS = {"auc": 0.71}


def answers(days: int) -> pa.Table:
    """So many days of forty answers each, as a version registers them with itself."""
    random = np.random.default_rng(7)
    count = days * 40
    hours = pd.to_timedelta(np.arange(count) * 24 / 40, unit="h")
    score = random.beta(2, 5, count)
    table = pd.DataFrame(
        {
            "id": [f"r{number}" for number in range(count)],
            "time": pd.Timestamp("2021-01-01", tz="UTC") + hours,
            "input_city": random.choice(["A", "B"], count),
            "input_temp": random.normal(10.0, 4.0, count),
            "input_express": random.random(count) < 0.5,
            "output_probability": score,
            "output_late": score > 0.5,
            "label": random.random(count) < score,
        }
    )
    return pa.Table.from_pandas(table, preserve_index=False)


def nulled(table: pa.Table, column: str) -> pa.Table:
    """The table with a column that holds nothing but nulls."""
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.nulls(table.num_rows, table[column].type))


def register(
    root: Root,
    *,
    metrics: Mapping[str, float] | None = None,
    digest: str = "0" * 32,
    reference: pa.Table | None = None,
) -> str:
    """Register a version of constant output, whole unless something is left out."""
    encoder = TabularEncoder.fit(ROWS, [InputColumn(**column) for column in ATTRIBUTES["inputs"]])
    made = root.registry.register(
        NAME,
        Constant(0.25),
        encoder,
        encoder.encode(ROWS),
        metrics=METRICS if metrics is None else metrics,
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest=digest,
        reference=answers(42) if reference is None else reference,
    )
    return made.version


def promote(root: Root, version: str) -> None:
    """Bring a version to production, in the ledger and in the registry."""
    kind: EventKind = "promotion" if standing_of(root.ledger, NAME).moves else "launch"
    said = {"version": version, "previous": None, "by": "somebody@example.com"}
    root.ledger.append([NewEvent(kind, NAME, said)], clock=root.clock)
    behind_its_back(root, version)


def behind_its_back(root: Root, version: str) -> None:
    """Move the registry's alias, and write it down nowhere."""
    root.registry.set_alias(NAME, "champion", version)


def look(root: Root, feature: AiFeatureSpec) -> None:
    """Materialise what the checks read."""
    compute_model_versions(root, feature, NOW)
    compute_reference_profile(root, feature, NOW)


def judged(
    root: Root, feature: AiFeatureSpec, check: str, after: timedelta = timedelta()
) -> Verdict:
    """The verdict as the ledger has it."""
    root.begin_replay(NOW + after)
    moment = moment_now(NOW + after)
    (recorded,) = judge_and_record(root, feature, [BY_NAME[check]], [moment], run_id=None)
    return recorded.verdict


@pytest.fixture
def feature(tmp_path: Path) -> AiFeatureSpec:
    return write_feature(tmp_path / "defs")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A replay whose registry holds versions 1 and 2, the second in production."""
    root = Root.open(tmp_path / "root", environment={})
    root.begin_replay(NOW)
    register(root)
    promote(root, register(root))
    return root


@pytest.mark.requirement("PL-12", "PL-14", "PL-16", "PL-17", "PL-30")
def test_a_whole_registry_is_green(root: Root, feature: AiFeatureSpec) -> None:
    look(root, feature)
    registered = judged(root, feature, "version_registered")
    assert registered.status == "pass" and "1 beside it" in registered.reason
    reference = judged(root, feature, "reference_present")
    assert reference.status == "pass" and reference.sample_size == 42 * 40


@pytest.mark.fault("version_registered", "reference_present")
@pytest.mark.requirement("PL-12", "PL-13")
def test_a_model_that_nobody_launched_is_no_evidence(
    tmp_path: Path, feature: AiFeatureSpec
) -> None:
    root = Root.open(tmp_path / "root", environment={})
    root.begin_replay(NOW)
    register(root)
    compute_model_versions(root, feature, NOW)
    for check in ("version_registered", "reference_present"):
        verdict = judged(root, feature, check)
        assert verdict.status == "no_evidence"
        assert verdict.findings[0].kind == "version"


@pytest.mark.fault("version_registered")
@pytest.mark.requirement("PL-14", "PL-16")
# MLflow makes a digest of its own where it is given none, by a call that pandas will rename.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ({"metrics": {}}, "version 3 is live without a metric that it passed"),
        ({"digest": ""}, "version 3 is live without the digest of its data"),
    ],
    ids=["no metric", "no digest"],
)
def test_what_a_live_version_lacks_is_named(
    root: Root, feature: AiFeatureSpec, left_out: dict[str, object], reason: str
) -> None:
    promote(root, register(root, **left_out))  # type: ignore[arg-type]
    look(root, feature)
    verdict = judged(root, feature, "version_registered")
    assert verdict.status == "fail"
    assert [finding.reason for finding in verdict.findings] == [reason]


@pytest.mark.requirement("PL-16")
def test_a_metric_that_is_no_number_is_not_registered(root: Root) -> None:
    with pytest.raises(BadInput, match="tiny: metrics: auc: not a finite number"):
        register(root, metrics={"auc": math.nan})
    assert [version.version for version in root.registry.versions(NAME)] == ["1", "2"]


@pytest.mark.fault("version_registered")
@pytest.mark.requirement("PL-30")
def test_a_version_without_another_to_fall_back_to_is_a_failure(
    tmp_path: Path, feature: AiFeatureSpec
) -> None:
    root = Root.open(tmp_path / "root", environment={})
    root.begin_replay(NOW)
    promote(root, register(root))
    look(root, feature)
    verdict = judged(root, feature, "version_registered")
    assert verdict.status == "fail"
    assert "no other version to roll back to" in verdict.reason


@pytest.mark.fault("version_registered", "reference_present")
@pytest.mark.requirement("PL-15", "PL-20")
def test_a_champion_that_moved_behind_the_assets_back_is_named(
    root: Root, feature: AiFeatureSpec
) -> None:
    look(root, feature)
    behind_its_back(root, "1")
    registered = judged(root, feature, "version_registered")
    assert registered.status == "fail"
    assert "the champion moved from 2 to 1" in registered.reason
    promote(root, "1")
    reference = judged(root, feature, "reference_present")
    assert reference.status == "no_evidence"
    assert "version 1 is in production, but the reference profile is of version 2" in (
        reference.reason
    )


@pytest.mark.fault("version_registered")
@pytest.mark.requirement("PL-15", "FR-3")
def test_a_registry_that_nobody_has_looked_at_for_nine_days_is_no_evidence(
    root: Root, feature: AiFeatureSpec
) -> None:
    look(root, feature)
    assert judged(root, feature, "version_registered", timedelta(days=8)).status == "pass"
    verdict = judged(root, feature, "version_registered", timedelta(days=9))
    assert verdict.status == "no_evidence" and verdict.findings[0].kind == "version"
    assert "9 days ago" in verdict.reason and "materialise model_versions" in verdict.reason


@pytest.mark.fault("reference_present")
@pytest.mark.requirement("PL-20", "FR-3")
def test_a_reference_that_was_never_profiled_is_no_evidence(
    root: Root, feature: AiFeatureSpec
) -> None:
    verdict = judged(root, feature, "reference_present")
    assert verdict.status == "no_evidence"
    assert "reference_profile" in verdict.reason and verdict.findings[0].kind == "drift"


@pytest.mark.fault("reference_present")
@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (answers(20), "no threshold for city, temp, express, probability, late"),
        (answers(42).drop_columns(["input_temp"]), "without temp"),
        (nulled(answers(42), "input_temp"), "the reference has no value of temp"),
    ],
    ids=["three weeks", "an input is not in it", "an input that is never filled"],
)
def test_a_reference_that_cannot_say_what_is_normal_is_no_evidence(
    root: Root, feature: AiFeatureSpec, reference: pa.Table, reason: str
) -> None:
    promote(root, register(root, reference=reference))
    look(root, feature)
    verdict = judged(root, feature, "reference_present")
    assert verdict.status == "no_evidence"
    assert reason in verdict.reason


@pytest.mark.fault("version_registered", "reference_present")
@pytest.mark.requirement("FR-3")
def test_a_registry_that_cannot_be_read_is_no_evidence(root: Root, feature: AiFeatureSpec) -> None:
    look(root, feature)
    database = root.folder / "mlflow" / "mlflow.db"
    database.rename(database.with_suffix(".gone"))
    for check in ("version_registered", "reference_present"):
        verdict = judged(root, feature, check)
        assert verdict.status == "no_evidence"
        assert "vanished" in verdict.reason and verdict.findings[0].kind == "version"
