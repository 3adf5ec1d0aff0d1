"""The watch over the registry: what somebody changed by hand is red with the sensor's next tick.

The real sensor ticks on a real registry and ledger; the incident is opened from its verdict.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import mlflow
import pytest

from ai_ops.component import definitions_of
from ai_ops.playbook.answering import answer_alerts
from ai_ops.retraining_pipeline import registry_watch
from ai_ops.retraining_pipeline.promotion import promote
from ai_ops.storage.environments import place
from ai_ops.storage.fingerprints import fingerprints
from ai_ops.storage.model_files import REFERENCE
from ai_ops.storage.registry import CHAMPION, Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.retraining_pipeline.moving import candidate, refused_promotion
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    FEATURE,
    NAME,
    approved,
    copied_root,
    gate_passed,
    later,
    launched,
    root_with,
    standing,
)

SHADOWED = FEATURE.model_copy(
    update={"serving": FEATURE.serving.model_copy(update={"shadow": True})}
)


@pytest.fixture(scope="module")
def promoted_once(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Launched with version 1; version 2 was promoted, and its version 3 is in staging."""
    root = root_with(versions, tmp_path_factory.mktemp("watched") / "root")
    launched(root)
    candidate(root)
    promote(root, FEATURE, "2")
    place(root, FEATURE, "staging", "3", by="somebody")
    later(root, minutes=1)
    return root


@pytest.fixture
def root(promoted_once: Root, tmp_path: Path) -> Root:
    return copied_root(promoted_once, tmp_path / "root")


@pytest.fixture(scope="module")
def sensor() -> dg.SensorDefinition:
    return definitions_of(FEATURE).get_repository_def().get_sensor_def(f"{NAME}__registry_watch")


@pytest.fixture
def ticking(
    root: Root, sensor: dg.SensorDefinition, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ticking]:
    monkeypatch.setattr(registry_watch, "HALFWAY_SECONDS", 0.0)
    with dg.DagsterInstance.ephemeral() as instance:
        watching = Ticking(sensor, root, instance)
        watching.tick()
        assert statuses(root) == ["pass"]
        watching.tick()
        assert "nothing of the registry has changed" in watching.skipped
        yield watching


def statuses(root: Root) -> list[str]:
    history = root.ledger.history(NAME, "registry_reconciled")
    return [one.verdict.status for one in history]


def client(root: Root) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(root.registry.uri, root.registry.uri)


def edited(root: Root, statement: str) -> None:
    with sqlite3.connect(root.folder / "mlflow" / "mlflow.db") as connection:
        changed = connection.execute(statement).rowcount
    assert changed > 0


def other_file(root: Root) -> None:
    """Files of versions are shared between the roots of tests: this one gets its own first."""
    version = root.registry.version(NAME, "2")
    assert version.folder is not None
    own = root.folder / "moved_away"
    own.mkdir()
    for file in version.folder.rglob("*"):
        if file.is_file():
            target = own / file.relative_to(version.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    (own / REFERENCE).write_bytes(b"another reference")
    edited(
        root,
        f"UPDATE logged_models SET artifact_location = '{own.as_uri()}' "
        f"WHERE model_id = '{version.model_id}'",
    )


BY_HAND: dict[str, tuple[Callable[[Root], object], str]] = {
    "the champion's alias moved to another version": (
        lambda root: root.registry.set_alias(NAME, CHAMPION, "3"),
        "the alias champion is at version 3, by the ledger version 2 is live",
    ),
    "the champion's alias moved back": (
        lambda root: root.registry.set_alias(NAME, CHAMPION, "1"),
        "the alias champion is at version 1, by the ledger version 2 is live",
    ),
    "the champion's alias removed": (
        lambda root: client(root).delete_registered_model_alias(NAME, CHAMPION),
        "the alias champion is at no version",
    ),
    "the alias of staging moved": (
        lambda root: root.registry.assign(NAME, "staging", "1"),
        "the alias staging is at version 1, by the ledger it is at version 3",
    ),
    "a challenger that nobody recorded": (
        lambda root: root.registry.assign(NAME, "challenger", "3"),
        "the alias challenger is at version 3, by the ledger it is at no version",
    ),
    "the previous version deleted": (
        lambda root: client(root).delete_model_version(NAME, "1"),
        "version 1 was live and is not in the registry any more: there is nothing to fall back to",
    ),
    "a tag added": (
        lambda root: client(root).set_model_version_tag(NAME, "2", "gate", "passed"),
        "version 2 is not what was first seen of it: tag gate: added",
    ),
    "a tag of a candidate added": (
        lambda root: client(root).set_model_version_tag(NAME, "3", "gate", "passed"),
        "version 3 is not what was first seen of it: tag gate: added",
    ),
    "a metric edited": (
        lambda root: edited(
            root, "UPDATE logged_model_metrics SET metric_value = 0.99 WHERE metric_value > 0.74"
        ),
        "version 3 is not what was first seen of it: metric auc: 0.75, then 0.99",
    ),
    "the digest of its model edited": (
        lambda root: edited(
            root,
            "UPDATE logged_model_params SET param_value = 'x' WHERE param_key = 'sha256.model'",
        ),
        "parameter sha256.model: changed",
    ),
    "its files replaced": (other_file, "is not the file that was registered"),
    "the version in staging deleted": (
        lambda root: client(root).delete_model_version(NAME, "3"),
        "version 3 was approved or placed and is not in the registry any more",
    ),
}


@pytest.mark.requirement("PL-14", "PL-16", "PL-18", "PL-19", "PL-30")
def test_whatever_was_changed_by_hand_is_red_with_one_tick(root: Root, ticking: Ticking) -> None:
    for number, (case, (plant, words)) in enumerate(BY_HAND.items(), start=1):
        plant(root)
        assert ticking.tick() is None, "it starts no run"
        assert statuses(root) == ["pass", *["fail"] * number], case
        last = root.ledger.history(NAME, "registry_reconciled")[-1].verdict
        assert words in last.reason, case
        assert ticking.evaluations[-1].passed is False
        assert words in str(ticking.evaluations[-1].metadata["reason"].value)


@pytest.mark.requirement("PL-18")
def test_what_was_changed_by_hand_is_an_incident_and_told_once(
    root: Root, ticking: Ticking
) -> None:
    root.registry.set_alias(NAME, CHAMPION, "3")
    ticking.tick()
    [opened, *_] = answer_alerts(root, FEATURE, root.clock.now())
    assert opened.payload["alert"] == "pipeline_failure"
    assert opened.payload["item"] == "registry_reconciled"
    assert "the alias champion is at version 3" in opened.payload["reason"]
    ticking.tick()
    assert answer_alerts(root, FEATURE, root.clock.now()) == []
    assert statuses(root) == ["pass", "fail"], "told once, until something changes"


def test_what_was_put_right_is_green_again(root: Root, ticking: Ticking) -> None:
    root.registry.set_alias(NAME, CHAMPION, "3")
    ticking.tick()
    root.registry.set_alias(NAME, CHAMPION, "2")
    ticking.tick()
    client(root).set_model_version_tag(NAME, "2", "gate", "passed")
    ticking.tick()
    client(root).delete_model_version_tag(NAME, "2", "gate")
    ticking.tick()
    assert statuses(root) == ["pass", "fail", "pass", "fail", "pass"]


def test_a_registry_that_is_away_is_no_evidence_until_it_is_back(
    root: Root, ticking: Ticking
) -> None:
    database = root.folder / "mlflow" / "mlflow.db"
    database.rename(database.with_suffix(".away"))
    ticking.tick()
    database.with_suffix(".away").rename(database)
    ticking.tick()
    assert statuses(root) in (["pass", "no_evidence", "pass"], ["pass", "fail", "pass"])


def test_a_promotion_that_is_on_its_way_is_no_alarm_and_one_that_stays_there_is(
    root: Root, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise RegistryUnavailable("the process ended here")

    gate_passed(root, "3", "2")
    approved(root, "3")
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_alias", gone)
        with pytest.raises(RegistryUnavailable):
            promote(root, FEATURE, "3")
    on_its_way = iter([None])
    with monkeypatch.context() as patch:
        # What is seen as halfway is looked at again; by then the alias has followed.
        patch.setattr(
            registry_watch.time,
            "sleep",
            lambda _: next(on_its_way, None) or root.registry.set_alias(NAME, CHAMPION, "3"),
        )
        ticking.tick()
    assert statuses(root) == ["pass", "pass"]
    root.registry.set_alias(NAME, CHAMPION, "2")
    ticking.tick()
    assert statuses(root) == ["pass", "pass", "fail"]


def test_a_version_is_known_by_what_it_was_when_it_was_first_seen(
    root: Root, ticking: Ticking
) -> None:
    first = fingerprints(root.ledger, NAME)
    assert set(first) == {"1", "2", "3"}
    assert first["2"]["metric auc"] == "0.7123456789012345"
    client(root).set_model_version_tag(NAME, "2", "title", "better")
    ticking.tick()
    assert fingerprints(root.ledger, NAME) == first, "a later look changes nothing"
    assert "title" not in str(first), "the ledger holds no copy of what it was told"


def test_a_candidate_that_nobody_wanted_may_be_deleted(root: Root, ticking: Ticking) -> None:
    place(root, FEATURE, "staging", None, by="somebody")
    client(root).delete_model_version(NAME, "3")
    ticking.tick()
    assert statuses(root) == ["pass", "pass"]


def test_a_placement_that_was_stopped_halfway_is_named_and_done_again(
    root: Root, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise RegistryUnavailable("the process ended here")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "assign", gone)
        with pytest.raises(RegistryUnavailable):
            place(root, SHADOWED, "challenger", "3", by="somebody")
    ticking.tick()
    place(root, SHADOWED, "challenger", "3", by="somebody")
    ticking.tick()
    assert statuses(root) == ["pass", "fail", "pass"]
    placed = standing(root).placed("challenger")
    assert placed is not None and placed.version == root.registry.alias(NAME, "challenger") == "3"


@pytest.mark.requirement("PL-16", "PL-18")
def test_a_candidate_that_was_edited_since_it_was_first_seen_is_not_promoted(
    root: Root, ticking: Ticking
) -> None:
    gate_passed(root, "3", "2")
    approved(root, "3")
    client(root).set_model_version_tag(NAME, "3", "training_set", "another")
    told = "version 3 is not what was first seen of it: tag training_set: added"
    assert told in refused_promotion(root, "3")
    client(root).delete_model_version_tag(NAME, "3", "training_set")
    assert promote(root, FEATURE, "3").version == "3"
    [moved] = root.ledger.events(NAME, kinds=["promotion"])[1:]
    assert moved.payload["fingerprint"]["metric auc"] == "0.75", "and as it came live"
