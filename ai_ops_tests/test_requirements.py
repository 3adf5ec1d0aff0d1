"""The ids in ``@pytest.mark.requirement`` are those of the list of requirements."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = sorted(TESTS.rglob("*.py"))


def ids(part: str, *spans: tuple[int, int], digits: int = 2) -> set[str]:
    """The ids of one part of the list; spans with both ends included."""
    numbers = (number for first, last in spans for number in range(first, last + 1))
    return {f"{part}-{number:0{digits}}" for number in numbers}


VALID = (
    ids("FR", (1, 3), digits=1)
    | ids("PL", (1, 34))
    | ids("WK", (1, 10))
    | ids("MO", (1, 11))
    | ids("PB", (1, 5), (10, 16), (20, 23), (30, 35), (40, 44))
    | ids("OW", (1, 15))
    | ids("ST", (1, 13))
    | ids("FQ", (1, 16))
)


def used_in(file: Path) -> Iterator[tuple[int, str]]:
    """Every id that a marker of the file names, with its line."""
    for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.requirement"):
            for argument in call.args:
                yield argument.lineno, str(ast.literal_eval(argument))


def test_the_list_has_129_requirements() -> None:
    assert len(VALID) == 129


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(TESTS).as_posix())
def test_every_marker_names_requirements_of_the_list(file: Path) -> None:
    wrong = [f"line {line}: {id}" for line, id in used_in(file) if id not in VALID]
    assert not wrong, f"{file.name}: no such requirement: {', '.join(wrong)}"


def test_the_markers_are_found() -> None:
    assert sum(1 for file in SOURCES for _ in used_in(file)) > 50
