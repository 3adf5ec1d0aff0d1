"""The demo's replay: every prediction crosses a socket, a killed server loses none of them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta

import duckdb
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.cli.main import assemble
from ai_ops.definitions import defs
from ai_ops.orchestration.running import open_runner
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.replayed import KILLED_ON, Replayed, lives

SECOND = timedelta(seconds=1)


def rows(replayed: Replayed, asset: str, columns: str, where: str = "true") -> list[tuple]:
    pattern = f"{replayed.root.lake.url}/flight_delay/{asset}/*.parquet"
    query = f"select {columns} from read_parquet($pattern) where {where}"
    return duckdb.execute(query, {"pattern": pattern}).fetchall()


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run(replayed: Replayed, *arguments: str) -> Done:
    """A command on the replay's root; in this process, for each of its own imports for seconds."""
    app = assemble(arguments[0])
    done = CliRunner().invoke(app, [*arguments, "--root", str(replayed.root.folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.mark.requirement("PL-03")
def test_no_acknowledged_prediction_is_missing_after_a_kill(replayed: Replayed) -> None:
    assert replayed.killed != replayed.orphan
    sources = replayed.root.folder / "sources" / "flight_delay" / "schedule"
    flights = {
        id_
        for day in Window(
            Window.of_day(replayed.begin).start, Window.of_day(replayed.end).start
        ).days()
        for id_ in pq.read_table(sources / f"{day}.parquet", columns=["id"])["id"].to_pylist()
    }
    logged = [id_ for (id_,) in rows(replayed, "prediction_log", "id")]
    assert len(logged) == len(set(logged)), "an id was logged twice"
    assert set(logged) == flights
    incarnations = rows(replayed, "prediction_log", "count(distinct incarnation)")
    assert incarnations == [(3,)], "one until each kill, and one after"


def test_a_killed_replay_leaves_no_server_behind(replayed: Replayed) -> None:
    assert not lives(replayed.orphan)


@pytest.mark.requirement("PL-04", "PL-05", "PL-06", "PL-07")
def test_a_record_holds_input_output_time_and_the_version_that_was_live(
    replayed: Replayed,
) -> None:
    wanted = "input, output, time, model_version, input_carrier, output_probability"
    found = rows(replayed, "prediction_log", wanted, "status = 'ok'")
    assert len(found) > 15_000
    standing = standing_of(replayed.root.ledger, "flight_delay")
    assert [move.kind for move in standing.moves] == ["launch"], "the gate was not sure by then"
    rehearsed = standing.moves[0].version
    for raw, output, time, version, carrier, probability in found[:50]:
        assert json.loads(raw)["carrier"] == carrier
        assert json.loads(output)["probability"] == probability
        assert 0 <= probability <= 1
        assert time.minute == 0
        assert version == rehearsed
    for time, version in rows(replayed, "prediction_log", "distinct time, model_version"):
        # What was asked in the hour of the move itself was answered just before it.
        live = {standing.live_at(moment) or rehearsed for moment in (time, time - SECOND)}
        assert version in live, f"{time}: version {version}, the ledger knows {live}"


def test_one_day_a_week_is_single_requests(replayed: Replayed) -> None:
    modes = dict(rows(replayed, "prediction_log", "mode, count(*)", "true group by mode"))
    day = rows(
        replayed,
        "prediction_log",
        "distinct mode, call_site",
        f"time::date = date '{KILLED_ON}'",
    )
    assert modes["sync"] > 2_000
    assert day == [("sync", "booking_page")]


def test_the_summary_is_read_from_the_books(replayed: Replayed) -> None:
    summary = replayed.summary
    assert summary["days"] == 35
    assert summary["predictions"] == rows(replayed, "prediction_log", "count(*)")[0][0]
    assert set(summary["seconds"]) >= {"serving", "dagster", "statistics", "training"}
    lists = {cadence: len(one["items"]) for cadence, one in summary["checklists"].items()}
    assert lists == {"pre_launch": 6, "weekly": 4, "monthly": 4}


def test_a_second_run_changes_nothing(replayed: Replayed) -> None:
    ledger = replayed.root.ledger.verify()
    before = rows(replayed, "prediction_log", "count(*), max(time), bit_xor(hash(id))")
    command = [sys.executable, "-m", "ai_ops.cli", "demo", "--no-ui", "--json"]
    options = ["--until", replayed.end.isoformat(), "--root", str(replayed.root.folder)]
    again = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert {**summary, "seconds": 0} == {**replayed.summary, "seconds": 0}
    assert replayed.root.ledger.verify() == ledger
    assert rows(replayed, "prediction_log", "count(*), max(time), bit_xor(hash(id))") == before


@pytest.mark.requirement("FR-1", "WK-09")
def test_each_day_has_a_verdict_of_every_daily_check(replayed: Replayed) -> None:
    span = ["--from", str(replayed.begin), "--to", str(replayed.end - timedelta(days=1))]
    shown = json.loads(run(replayed, "verdicts", "flight_delay", *span, "--json").stdout)
    by_item: dict[str, set[str]] = {}
    for verdict in shown["verdicts"]:
        by_item.setdefault(verdict["item"], set()).add(verdict["partition"])
    daily = {item: days for item, days in by_item.items() if len(days) == 35}
    assert {
        "log_written",
        "log_complete",
        "user_actions_present",
        "log_recent",
        "writers_present",
        "witness_agrees",
        "log_unsampled",
        "schema_conforms",
        "version_is_champion",
        "labels_arrived",
        "inputs_well_formed",
        "input_drift",
        "output_drift",
        "service_healthy",
        "cost_known",
        "label_coverage",
        "accuracy",
    } <= set(daily)


@pytest.mark.requirement("PL-03", "PL-07", "WK-09")
def test_the_proof_of_the_log_is_green_but_for_the_days_of_the_kills(replayed: Replayed) -> None:
    failing: dict[str, set[str | None]] = {item: set() for item in LOG_CHECKS}
    reasons = []
    for verdict in replayed.root.ledger.verdicts("flight_delay", items=LOG_CHECKS):
        assert verdict.verdict.status != "no_evidence", verdict.verdict.reason
        if verdict.verdict.status == "fail":
            failing[verdict.item].add(verdict.partition)
            reasons.append(verdict.verdict.reason)
    days = failing.pop("writers_present")
    # The server of the replay that was killed ended in order: it saw its caller go.
    assert days == {KILLED_ON.isoformat()}
    assert "writer serve crashed" in reasons[0]
    assert {item for item, found in failing.items() if found} <= {"log_written"}, reasons
    assert failing["log_written"] <= days, "a kill may tear a line"


@pytest.mark.requirement("PL-11", "FR-1")
def test_verdicts_can_be_read_as_they_stood_at_a_past_moment(replayed: Replayed) -> None:
    day = replayed.begin + timedelta(days=3)
    span = ["--from", str(day), "--to", str(day), "--json"]
    early = run(replayed, "verdicts", "flight_delay", *span, "--as-of", f"{day}T12:00:00Z")
    assert early.returncode == 3, "nothing was judged yet"
    later = run(
        replayed,
        "verdicts",
        "flight_delay",
        *span,
        "--as-of",
        f"{day + timedelta(days=1)}T06:00:00Z",
    )
    assert later.returncode == 0
    assert {v["partition"] for v in json.loads(later.stdout)["verdicts"]} >= {str(day)}


@pytest.mark.requirement("WK-01", "WK-07", "OW-01", "OW-12")
def test_the_weekly_checklist_names_what_is_missing_and_who_owns_it(replayed: Replayed) -> None:
    done = run(replayed, "checklist", "flight_delay", "--cadence", "weekly", "--json")
    items = {item["id"]: item for item in json.loads(done.stdout)["items"]}
    assert set(items) == {
        "drift_reviewed",
        "cost_trend_checked",
        "retraining_verified",
        "logs_written",
    }
    assert all(item["owner"].endswith("@example.com") for item in items.values())
    assert items["retraining_verified"]["observed"]["days_judged"] is not None
    assert items["logs_written"]["evidence"]
    statuses = {item["status"] for item in items.values()}
    worst = 1 if "fail" in statuses else 3 if "no_evidence" in statuses else 0
    assert done.returncode == worst


@pytest.mark.requirement("FQ-08", "MO-02")
def test_any_registered_version_is_evaluated_on_demand(replayed: Replayed) -> None:
    results = {}
    for version in ("1", "2"):
        done = run(replayed, "evaluate", "flight_delay", "--version", version, "--json")
        assert done.returncode == 0, done.stderr
        results[version] = json.loads(done.stdout)
    assert results["1"] != results["2"]
    unknown = run(replayed, "evaluate", "flight_delay", "--version", "99")
    assert unknown.returncode == 2
    assert "99" in unknown.stderr
    assert "Traceback" not in unknown.stderr


@pytest.mark.requirement("FQ-08", "PL-16")
def test_a_version_is_evaluated_from_the_ui_s_job_too(replayed: Replayed) -> None:
    with open_runner(replayed.root.folder, defs()) as runner:
        config = {"flight_delay__version_evaluation": {"version": "1"}}
        assert runner.run("flight_delay__evaluate_version", config=config).success
    verdicts = replayed.root.ledger.verdicts("flight_delay", items={"version_evaluated"})
    assert [verdict.verdict.status in ("pass", "fail") for verdict in verdicts] == [True]
    assert "version 1" in verdicts[0].verdict.reason


def test_the_ledger_s_chain_holds(replayed: Replayed) -> None:
    assert run(replayed, "ledger", "verify").returncode == 0
