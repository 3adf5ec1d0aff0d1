"""After a promotion: the version is the ledger's, and the criteria are those that were frozen."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run, judge_accuracy, read_run
from ai_ops.accuracy_evaluation.judgement import judge_against_launch
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.versions import evaluate_version, judge_version_evaluation
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.accuracy_evaluation.world import (
    Fitted,
    at_schedule,
    between,
    daily,
    open_root,
    register,
    write_labels,
    write_log,
)

FIRST, LAST = "2013-04-01", "2013-04-09"
LAUNCHED, PROMOTED = datetime(2013, 4, 1, tzinfo=UTC), datetime(2013, 4, 7, tzinfo=UTC)
DAY = at_schedule("2013-04-08")
NOW = at_schedule(LAST).as_of

Fresh = Callable[[], Root]


@pytest.fixture(scope="module")
def answered(
    tmp_path_factory: pytest.TempPathFactory,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    fitted_to_march: Fitted,
) -> Root:
    """Version 1 answers to April 6, version 2 from then on; the ledger knows of no move."""
    root = open_root(tmp_path_factory.mktemp("moves"))
    root.begin_replay(NOW)
    register(root, feature, fitted_to_march)
    register(root, feature, fitted_to_march)
    for first, last, version in ((FIRST, "2013-04-06", "1"), ("2013-04-07", LAST, "2")):
        span = between(flights, first, last)
        scores = fitted_to_march.scores
        write_log(root, feature, span, scores, version=version, with_inputs=True)
    write_labels(root, between(flights, FIRST, LAST))
    compute_ground_truth(root, feature, daily(FIRST, LAST))
    return root


@pytest.fixture
def root(answered: Root, tmp_path: Path) -> Root:
    """A copy of it, for a ledger takes nothing back."""
    return open_root(Path(shutil.copytree(answered.folder, tmp_path / "root")))


def happened(
    root: Root, feature: AiFeatureSpec, kind: EventKind, at: datetime, **said: Any
) -> None:
    event = NewEvent(kind, feature.name, {"by": "somebody@example.com", **said}, at)
    root.ledger.append([event], clock=root.clock)


def moved(root: Root, feature: AiFeatureSpec, kind: EventKind, at: datetime, version: str) -> None:
    happened(root, feature, kind, at, version=version, previous=None)


@pytest.mark.requirement("MO-02")
def test_the_new_version_is_judged_on_its_own_rows_from_the_day_it_was_promoted(
    root: Root, feature: AiFeatureSpec
) -> None:
    moved(root, feature, "launch", LAUNCHED, "1")
    moved(root, feature, "promotion", PROMOTED, "2")
    compute_evaluation_run(root, feature, [at_schedule("2013-04-06"), DAY])
    assert read_run(root, feature, "2013-04-06")[0].version == "1"
    run, _ = read_run(root, feature, "2013-04-08")
    assert (run.version, run.live_since) == ("2", PROMOTED)
    assert run.week.days == 2
    verdict = judge_accuracy(root, feature, DAY)
    assert verdict.status == "no_evidence"
    assert "version 2, live since 2013-04-07 00:00, can be judged on 2 of 7 days" in verdict.reason
    assert "rows by version 1" in verdict.reason


def test_a_version_that_answers_although_another_is_live_is_not_taken_for_it(
    root: Root, feature: AiFeatureSpec
) -> None:
    moved(root, feature, "launch", LAUNCHED, "1")  # and the server answers with version 2
    compute_evaluation_run(root, feature, [DAY])
    assert read_run(root, feature, DAY.partition)[0].version == "1"
    verdict = judge_accuracy(root, feature, DAY)
    assert verdict.status == "no_evidence"
    assert "version 1 is live and answered nothing on 2013-04-08" in verdict.reason
    assert "rows by version 2" in verdict.reason


def test_a_run_that_did_not_know_of_the_promotion_is_made_again(
    root: Root, feature: AiFeatureSpec
) -> None:
    moved(root, feature, "launch", LAUNCHED, "1")
    compute_evaluation_run(root, feature, [DAY])
    moved(root, feature, "promotion", PROMOTED, "2")
    with pytest.raises(MissingEvidence, match="measured version 1, and version 2 was live"):
        judge_accuracy(root, feature, DAY)


@pytest.mark.requirement("PB-35")
def test_a_loosened_yaml_changes_no_verdict_once_the_gate_is_frozen(
    root: Root, feature: AiFeatureSpec
) -> None:
    evaluate_version(root, feature, "2", Window.trailing("2013-04-06", days=5), NOW)
    strict = feature.gate.model_copy(
        update={"auc_drop": 0.0, "brier_rise": 0.0, "calibration_gap": 0.0}
    )
    generous = feature.gate.model_copy(
        update={"auc_drop": 0.9, "brier_rise": 0.9, "calibration_gap": 0.9}
    )
    loosened = feature.model_copy(update={"gate": generous})
    assert judge_version_evaluation(root, loosened, NOW).status == "pass"
    criteria = strict.model_dump(mode="json")
    happened(root, feature, "gate_freeze", LAUNCHED, gate=criteria, hash=strict.digest)
    frozen = judge_version_evaluation(root, loosened, NOW)
    assert frozen.status == "fail"
    assert "beyond the gate's 0" in frozen.reason


@pytest.mark.requirement("PB-35")
def test_the_daily_verdict_names_the_gate_that_it_was_judged_by(
    answered: Root, root: Root, feature: AiFeatureSpec
) -> None:
    compute_evaluation_run(root, feature, [DAY])
    run, _ = read_run(root, feature, DAY.partition)
    whole = replace(run, week=replace(run.week, days=7))
    frozen = feature.gate.model_copy(update={"minimum_days": 1})
    criteria = frozen.model_dump(mode="json")
    assert judge_accuracy(root, feature, DAY).observed["gate_hash"] == feature.gate.digest
    happened(root, feature, "gate_freeze", LAUNCHED, gate=criteria, hash=frozen.digest)
    verdict = judge_accuracy(root, feature, DAY)
    assert verdict.observed["gate_hash"] == frozen.digest
    assert "can be judged on 2 of 7 days" not in verdict.reason  # its minimum is one day
    assert (
        judge_against_launch(
            whole, frozen, feature.ground_truth, feature.judged.score
        ).reason.partition(" over")[0]
        == verdict.reason.partition(" over")[0]
    )
