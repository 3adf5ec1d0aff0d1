"""A rollback that would not work turns the drill red, and the finding says what would not.

Registry, ledger, endpoint, load and log are real; the commands are entered in this process. What
they do as processes is shown in the drill's own test.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.drill_root import DrillRoot
from ai_ops.inference_management.rollback_drill import Hands
from ai_ops.inference_management.rollback_record import Ran
from ai_ops.inference_management.rollback_reports import (
    compute_rollback_drill,
    judge_rollback_drill,
    latest,
    record_path,
    sign,
)
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.rollback_world import (
    PERSON,
    entered_here,
    feature_in,
    home_in,
    quick,
    registered,
    swapped,
    went_well,
)
from ai_ops_tests.inference_management.serving_world import NAME

GIVEN_UP = 1.5
"""Seconds after which a version is not waited for any more, where none will come."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def home(tmp_path: Path, database: Path) -> Root:
    return home_in(tmp_path / "home", database)


@pytest.fixture
def feature(tmp_path: Path) -> AiFeatureSpec:
    return feature_in(tmp_path / "defs")


def judged(home: Root, feature: AiFeatureSpec, hands: Hands) -> Verdict:
    """The check's verdict on a drill that a person ran and signed."""
    compute_rollback_drill(home, feature, hands)
    sign(home, feature, PERSON)
    return judge_rollback_drill(home, feature, home.clock.now())


@pytest.mark.requirement("PL-29", "PL-32", "PL-33", "PL-34")
def test_a_rollback_that_works_is_green(home: Root, feature: AiFeatureSpec) -> None:
    before = home.registry.champion(NAME), home.ledger.head()
    verdict = judged(home, feature, quick())
    drill, _ = latest(home, feature)
    assert drill.moves == ("launch 1", "promotion 2", "rollback 1", "hold")
    assert drill.counted is not None
    assert (drill.counted.lost, drill.counted.mislabelled, drill.counted.strange) == (0, 0, 0)
    assert drill.unlogged == 0
    assert verdict.observed["signed_by"] == PERSON
    # On a machine that is too busy it may not have been twice the peak: then nothing is known.
    late = verdict.status == "no_evidence" and "it was not the load" in verdict.reason
    assert verdict.status == "pass" or late, verdict.reason
    # Production: one event, and nothing moved.
    assert (home.registry.champion(NAME), home.ledger.head()) == (before[0], before[1] + 1)
    assert not home.segments.exists()


@pytest.mark.requirement("PL-30")
@pytest.mark.fault("rollback_drill")
def test_a_previous_version_that_the_registry_does_not_hold_is_red(
    home: Root, feature: AiFeatureSpec
) -> None:
    home.registry._client.delete_model_version(NAME, "1")
    verdict = judged(home, feature, quick())
    assert verdict.status == "fail"
    assert "the previous version 1 cannot be had" in verdict.findings[0].reason


@pytest.mark.requirement("PL-30")
@pytest.mark.fault("rollback_drill")
def test_a_previous_version_that_vanished_since_the_drill_is_red(
    home: Root, feature: AiFeatureSpec
) -> None:
    home.lake.write_json(record_path(home, feature, None), went_well().as_data())
    sign(home, feature, PERSON)
    assert judge_rollback_drill(home, feature, home.clock.now()).status == "pass"
    home.registry._client.delete_model_version(NAME, "1")
    verdict = judge_rollback_drill(home, feature, home.clock.now())
    assert verdict.status == "fail"
    assert "since then: the previous version 1 cannot be had" in verdict.reason


@pytest.mark.requirement("PL-31")
@pytest.mark.fault("rollback_drill")
def test_a_promotion_that_does_nothing_is_red(home: Root, feature: AiFeatureSpec) -> None:
    def enters(drill: DrillRoot, step: str, arguments: Sequence[str]) -> Ran:
        if step == "promote":
            return Ran(step, "ai-ops promote", 0, 0.0, "promotion: version 2 is in production")
        return entered_here(drill, step, arguments)

    verdict = judged(home, feature, quick(enters=enters, patience=GIVEN_UP))
    assert verdict.status == "fail"
    assert "the promotion did nothing" in verdict.findings[0].reason
    assert verdict.observed["promoted_seconds"] is None


@pytest.mark.requirement("PL-34")
@pytest.mark.fault("rollback_drill")
def test_a_worker_that_never_swaps_is_red(home: Root, tmp_path: Path) -> None:
    feature = feature_in(tmp_path / "slow", poll_seconds=3600)
    verdict = judged(home, feature, quick(patience=GIVEN_UP))
    assert verdict.status == "fail"
    assert "the endpoint never swapped" in verdict.findings[0].reason


@pytest.mark.requirement("PL-31")
@pytest.mark.fault("rollback_drill")
def test_the_right_label_with_the_outputs_of_the_other_version_is_red(
    home: Root, feature: AiFeatureSpec
) -> None:
    def loads(drill: DrillRoot) -> Registry:
        return swapped(drill.root.registry, {drill.candidate: drill.previous})

    verdict = judged(home, feature, quick(loads=loads, patience=GIVEN_UP))
    assert verdict.status == "fail"
    mislabelled = verdict.observed["mislabelled"]
    assert isinstance(mislabelled, int) and mislabelled > 0
    assert any("mislabelled" in finding.reason for finding in verdict.findings)
