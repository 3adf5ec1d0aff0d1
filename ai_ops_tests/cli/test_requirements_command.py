"""``ai-ops requirements`` on a small tree of tests, run by a real pytest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli import requirements as command
from ai_ops.cli.common import BAD, DONE, FAILS
from ai_ops.cli.requirement_tests import carrying_tests

APP = typer.Typer()
APP.command()(command.requirements)

SOURCE = """
import pytest

pytestmark = [pytest.mark.requirement("FR-1")]


@pytest.mark.requirement("PL-04", "PL-05")
def test_passes(): ...


@pytest.mark.requirement("PL-05", "PL-06")
@pytest.mark.parametrize("case", ["a", "b[::]"])
def test_one_case_fails(case):
    assert case == "a"


@pytest.mark.requirement("PL-07")
@pytest.mark.skip
def test_is_skipped(): ...


@pytest.mark.requirement("PL-08")
@pytest.mark.xfail
def test_is_expected_to_fail():
    assert False


@pytest.fixture
def broken():
    yield
    raise OSError


@pytest.mark.requirement("PL-09")
def test_breaks_when_it_ends(broken): ...


@pytest.mark.requirement("PL-10")
class TestGroup:
    def test_passes(self): ...

    def helper(self): ...


def helper(): ...
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tests."""
    folder = tmp_path_factory.mktemp("checkout") / "some_tests"
    (folder / "part").mkdir(parents=True)
    (folder / "part" / "test_some.py").write_text(SOURCE)
    return folder


@pytest.fixture(scope="module")
def results(tree: Path) -> Path:
    """What pytest wrote about them."""
    file = tree.parent / "tests.xml"
    options = [f"--junitxml={file}", f"--rootdir={tree.parent}", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    return file


def call(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    result = CliRunner().invoke(APP, [str(one) for one in arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_markers_are_read_from_tests_classes_and_files(tree: Path) -> None:
    found = carrying_tests(tree)
    file = "some_tests/part/test_some.py"
    assert found["PL-05"] == [f"{file}::test_passes", f"{file}::test_one_case_fails"]
    assert found["PL-10"] == [f"{file}::TestGroup::test_passes"]
    assert len(found["FR-1"]) == 6


def test_as_json_every_requirement_has_its_tests_checks_and_assets(tree: Path) -> None:
    code, out, _ = call("--tests", tree, "--json")
    data = json.loads(out)
    assert code == DONE
    assert len(data) == 129
    assert {tuple(one) for one in data} == {("id", "text", "tests", "checks", "assets")}
    by_id = {one["id"]: one for one in data}
    assert by_id["PL-04"]["tests"] == ["some_tests/part/test_some.py::test_passes"]
    assert by_id["PL-04"]["checks"] == ["log_written", "schema_conforms"]
    assert by_id["PL-11"]["tests"] == []


def test_the_table_shows_a_requirement_without_a_test_as_a_gap(tree: Path) -> None:
    code, out, _ = call("--tests", tree)
    assert code == DONE
    assert "8 of 129 carried by a test, 121 gaps" in out
    (line,) = (line for line in out.splitlines() if "PL-11" in line)
    assert "gap" in line
    assert "gap" not in next(line for line in out.splitlines() if "PL-04" in line)


@pytest.mark.parametrize(
    ("id", "why"),
    [
        ("PL-06", "test_one_case_fails failed"),
        ("PL-07", "test_is_skipped skipped"),
        ("PL-08", "test_is_expected_to_fail skipped"),
        ("PL-09", "test_breaks_when_it_ends errored"),
        ("PL-11", "no test names it"),
    ],
)
def test_strict_ends_with_1_for_an_id_without_a_passing_test(
    tree: Path, results: Path, id: str, why: str
) -> None:
    code, _, said = call("--tests", tree, "--results", results, "--strict", "PL-04", id)
    assert code == FAILS
    assert f"{id}: no passing test: " in said
    assert why in said
    assert "1 of 2 claimed requirements have a passing test" in said


def test_strict_ends_with_0_when_each_id_has_a_passing_test(tree: Path, results: Path) -> None:
    ids = ("PL-04", "PL-05", "PL-10", "FR-1")  # of PL-05 one of two passes
    code, _, said = call("--tests", tree, "--results", results, "--strict", *ids)
    assert code == DONE, said


def test_a_test_that_the_results_do_not_name_does_not_pass(tree: Path, results: Path) -> None:
    empty = results.with_name("empty.xml")
    empty.write_text("<testsuites><testsuite name='pytest'/></testsuites>")
    code, _, said = call("--tests", tree, "--results", empty, "--strict", "PL-04")
    assert code == FAILS
    assert "test_passes did not run" in said


def test_without_results_exactly_the_tests_of_the_ids_are_run(tree: Path) -> None:
    assert call("--tests", tree, "--strict", "PL-04", "PL-10")[0] == DONE
    assert call("--tests", tree, "--strict", "PL-06")[0] == FAILS
    assert call("--tests", tree, "--strict", "PL-11")[0] == FAILS


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        (("PL-99",), "PL-99: no such requirement; `ai-ops requirements` lists"),
        (("pl-4",), "did you mean PL-04?"),
        (("--strict",), "as --strict PL-04"),
        (("PL-04", "--results", "tests.xml"), "add --strict"),
        (("--strict", "PL-04", "--results", "nowhere.xml"), "write it with pytest --junitxml"),
        (("--strict", "PL-04", "--results", __file__), "is no JUnit XML"),
        (("--tests", "nowhere"), "name the one that holds the tests"),
    ],
)
def test_what_is_written_wrong_is_named_with_its_mend(
    arguments: tuple[str, ...], mend: str, tree: Path
) -> None:
    known = () if "--tests" in arguments else ("--tests", str(tree))
    code, _, said = call(*arguments, *known)
    assert code == BAD
    assert mend in said


def test_an_installed_package_has_no_tests_and_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "CHECKOUT", tmp_path)
    code, _, said = call("--json")
    assert code == BAD
    assert "--tests" in said
