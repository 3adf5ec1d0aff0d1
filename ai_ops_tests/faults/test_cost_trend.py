"""Faults of a week's cost, planted in the log or in the prices: each is named with its cause and
with what drives it, and the clean week is silent."""

import shutil
from pathlib import Path

import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.cost_reports import compute_cost_trend, judge_cost_trend
from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops_tests.inference_management.served import Change, of_week, open_root, week_of_logs
from ai_ops_tests.inference_management.spent_world import (
    ROWS,
    Edit,
    asked_again,
    at,
    bolt_asks_its_query_again,
    dearer_tokens,
    rented,
    service,
    three_times_slower,
    usual,
    where,
)

pytestmark = pytest.mark.requirement("WK-04", "WK-05", "PB-20")


@pytest.fixture(scope="module")
def usual_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the first week, which is the same for all."""
    folder = tmp_path_factory.mktemp("usual")
    root, feature = open_root(folder), service()
    compute_cost_rollup(root, feature, week_of_logs(root, feature, 0, rows=ROWS, change=usual))
    return folder


@pytest.fixture
def folder(usual_week: Path, tmp_path: Path) -> Path:
    """A root of one's own that begins with that week."""
    return Path(shutil.copytree(usual_week, tmp_path, dirs_exist_ok=True))


def second_week(
    folder: Path,
    change: Change = usual,
    *,
    feature: AiFeatureSpec | None = None,
    rows: int = ROWS,
) -> Verdict:
    root, later = open_root(folder), feature or service()
    compute_cost_rollup(root, later, week_of_logs(root, later, 1, rows=rows, change=change))
    compute_cost_trend(root, later, [of_week(1)])
    return judge_cost_trend(root, later, of_week(1))


def billed(verdict: Verdict) -> Finding:
    """What was found of the bill."""
    assert verdict.status == "fail"
    return next(finding for finding in verdict.findings if "is billed" in finding.reason)


def test_a_week_like_the_one_before_is_green(folder: Path) -> None:
    verdict = second_week(folder)
    assert verdict.status == "pass" and verdict.observed["bill_cause"] is None
    assert verdict.findings == ()


def test_half_the_traffic_explains_all_of_its_rise_and_is_green(folder: Path) -> None:
    verdict = second_week(folder, rows=ROWS // 2)
    assert verdict.status == "pass"
    total = verdict.observed["rise_total"]
    assert isinstance(total, float) and total > 0.5
    assert verdict.observed["rise_traffic"] == pytest.approx(total, abs=1e-4)


@pytest.mark.fault("cost_trend")
def test_a_call_site_that_asks_one_by_one_what_it_asked_in_batches(folder: Path) -> None:
    verdict = second_week(folder, where(at("app"), mode="sync", compute_ms=700_000))
    finding = billed(verdict)
    assert verdict.observed["bill_cause"] == "mode"
    assert (finding.call_site, finding.tenant, finding.slice) == ("app", None, "mode = sync")
    assert "instead of in batches" in finding.reason


@pytest.mark.fault("cost_trend")
def test_a_tenant_that_repeats_one_query(folder: Path) -> None:
    verdict = second_week(folder, bolt_asks_its_query_again)
    finding = billed(verdict)
    assert verdict.observed["bill_cause"] == "call_site_mix"
    assert finding.tenant == "bolt" and "the mix of call sites and tenants" in finding.reason


@pytest.mark.fault("cost_trend")
@pytest.mark.parametrize(
    "edit", [rented(hourly_price=0.0832), dearer_tokens], ids=["rent", "tokens"]
)
def test_a_price_that_doubles(folder: Path, edit: Edit) -> None:
    verdict = second_week(folder, feature=edit(service()))
    finding = billed(verdict)
    assert verdict.observed["bill_cause"] == "price"
    assert "prices of machines, tokens or storage" in finding.reason
    assert finding.call_site is None and finding.tenant is None, "it is dearer for everybody"


@pytest.mark.fault("cost_trend")
def test_retries_that_double(folder: Path) -> None:
    verdict = second_week(folder, asked_again, rows=2 * ROWS)
    assert "calls that are repeated or fail" in billed(verdict).reason
    assert verdict.observed["bill_cause"] == "retries"


@pytest.mark.fault("cost_trend")
def test_a_model_that_is_three_times_slower(folder: Path) -> None:
    """The rent is what it was: the machine waits less, and the bill does not tell."""
    verdict = second_week(folder, three_times_slower)
    assert verdict.status == "fail" and verdict.observed["work_cause"] == "per_call"
    assert verdict.observed["rise_bill"] == pytest.approx(0.0, abs=1e-4)
    finding = next(one for one in verdict.findings if "more of the machines' time" in one.reason)
    assert "time, tokens or stored bytes of a call" in finding.reason


@pytest.mark.fault("cost_trend")
def test_a_week_without_traffic_is_no_evidence_and_so_is_the_one_behind_it(folder: Path) -> None:
    root, feature = open_root(folder), service()
    assert "no prediction was answered" in (empty := second_week(folder, rows=0)).reason
    compute_cost_rollup(root, feature, week_of_logs(root, feature, 2, rows=ROWS, change=usual))
    compute_cost_trend(root, feature, [of_week(2)])
    behind = judge_cost_trend(root, feature, of_week(2))
    assert {empty.status, behind.status} == {"no_evidence"}
    assert "the week before 2013-04-15 answered no prediction" in behind.reason


@pytest.mark.fault("cost_trend")
@pytest.mark.requirement("WK-06")
def test_small_rises_that_add_up_are_named_with_what_they_come_from(folder: Path) -> None:
    """Each week a twelfth more tokens at one call site: none of the weeks is a flag alone."""
    root, feature = open_root(folder), service()
    verdicts = []
    for week in range(1, 5):
        more = where(at("web"), input_tokens=round(3000 * 1.12**week), output_tokens=200)
        logs = week_of_logs(root, feature, week, rows=ROWS, change=more)
        compute_cost_rollup(root, feature, logs)
        compute_cost_trend(root, feature, [of_week(week)])
        verdicts.append(judge_cost_trend(root, feature, of_week(week)))
    assert [one.status for one in verdicts[:-1]] == ["pass"] * 3
    finding = billed(verdicts[-1])
    assert "4 weeks ago" in finding.reason and finding.call_site == "web"
    assert verdicts[-1].observed["compounded_bill_cause"] == "per_call"
    assert finding.begin == of_week(0).window.end


@pytest.mark.fault("cost_trend")
def test_a_model_without_a_price_makes_the_week_unknown_and_is_told(folder: Path) -> None:
    verdict = second_week(folder, where(at("web"), model="of-nobody"))
    assert verdict.status == "no_evidence"
    assert "the week of 2013-04-08 (of-nobody is in no list of prices" in verdict.reason
