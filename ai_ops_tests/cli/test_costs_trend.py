"""``ai-ops costs trend``: the weeks, what each factor has of the change, and its exit codes."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.cli import costs, costs_trend
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.inference_management.cost_reports import compute_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops_tests.inference_management.served import of_week, open_root, week_of_logs
from ai_ops_tests.inference_management.spent_world import ROWS, at, service, usual, where

pytestmark = pytest.mark.requirement("WK-04", "WK-05")

APP = typer.Typer()
APP.add_typer(costs.app, name="costs")
LONGER = where(at("web"), input_tokens=9000, output_tokens=600)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with three weeks: the second asks more at one call site, the third no longer."""
    folder = tmp_path_factory.mktemp("root")
    root, feature = open_root(folder), service()
    for week, change in enumerate((usual, LONGER, usual)):
        logs = week_of_logs(root, feature, week, rows=ROWS, change=change)
        compute_cost_rollup(root, feature, logs)
    compute_cost_trend(root, feature, [of_week(week) for week in range(3)])
    return folder


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the service under its name."""
    monkeypatch.setattr(costs_trend, "resolve_feature", lambda name: service())


def call(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    words = ["costs", "trend", service().name, *map(str, arguments)]
    result = CliRunner().invoke(APP, words, env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_newest_week_as_json_sums_exactly(root: Path) -> None:
    code, out, _ = call("--root", root, "--json")
    data = json.loads(out)
    assert code == DONE and data["week"] == "2013-04-15" and data["status"] == "pass"
    assert set(data) == {
        *("feature", "week", "as_of", "status", "reason", "observed", "findings"),
        *("rise", "compounded", "weeks"),
    }
    before, now = data["weeks"][-2:]
    names = {"paid_nano": "total_nano", "paid_per_1000_nano": "per_1000_nano"}
    for of_factor, whole in names.items():
        shares = sum(share[of_factor] for share in data["rise"]["shares"])
        assert shares == now[whole] - before[whole] < 0
    assert now["currency"] == "USD" and data["compounded"] is None


def test_a_week_that_rose_ends_with_1_and_names_its_cause(root: Path) -> None:
    code, out, _ = call("--week", "2013-04-08", "--root", root, "--json")
    data = json.loads(out)
    assert code == FAILS and data["status"] == "fail"
    assert data["rise"]["bill_cause"]["factor"] == "per_call"
    assert data["rise"]["bill_cause"]["driver"]["call_site"] == "web"
    assert data["findings"][0]["call_site"] == "web"
    code, out, _ = call("--week", "2013-04-08", "--root", root)
    assert code == FAILS and "per call" in out and "together" in out
    assert "traffic does not explain it" in out and "call site web" in out


def test_the_first_week_ends_with_3_and_so_does_one_that_was_not_judged(root: Path) -> None:
    code, out, _ = call("--week", "2013-04-01", "--root", root)
    assert code == NO_EVIDENCE and "is the first of this feature" in out
    code, _, error = call("--week", "2013-05-06", "--root", root)
    assert code == NO_EVIDENCE and "2013-05-06" in error


def test_a_root_without_a_trend_says_what_to_run(tmp_path: Path) -> None:
    code, _, error = call("--root", tmp_path)
    assert code == NO_EVIDENCE and "run the weekly job" in error


def test_a_day_that_is_no_monday_is_refused(root: Path) -> None:
    code, _, error = call("--week", "2013-04-09", "--root", root)
    assert code == BAD and "--week: 2013-04-09 is no Monday" in error
