"""``ai-ops environment``: the packages that retraining may run with, signed by DevOps."""

import json
from pathlib import Path
from typing import Any

import pytest

from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.retraining_pipeline.made_with import ENVIRONMENTS, digest_of, installed
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import BACKEND, DEVOPS, FEATURE, World, replay

NAME = FEATURE.name
LOCK = ("environment", "lock", NAME, "--reason", "the image of March", "--by", DEVOPS)
HERE = digest_of(installed())


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with the keys of its roles."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, DEVOPS):
        keys.create(person)
    world.happened("drill")
    return world


def shown(world: World, code: int) -> dict[str, Any]:
    done = world("environment", "show", NAME, "--json")
    assert done.code == code, done.err
    return dict(json.loads(done.out))


def retrained_with(world: World, packages: dict[str, str]) -> str:
    """A retraining that ran with these packages, as it leaves them in ledger and lake."""
    digest = digest_of(packages)
    lake = world.root.lake
    lake.write_json(lake.path(NAME, ENVIRONMENTS, digest, "json"), packages)
    made = {"environment": digest}
    world.happened("retraining", retraining="2013-04-01-a", stage="started", made_with=made)
    return digest


@pytest.mark.requirement("OW-08")
def test_devops_locks_these_packages_and_nobody_else_does(ai_ops: World) -> None:
    assert shown(ai_ops, NO_EVIDENCE)["locked"] is None
    refused = ai_ops(*LOCK[:-1], BACKEND)
    assert refused.code == FAILS and "key of inference_management" in refused.err
    assert ai_ops(*LOCK).code == DONE
    found = shown(ai_ops, DONE)
    assert (found["locked"], found["locked_by"]) == (HERE, DEVOPS)
    assert found["packages"] == dict(installed()) and found["here_differs"] == []
    assert f"locked: {HERE}" in ai_ops("environment", "show", NAME).out


@pytest.mark.requirement("OW-08")
def test_a_retraining_that_ran_with_others_is_named_package_by_package(ai_ops: World) -> None:
    other = dict(installed()) | {"torch": "0.1"}
    assert ai_ops(*LOCK).code == DONE
    digest = retrained_with(ai_ops, other)
    found = shown(ai_ops, FAILS)
    assert found["last_environment"] == digest
    assert found["last_differs"] == [f"torch {installed()['torch']} → 0.1"]
    told = ai_ops("environment", "show", NAME).out
    assert f"2013-04-01-a ran with {digest}: differs" in told and "→ 0.1" in told
    assert ai_ops(*LOCK, "--digest", digest).code == DONE
    found = shown(ai_ops, DONE)
    assert found["last_differs"] == [] and len(found["here_differs"]) == 1


def test_only_what_somebody_ran_with_can_be_locked_by_its_digest(ai_ops: World) -> None:
    refused = ai_ops(*LOCK, "--digest", "f" * 16)
    assert refused.code == BAD and "no retraining ran with ffff" in refused.err


@pytest.mark.requirement("OW-08")
def test_a_list_of_packages_that_was_changed_is_not_believed(ai_ops: World) -> None:
    assert ai_ops(*LOCK).code == DONE
    (file,) = (ai_ops.folder / "lake" / NAME / ENVIRONMENTS).glob("*.json")
    file.write_text(json.dumps(dict(installed()) | {"torch": "9"}))
    assert shown(ai_ops, DONE)["packages"] is None


@pytest.mark.requirement("OW-08")
def test_a_lock_that_nobody_signed_locks_nothing_and_is_named(ai_ops: World) -> None:
    ai_ops.happened("environment_lock", digest=HERE, reason="x", by=DEVOPS)
    found = shown(ai_ops, NO_EVIDENCE)
    assert found["locked"] is None and "does not hold" in found["void"][0]
