"""What the page about costs shows is run here, block by block."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

import ai_ops
from ai_ops.ai_features.costs import Compute, Costs, Invoice, TokenPrice
from ai_ops.cli.common import NO_EVIDENCE
from ai_ops.cli.main import assemble
from ai_ops.inference_management.cost_rollup import SCHEMA, compute_cost_rollup
from ai_ops.inference_management.invoices import read_invoice
from ai_ops.inference_management.list_prices import first_listed_day
from ai_ops.inference_management.reconciled_costs import PATIENCE_DAYS
from ai_ops_tests.inference_management.provider_logs import DAY, assistant, call
from ai_ops_tests.inference_management.served import of_day, open_root, write_day

pytestmark = pytest.mark.requirement("PL-21", "OW-09")

PAGE = Path(ai_ops.__file__).parents[1] / "docs" / "costs.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)


def block(kind: str) -> str:
    (found,) = [text for name, text in BLOCKS if name == kind]
    return str(found)


def test_no_block_is_of_a_kind_that_nothing_runs() -> None:
    assert {kind for kind, _ in BLOCKS} == {"yaml", "python", "csv", "sh"}


def test_the_yaml_names_every_key() -> None:
    told = yaml.safe_load(block("yaml"))["costs"]
    costs = Costs.model_validate(told)
    assert set(told) == set(Costs.model_fields)
    assert {key for one in told["compute"] for key in one} == set(Compute.model_fields)
    assert set(told["tokens"][0]) == set(TokenPrice.model_fields)
    assert set(told["invoice"]) == set(Invoice.model_fields)
    usual = Costs()
    assert costs.weekly_rise == usual.weekly_rise
    assert costs.compounding_weeks == usual.compounding_weeks
    (small, large) = costs.compute
    assert (small.holds("2025-06-30"), small.holds("2025-07-01")) == (True, False)
    assert large.holds("2025-07-01")


def test_the_page_names_what_the_code_does() -> None:
    assert str(first_listed_day()) in TEXT and f"{PATIENCE_DAYS} days" in TEXT
    named = set(re.findall(r"`(\w+_nano|rows|answered|attempts|retries|cached|prices)`", TEXT))
    assert named <= set(SCHEMA.names)
    assert {name for name in SCHEMA.names if name.endswith("_nano")} <= named


def test_the_rollup_is_read_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = open_root(tmp_path / "data")
    feature = assistant().model_copy(update={"name": "assistant"})
    write_day(root, feature, DAY, [call(n) for n in range(6)])
    compute_cost_rollup(root, feature, [of_day(DAY)])
    shown: dict[str, Any] = {}
    exec(compile(block("python"), str(PAGE), "exec"), shown)
    found: duckdb.DuckDBPyRelation = shown["found"]
    rows = found.fetchall()
    assert sum(row[2] for row in rows) == 6
    assert sum(row[4] for row in rows) == pytest.approx(6 * 0.0028)


def test_the_bill_is_read_as_shown(tmp_path: Path) -> None:
    root = open_root(tmp_path)
    (tmp_path / "bills").mkdir()
    (tmp_path / "bills" / "summer.csv").write_text(block("csv"))
    spans, _ = read_invoice(root, Invoice(table="bills/*.csv"))
    assert [span.amount for span in spans] == [Decimal("412.5"), Decimal("398.2")]


def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_OPS_ROOT", str(tmp_path))
    for command in block("sh").splitlines():
        name, *arguments = command.split()
        assert name == "ai-ops"
        done = CliRunner().invoke(assemble(arguments[0]), arguments)
        # Nothing was rolled up here, and each of them says so.
        assert done.exit_code == NO_EVIDENCE, (command, done.output, done.exception)
