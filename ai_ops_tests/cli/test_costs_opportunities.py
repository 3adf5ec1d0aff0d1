"""``ai-ops costs opportunities``: the month's file, as text and as JSON, with its verdict."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ai_ops.cli import costs_opportunities
from ai_ops.cli.main import assemble
from ai_ops_tests.inference_management.asked_world import FIRST, Row, asked, opportunities, sorting


def bursting(day: int, number: int) -> Row:
    one = asked(day, number, text="the same old story" if number % 2 else None)
    return one | {"time": one["time"].replace(hour=2, minute=0)} if number % 2 else one


def told(root: Path, *options: str) -> Result:
    arguments = ["costs", "opportunities", "sorting", "--root", str(root), *options]
    return CliRunner().invoke(assemble("costs"), arguments)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(costs_opportunities, "resolve_feature", lambda _: sorting())
    monkeypatch.setenv("COLUMNS", "140")
    opportunities(tmp_path, bursting, rows=300)
    return tmp_path


@pytest.mark.requirement("MO-10", "OW-10")
def test_it_lists_savings_with_their_risk_and_what_backend_decides(root: Path) -> None:
    shown = told(root)
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.stdout.split())
    assert "risk: 0 of" in words and "how: keep answers by version, tenant" in words
    assert "synchronous or batch: backend decides" in words and "batch fits" in words
    data = json.loads(told(root, "--json").stdout)
    assert (data["feature"], data["status"]) == ("sorting", "pass")
    assert {one["call_site"]: one["fit"] for one in data["call_sites"]} == {
        "app": "batch fits",
        "web": "calls come one by one",
    }
    assert [one["kind"] for one in data["found"]][:3] == ["cache", "near_cache", "batch"]


def test_a_month_that_is_none_or_was_not_looked_at_is_told(root: Path) -> None:
    assert told(root, "--month", f"{FIRST + timedelta(days=3)}").exit_code == 2
    missing = told(root, "--month", "2021-02-01")
    assert missing.exit_code == 3 and "2021-02-01.json" in missing.output
    (root / "lake" / "sorting" / "cost_opportunities" / "2021-03-01.json").unlink()
    nothing = told(root)
    assert nothing.exit_code == 3 and "run the monthly job" in nothing.output
