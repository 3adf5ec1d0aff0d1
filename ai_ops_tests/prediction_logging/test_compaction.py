"""Segments become one typed table a day: idempotent, and nothing that was written is dropped."""

from datetime import timedelta
from pathlib import Path
from shutil import rmtree

import duckdb
import pytest

from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import judge_log_written
from ai_ops_tests.prediction_logging.logging_world import (
    DAY,
    FEATURE,
    INPUT,
    NOON,
    OUTPUT,
    World,
    moment,
    week,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def compact(world: World, *moments: object) -> dict[str, object]:
    asked = moments or (moment(),)
    summaries = compute_prediction_log(world.root, FEATURE, asked)  # type: ignore[arg-type]
    return dict(summaries[DAY].numbers)


@pytest.mark.requirement("PL-03", "PL-04", "PL-05", "PL-06", "PL-07", "PL-11")
def test_a_prediction_can_be_read_as_it_was_made(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", latency_ms=1.5, call_site="search", tenant="t", cost={"tokens": 3})
    assert compact(world)["rows"] == 1
    [row] = world.log_of().to_pylist()
    assert row["id"] == "a"
    assert row["model_version"] == "1"
    assert row["time"].date().isoformat() == DAY
    assert row["input"] == '{"city":"A","temp":20.5,"express":true}'
    assert row["output"] == '{"probability":0.25,"late":false}'
    assert {name: row[f"input_{name}"] for name in INPUT} == INPUT
    assert {name: row[f"output_{name}"] for name in OUTPUT} == OUTPUT
    assert (row["latency_ms"], row["call_site"], row["tenant"]) == (1.5, "search", "t")
    assert (row["cost"], row["seq"], row["writer"]) == ('{"tokens":3}', 1, "web")


@pytest.mark.requirement("PL-08", "PL-10")
def test_the_table_can_be_asked_in_sql(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *"abc")
    compact(world)
    found = duckdb.execute(
        "SELECT count(*), avg(output_probability), min(time)::DATE::VARCHAR FROM read_parquet(?)",
        [world.path()],
    ).fetchall()
    assert found == [(3, 0.25, DAY)]


def test_a_second_compaction_writes_the_same_bytes(world: World) -> None:
    log = world.open_log()
    other = world.open_log("batch")
    for number in range(30):
        world.write(log, f"a{number}")
        world.write(other, f"b{number}")
    compact(world)
    first = Path(world.path()).read_bytes()
    compact(world)
    assert Path(world.path()).read_bytes() == first
    rmtree(world.root.folder / "lake/tiny/prediction_log/index")
    compact(world)
    assert Path(world.path()).read_bytes() == first


def test_a_week_at_once_is_the_week_day_by_day(world: World) -> None:
    log = world.open_log()
    for day in range(-3, 4):
        world.clock.time = NOON + timedelta(days=day)
        world.write(log, *(f"{day}.{number}" for number in range(5)))
    by_day = {}
    for one in week():
        compute_prediction_log(world.root, FEATURE, [one])
        by_day[one.partition] = Path(world.path(one.partition)).read_bytes()
    summaries = compute_prediction_log(world.root, FEATURE, week())
    assert [summaries[day].numbers["rows"] for day in by_day] == [5] * 7
    assert {day: Path(world.path(day)).read_bytes() for day in by_day} == by_day


def test_values_of_the_wrong_type_are_null_counted_and_kept_raw(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", input={"city": 5, "temp": True, "express": "yes"})
        world.write(
            log, "b", input={"city": "A", "temp": None}, output={"probability": 1, "late": 0}
        )
        world.write(log, "c", input="no mapping", output=None)
    assert compact(world)["wrong_types"] == 3 + 2 + 5
    first, second, third = world.log_of().to_pylist()
    assert [first[f"input_{name}"] for name in INPUT] == [None, None, None]
    assert first["input"] == '{"city":5,"temp":true,"express":"yes"}'
    assert (second["output_probability"], second["output_late"]) == (1.0, None)
    assert (third["input"], third["output"]) == ('"no mapping"', None)


def test_refused_and_failed_records_count_and_have_no_outputs(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a")
        world.write(log, "b", status="refused", error="temp: not a finite number", output=None)
        world.write(log, "c", status="failed", error="the model failed", output=None)
    numbers = compact(world)
    assert [numbers[name] for name in ("rows", "ok", "failed", "refused", "wrong_types")] == [
        3,
        1,
        1,
        1,
        0,
    ]
    _, refused, failed = world.log_of().to_pylist()
    assert (refused["input_temp"], failed["input_temp"], failed["output_late"]) == (
        None,
        20.5,
        None,
    )
    assert refused["input"] == '{"city":"A","temp":20.5,"express":true}'


def test_a_prediction_told_twice_is_kept_once(world: World) -> None:
    with world.open_log() as log, world.open_log("other") as other:
        world.write(log, "a", latency_ms=1.0)
        world.write(other, "a", latency_ms=9.0, request_id="retry")
    numbers = compact(world)
    assert (numbers["rows"], numbers["duplicates"], numbers["quarantined"]) == (1, 1, 0)
    assert world.log_of()["latency_ms"].to_pylist() == [1.0]


def test_two_answers_to_one_id_are_both_set_apart(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", "b")
        world.write(log, "a", output={"probability": 0.75, "late": True})
    numbers = compact(world)
    assert (numbers["rows"], numbers["duplicates"], numbers["quarantined"]) == (1, 0, 2)
    assert {row["id"] for row in world.quarantine_of()} == {"a"}
    verdict = judge_log_written(world.root, FEATURE, moment())
    assert verdict.status == "fail"
    assert "2 × conflicting id" in verdict.reason


def test_an_attempt_that_failed_does_not_contradict_the_answer_to_its_retry(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a", status="failed", error="busy", output=None)
        world.write(log, "a")
    numbers = compact(world)
    assert (numbers["rows"], numbers["ok"], numbers["quarantined"]) == (2, 1, 0)


@pytest.mark.requirement("WK-09", "FR-3")
def test_a_feature_that_never_logged_has_no_evidence(world: World) -> None:
    assert compact(world) == {"rows": 0, "segments": 0}
    assert not Path(world.path()).exists()
    assert judge_log_written(world.root, FEATURE, moment()).status == "no_evidence"


@pytest.mark.requirement("WK-10")
def test_a_day_without_a_record_has_an_empty_table_and_no_evidence(world: World) -> None:
    with world.open_log() as log:
        world.write(log, "a")
    next_day = moment("2021-03-05")
    compute_prediction_log(world.root, FEATURE, [next_day])
    assert world.log_of("2021-03-05").num_rows == 0
    verdict = judge_log_written(world.root, FEATURE, next_day)
    assert (verdict.status, verdict.findings[0].kind) == ("no_evidence", "volume")


def test_a_clean_day_passes_with_its_sample_and_its_evidence(world: World) -> None:
    with world.open_log() as log:
        world.write(log, *"abc")
    compact(world)
    verdict = judge_log_written(world.root, FEATURE, moment())
    assert (verdict.status, verdict.sample_size) == ("pass", 3)
    assert [evidence.source for evidence in verdict.evidence] == [
        f"tiny/prediction_log/{DAY}.parquet",
        f"tiny/prediction_log/quarantine/{DAY}.parquet",
    ]
