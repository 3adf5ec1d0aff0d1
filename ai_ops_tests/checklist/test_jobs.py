"""The checklists' jobs on a real Dagster instance: judged now, or for the month that is over."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.checklist.jobs import monthly_checklist_job_name, pre_launch_job_name
from ai_ops.component import definitions_of
from ai_ops.orchestration.running import Runner, open_runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.checklist.books import FEATURE, TO_COME, judged, rehearsed
from ai_ops_tests.deciding import DEVOPS, NOW, decided


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A rehearsal without load test and drill, of which the drill is waived."""
    root = rehearsed(tmp_path, without=TO_COME)
    waiver = {"item": "rollback_rehearsed", "domain": "inference_management"}
    decided(root, "waiver", DEVOPS, **waiver, reason="it is being built", until="2021-05-01")
    return root


@pytest.fixture
def runner(root: Root) -> Iterator[Runner]:
    with open_runner(root.folder, definitions_of(FEATURE)) as runner:
        yield runner


def stored(root: Root, name: str, partition: str | None) -> dict[str, str]:
    content, _ = root.lake.read_json(root.lake.path(FEATURE.name, name, partition, "json"))
    json.dumps(content, allow_nan=False)
    return {item["id"]: item["status"] for item in content["items"]}


def shown(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """What the UI shows of each check."""
    found = result.get_asset_check_evaluations()
    assert all(one.severity == dg.AssetCheckSeverity.ERROR for one in found)
    return {one.check_name: one.passed for one in found}


@pytest.mark.requirement("PL-01", "PL-02", "OW-12")
def test_the_pre_launch_job_shows_ledger_file_and_ui_the_same(root: Root, runner: Runner) -> None:
    result = runner.run(pre_launch_job_name(FEATURE))
    assert result.success
    expected = dict.fromkeys(PRE_LAUNCH_ITEMS, "pass")
    expected |= {"load_tested": "no_evidence", "rollback_rehearsed": "waived"}
    known = root.ledger.verdicts(FEATURE.name, items=PRE_LAUNCH_ITEMS)
    assert {one.item: one.verdict.status for one in known} == expected
    assert stored(root, "pre_launch_checklist", None) == expected
    assert shown(result) == {item: status != "no_evidence" for item, status in expected.items()}
    materialized = result.asset_materializations_for_node("flight_delay__pre_launch_checklist")
    numbers = {name: value.value for name, value in materialized[0].metadata.items()}
    assert [numbers[status] for status in ("pass", "waived", "fail", "no_evidence")] == [4, 1, 0, 1]


def test_the_monthly_job_judges_the_month_that_is_over(root: Root, runner: Runner) -> None:
    march = Window.of_month("2021-03-01")
    judged(root, "log_audit", on="2021-03-01", window=march, at=march.end + timedelta(hours=8))
    root.begin_replay(NOW + timedelta(hours=1))
    result = runner.run(monthly_checklist_job_name(FEATURE), partition="2021-03-01")
    assert result.success
    expected = {
        "accuracy_on_held_out": "no_evidence",
        "thresholds_reviewed": "no_evidence",
        "log_audited": "pass",
        "cost_opportunities_reviewed": "no_evidence",
    }
    assert stored(root, "monthly_checklist", "2021-03-01") == expected
    assert shown(result) == {item: status == "pass" for item, status in expected.items()}
    known = root.ledger.verdicts(FEATURE.name, items=expected)
    assert {(one.partition, one.as_of) for one in known} == {("2021-03-01", NOW)}
