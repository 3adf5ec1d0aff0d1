"""Predictions are found by what they are asked for; "not found" is said only where it is known."""

import shutil
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.client import PredictionLog
from ai_ops.client.keys import Keys
from ai_ops.client.policy import Policy
from ai_ops.prediction_logging.asking import query_of
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.day_files import day_files
from ai_ops.prediction_logging.doubts import told
from ai_ops.prediction_logging.finding import Query
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_file import log_content
from ai_ops.prediction_logging.log_table import Quarantined, log_schema, quarantine_table
from ai_ops.prediction_logging.probing import days_that_may_hold
from ai_ops.prediction_logging.searching import Finder, Search
from ai_ops.storage.lake import Lake, open_lake
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import DAY, INPUT, NOON, SetClock, World, moment
from ai_ops_tests.prediction_logging.logging_world import FEATURE as TINY

FEATURE = TINY.model_copy(
    update={
        "monitoring": TINY.monitoring.model_copy(update={"start": NOON.date() - timedelta(days=1)})
    }
)
DAYS = ("2021-03-03", DAY, "2021-03-05")
COLUMNS = columns_of(FEATURE)
KEY = Keys(hash=bytes(range(32)))


def asked(
    where: Sequence[str] = (),
    feature: AiFeatureSpec = FEATURE,
    keys: Keys = KEY,
    begin: datetime | None = None,
    end: datetime | None = None,
    **members: str,
) -> Query:
    return query_of(feature, columns_of(feature), keys, members, where, begin, end)


def search(root: Root, query: Query, feature: AiFeatureSpec = FEATURE, most: int = 20) -> Search:
    with Finder(root, feature) as finder:
        return finder.search(query, most)


def ids(found: Search) -> list[str]:
    return sorted(one.id for one in found.predictions)


def begin(folder: Path, day: str = DAYS[-1]) -> World:
    """A root in which it is the evening of a day."""
    world = World(folder)
    world.root.begin_replay(datetime.fromisoformat(f"{day}T20:00:00+00:00"))
    return world


def at(day: str) -> SetClock:
    return SetClock(datetime.fromisoformat(f"{day}T12:00:00+00:00"))


def compact(root: Root, *days: str, feature: AiFeatureSpec = FEATURE) -> None:
    compute_prediction_log(root, feature, [moment(day) for day in days])


def log_three_days(root: Root) -> None:
    """Two predictions a day, each with something that no other has."""
    for number, day in enumerate(DAYS):
        with PredictionLog(root.segments, FEATURE.name, "web", at(day)) as log:
            for half in (0, 1):
                log.record(
                    id=f"{number}{half}",
                    model_version=str(number + 1),
                    input={"city": "AB"[half], "temp": number + half / 2, "express": bool(half)},
                    output={"probability": 0.1 * number, "late": bool(half)},
                    status="failed" if (number, half) == (2, 1) else "ok",
                    call_site=f"site{half}",
                    tenant=f"tenant{number}",
                    subject=f"person{number}{half}",
                    request_id=f"request{number}",
                )


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    """The same predictions twice: compacted, and still in their segments."""
    roots = {}
    for name in ("compacted", "in_segments"):
        world = begin(tmp_path_factory.mktemp(name))
        log_three_days(world.root)
        roots[name] = world.root
    compact(roots["compacted"], *DAYS)
    return roots


@pytest.mark.requirement("PL-08", "PL-09", "PL-10", "PL-11")
@pytest.mark.parametrize("where", ["compacted", "in_segments"])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (asked(id="10"), ["10"]),
        (asked(subject="person21"), ["21"]),
        (asked(tenant="tenant0"), ["00", "01"]),
        (asked(call_site="site1", tenant="tenant1"), ["11"]),
        (asked(request_id="request2"), ["20", "21"]),
        (asked(model_version="3"), ["20", "21"]),
        (asked(status="failed"), ["21"]),
        (asked(["input.temp=1.5"]), ["11"]),
        (asked(["input.temp>0.9", "input.temp<1.6"]), ["10", "11"]),
        (asked(["input.city=B", "input.express=true"]), ["01", "11", "21"]),
        (asked(["output.late=false"]), ["00", "10", "20"]),
        (asked(begin=NOON, end=NOON + timedelta(hours=1)), ["10", "11"]),
        (asked(["input.city=' OR true --"]), []),
        (asked(id="' OR '1'='1"), []),
    ],
    ids=lambda one: "" if isinstance(one, list) else str(one.members or one.conditions or "time"),
)
def test_predictions_are_found_by_what_they_are_asked_for(
    logged: dict[str, Root], where: str, query: Query, expected: list[str]
) -> None:
    found = search(logged[where], query)
    if where == "in_segments" and query.conditions and query.conditions[0].role == "output":
        expected = [one for one in expected if one != "21"]
    assert ids(found) == expected
    assert found.is_certain
    assert not found.open_days or where == "in_segments"


def test_what_is_found_is_told_as_it_was_logged(logged: dict[str, Root]) -> None:
    tales = []
    for root in logged.values():
        [one] = search(root, asked(id="11")).predictions
        assert one.input == {"city": "B", "temp": 1.5, "express": True}
        assert one.output == {"probability": 0.1, "late": True}
        tales.append({name: value for name, value in one.as_data().items() if name != "file"})
    assert tales[0]["time"].startswith(f"{DAY}T12:00")
    for name in ("writer", "incarnation", "time"):  # two roots, two processes' worth of writers
        for tale in tales:
            tale.pop(name)
    assert tales[0] == tales[1]


def test_the_latest_come_first_and_the_limit_says_that_there_are_more(
    logged: dict[str, Root],
) -> None:
    found = search(logged["compacted"], asked(), most=3)
    assert [one.id for one in found.predictions][:1] == ["21"]
    assert (len(found.predictions), found.more) == (3, True)
    assert not search(logged["compacted"], asked(), most=6).more


def test_a_day_without_a_log_is_no_day_without_the_prediction(tmp_path: Path) -> None:
    world = begin(tmp_path)
    log_three_days(world.root)
    compact(world.root, DAYS[0], DAYS[2])
    shutil.rmtree(world.root.segments / FEATURE.name)
    shutil.rmtree(Path(world.root.lake.url) / FEATURE.name / "prediction_log" / "index")
    found = search(world.root, asked(id="10"))
    assert not found.predictions
    assert [one.day for one in found.doubts] == [DAY]
    assert "no log" in found.doubts[0].reason
    assert search(world.root, asked(id="nobody", begin=NOON + timedelta(days=1))).is_certain


def test_a_line_in_quarantine_is_told_or_leaves_a_doubt(tmp_path: Path) -> None:
    world = begin(tmp_path)
    log_three_days(world.root)
    compact(world.root, *DAYS)
    rows = [
        Quarantined("conflicting id", "web/x.jsonl", "answers otherwise", 7, id="known"),
        Quarantined("torn line", "web/x.jsonl", offset=9),
    ]
    path = world.root.lake.path(FEATURE.name, "prediction_log/quarantine", DAY)
    world.root.lake.write_table(path, quarantine_table(rows[:1]))
    found = search(world.root, asked(id="known"))
    assert [(one.day, one.reason, one.offset) for one in found.quarantined] == [
        (DAY, "conflicting id", 7)
    ]
    assert search(world.root, asked(id="other")).is_certain
    world.root.lake.write_table(path, quarantine_table(rows))
    doubtful = search(world.root, asked(id="other"))
    assert told(doubtful.doubts) == [f"{DAY}: in quarantine: 1 × torn line"]
    # What is asked by other things than the id may be any line that could not be read.
    assert told(search(world.root, asked(tenant="nobody")).doubts) == [
        f"{DAY}: in quarantine: 1 × conflicting id, 1 × torn line"
    ]


def test_a_torn_line_of_today_leaves_a_doubt(tmp_path: Path) -> None:
    world = begin(tmp_path, DAY)
    log = PredictionLog(world.root.segments, FEATURE.name, "web", at(DAY))
    world.write(log, "a")
    compact(world.root, "2021-03-03")
    [segment] = world.segments()
    content = segment.read_bytes()
    segment.write_bytes(content.rstrip(b"\0") + b'{"kind":"prediction","id":"b')
    found = search(world.root, asked(id="a"))
    assert ids(found) == ["a"]
    assert found.open_days == (DAY,)
    missing = search(world.root, asked(id="b"))
    assert not missing.predictions
    assert any("cannot be read" in one.reason for one in missing.doubts)
    log.close()


def test_what_came_late_is_found_before_its_day_is_compacted_again(tmp_path: Path) -> None:
    world = begin(tmp_path, DAY)
    with PredictionLog(world.root.segments, FEATURE.name, "web", at(DAY)) as log:
        world.write(log, "early")
    compact(world.root, "2021-03-03", DAY)
    with PredictionLog(world.root.segments, FEATURE.name, "worker", at(DAY)) as log:
        world.write(log, "late")
    assert ids(search(world.root, asked(id="late"))) == ["late"]
    everything = search(world.root, asked())
    assert ids(everything) == ["early", "late"]  # the table's line stands in a segment too
    assert everything.open_days == (DAY,)


def test_a_log_known_to_lack_predictions_does_not_say_not_found(tmp_path: Path) -> None:
    world = begin(tmp_path, DAY)
    with PredictionLog(world.root.segments, FEATURE.name, "web", at(DAY)) as log:
        world.write(log, "a")
    compact(world.root, "2021-03-03", DAY)
    finding = Finding("completeness", "fail", "2 sequence numbers are missing")
    verdict = Verdict.failing("2 sequence numbers are missing", finding, sample_size=1)
    clock = world.root.clock
    recorded = RecordedVerdict(
        FEATURE.name,
        "log_complete",
        "log_completeness",
        DAY,
        Window.of_day(DAY),
        clock.now(),
        verdict,
    )
    world.root.ledger.record_verdicts([recorded], clock=clock)
    assert [one.day for one in search(world.root, asked(id="b")).doubts] == [DAY]
    assert search(world.root, asked(id="a")).is_certain  # nothing is missing of what was found


@pytest.mark.requirement("PL-08")
def test_a_hashed_subject_is_found_by_the_person_who_asks(tmp_path: Path) -> None:
    ruled = {"subject": "hash", "city": "hash", "temp": "hash"}
    feature = FEATURE.model_copy(
        update={"privacy": FEATURE.privacy.model_copy(update={"fields": ruled})}
    )
    world = begin(tmp_path, DAY)
    policy = Policy(feature=FEATURE.name, fields=ruled)  # type: ignore[arg-type]
    environment = {"AI_OPS_HASH_KEY": b64encode(bytes(range(32))).decode()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with PredictionLog(world.root.segments, FEATURE.name, "web", at(DAY), policy=policy) as log:
            world.write(log, "a", subject="Ada", input=INPUT | {"temp": 20})
            world.write(log, "b", subject="Bob")
    compute_prediction_log(world.root, feature, [moment("2021-03-03"), moment(DAY)])
    for query in (
        asked(feature=feature, subject="Ada"),
        asked(["input.temp=20"], feature),
        asked(["input.city=A", "input.temp=20"], feature),
    ):
        [one] = search(world.root, query, feature).predictions
        assert one.id == "a"
        assert one.record["subject"].startswith("hmac:")
    assert not search(world.root, asked(feature=feature, subject="Eve"), feature).predictions
    by_hash = asked(feature=feature, subject=one.record["subject"])
    assert ids(search(world.root, by_hash, feature)) == ["a"]


@pytest.mark.parametrize(
    ("rule", "where", "words"),
    [
        (
            "hash",
            [],
            "--subject: the privacy policy hashes subject, and AI_OPS_HASH_KEY is not set",
        ),
        ("drop", [], "--subject: the privacy policy drops subject: it was never written"),
        ("encrypt", [], "--subject: the privacy policy encrypts subject"),
        ("keep", ["input.nix=1"], "no input is named nix; there are: city, temp, express"),
        ("keep", ["input.temp=warm"], "temp is a number"),
        ("keep", ["input.express=1"], "express is true or false"),
        ("keep", ["input.city<B"], "city is a category; only numbers are ordered"),
        ("keep", ["temp=1"], "write input.NAME=VALUE"),
    ],
)
def test_what_nothing_can_answer_is_told(rule: str, where: list[str], words: str) -> None:
    feature = FEATURE.model_copy(
        update={"privacy": FEATURE.privacy.model_copy(update={"fields": {"subject": rule}})}
    )
    with pytest.raises(BadInput, match=words.replace("(", r"\(")):
        asked(where, feature, Keys(), subject="Ada")


def write_day(lake: Lake, day: str, values: Sequence[Any], column: str = "id") -> None:
    start = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC)
    whole = {name: [None] * len(values) for name in log_schema(COLUMNS).names}
    whole |= {"id": [str(n) for n in range(len(values))], "time": [start] * len(values)}
    table = pa.table(whole | {column: values}, schema=log_schema(COLUMNS))
    content = log_content(table, np.arange(len(values)))
    lake.write_bytes(lake.path(FEATURE.name, "prediction_log", day), content.to_pybytes())


@given(
    values=st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=1, max_size=60),
    column=st.sampled_from(["id", "subject", "request_id"]),
)
def test_a_filter_never_denies_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], column: str
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    write_day(lake, DAY, values, column)
    files = day_files(lake, FEATURE.name, [DAY])
    assert files.logs[DAY].filters_of(column)
    for value in values:
        assert days_that_may_hold(files, column, [value]) == [DAY]


def test_filters_leave_few_days_to_read_and_a_log_without_them_may_hold_everything(
    tmp_path: Path,
) -> None:
    lake = Lake(str(tmp_path))
    days = [f"2021-03-{day:02}" for day in range(1, 29)]
    for day in days:
        write_day(lake, day, [f"{day}-{n}" for n in range(50)])
    files = day_files(lake, FEATURE.name, days)
    held = [days_that_may_hold(files, "id", [f"{day}-7"]) for day in days]
    assert all(day in found for day, found in zip(days, held, strict=True))
    assert sum(map(len, held)) < 1.6 * len(days)  # one in a hundred of 784 is read for nothing
    assert not days_that_may_hold(files, "id", ["2021-03-01"])
    # Nobody told a subject, so there is no filter for it.
    assert days_that_may_hold(files, "subject", ["Ada"]) == days


def test_what_is_known_of_files_is_kept_until_a_file_is_written_anew(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    write_day(lake, DAY, ["a"])
    first = day_files(lake, FEATURE.name, [DAY])
    kept = Path(lake.path(FEATURE.name, "prediction_log/filters", "2021-03", "json"))
    before = kept.stat().st_mtime_ns
    assert day_files(lake, FEATURE.name, [DAY]).logs == first.logs
    assert kept.stat().st_mtime_ns == before
    write_day(lake, DAY, ["a", "b"])
    assert day_files(lake, FEATURE.name, [DAY]).logs[DAY].rows == 2
    for content in (b"", b"[]", b'{"format":0}'):  # a cache: what is no use is made again
        kept.write_bytes(content)
        assert day_files(lake, FEATURE.name, [DAY]).logs[DAY].rows == 2
    Path(lake.path(FEATURE.name, "prediction_log", DAY)).unlink()
    assert not day_files(lake, FEATURE.name, [DAY]).logs


def test_a_log_that_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.write_bytes(lake.path(FEATURE.name, "prediction_log", DAY), b"PAR1 and no more")
    with pytest.raises(BadInput, match=f"{DAY}.parquet: not a Parquet file"):
        day_files(lake, FEATURE.name, [DAY])


def test_predictions_are_found_on_s3(tmp_path: Path, s3_endpoint: str) -> None:
    import boto3

    environment = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket="found")
        url = "s3://found/lake"
        write_day(open_lake(url, environment), DAY, ["a", "b"])
        write_day(open_lake(url, environment), "2021-03-03", ["c"])
        root = Root.open(tmp_path, environment | {"AI_OPS_LAKE_URL": url})
        sourced = FEATURE.model_copy(
            update={
                "source": Source.model_validate({"files": "x", "columns": {"time": "t"}}),
                "monitoring": FEATURE.monitoring.model_copy(
                    update={"end": NOON.date() + timedelta(days=1)}
                ),
            }
        )
        assert ids(search(root, asked(id="b"), sourced)) == ["b"]
        assert search(root, asked(id="nobody"), sourced).is_certain
        # Rows that tell no day may be anybody's.
        path = root.lake.path(FEATURE.name, "prediction_log/undated", None)
        root.lake.write_table(path, quarantine_table([Quarantined("no time", "x.csv")]))
        doubts = search(root, asked(id="nobody"), sourced).doubts
        assert told(doubts) == ["rows without a day: in quarantine: 1 × no time"]


def test_the_log_has_filters_on_what_is_looked_up_and_none_on_what_nobody_told(
    logged: dict[str, Root],
) -> None:
    root = logged["compacted"]
    files = day_files(root.lake, FEATURE.name, DAYS)
    names = {one.column for one in files.logs[DAY].filters}
    assert names == {"id", "subject", "request_id"}
    footer = pq.read_metadata(files.path(DAY))
    assert footer.num_rows == files.logs[DAY].rows == 2
