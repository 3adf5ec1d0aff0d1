"""Every check owns a fault: a test that plants it carries ``@pytest.mark.fault`` with its name.

The tests are read as source, so that this holds whichever of them are selected or skipped.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ai_ops.component import CHECKS

FAULTS = Path(__file__).with_name("faults")
KNOWN = frozenset(check.name for check in CHECKS)


@dataclass(frozen=True)
class Planted:
    """One test that plants a fault: the file, its name, and the checks that it turns red."""

    file: Path
    test: str
    checks: tuple[str, ...]


def planted_in(file: Path) -> Iterator[Planted]:
    """The marked tests of a file; a marker whose names are not written out is an error."""
    for test in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if not isinstance(test, ast.FunctionDef):
            continue
        for decorator in test.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                "mark.fault"
            ):
                names = tuple(ast.literal_eval(name) for name in decorator.args)
                yield Planted(file, test.name, names)


@cache
def all_planted() -> tuple[Planted, ...]:
    """Read once: parsing every file for every check took a minute of the suite."""
    return tuple(one for file in sorted(FAULTS.glob("test_*.py")) for one in planted_in(file))


@pytest.mark.parametrize("check", sorted(KNOWN))
def test_every_check_owns_a_fault(check: str) -> None:
    owners = [planted.test for planted in all_planted() if check in planted.checks]
    assert owners, (
        f"no test in {FAULTS.name}/ plants a fault of {check}: write one, shown red and green, "
        f'and mark it with @pytest.mark.fault("{check}")'
    )


def test_every_marker_names_checks_that_there_are() -> None:
    for planted in all_planted():
        assert planted.test.startswith("test_"), f"{planted.file.name}: {planted.test} never runs"
        assert planted.checks, f"{planted.file.name}: {planted.test} names no check"
        unknown = sorted(set(planted.checks) - KNOWN)
        assert not unknown, f"{planted.file.name}: {planted.test} names {unknown}, no such check"


@pytest.mark.parametrize("file", sorted({planted.file for planted in all_planted()}))
def test_every_file_of_faults_shows_its_clean_run_green(file: Path) -> None:
    tests = [
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert any(name.startswith("test_") and name.endswith("green") for name in tests), (
        f"{file.name} plants faults and no test of it, named …_green, shows the clean run"
    )
