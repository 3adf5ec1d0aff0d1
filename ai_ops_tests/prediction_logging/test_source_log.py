"""An existing log as day logs: ids that stay, days that are read once, files that change."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.prediction_logging.compaction import LOG
from ai_ops.prediction_logging.late_lines import Seen
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_table import log_schema
from ai_ops.prediction_logging.source_changes import late_rows, state_of_source
from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.source_world import (
    DAYS,
    NAME,
    SourceWorld,
    feature,
    loans,
)

NO_IDS = feature({"time": "at"})


@pytest.fixture
def world(tmp_path: Path) -> SourceWorld:
    return SourceWorld(tmp_path)


def ids(world: SourceWorld, days: Sequence[str] = DAYS) -> dict[str, list[str]]:
    return {day: sorted(row["id"] for row in world.rows(day)) for day in days}


def metadata(world: SourceWorld, day: str = DAYS[0]) -> dict[bytes, bytes]:
    path = world.root.lake.path(NAME, LOG, day)
    found: dict[bytes, bytes] = pq.read_schema(path).metadata
    return found


@pytest.mark.requirement("PL-08")
def test_a_day_has_the_columns_of_any_other_log_and_says_what_it_was_made_of(
    world: SourceWorld,
) -> None:
    file = world.parquet(loans())
    summaries = world.compute()
    path = world.root.lake.path(NAME, LOG, DAYS[1])
    table = pq.read_table(path)
    assert table.schema.remove_metadata() == log_schema(columns_of(feature()))
    assert table["time"].to_pylist() == sorted(table["time"].to_pylist())
    row = table.to_pylist()[0]
    assert (row["id"], row["feature"], row["status"], row["model_version"]) == (
        "loan-0302-0",
        NAME,
        "ok",
        "1",
    )
    assert (row["input"], row["output"], row["seq"], row["writer"]) == (None, None, None, None)
    told = json.loads(metadata(world, DAYS[1])[b"ai_ops.source"])
    [made_of] = told["files"]
    assert (made_of["file"], made_of["rows"]) == ("tables/loans.parquet", 10)
    assert made_of["size"] == file.stat().st_size
    assert summaries[DAYS[1]].numbers["rows"] == 10


def test_made_ids_are_the_same_at_every_reading(world: SourceWorld) -> None:
    rows = loans()
    for values in rows.values():
        values += values[:3]  # three rows that nothing tells from the first
    world.parquet(rows)
    world.compute(NO_IDS)
    before = ids(world)
    assert len({one for day in before.values() for one in day}) == 33
    for day in reversed(DAYS):
        world.compute(NO_IDS, [day])
    assert ids(world) == before
    shuffled = {name: values[::-1] for name, values in rows.items()}
    more = loans(["2021-03-01", "2021-03-04"], a_day=12)
    world.parquet({name: values + more[name] for name, values in shuffled.items()})
    world.compute(NO_IDS)
    after = ids(world)
    assert set(before[DAYS[0]]) < set(after[DAYS[0]])
    assert [after[day] for day in DAYS[1:]] == [before[day] for day in DAYS[1:]]


def test_a_label_that_becomes_known_changes_no_id(world: SourceWorld) -> None:
    spec = feature({"time": "at", "label": "paid"})
    rows: dict[str, list[Any]] = loans()
    world.parquet(rows | {"paid": [None] * 30})
    world.compute(spec)
    before = ids(world)
    assert world.rows(DAYS[0], "source_labels") == []
    world.parquet(rows | {"paid": [True] * 30})
    world.compute(spec)
    assert ids(world) == before
    [first, *_] = world.rows(DAYS[0], "source_labels")
    assert first["label"] is True
    assert first["available_at"] == datetime(2021, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([True, False], [True, False]),
        ([3, 4.5], [3.0, 4.5]),
        (["late", "early"], ["late", "early"]),
    ],
)
def test_labels_stand_beside_the_log_as_they_were_found(
    world: SourceWorld, labels: list[Any], found: list[Any]
) -> None:
    rows = loans(DAYS[:1], a_day=2)
    known = [datetime(2021, 3, 9, tzinfo=UTC), None]
    world.parquet(rows | {"paid": labels, "seen": pa.array(known, pa.timestamp("us", "UTC"))})
    spec = feature({"id": "loan", "time": "at", "label": "paid", "available_at": "seen"})
    world.compute(spec, DAYS[:1])
    told = world.rows(DAYS[0], "source_labels")
    assert [row["label"] for row in told] == found
    assert [row["available_at"] for row in told] == known
    assert world.written(spec).status == "pass"


def test_only_the_days_asked_for_are_written_and_changed_files_are_noticed(
    world: SourceWorld,
) -> None:
    spec = feature()
    first = world.parquet(loans(DAYS[:2]), "a.parquet")
    world.compute(spec)
    written = {day: metadata(world, day)[b"ai_ops.read"] for day in DAYS}
    state = state_of_source(world.root, spec)
    assert late_rows(world.root, spec, DAYS, Seen(), state).days == {}
    world.parquet({name: values[10:] for name, values in loans().items()}, "b.parquet")
    assert state_of_source(world.root, spec) != state
    assert sorted(late_rows(world.root, spec, DAYS, Seen(), state).days) == [*DAYS[1:]]
    world.compute(spec, DAYS[1:2])
    assert metadata(world, DAYS[1])[b"ai_ops.read"] != written[DAYS[1]]
    assert metadata(world, DAYS[2])[b"ai_ops.read"] == written[DAYS[2]]
    assert len(world.rows(DAYS[1])) == 10  # the same ids with the same content count once
    world.compute(spec)
    assert late_rows(world.root, spec, DAYS, Seen(), state).days == {}
    first.unlink()
    late = late_rows(world.root, spec, DAYS, Seen(), state).days
    assert DAYS[0] not in late  # its rows are gone: what stands is kept
    world.compute(spec)
    assert [len(world.rows(day)) for day in DAYS] == [10, 10, 10]


def test_columns_and_an_order_without_times_get_a_calendar(world: SourceWorld) -> None:
    rows = loans()
    del rows["at"], rows["loan"]
    halves = [{n: v[:14] for n, v in rows.items()}, {n: v[14:] for n, v in rows.items()}]
    world.parquet(halves[0], "a.parquet")
    world.parquet(halves[1], "b.parquet")
    calendar = {"start": date(2021, 3, 1), "rows_a_day": 12}
    spec = feature({}, source={"calendar": calendar})
    world.compute(spec)
    assert [len(world.rows(day)) for day in DAYS] == [12, 12, 6]
    assert world.rows(DAYS[0])[1]["time"] == datetime(2021, 3, 1, 2, tzinfo=UTC)
    amounts = [row["input_amount"] for day in DAYS for row in world.rows(day)]
    assert amounts == rows["amount"]
    assert world.written(spec).status == "pass"
    before = ids(world)
    more = loans(["2021-03-09"])
    world.parquet({name: more[name] for name in rows}, "c.parquet")
    world.compute(spec, DAYS[2:])
    assert len(world.rows(DAYS[2])) == 12
    assert set(before[DAYS[2]]) < set(ids(world)[DAYS[2]])


def test_an_order_by_a_column_goes_over_all_files(world: SourceWorld) -> None:
    rows = {**loans(DAYS[:1]), "n": [9, 8, 7, 6, 5, 4, 3, 2, 1, None]}
    del rows["at"]
    world.parquet({name: values[:5] for name, values in rows.items()}, "a.parquet")
    text = {"n": [str(n) if n else None for n in rows["n"]]}
    world.parquet({name: values[5:] for name, values in (rows | text).items()}, "b.parquet")
    calendar = {"start": date(2021, 3, 1), "rows_a_day": 5, "order_column": "n"}
    spec = feature({"id": "loan"}, source={"calendar": calendar})
    world.compute(spec)
    assert [row["id"][-1] for row in world.rows(DAYS[0])] == ["8", "7", "6", "5", "4"]
    assert "no value in the column of the order" in world.written(spec).reason


def test_members_of_a_record_are_mapped(world: SourceWorld) -> None:
    rows = loans(DAYS[:1], a_day=3) | {
        "v": [2, 2.0, 3],
        "http": [200, 422, 500],
        "ms": ["1.5", "2", None],
        "who": ["a", "b", "c"],
        "tokens": ['{"input": 3}', None, "no"],
    }
    world.parquet(rows)
    columns = {"id": "loan", "time": "at", "model_version": "v", "status": "http"}
    columns |= {"latency_ms": "ms", "tenant": "who", "cost": "tokens", "subject": "who"}
    spec = feature(columns, privacy={"fields": {"subject": "drop", "purpose": "drop"}})
    world.compute(spec, DAYS[:1])
    found = world.rows()
    assert [row["model_version"] for row in found] == ["2", "2", "3"]
    assert [row["status"] for row in found] == ["ok", "refused", "failed"]
    assert [row["latency_ms"] for row in found] == [1.5, 2.0, None]
    assert [row["tenant"] for row in found] == ["a", "b", "c"]
    assert [row["subject"] for row in found] == [None] * 3
    assert [row["input_purpose"] for row in found] == [None] * 3
    assert [row["cost"] for row in found] == ['{"input": 3}', None, None]
    assert [row["input_amount"] for row in found] == [1000.0, None, 1014.0]
    assert '"amount":1007.0' in found[1]["input"]
    assert "purpose" not in found[1]["input"]
    assert world.conforms(spec).status == "pass"


def test_a_field_that_cannot_be_protected_any_more_is_not_copied(world: SourceWorld) -> None:
    world.parquet(loans())
    spec = feature(privacy={"fields": {"purpose": "hash"}})
    world.compute(spec)
    assert world.written(spec).status == "no_evidence"
    assert "privacy.fields.purpose: hash is done where a log is written" in (
        world.written(spec).reason
    )


def test_events_become_days_like_tables(world: SourceWorld) -> None:
    def line(number: int) -> str:
        time = (datetime(2021, 3, 1, 23, 58, tzinfo=UTC) + timedelta(minutes=number)).isoformat()
        side = {"encoding": "JSON", "mode": "INPUT", "observedContentType": "application/json"}
        asked = {"amount": 5.0 + number, "purpose": "car", "insured": True}
        event = {
            "captureData": {
                "endpointInput": side | {"data": json.dumps(asked)},
                "endpointOutput": side | {"data": json.dumps({"risk": 0.5}), "mode": "OUTPUT"},
            },
            "eventMetadata": {"eventId": f"e{number}", "inferenceTime": time},
            "eventVersion": "0",
        }
        return json.dumps(event)

    world.csv("\n".join([line(0), "{torn", line(1), line(2), line(3)]), "a.jsonl")
    spec = feature({}, source={"kind": "sagemaker_capture"})
    world.compute(spec)
    assert [len(world.rows(day)) for day in DAYS] == [2, 2, 0]
    assert [row["id"] for row in world.rows(DAYS[0])] == ["e0", "e1"]
    verdict = world.written(spec)
    assert verdict.status == "fail"
    assert "tables/a.jsonl row 2" in verdict.reason
    [torn] = world.undated()
    assert (torn["offset"], torn["raw"]) == (2, b"{torn")
    before = sorted((world.root.folder / "cache" / "events").iterdir())
    world.compute(spec, DAYS[:1])
    assert sorted((world.root.folder / "cache" / "events").iterdir()) == before


def test_a_source_on_s3_is_read_where_it_lies(
    tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3 = pytest.importorskip("boto3")
    for name, value in (
        ("ACCESS_KEY_ID", "x"),
        ("SECRET_ACCESS_KEY", "x"),
        ("REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    client = boto3.client("s3", endpoint_url=s3_endpoint)
    location = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket="others", CreateBucketConfiguration=location)
    world = SourceWorld(tmp_path)
    file = world.parquet(loans())
    client.upload_file(str(file), "others", "log/2021/loans.parquet")
    csv = "loan,at,amount,purpose,insured,risk\nx,2021-03-01T09:00:00Z,1,car,true,0.5\n"
    client.put_object(Bucket="others", Key="log/2022/more.csv", Body=csv.encode())
    world.root = Root.open(tmp_path, environment={"AWS_ENDPOINT_URL": s3_endpoint})
    spec = feature(source={"files": "s3://others/log/*/*"})
    world.compute(spec)
    assert [len(world.rows(day)) for day in DAYS] == [11, 10, 10]
    assert world.written(spec).status == "pass"
    told = json.loads(metadata(world)[b"ai_ops.source"])
    assert [one["file"] for one in told["files"]] == [
        "s3://others/log/2021/loans.parquet",
        "s3://others/log/2022/more.csv",
    ]
    assert told["files"][0]["digest"].startswith("etag:")


AMOUNTS = st.one_of(
    st.none(), st.floats(width=32), st.integers(-5, 5), st.sampled_from(["1.5", "", "x", "nan"])
)


@settings(max_examples=10, deadline=None)
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=12), minutes=st.data())
def test_no_row_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[Any], minutes: st.DataObject
) -> None:
    world = SourceWorld(tmp_path_factory.mktemp("world"))
    rows = loans(DAYS[:1], a_day=len(amounts))
    known = st.sampled_from(["2021-03-01 10:00:00Z", "2021-03-02 10:00:00+01:00", "soon", None])
    times = minutes.draw(st.lists(known, min_size=len(amounts), max_size=len(amounts)))
    written = [None if one is None else str(one) for one in amounts]
    world.parquet(
        rows | {"amount": pa.array(written, pa.string()), "at": pa.array(times, pa.string())}
    )
    spec: AiFeatureSpec = NO_IDS
    world.compute(spec)
    kept = sum(len(world.rows(day)) for day in DAYS)
    assert kept == sum(one is not None and one != "soon" for one in times)
    assert kept + len(world.undated()) == len(amounts)
    assert world.conforms(spec).status in ("pass", "fail", "no_evidence")
