"""Many lines at once say what the lines say one by one, whatever was logged."""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_ops.client.lines import seal
from ai_ops.client.records import Prediction
from ai_ops.prediction_logging import day_reading, ingest, ingest_parse
from ai_ops.prediction_logging import whole_index as whole
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.segment_index import SegmentIndex
from ai_ops.prediction_logging.whole_index import whole_index
from ai_ops_tests.prediction_logging.logging_world import FEATURE, INPUT, OUTPUT, World, moment
from ai_ops_tests.prediction_logging.sealed_parts import NOON, write_part

EXAMPLES = int(os.environ.get("AI_OPS_TEST_EXAMPLES", "30"))
many_examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ODD_NUMBERS = [0, -0.0, 5, 1e-7, 1.5e300, 10**17 + 1, 2**70, float("nan"), float("inf")]
ODD_TEXTS = [
    "",
    ":",
    '"',
    '"temp":',
    "a\\",
    "Ünï ☃ \U0001f600",
    "\n\t",
    "\u0000",
    ',"output":{',
    "}",
]
texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=5)
numbers = st.sampled_from(ODD_NUMBERS) | st.floats(width=64)
plain = st.none() | st.booleans() | numbers | texts
values = plain | st.lists(plain, max_size=2) | st.dictionaries(texts, plain, max_size=2)
usual_inputs = st.fixed_dictionaries(
    {"city": st.sampled_from("ABC") | texts, "temp": st.none() | numbers, "express": st.booleans()}
)
odd_inputs = st.dictionaries(
    st.sampled_from(["city", "temp", "express", "Temp", "seq", "output", "id"]) | texts, values
)
raw_inputs = st.sampled_from(
    [
        b'{"city":"A","city":"B","temp":1,"express":true}',
        b'{"city": "A", "temp": 1.50, "express": true}',
        b'{"city":"A","temp":1e400,"express":true}',
        b'{"city":"\\u0041","temp":1E2,"express":false}',
        b'{"city":"A" ,"temp":-0,"express":false }',
        b'{"city":"A","temp":20.50,"express":true}',
        b'{"express":true,"temp":1,"city":"A"}',
        b"{}",
        b"null",
        b'{"city":"A","temp":1,"express":true,"nested":{"temp":2}}',
        b'{"city":"A","temp":1,"express":true,"more":[{"temp":2}]}',
        b'{"city":"A","temp":1,"express":true,"more":[2]}',
        b'{"city":"A","temp":1,"express":true,"more":1e400}',
        b'{"city":"A","temp":1,"express":true,"more":1,"more":"x"}',
        b'{"city":"A","temp":NaN,"express":true}',
        b'{"city":"A","temp":1,"express":true,"more":NaN}',
        b'{"city":"A","temp":1,"express":true,"more":-Infinity}',
        b'{"city":"A","temp":1e-400,"express":true}',
        b'{"city":"A","temp":-0.0,"express":true}',
        b'{"city":"A","temp":01,"express":true}',
        b'{"city":"A","temp":1.,"express":true}',
        b'{"city":"\\ud800","temp":1,"express":true}',
        b'{"city":"\\ud83d\\ude00","temp":1,"express":true}',
        b'{"city":"\\u0000","temp":1,"express":true}',
        b'{"city":"\\/","temp":1,"express":true}',
        b'{"city":"\\x","temp":1,"express":true}',
        b'{"city":"|","temp":1,"express":true}',
        b'{"city":"A","temp":1,"express":true,"input":{}}',
        b'{"city":"A","temp":1,"express":true,"input":1,"output":2,"time":"never","status":null}',
        b'{"city":"A","temp": null,"express":true}',
        b'{"city":"A","te\\u006dp":null,"express":true}',
        b'{"city":"A","temp":null,"express":null}',
        b'{"city":"A","a,\\"temp":null,"express":true}',
        b'{"city":"A","more":"{","temp":1,"express":true}',
    ]
).map(msgspec.Raw)
outputs = (
    st.just(OUTPUT)
    | st.fixed_dictionaries({"probability": numbers, "late": st.booleans()})
    | st.dictionaries(st.sampled_from(["probability", "late", "x"]), values)
    | st.none()
)
predictions = st.builds(
    Prediction,
    id=st.integers(0, 12).map(str) | texts,
    model_version=st.sampled_from(["1", "2", None]),
    input=usual_inputs | usual_inputs | odd_inputs | raw_inputs | values,
    output=outputs,
    status=st.sampled_from(["ok", "ok", "ok", "failed", "refused"]),
    error=st.none() | texts,
    latency_ms=st.none() | st.floats(0, 9) | st.integers(0, 9),
    call_site=st.none() | texts,
    mode=st.sampled_from(["sync", "batch"]),
    tenant=st.none() | texts,
    subject=st.none() | texts,
    cost=st.none() | st.dictionaries(texts, plain, max_size=2),
    withheld=st.none() | st.none() | st.just("no key"),
)
usual = st.builds(
    Prediction,
    id=st.integers(0, 60).map(str),
    model_version=st.sampled_from(["1", "2"]),
    input=st.fixed_dictionaries(
        {
            "city": st.sampled_from(["A", "Zürich", "c:d"]),
            "temp": st.none() | st.sampled_from([1, -2.5, 1e-7, 2**53 + 1]),
            "express": st.booleans(),
        }
    ),
    output=st.just(OUTPUT),
    latency_ms=st.none() | st.just(1.5),
    tenant=st.none() | st.just("t"),
)


@st.composite
def nearly_usual(draw: st.DrawFn) -> Prediction:
    """A usual prediction but for one field, or one member of its input."""
    told, odd = draw(usual), draw(predictions)
    if draw(st.booleans()):
        return msgspec.structs.replace(
            told, input={**told.input, draw(st.sampled_from([*INPUT, "more"])): draw(values)}
        )
    field = draw(st.sampled_from(told.__struct_fields__))
    return msgspec.structs.replace(told, **{field: getattr(odd, field)})


def whole_line(
    begin: bytes = b'"id":"w1","model_version":"1"',
    members: bytes = b"",
    time: bytes = b"2021-03-04T12:00:00.5Z",
    end: bytes = b"",
    output: bytes = b'"output":{"probability":0.25,"late":false}',
) -> bytes:
    """A sealed line of the writer that ``write_part`` takes, with what no client of ours writes."""
    told = b'{"kind":"prediction",%b,"input":{"city":"A","temp":20.5,"express":true},%b%b,' % (
        begin,
        output,
        members,
    )
    stamp = b'"time":"%b","feature":"tiny","writer":"web","incarnation":"20210304T120000-1-ab"'
    return seal(told + stamp % time + b',"seq":3%b}' % end)


crafted = st.sampled_from(
    [
        whole_line(),
        whole_line(members=b',"status":null'),
        whole_line(members=b',"status":"ok"'),
        whole_line(members=b',"status":"failed"'),
        whole_line(members=b',"st\\u0061tus":null'),
        whole_line(members=b',"mode":null'),
        whole_line(members=b',"mode":"batch"'),
        whole_line(members=b',"mode":"other"'),
        whole_line(members=b',"tenant":null,"error":null,"latency_ms":null,"cost":null'),
        whole_line(members=b',"latency_ms":-0'),
        whole_line(members=b',"latency_ms":1e400'),
        whole_line(members=b',"latency_ms":"1"'),
        whole_line(members=b',"extra":null'),
        whole_line(members=b',"extra":"status"'),
        whole_line(members=b',"extra":Infinity'),
        whole_line(members=b',"extra":{}'),
        whole_line(members=b',"cost":{}'),
        whole_line(members=b',"cost":{"tokens":7}'),
        whole_line(members=b',"cost":{"tokens":NaN}'),
        whole_line(members=b',"call_site":"{}"'),
        whole_line(members=b',"kind":"prediction"'),
        whole_line(members=b',"seq":9'),
        whole_line(members=b',"input":{}'),
        whole_line(begin=b'"id":"w1"'),
        whole_line(begin=b'"id":"w1","model_version":null'),
        whole_line(begin=b'"id": "w1" , "model_version":"1"'),
        whole_line(begin=b'"id":null,"model_version":"1"'),
        whole_line(begin=b'"id":7,"model_version":"1"'),
        whole_line(begin=b'"id":"\xff","model_version":"1"'),
        whole_line(begin=b'"id":"w1","model_version":"1","tenant":"\xff"'),
        whole_line(begin=b'"id":"w1","model_version":"9"'),
        whole_line(output=b'"output":null'),
        whole_line(output=b'"outp\\u0075t":{"probability":0.25,"late":false}'),
        whole_line(output=b'"output":{"probability":1,"late":false,"late":true}'),
        whole_line(output=b'"extra":{}'),
        whole_line(end=b".0"),
        whole_line(end=b"e0"),
        whole_line(end=b',"crc":"00000000"'),
        whole_line(end=b'}{"a":1'),
        *(
            whole_line(time=moment)
            for moment in (
                b"2021-03-04T12:00:00Z",
                b"2021-03-04T13:00:00.123456+01:00",
                b"2021-03-04T12:00:00+00:00",
                b"2021-03-04t12:00:00z",
                b"2021-03-04 12:00:00Z",
                b"2021-03-04T12:00Z",
                b"2021-03-04T12:00:00.1234567Z",
                b"2021-03-04T12:00:60Z",
                b"2021-03-04T24:00:00Z",
                b"2021-02-30T12:00:00Z",
                b"2021-03-04T12:00:00",
                b"1969-03-04T12:00:00Z",
            )
        ),
        b'{"kind":"prediction","id":7}\n',
        b"torn piece\n",
        b"\xff\xfe\n",
        b"\n",
    ]
)


def usual_predictions(count: int) -> list[Prediction]:
    return [
        Prediction(id=f"p{n}", model_version="1", input=INPUT, output=OUTPUT) for n in range(count)
    ]


class Both:
    """One log, compacted at once and line by line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch

    def threshold(self, at_once: bool) -> None:
        for module in (day_reading, whole):
            self._patch.setattr(module, "FEWEST_BYTES", 0 if at_once else 1 << 40)

    def tables(self, world: World, at_once: bool) -> list[Any]:
        self.threshold(at_once)
        summary = compute_prediction_log(world.root, FEATURE, [moment()])["2021-03-04"]
        log = world.log_of()
        return [
            dict(summary.numbers),
            log.schema.metadata,
            log.schema,
            _exactly(log),
            world.quarantine_of(),
        ]


def _exactly(table: pa.Table) -> list[list[str]]:
    # As text: one NaN is not another, and -0.0 is not 0.0.
    return [[repr(value) for value in column.to_pylist()] for column in table.columns]


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    return Both(tmp_path, monkeypatch)


@many_examples
@given(
    first=st.lists(
        usual | usual | nearly_usual() | nearly_usual() | crafted, min_size=30, max_size=50
    ),
    second=st.lists(usual | predictions, max_size=10),
    block=st.sampled_from([4000, 9000, 1 << 22]),
    step=st.sampled_from([timedelta(microseconds=7), timedelta(seconds=1), timedelta(hours=2)]),
)
@pytest.mark.requirement("PL-03", "PL-04", "PL-05", "PL-06", "PL-07")
def test_many_lines_at_once_say_what_they_say_one_by_one(
    both: Both, first: list[Any], second: list[Any], block: int, step: timedelta
) -> None:
    shutil.rmtree(both.folder, ignore_errors=True)
    world = World(both.folder)
    write_part(world.root.segments, first, step=step)
    write_part(world.root.segments, second, incarnation="20210304T120000-2-cd", writer="batch")
    both._patch.setattr(ingest, "BLOCK_BYTES", block)
    both._patch.setattr(ingest_parse, "FEWEST_LINES", 2)
    # What indexing read is used the first time, and read again the second.
    at_once = [both.tables(world, at_once=True) for _ in range(2)]
    singly = both.tables(world, at_once=False)
    for tables in at_once:
        for found, wanted in zip(tables, singly, strict=True):
            assert found == wanted


@many_examples
@given(
    told=st.lists(usual | usual | nearly_usual() | crafted, min_size=30, max_size=60),
    block=st.sampled_from([4000, 9000, 1 << 22]),
    step=st.sampled_from([timedelta(seconds=1), timedelta(seconds=55), timedelta(hours=2)]),
    beats=st.sampled_from([None, 0.5, 10.0, 3600.0]),
)
def test_an_index_made_at_once_is_the_one_made_line_by_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[Any],
    block: int,
    step: timedelta,
    beats: float | None,
) -> None:
    monkeypatch.setattr(whole, "FEWEST_BYTES", 0)
    monkeypatch.setattr(ingest, "BLOCK_BYTES", block)
    monkeypatch.setattr(ingest_parse, "FEWEST_LINES", 2)
    file = write_part(tmp_path, told, step=step, heartbeat_every=17, heartbeat_seconds=beats)
    singly = SegmentIndex.of("web", file.stem)
    with file.open("rb") as lines:
        singly.grow(lines)
        singly.compare_with_seal(lines)
        assert whole_index(SegmentIndex.of("web", file.stem), lines) == singly


def test_a_segment_that_is_not_what_was_sealed_is_read_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "FEWEST_BYTES", 0)
    told = usual_predictions(9)
    empty = SegmentIndex.of("web", "20210304T120000-1-ab.000001")
    for sealed, content in ((False, b""), (True, b"behind the seal\n"), (True, b"torn")):
        file = write_part(tmp_path, told, sealed=sealed)
        file.write_bytes(file.read_bytes() + content)
        with file.open("rb") as lines:
            assert whole_index(empty, lines) is None
    file = write_part(tmp_path, told)
    with file.open("rb") as lines:
        assert whole_index(empty, lines) is not None
    file.write_bytes(file.read_bytes().replace(b'"temp":20.5', b'"temp":20.6', 1))
    with file.open("rb") as lines:
        assert whole_index(empty, lines) is None


def test_rows_of_another_day_go_to_their_own(both: Both) -> None:
    world = World(both.folder)
    told = usual_predictions(30)
    write_part(world.root.segments, told, step=timedelta(hours=1))
    for day, hours in (("2021-03-04", 11), ("2021-03-05", 19)):
        for at_once in (True, False):
            both.threshold(at_once)
            compute_prediction_log(world.root, FEATURE, [moment(day)])
            assert world.log_of(day).num_rows == hours


def test_only_what_was_known_then_is_in_a_days_log(both: Both) -> None:
    world = World(both.folder)
    told = usual_predictions(30)
    write_part(world.root.segments, told, step=timedelta(minutes=1))
    then = moment(as_of=NOON + timedelta(minutes=10))
    for at_once in (True, False):
        both.threshold(at_once)
        compute_prediction_log(world.root, FEATURE, [then])
        assert world.log_of().num_rows == 10


def test_a_sealed_segment_with_a_flipped_bit_is_read_line_by_line(both: Both) -> None:
    world = World(both.folder)
    told = usual_predictions(30)
    file = write_part(world.root.segments, told)
    file.write_bytes(file.read_bytes().replace(b'"temp":20.5', b'"temp":20.6', 1))
    both.threshold(True)
    compute_prediction_log(world.root, FEATURE, [moment()])
    assert world.log_of().num_rows == 29
    assert [row["reason"] for row in world.quarantine_of()] == ["wrong checksum"]


def test_a_lookup_by_id_reads_only_where_the_bloom_filter_lets_it(both: Both) -> None:
    world = World(both.folder)
    told = [
        Prediction(id=f"p{n}", model_version="1", input=INPUT, output=OUTPUT) for n in range(50)
    ]
    write_part(world.root.segments, told)
    compute_prediction_log(world.root, FEATURE, [moment()])
    query = "SELECT bloom_filter_offset, bloom_filter_length FROM parquet_metadata(?)"
    query += " WHERE path_in_schema = 'id'"
    [(offset, length)] = duckdb.execute(query, [world.path()]).fetchall()
    assert offset > 0
    assert length > 0
    probe = "SELECT bloom_filter_excludes FROM parquet_bloom_probe(?, 'id', ?)"
    assert duckdb.execute(probe, [world.path(), "p7"]).fetchall() == [(False,)]
    strangers = [f"stranger{n}" for n in range(20)]
    excluded = [duckdb.execute(probe, [world.path(), id]).fetchall()[0][0] for id in strangers]
    assert sum(excluded) >= 18
    found = duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE id = 'p7'", [world.path()])
    assert found.fetchone() == (1,)
