"""The requirements, and what carries them: markers, checks, assets and claims are real ones."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from ai_ops.checklist.requirements import load_requirements
from ai_ops.cli.requirement_tests import carrying_tests, ids_in
from ai_ops.component import CHECKS
from ai_ops.definitions import defs

TESTS = Path(__file__).parent
CHECKOUT = TESTS.parent
SOURCES = sorted(TESTS.rglob("*.py"))
REQUIREMENTS = load_requirements()
VALID = {requirement.id for requirement in REQUIREMENTS}


def test_the_list_has_129_requirements_each_with_its_words() -> None:
    assert len(REQUIREMENTS) == len(VALID) == 129
    assert all(re.fullmatch(r"[A-Z]{2}-\d{1,2}", id) for id in VALID)
    assert all(len(requirement.text) > 10 and requirement.part for requirement in REQUIREMENTS)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(TESTS).as_posix())
def test_every_marker_names_requirements_of_the_list(file: Path) -> None:
    named = ids_in(ast.parse(file.read_text(encoding="utf-8"), str(file)))
    assert named <= VALID, f"{file.name}: no such requirement: {sorted(named - VALID)}"


def test_each_id_that_a_marker_names_is_carried_by_a_test_of_that_file() -> None:
    carried = {
        (node.partition("::")[0], id)
        for id, nodes in carrying_tests(TESTS).items()
        for node in nodes
    }
    for file in SOURCES:
        place = file.relative_to(CHECKOUT).as_posix()
        for id in ids_in(ast.parse(file.read_text(encoding="utf-8"))):
            assert (place, id) in carried, f"{place}: a marker of {id} stands on no test"


def test_every_check_and_asset_carries_a_requirement_and_none_is_named_that_there_is_not() -> None:
    checks = {check.name for check in CHECKS}
    assets = {key.path[-1] for key in defs().resolve_asset_graph().get_all_asset_keys()}
    for requirement in REQUIREMENTS:
        assert set(requirement.checks) <= checks, requirement.id
        assert set(requirement.assets) <= assets, requirement.id
    assert {name for one in REQUIREMENTS for name in one.checks} == checks, "one carries nothing"
    assert {name for one in REQUIREMENTS for name in one.assets} == assets, "one carries nothing"


def test_the_claimed_ids_are_sorted_known_and_carried() -> None:
    lines = (CHECKOUT / ".ci" / "claimed").read_text(encoding="utf-8").splitlines()
    claimed = [line for line in lines if line and not line.startswith("#")]
    assert claimed == sorted(set(claimed))
    assert claimed
    assert set(claimed) <= VALID
    assert set(claimed) <= set(carrying_tests(TESTS))


def test_every_data_file_of_the_package_is_installed_with_it() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    package = CHECKOUT / "ai_ops"
    patterns = project["tool"]["setuptools"]["package-data"]["ai_ops"]
    installed = {file for pattern in patterns for file in package.glob(pattern)}
    assert {*package.rglob("*.yaml")} <= installed
