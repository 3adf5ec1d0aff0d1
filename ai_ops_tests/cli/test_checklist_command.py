"""``ai-ops checklist``: its three cadences, their shape, their words and exit codes."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.cli import checklist as command
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.checklist.books import FEATURE, TO_COME, failing, judged, rehearsed
from ai_ops_tests.deciding import BACKEND, DEVOPS, NOW, decided

APP = typer.Typer()
APP.command()(command.checklist)
MARCH = Window.of_month("2021-03-01")
KEYS = ["id", "title", "domain", "owner", "status", "reason", "observed", "evidence", "age_days"]


@pytest.fixture(autouse=True)
def of_2021(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feature as it stands in the books of these tests."""
    monkeypatch.setattr(command, "resolve_feature", lambda _: FEATURE)


def call(root: Root, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    asked = [FEATURE.name, "--root", str(root.folder), *arguments]
    result = CliRunner().invoke(APP, asked, env={"COLUMNS": "250"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def as_json(root: Root, cadence: str, *more: str) -> tuple[int, dict[str, Any]]:
    code, out, _ = call(root, "--cadence", cadence, "--json", *more)
    return code, json.loads(out)


def waive(root: Root, item: str) -> None:
    content = {"item": item, "reason": "it is [b]being[/b] built", "until": "2021-05-31"}
    decided(root, "waiver", DEVOPS, domain="inference_management", **content)


@pytest.mark.requirement("PL-01", "PL-02", "OW-01")
def test_the_pre_launch_list_ends_with_3_until_what_lacks_is_waived(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without=TO_COME)
    code, list_ = as_json(root, "pre_launch")
    assert code == NO_EVIDENCE
    assert {name: list_[name] for name in ("feature", "cadence", "as_of")} == {
        "feature": "flight_delay",
        "cadence": "pre_launch",
        "as_of": NOW.isoformat(),
    }
    assert [item["id"] for item in list_["items"]] == list(PRE_LAUNCH_ITEMS)
    assert all(list(item)[: len(KEYS)] == KEYS for item in list_["items"])
    assert [item["owner"] for item in list_["items"]][:2] == [BACKEND, BACKEND]
    for item in ("load_tested", "rollback_rehearsed"):
        waive(root, item)
    code, list_ = as_json(root, "pre_launch")
    assert code == DONE
    assert [item["status"] for item in list_["items"]].count("waived") == 2
    assert {item["waived_until"] for item in list_["items"]} == {None, "2021-05-31"}
    judged(root, "version_registered", failing("there is no other version", "version"))
    assert as_json(root, "pre_launch")[0] == FAILS


def test_the_list_for_a_person_says_owner_age_sign_off_and_reason(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"load_test"})
    waive(root, "load_tested")
    signed = {"item": "logging_ready", "domain": "prediction_logging", "note": ""}
    decided(root, "sign_off", BACKEND, **signed, cadence="pre_launch", partition=None)
    code, out, _ = call(root, "--cadence", "pre_launch")
    assert code == DONE
    assert "flight_delay: pre_launch, 2021-03-25 … 2021-03-31, as of 2021-04-01 09:00 UTC" in out
    assert "0.1 d" in out and f"2021-04-01 {BACKEND}" in out
    assert "[b]being[/b]" in out, "what a person wrote is no markup"


def test_the_list_for_a_person_names_what_was_found_and_where(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    found = [
        Finding("drift", "fail", "it moved", columns=(column,), tenant=tenant)
        for column, tenant in (("[b]", "acme"), ("fee", None), ("fee", "acme"), ("age", None))
    ]
    more = [Finding("drift", "fail", "it moved", columns=(f"x{n}",)) for n in range(9)]
    judged(root, "log_audit", Verdict.failing("3 differ", *found, *more), on="2021-03-01",
           window=MARCH, at=NOW)  # fmt: skip
    _, out, _ = call(root, "--cadence", "monthly")
    assert "drift: [b], tenant acme" in out, "a column's name is no markup"
    assert out.count("fee") == 1 and "drift: fee, tenant acme" in out
    assert "and 7 more" in out and "x8" not in out


def test_what_a_caller_is_called_is_no_code_for_a_terminal(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    where = Finding("drift", "fail", "it moved", columns=("fee",), tenant="\x1b[2Jacme")
    judged(root, "log_audit", Verdict.failing("from \x1b[2Jacme", where), on="2021-03-01",
           window=MARCH, at=NOW)  # fmt: skip
    _, out, _ = call(root, "--cadence", "monthly")
    assert "\x1b[2J" not in out and out.count(r"\x1b[2Jacme") == 2


@pytest.mark.requirement("MO-01")
def test_the_monthly_list_is_that_of_the_last_whole_month(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    code, list_ = as_json(root, "monthly")
    assert code == NO_EVIDENCE and len(list_["items"]) == 4
    checks = (
        "held_out",
        "held_out_accuracy",
        "evaluation_set_sufficient",
        "drift_thresholds",
        "log_audit",
        "cost_opportunities",
    )
    for check in checks:
        judged(root, check, on="2021-03-01", window=MARCH, at=NOW)
    for day in MARCH.days():
        judged(root, "labels_plausible", on=day)
    assert as_json(root, "monthly")[0] == FAILS, "nobody looked at what could cost less"
    reviewed = {"item": "cost_opportunities_reviewed", "domain": "inference_management"}
    month = {"cadence": "monthly", "partition": "2021-03-01", "note": ""}
    decided(root, "sign_off", DEVOPS, **reviewed, **month)
    assert as_json(root, "monthly")[0] == DONE
    judged(root, "log_audit", failing("3 records differ"), on="2021-03-01", window=MARCH, at=NOW)
    code, list_ = as_json(root, "monthly")
    assert code == FAILS
    assert [i["reason"] for i in list_["items"] if i["status"] == "fail"] == ["3 records differ"]


def test_the_weekly_list_is_the_default_and_each_is_read_as_of_a_moment(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without=TO_COME)
    code, out, _ = call(root, "--json")
    assert code == NO_EVIDENCE and json.loads(out)["cadence"] == "weekly"
    waive(root, "load_tested")
    waive(root, "rollback_rehearsed")
    assert as_json(root, "pre_launch")[0] == DONE
    earlier = (NOW - timedelta(hours=1)).isoformat()
    assert as_json(root, "pre_launch", "--as-of", earlier)[0] == NO_EVIDENCE, "before they signed"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cadence", "yearly"), "--cadence: one of pre_launch, weekly, monthly (found 'yearly')"),
        (("--as-of", "2021-05-01T00:00:00Z"), "is not yet; the clock of this root says"),
        (("--as-of", "2021-03-01T00:00:00Z"), "is monitored from 2021-03-25"),
        (("--as-of", "0001-01-01T00:00:00Z"), "is monitored from 2021-03-25"),
    ],
)
def test_bad_usage_is_told_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = call(rehearsed(tmp_path), *arguments)
    assert (code, out) == (BAD, "") and words in err and err.count("\n") == 1


@pytest.mark.requirement("OW-14", "OW-15")
def test_one_person_who_holds_all_four_domains_is_flagged_below_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = rehearsed(tmp_path)
    _, before = as_json(root, "pre_launch")
    assert before["flags"] == []
    one = FEATURE.owners.drift_monitoring
    alone = FEATURE.owners.model_copy(update=dict.fromkeys(OWNED_DOMAINS, one))
    feature = FEATURE.model_copy(update={"owners": alone})
    monkeypatch.setattr(command, "resolve_feature", lambda _: feature)
    words = f"{one.accountable} is accountable for all four domains: ownership is not split"
    assert as_json(root, "pre_launch")[1]["flags"] == [words]
    assert words in call(root, "--cadence", "pre_launch")[1]
