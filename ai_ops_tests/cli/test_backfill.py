"""``ai-ops backfill`` on a table of others: its history to verdicts and checklists."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from ai_ops.ai_features.loader import DEFS_VARIABLE
from ai_ops.checklist.sensors import due
from ai_ops.cli import backfilling
from ai_ops.cli.backfill import _next
from ai_ops.cli.main import assemble
from ai_ops.component import CHECKS
from ai_ops.orchestration.running import Runner, open_instance
from ai_ops.vocabulary.clock import utc
from ai_ops_tests.sourced_world import NAME, Sourced, sourced

DAYS = 35
FROM, TO = "2021-02-01", "2021-03-07"
MONDAYS = ["2021-02-01", "2021-02-08", "2021-02-15", "2021-02-22", "2021-03-01"]


@dataclass(frozen=True)
class World:
    """A table of others, and the command in its root."""

    source: Sourced

    def ai_ops(self, *arguments: str, code: int = 0) -> str:
        """What a command says; it must end with ``code``."""
        defs = str(self.source.file.parent.parent)
        environment = {DEFS_VARIABLE: defs, "AI_OPS_ROOT": str(self.source.root.folder)}
        done = CliRunner().invoke(assemble(), list(arguments), env=environment)
        assert done.exit_code == code, (done.output, done.stderr, done.exception)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def backfill(self, first: str = FROM, last: str = TO) -> dict[str, Any]:
        """What a backfill of these days says."""
        said = self.ai_ops("backfill", NAME, "--from", first, "--to", last, "--json")
        found: dict[str, Any] = json.loads(said)
        return found

    def verdicts(self, item: str) -> dict[str, str]:
        """The status of an item by partition."""
        found = self.source.root.ledger.verdicts(NAME, items={item})
        return {str(one.partition): one.verdict.status for one in found}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("backfill")
    world = World(sourced(folder, days=28 + DAYS, rows_a_day=60))
    first = world.backfill()
    (folder / "first.json").write_text(json.dumps(first))
    return world


@pytest.mark.requirement("PL-10")
def test_every_day_week_and_month_has_its_verdicts_and_its_list(world: World) -> None:
    found = json.loads((world.source.file.parents[2] / "first.json").read_text())
    assert found["failures"] == []
    assert found["mode"] == "live"
    assert found["judged"] == {
        f"{NAME}__{job}": count
        for job, count in (
            ("daily", DAYS),
            ("weekly", 5),
            ("weekly_list", 5),
            ("monthly", 1),
            ("monthly_list", 1),
        )
    }
    assert list(world.verdicts("input_drift")) == world.source.days(DAYS)
    assert set(world.verdicts("log_complete").values()) == {"no_evidence"}, "nobody counted"
    assert list(world.verdicts("drift_reviewed")) == MONDAYS
    assert world.verdicts("retraining_verified") == dict.fromkeys(MONDAYS, "waived")
    assert list(world.verdicts("accuracy_on_held_out")) == ["2021-02-01"]
    assert found["verdicts"] == {
        status: sum(counts.get(status, 0) for counts in found["items"].values())
        for status in found["verdicts"]
    }


def test_it_says_what_to_look_at_next() -> None:
    weeks = [{"drifted_last": day} for day in ("2021-02-05", "2021-02-12", None)]
    _, drift, weekly = _next("loans", "2021-02-01", "2021-02-21", weeks)
    assert drift == "ai-ops drift show loans 2021-02-12 --html", "the newest day that drifted"
    assert weekly.endswith("--as-of 2021-02-22T08:00:00Z"), "when the schedule judges the list"


def test_a_second_call_runs_nothing(world: World) -> None:
    before = world.source.root.ledger.verify()
    found = world.backfill()
    assert set(found["judged"].values()) == {0}
    assert found["known"][f"{NAME}__daily"] == DAYS
    assert world.source.root.ledger.verify() == before


def test_each_day_is_judged_as_of_its_schedule_and_known_from_now_on(world: World) -> None:
    [one, *_] = world.source.root.ledger.verdicts(NAME, items={"input_drift"})
    assert one.as_of == utc("2021-02-02T06:00:00Z")
    assert one.recorded_at is not None and one.recorded_at.year > 2021
    asked = ("verdicts", NAME, "--from", FROM, "--to", TO, "--as-of", "2021-03-09T00:00:00Z")
    said = world.ai_ops(*asked, code=3)
    assert "came of a backfill: leave --as-of out" in " ".join(said.split())


def test_a_list_as_of_a_moment_says_that_it_was_judged_afterwards(world: World) -> None:
    asked = ("checklist", NAME, "--cadence", "weekly", "--as-of", "2021-02-15T07:00:00Z")
    found = json.loads(world.ai_ops(*asked, "--json", code=3))
    items = {item["id"]: item for item in found["items"]}
    said = items["drift_reviewed"]["reason"]
    assert "(judged afterwards: 35 verdicts recorded up to" in said
    assert items["drift_reviewed"]["observed"]["recorded_afterwards"] == 35
    stored = world.source.root.ledger.verdicts(NAME, items={"drift_reviewed"})
    as_judged = {one.partition: one.verdict.status for one in stored}
    assert items["drift_reviewed"]["status"] == as_judged["2021-02-08"]


def test_dagster_shows_every_partition_materialised_and_judged(world: World) -> None:
    keys = {"prediction_log": DAYS, "drift_report": DAYS, "weekly_checklist": 5}
    with open_instance(world.source.root.folder) as instance:
        for asset, count in keys.items():
            key = dg.AssetKey([NAME, asset])
            assert len(instance.get_materialized_partitions(key)) == count, asset
        check = dg.AssetCheckKey(dg.AssetKey([NAME, "drift_report"]), "input_drift")
        shown = instance.event_log_storage.get_asset_check_partition_info([check])
    assert len(shown) == DAYS
    assert {info.latest_execution_status.value for info in shown} <= {"SUCCEEDED", "FAILED"}


def test_what_would_be_judged_from_something_else_is_run_again(world: World) -> None:
    file = world.source.root.folder / "sources" / NAME / "predictions" / "loans.parquet"
    late = world.source.rows[world.source.rows["asked_at"] >= "2021-03-06"]
    late.assign(id=late["id"] + "-late").to_parquet(file.with_name("late.parquet"), index=False)
    found = world.backfill()
    assert found["judged"][f"{NAME}__daily"] == 2
    assert found["judged"][f"{NAME}__weekly_list"] == 1


def test_an_interrupt_loses_no_more_than_the_run_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(sourced(tmp_path, days=28 + 14, rows_a_day=40))
    world.source.root.begin_replay(utc("2021-02-15T10:00:00Z"))
    monkeypatch.setattr(backfilling, "CHUNK", 7)
    asked, run_range = [], Runner.run_range

    def interrupted(self: Runner, job: str, first: str, last: str, **more: Any) -> Any:
        asked.append(first)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return run_range(self, job, first, last, **more)

    monkeypatch.setattr(Runner, "run_range", interrupted)
    said = world.ai_ops("backfill", NAME, "--from", FROM, "--to", "2021-02-14", code=130)
    assert "7 of 14 days are judged; the same command goes on" in " ".join(said.split())
    assert list(world.verdicts("input_drift")) == world.source.days(7)
    found = world.backfill(last="2021-02-14")
    assert found["mode"] == "replay"
    assert found["known"][f"{NAME}__daily"] == 7
    assert found["judged"][f"{NAME}__daily"] == 7
    assert list(world.verdicts("drift_reviewed")) == MONDAYS[:2]
    waiting = due(world.source.root, world.source.feature, CHECKS)
    assert not [run for run in waiting if run.partitions], "nothing is due again"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2021-01-31", TO, "is monitored from 2021-02-01 on"),
        (FROM, "2121-01-01", "and the clock of this root says"),
        (TO, FROM, "swap them"),
        ("never", TO, "write a day as YYYY-MM-DD"),
    ],
)
def test_days_that_cannot_be_judged_are_refused(
    world: World, first: str, last: str, words: str
) -> None:
    said = world.ai_ops("backfill", NAME, "--from", first, "--to", last, code=2)
    assert words in " ".join(said.split())


def test_without_source_and_log_there_is_nothing_to_backfill(tmp_path: Path) -> None:
    asked = ["backfill", "flight_delay", "--from", "2013-04-01", "--to", "2013-04-07"]
    done = CliRunner().invoke(assemble(), [*asked, "--root", str(tmp_path)], env=dict(os.environ))
    assert done.exit_code == 3
    assert "there is nothing to backfill" in done.stderr


def test_a_backfill_that_begins_in_the_middle_reads_what_its_windows_look_back_on(
    tmp_path: Path,
) -> None:
    middle = World(sourced(tmp_path, days=28 + 21, rows_a_day=100))
    done = middle.backfill("2021-02-15", "2021-02-16")
    assert done["failures"] == []
    for check in ("input_drift", "label_coverage", "accuracy"):
        judged = middle.verdicts(check)
        assert judged == {"2021-02-15": "pass", "2021-02-16": "pass"}, check
