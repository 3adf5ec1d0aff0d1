"""Malformed tables of somebody else: file, column and row are named, the rest goes on, clean is
green."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
)
from ai_ops.prediction_logging.recency_report import judge_log_recent
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.prediction_logging.source_world import (
    DAYS,
    SourceWorld,
    feature,
    loans,
    moment,
)

HEADER = "loan,at,amount,purpose,insured,risk\n"
LINES = "".join(
    f"loan-{n},2021-03-01T09:{n:02}:00Z,{1000 + n},car,{str(n % 2 == 0).lower()},0.5\n"
    for n in range(10)
)


@pytest.fixture
def world(tmp_path: Path) -> SourceWorld:
    return SourceWorld(tmp_path)


def changed(**columns: Callable[[list[Any]], list[Any]]) -> dict[str, list[Any]]:
    return {name: columns.get(name, list)(values) for name, values in loans().items()}


@pytest.mark.requirement("PL-08")
def test_a_table_as_it_was_declared_is_green(world: SourceWorld) -> None:
    world.parquet(loans())
    world.compute()
    verdict = world.written()
    assert (verdict.status, verdict.sample_size) == ("pass", 10), verdict.reason
    assert world.conforms().status == "pass"


@pytest.mark.fault("schema_conforms")
@pytest.mark.fault("log_written")
def test_values_of_a_wrong_type_are_named_with_file_column_and_row(world: SourceWorld) -> None:
    world.parquet(changed(amount=lambda v: [*map(str, v[:4]), "a lot", *map(str, v[5:])]))
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "1 value of input_amount does not fit or is missing" in verdict.reason
    assert "tables/loans.parquet row 5" in verdict.reason
    assert "a lot" not in verdict.reason
    assert [row["input_amount"] for row in world.rows()][3:6] == [1021.0, None, 1035.0]
    assert '"amount":"a lot"' in world.rows()[4]["input"]
    assert world.rows()[3]["input"] is None
    assert "input_amount of version 1 (1)" in world.conforms().reason
    assert world.written(day=DAYS[1]).status == "pass"


@pytest.mark.fault("log_written")
def test_a_column_that_changes_its_type_half_way_is_told_from_where_on(world: SourceWorld) -> None:
    world.parquet(loans(DAYS[:1]), "a.parquet")
    world.parquet(loans(DAYS[1:2]) | {"amount": [f"{n} EUR" for n in range(10)]}, "b.parquet")
    world.compute()
    assert world.written(day=DAYS[0]).status == "pass"
    verdict = world.written(day=DAYS[1])
    assert verdict.status == "fail"
    assert "10 values of input_amount" in verdict.reason
    assert "tables/b.parquet rows 1 to 10" in verdict.reason
    assert len(world.rows(DAYS[1])) == 10


@pytest.mark.fault("log_written")
def test_times_without_a_zone_are_refused_until_one_is_named(world: SourceWorld) -> None:
    world.parquet(changed(at=lambda v: [time.replace(tzinfo=None) for time in v]))
    world.compute()
    verdict = world.written()
    assert verdict.status == "no_evidence"
    assert "tables/loans.parquet: column at (TIMESTAMP) holds times without a zone" in (
        verdict.reason
    )
    assert "source.time_zone" in verdict.reason
    berlin = feature(source={"time_zone": "Europe/Berlin"})
    world.compute(berlin)
    assert world.written(berlin).status == "pass"
    assert world.rows()[0]["time"] == datetime(2021, 3, 1, 8, tzinfo=UTC)
    nowhere = feature(source={"time_zone": "Europe/Nowhere"})
    world.compute(nowhere)
    assert "Europe/Nowhere is no time zone" in world.written(nowhere).reason


@pytest.mark.fault("log_written")
def test_an_id_that_is_answered_otherwise_is_set_apart_and_a_repetition_counts_once(
    world: SourceWorld,
) -> None:
    rows = loans()
    for name, values in rows.items():
        values += [values[0], values[1]]  # the first two rows again
        if name == "risk":
            values[-1] = 0.99
    world.parquet(rows)
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "2 × conflicting id: tables/loans.parquet, the first in row 2" in verdict.reason
    assert verdict.observed["duplicates"] == 1
    assert len(world.rows()) == 9
    assert [(row["id"], row["offset"]) for row in world.quarantine()] == [
        ("loan-0301-1", 2),
        ("loan-0301-1", 32),
    ]


@pytest.mark.fault("log_written")
def test_rows_in_the_future_are_told_and_counted_on_no_day_before(world: SourceWorld) -> None:
    late = datetime.now(UTC) + timedelta(days=800)
    world.parquet(changed(at=lambda v: [*v[:-2], late, late]))
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert f"2 rows lie in the future, the first on {late.date()}" in verdict.reason
    assert [len(world.rows(day)) for day in DAYS] == [10, 10, 8]


def test_what_is_not_yet_known_is_not_counted(world: SourceWorld) -> None:
    world.parquet(loans())
    early = moment(DAYS[0], datetime(2021, 3, 1, 9, 4, tzinfo=UTC))
    compute_prediction_log(world.root, feature(), [early])
    assert len(world.rows()) == 5


@pytest.mark.fault("log_written")
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_third_of_the_rows_without_a_time_belong_to_nobodys_day(
    world: SourceWorld, ending: str
) -> None:
    if ending == "parquet":
        world.parquet(changed(at=lambda v: [None if n % 10 > 6 else t for n, t in enumerate(v)]))
        problem = "no time"
    else:
        lines = LINES.splitlines(keepends=True)
        for n, wrong in ((7, ""), (8, "yesterday"), (9, "2021-03-01 09:09:00")):
            lines[n] = lines[n].replace(f"2021-03-01T09:0{n}:00Z", wrong)
        world.csv(HEADER + "".join(lines))
        problem = "a time without a zone"
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "rows of the source (30.0%) belong to no day" in verdict.reason
    assert f"tables/loans.{ending}" in verdict.reason
    assert problem in verdict.reason
    assert "row 8" in verdict.reason
    assert len(world.rows()) == 7
    undated = world.undated()
    assert len(undated) == (9 if ending == "parquet" else 3)
    assert all("column at: " in row["detail"] and row["raw"] for row in undated)
    assert world.written(day=DAYS[1]).observed["undated"] == len(undated)


@pytest.mark.fault("log_written")
@pytest.mark.parametrize(
    ("name", "problem"),
    [("cut.parquet", "not a readable Parquet file"), ("empty.csv", "the file is empty")],
)
def test_a_damaged_file_among_good_ones_is_told_on_every_day(
    world: SourceWorld, name: str, problem: str
) -> None:
    good = world.parquet(loans())
    (world.tables / name).write_bytes(good.read_bytes()[:-200] if name.startswith("cut") else b"")
    world.compute()
    for day in DAYS:
        verdict = world.written(day=day)
        assert verdict.status == "fail"
        assert f"tables/{name}: {problem}" in verdict.reason
        assert len(world.rows(day)) == 10
    good.unlink()
    world.compute(days=["2021-03-09"])
    assert world.written(day="2021-03-09").status == "no_evidence"


@pytest.mark.fault("log_written")
def test_no_file_at_all_is_no_evidence_and_names_the_glob(world: SourceWorld) -> None:
    world.compute()
    verdict = world.written()
    assert verdict.status == "no_evidence"
    assert "source.files: no file matches tables/*" in verdict.reason
    assert world.conforms().status == "no_evidence"


@pytest.mark.fault("log_written")
def test_a_day_keeps_its_table_when_its_file_is_damaged_afterwards(world: SourceWorld) -> None:
    file = world.parquet(loans())
    world.compute()
    file.write_bytes(file.read_bytes()[:-100])
    world.compute()
    assert len(world.rows()) == 10
    verdict = world.written()
    assert verdict.status == "fail"
    assert "its earlier table is kept" in verdict.reason


def test_a_csv_with_a_byte_order_mark_and_semicolons_is_green(world: SourceWorld) -> None:
    text = (HEADER + LINES).replace(",", ";")
    world.csv(b"\xef\xbb\xbf" + text.encode())
    world.compute()
    assert world.written().status == "pass", world.written().reason
    assert world.rows()[1]["input_amount"] == 1001.0
    assert world.rows()[1]["input_insured"] is False


@pytest.mark.fault("log_written")
def test_mixed_encodings_are_named_by_row_and_column_and_the_rest_stands(
    world: SourceWorld,
) -> None:
    lines = LINES.splitlines(keepends=True)
    lines[2] = lines[2].replace("car", "Möbel")
    lines[3] = lines[3].replace("car", "Möbel")
    encoded = [line.encode() for line in lines]
    encoded[3] = lines[3].encode("latin-1")
    world.csv(HEADER.encode() + b"".join(encoded))
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "1 value of input_purpose" in verdict.reason
    assert "tables/loans.csv row 4" in verdict.reason
    purposes = [row["input_purpose"] for row in world.rows()]
    assert purposes[1:5] == ["car", "Möbel", None, "car"]
    assert "f6bel" in world.rows()[3]["input"]


@pytest.mark.fault("log_written", "schema_conforms")
def test_a_tenant_or_a_latency_that_cannot_be_read_is_told_by_row(world: SourceWorld) -> None:
    lines = [f"{line},Zürich,1.5\n" for line in LINES.splitlines()]
    lines[4] = lines[4].replace("1.5", "fast")
    lines[5] = lines[5].replace("Zürich,1.5", ",")  # nothing is told: nothing is wrong
    encoded = [line.encode() for line in lines]
    encoded[3] = lines[3].encode("latin-1")
    world.csv(HEADER.replace("\n", ",city,ms\n").encode() + b"".join(encoded))
    columns = {"id": "loan", "time": "at", "tenant": "city", "latency_ms": "ms"}
    spec = feature(columns)
    world.compute(spec)
    verdict = world.written(spec)
    assert verdict.status == "fail" and world.conforms(spec).status == "fail"
    told = {one.columns: one.reason for one in verdict.findings}
    assert "tables/loans.csv row 4" in told["tenant",]
    assert "tables/loans.csv row 5" in told["latency_ms",]
    assert [row["tenant"] for row in world.rows()][2:6] == ["Zürich", None, "Zürich", None]


@pytest.mark.fault("log_written")
def test_rows_of_a_csv_with_too_few_members_are_set_apart_and_no_other_moves_up(
    world: SourceWorld,
) -> None:
    lines = LINES.splitlines(keepends=True)
    lines[4] = "loan-4,2021-03-01T09:04:00Z\n"
    lines[6] = lines[6].replace(",0.5", ",much")
    world.csv(HEADER + "".join(lines))
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "tables/loans.csv row 5: not a row of the table" in verdict.reason
    assert "tables/loans.csv row 7" in verdict.reason
    [undated] = world.undated()
    assert (undated["offset"], undated["raw"]) == (5, b"loan-4,2021-03-01T09:04:00Z")
    assert undated["detail"] == "2 members where the header has 6"


@pytest.mark.fault("log_written")
def test_rows_without_an_id_and_an_unknown_status_are_set_apart(world: SourceWorld) -> None:
    rows = changed(loan=lambda v: [None, *v[1:]])
    rows["state"] = ["ok", "503", "lost", *["ok"] * 27]
    world.parquet(rows)
    spec = feature({"id": "loan", "time": "at", "status": "state"})
    world.compute(spec)
    verdict = world.written(spec)
    assert verdict.status == "fail"
    assert "1 × no id: tables/loans.parquet row 1" in verdict.reason
    assert "1 × unknown status: tables/loans.parquet row 3" in verdict.reason
    [failed, *_] = world.rows()
    assert (failed["status"], failed["output_risk"]) == ("failed", None)
    assert world.conforms(spec).status == "pass"


@pytest.mark.fault("log_written")
def test_a_column_that_is_not_there_is_named_with_those_that_are(world: SourceWorld) -> None:
    world.parquet(loans())
    spec = feature({"id": "number", "time": "at"})
    world.compute(spec)
    verdict = world.written(spec)
    assert verdict.status == "no_evidence"
    assert "no column number, which source.columns.id names" in verdict.reason
    assert "loan, at, amount" in verdict.reason


@pytest.mark.fault("log_complete")
def test_the_completeness_of_an_existing_log_is_unprovable(world: SourceWorld) -> None:
    world.parquet(loans())
    world.compute()
    compute_log_completeness(world.root, feature(), [moment(DAYS[0])])
    verdict = judge_log_complete(world.root, feature(), moment(DAYS[0]))
    assert verdict.status == "no_evidence"
    assert verdict.observed["completeness"] == "unprovable"
    assert verdict.observed["rows"] == 10
    assert "log with ai_ops.client" in verdict.reason


WEEKS = ["2021-03-01", "2021-03-08", "2021-03-15", "2021-03-22", "2021-03-29"]


def recent(world: SourceWorld, rows: dict[str, list[Any]], **source: Any) -> Verdict:
    spec = feature(source=source)
    world.parquet(rows)
    world.compute(spec, days=WEEKS)
    return judge_log_recent(world.root, spec, moment(WEEKS[-1]))


@pytest.mark.fault("log_recent")
def test_hours_that_are_busy_in_other_weeks_and_silent_now_are_found(world: SourceWorld) -> None:
    rows = loans(WEEKS, a_day=600)  # from 9 to 19 o'clock
    last = datetime.fromisoformat(f"{WEEKS[-1]}T14:00:00+00:00")
    end = sum(at < last for at in rows["at"])
    verdict = recent(world, {name: values[:end] for name, values in rows.items()})
    assert verdict.status == "fail"
    assert "nothing was logged from 2021-03-29 14:00" in verdict.reason


def test_the_same_hours_as_in_other_weeks_are_green(world: SourceWorld) -> None:
    assert recent(world, loans(WEEKS, a_day=600)).status == "pass"


def test_times_that_tell_the_day_alone_are_green_when_summer_time_begins(
    world: SourceWorld,
) -> None:
    rows = loans(WEEKS, a_day=100)
    # Midnight in Berlin is 23 o'clock in UTC, and 22 from 28 March on.
    days = [at.date() + timedelta(days=1) for at in rows["at"]]
    rows["at"] = [datetime(day.year, day.month, day.day) for day in days]
    verdict = recent(world, rows, time_zone="Europe/Berlin")
    assert verdict.status == "pass", verdict.reason


@pytest.mark.fault("log_written")
@pytest.mark.parametrize("column", ["at", "amount"])
def test_a_file_that_is_damaged_inside_is_told_and_the_others_stand(
    world: SourceWorld, column: str
) -> None:
    world.parquet(loans(DAYS[:2]), "a.parquet")
    file = world.parquet(loans(DAYS[2:]), "b.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    place = next(n for n in range(6) if group.column(n).path_in_schema == column)
    start = group.column(place).dictionary_page_offset
    content = bytearray(file.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    file.write_bytes(content)
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "tables/b.parquet: " in verdict.reason
    assert [len(world.rows(day)) for day in DAYS] == [10, 10, 0]
    assert world.written(day=DAYS[2]).status == "no_evidence"


@pytest.mark.fault("log_written")
def test_ids_that_stand_on_several_days_are_no_ids_of_predictions(world: SourceWorld) -> None:
    world.parquet(changed(loan=lambda v: [f"customer-{n % 10}" for n in range(len(v))]))
    world.compute()
    verdict = world.written()
    assert verdict.status == "fail"
    assert "10 ids stand on several days (tables/loans.parquet row " in verdict.reason
    assert len(world.rows()) == 10
