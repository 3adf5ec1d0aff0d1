"""Faults between ledger and registry, planted in real ones: each turns its check red."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.retraining_pipeline.versions import compute_model_versions
from ai_ops.storage.registry import CHAMPION, REHEARSAL, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.retraining_pipeline.moving import back_token, candidate
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    FEATURE,
    NAME,
    copied_root,
    launched,
    registered,
    root_with,
)

BY_NAME = {check.name: check for check in CHECKS}

pytestmark = pytest.mark.requirement("FR-3")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return registered(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def promoted_once(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = root_with(versions, tmp_path_factory.mktemp("promoted") / "root")
    launched(root)
    candidate(root)
    promote(root, FEATURE, "2")
    return root


@pytest.fixture
def root(promoted_once: Root, tmp_path: Path) -> Root:
    """Launched with version 1; version 2 was promoted."""
    return copied_root(promoted_once, tmp_path / "root")


def judged(root: Root, check: str = "registry_reconciled") -> Verdict:
    """The verdict as the ledger has it, on the registry as it is looked at now."""
    now = root.clock.now()
    compute_model_versions(root, FEATURE, now)
    (recorded,) = judge_and_record(root, FEATURE, [BY_NAME[check]], [moment_now(now)], run_id=None)
    return recorded.verdict


def edited(root: Root, statement: str) -> None:
    """Change the registry's database behind MLflow's back."""
    with sqlite3.connect(root.folder / "mlflow" / "mlflow.db") as connection:
        connection.execute(statement)


@pytest.mark.requirement("PL-14", "PL-15", "PL-16", "PL-17", "PL-19", "PL-30")
def test_a_registry_that_says_what_the_ledger_says_is_green(root: Root) -> None:
    verdict = judged(root)
    assert verdict.status == "pass" and verdict.sample_size == 2
    assert "version 1 is there to fall back to" in verdict.reason
    recorded = judged(root, "version_registered")
    assert recorded.status == "pass"
    assert recorded.observed["promoted_at"] == root.clock.now().isoformat()
    assert recorded.observed["previous"] == "1"
    rollback(root, FEATURE, back_token(root))
    assert judged(root).status == "pass"


@pytest.mark.fault("registry_reconciled", "version_registered")
@pytest.mark.requirement("PL-13", "PL-15")
def test_an_alias_that_was_moved_by_hand_is_named(root: Root) -> None:
    root.registry.set_alias(NAME, CHAMPION, "3")
    verdict = judged(root)
    assert verdict.status == "fail"
    assert "the alias champion is at version 3, by the ledger version 2 is live" in verdict.reason
    assert verdict.findings[0].kind == "version"
    unknown = judged(root, "version_registered")
    assert unknown.status == "fail"
    assert "version 3 is live, and no launch or promotion of it is recorded" in unknown.reason


@pytest.mark.fault("registry_reconciled")
def test_a_promotion_that_was_stopped_halfway_is_named_until_it_is_completed(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise RegistryUnavailable("the process ended here")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_alias", gone)
        with pytest.raises(RegistryUnavailable):
            rollback(root, FEATURE, back_token(root))
    verdict = judged(root)
    assert verdict.status == "fail" and "the rollback was stopped halfway" in verdict.reason
    promote(root, FEATURE, "1")
    assert judged(root).status == "pass"


@pytest.mark.fault("registry_reconciled")
@pytest.mark.requirement("PL-30")
def test_a_version_that_was_deleted_is_named(root: Root) -> None:
    client = mlflow.MlflowClient(root.registry.uri, root.registry.uri)
    client.delete_model_version(NAME, "1")
    verdict = judged(root)
    assert verdict.status == "fail"
    assert "version 1 was live and is not in the registry any more: there is nothing" in (
        verdict.reason
    )


@pytest.mark.fault("registry_reconciled")
@pytest.mark.requirement("PL-16")
def test_metrics_that_are_not_those_it_was_promoted_with_are_named(root: Root) -> None:
    edited(root, "UPDATE logged_model_metrics SET metric_value = 0.99 WHERE metric_value > 0.7")
    verdict = judged(root)
    assert verdict.status == "fail"
    assert "metrics of version 2 are not those that it came to production with: auc 0.99, then" in (
        verdict.reason
    )


BEFORE: dict[str, tuple[Callable[[Root], None], str, str]] = {
    "nothing at all": (lambda root: None, "no_evidence", "no version is in rehearsal"),
    "a champion that nobody launched": (
        lambda root: root.registry.set_alias(NAME, CHAMPION, "1"),
        "fail",
        "version 1 has the alias champion, and the ledger knows no launch",
    ),
    "a rehearsal": (
        lambda root: root.registry.set_alias(NAME, REHEARSAL, "1"),
        "pass",
        "nothing is live, as the ledger says; version 1 is in rehearsal",
    ),
}


@pytest.mark.fault("registry_reconciled")
@pytest.mark.requirement("PL-12", "PL-13")
@pytest.mark.parametrize("case", BEFORE)
def test_before_a_launch_nothing_is_live(versions: Path, tmp_path: Path, case: str) -> None:
    root = root_with(versions, tmp_path / "root")
    plant, status, words = BEFORE[case]
    plant(root)
    verdict = judged(root)
    assert verdict.status == status and words in verdict.reason
    registered_too = judged(root, "version_registered")
    assert registered_too.status == status
    if case == "a rehearsal":
        assert "version 1 is in rehearsal and registered with its metrics" in registered_too.reason


@pytest.mark.fault("registry_reconciled")
def test_a_registry_that_cannot_be_read_is_no_evidence(root: Root) -> None:
    assert judged(root).status == "pass"
    database = root.folder / "mlflow" / "mlflow.db"
    database.rename(database.with_suffix(".gone"))
    now = root.clock.now()
    check = BY_NAME["registry_reconciled"]
    (recorded,) = judge_and_record(root, FEATURE, [check], [moment_now(now)], run_id=None)
    assert recorded.verdict.status == "no_evidence" and "vanished" in recorded.verdict.reason
