"""SageMaker's Data Capture becomes rows: every encoding, batches, S3, and damage that is named."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import s3fs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_ops.prediction_logging.events.reading import event_files
from ai_ops.storage.files import options_for
from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.event_world import (
    CAPTURED,
    NOON,
    Read,
    captured,
    feature_of,
    values_of,
    write_lines,
)

FEATURE = feature_of("sagemaker_capture", "capture/**/*.jsonl")
ASKED, ANSWERED = ["Ulm", 20.5, True], [0.25, False]
ENCODINGS = ("CSV", "JSON", "BASE64 CSV", "BASE64 JSON")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path, {})


def read(root: Root, *lines: Any, feature: Any = FEATURE) -> Read:
    write_lines(root.folder / CAPTURED, lines)
    return Read(root, feature)


@pytest.mark.requirement("FQ-01", "PL-04", "PL-05", "PL-06", "PL-07")
@pytest.mark.parametrize("asked", ENCODINGS)
@pytest.mark.parametrize("answered", ENCODINGS)
def test_a_call_is_read_in_every_encoding(root: Root, asked: str, answered: str) -> None:
    found = read(root, captured("e1", [ASKED], [ANSWERED], (asked, answered)))
    row = found.of("e1")
    assert not found.quarantined
    assert values_of(row) == (ASKED, ANSWERED)
    assert (row["time"], row["status"], row["request_id"], row["row"]) == (NOON, "ok", "e1", 1)
    assert (row["wrong"], row["input"], row["output"]) == (None, None, None)


def test_the_line_of_the_documentation_is_read(root: Root) -> None:
    line = (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT",'
        '"data":"132,25,113.2,96,269.9,107,,0,0,0,0,0,0,1,0,1,0,0,1","encoding":"CSV"},'
        '"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
        '"data":"0.01076381653547287","encoding":"CSV"}},"eventMetadata":{"eventId":'
        '"feca1ab1-8025-47e3-8f6a-99e3fdd7b8d9","inferenceTime":"2019-11-20T23:33:12Z"},'
        '"eventVersion":"0"}'
    )
    feature = feature_of(
        "sagemaker_capture",
        inputs={"city": "0", "temp": "6", "express": "13"},
        outputs={"probability": "0"},
        attributes={
            "outputs": [{"name": "probability", "type": "probability"}],
            "judged": {"score": "probability"},
        },
    )
    [row] = read(root, line, feature=feature).rows
    assert [row[f"input_{name}"] for name in ("city", "temp", "express")] == ["132", None, True]
    assert (row["output_probability"], row["time"].isoformat()) == (
        0.01076381653547287,
        "2019-11-20T23:33:12+00:00",
    )


def test_the_rows_of_one_call_are_predictions_of_their_own(root: Root) -> None:
    many = [["Ulm", 1.0, True], ["Bonn", None, False]]
    answers = [[0.1, True], [0.9, False]]
    for encoding in (("CSV", "JSON"), ("JSON", "CSV"), ("BASE64 CSV", "BASE64 JSON")):
        found = read(
            root,
            captured("a", many, answers, encoding),
            captured("b", [ASKED], [ANSWERED], encoding, seconds=1),
        )
        assert [row["id"] for row in found.rows] == ["a#0", "a#1", "b"]
        told = [values_of(row) for row in found.rows]
        assert told == [(many[0], answers[0]), (many[1], answers[1]), (ASKED, ANSWERED)]


@pytest.mark.parametrize("answer", ["0.1,0.9", "0.1\n0.9", "[0.1, 0.9]", "[[0.1], [0.9]]"])
def test_answers_in_one_line_are_one_for_each_row_that_was_asked(root: Root, answer: str) -> None:
    line = captured("a", [["Ulm", 1, True], ["Bonn", 2, False]], [[0.5, True]])
    told = {"data": answer, "encoding": "JSON" if answer.startswith("[") else "CSV"}
    line["captureData"]["endpointOutput"] = told
    feature = feature_of(
        "sagemaker_capture",
        attributes={
            "outputs": [{"name": "probability", "type": "probability"}],
            "judged": {"score": "probability"},
        },
    )
    found = read(root, line, feature=feature)
    assert [row["output_probability"] for row in found.rows] == [0.1, 0.9]


CELLS = st.tuples(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1
    ).filter(str.strip),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)
ANSWERS = st.tuples(st.floats(0, 1), st.booleans())
CALLS = st.lists(
    st.tuples(
        st.lists(st.tuples(CELLS, ANSWERS), min_size=1, max_size=3),
        st.sampled_from(ENCODINGS),
        st.sampled_from(ENCODINGS),
        st.integers(0, 3599),
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=CALLS)
def test_whatever_was_captured_in_whatever_encoding_is_read_back(root: Root, calls: Any) -> None:
    lines, expected = [], {}
    for number, (rows, asked, answered, seconds) in enumerate(calls):
        told = ([list(one) for one, _ in rows], [list(one) for _, one in rows])
        lines.append(captured(f"e{number}", *told, (asked, answered), seconds))
        for place, pair in enumerate(zip(*told, strict=True)):
            expected[f"e{number}#{place}" if len(rows) > 1 else f"e{number}"] = pair
    found = read(root, *lines)
    assert not found.quarantined
    assert {row["id"]: values_of(row) for row in found.rows} == expected


@pytest.mark.requirement("MO-08")
def test_damage_is_told_with_line_field_and_reason_and_the_rest_goes_on(root: Root) -> None:
    unknown = captured("x", [ASKED], [ANSWERED])
    unknown["captureData"]["endpointInput"]["encoding"] = "GZIP"
    image = captured("x", [ASKED], [ANSWERED], ("BASE64 CSV", "CSV"))
    image["captureData"]["endpointInput"]["observedContentType"] = "image/png"
    coded = captured("x", [ASKED], [ANSWERED], ("BASE64 CSV", "CSV"))
    coded["captureData"]["endpointInput"]["data"] = "%%%"
    only_asked = captured("x", [ASKED], [ANSWERED])
    del only_asked["captureData"]["endpointOutput"]
    untimed = captured("x", [ASKED], [ANSWERED])
    del untimed["eventMetadata"]["inferenceTime"]
    found = read(
        root,
        captured("good", [ASKED], [ANSWERED]),
        '{"captureData": {"endpointInp',
        b'{"captureData": "\xff"}',
        {"level": "INFO", "message": "rotated"},
        unknown,
        image,
        coded,
        only_asked,
        untimed,
        captured("x", [[*ASKED, 7]], [ANSWERED]),
        captured("x", [ASKED, ASKED], [ANSWERED]),
        captured("x", [ASKED], [ANSWERED], inferenceTime="yesterday"),
        captured("x", [ASKED], [ANSWERED], inferenceTime="2021-03-04T12:00:00"),
        captured(None, [ASKED], [ANSWERED]),  # type: ignore[arg-type]
        "",
        captured("also good", [ASKED], [ANSWERED], ("JSON", "CSV")),
    )
    assert [row["id"] for row in found.rows] == ["also good", "good"]
    assert found.of("also good")["row"] == 16
    told = {line: (reason, detail) for line, reason, detail in found.told}
    data = "captureData.endpointInput"
    assert set(told) == set(range(2, 15))
    assert told[2][0] == told[3][0] == "not JSON" and "truncated" in told[2][1]
    assert told[4] == ("event of another kind", "captureData: missing: no event of Data Capture")
    assert told[5][1] == f"{data}.encoding: unknown: 'GZIP' (know CSV, JSON and BASE64)"
    assert told[6][1] == f"{data}.observedContentType: neither CSV nor JSON: 'image/png'"
    assert told[7][1].startswith(f"{data}.data: no text in base64")
    assert told[8][1] == "captureData.endpointOutput: missing: was it not captured?"
    assert told[9][1].startswith("eventMetadata.inferenceTime: missing")
    assert told[10][1].startswith(f"{data}.data: 4 values, and 3 are declared")
    assert told[11][1] == "captureData.endpointOutput.data: 2 rows were asked and 1 answered"
    assert told[12][1] == "eventMetadata.inferenceTime: no moment: 'yesterday'"
    assert told[13][1].endswith("tells no zone: name it as source.time_zone")
    assert told[14] == ("missing or unreadable field", "id: missing")
    dated = [one for one in found.quarantined if one.offset == 5]
    assert dated[0].time == NOON and dated[0].id == "x"
    assert dated[0].raw == json.dumps(unknown).encode()
    assert {one.segment for one in found.quarantined} == {CAPTURED}


def test_a_value_that_does_not_fit_is_named_and_kept_as_it_came(root: Root) -> None:
    found = read(
        root,
        captured("a", [["Ulm", "warm", True]], [ANSWERED]),
        captured("b", [["Ulm", 1, None]], [["1e400", False]]),
        captured("c", [["", 2, True]], [ANSWERED], ("JSON", "JSON")),
    )
    row = found.of("a")
    assert (row["wrong"], row["input_temp"], row["output"]) == (["input_temp"], None, None)
    assert json.loads(row["input"]) == {"city": "Ulm", "temp": "warm", "express": "true"}
    row = found.of("b")
    assert row["wrong"] == ["input_express", "output_probability"]
    assert json.loads(row["output"])["probability"] == "1e400"
    assert found.of("c")["wrong"] == ["input_city"]


def test_members_of_a_record_are_found_where_the_yaml_says(root: Root) -> None:
    attributes = '{"tenant": "acme", "site": "checkout"}'
    line = captured("e", [ASKED], [ANSWERED], inferenceId="order-7", customAttributes=[attributes])
    columns = {
        "tenant": "eventMetadata.customAttributes.0.tenant",
        "call_site": "eventMetadata.customAttributes.0.site",
        "subject": "input.city",
        "request_id": "endpoint",
    }
    found = read(root, line, feature=feature_of("sagemaker_capture", columns=columns))
    row = found.of("order-7")
    assert (row["tenant"], row["call_site"], row["subject"]) == ("acme", "checkout", "Ulm")
    assert (row["request_id"], row["model_version"]) == ("delays-endpoint", "blue")
    fixed = read(root, line, feature=feature_of("sagemaker_capture", version="7"))
    assert fixed.of("order-7")["model_version"] == "7"


def test_a_time_without_a_zone_is_of_the_zone_that_the_yaml_names(root: Root) -> None:
    line = captured("e", [ASKED], [ANSWERED], inferenceTime="2021-03-04T13:00:00.25")
    found = read(root, line, feature=feature_of("sagemaker_capture", time_zone="Europe/Berlin"))
    assert found.of("e")["time"].isoformat() == "2021-03-04T12:00:00.250000+00:00"


def test_a_field_that_privacy_drops_is_not_kept(root: Root) -> None:
    privacy = {"fields": {"city": "drop", "tenant": "drop"}}
    columns = {"tenant": "eventMetadata.customAttributes.0"}
    feature = feature_of("sagemaker_capture", columns=columns, attributes={"privacy": privacy})
    line = captured("e", [["Ulm", "warm", True]], [ANSWERED], customAttributes=["acme"])
    row = read(root, line, feature=feature).of("e")
    assert (row["input_city"], row["tenant"], row["wrong"]) == (None, None, ["input_temp"])
    assert json.loads(row["input"]) == {"temp": "warm", "express": "true"}


def test_only_folders_near_the_asked_days_are_read(root: Root) -> None:
    for day in ("2021/03/01", "2021/03/03", "2021/03/05", "2021/03/09"):
        write_lines(root.folder / f"capture/e/v/{day}/00/x.jsonl", [])
    near = event_files(root, FEATURE, ["2021-03-04"])
    assert [file.name.split("/")[5] for file in near] == ["03", "05"]
    assert len(event_files(root, FEATURE)) == 4


def test_captures_are_read_where_sagemaker_puts_them(
    tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a-key-of-the-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment = {"AWS_ENDPOINT_URL": s3_endpoint}
    bucket = "b" + sha256(str(tmp_path).encode()).hexdigest()[:20]
    store = s3fs.S3FileSystem(**(options_for(f"s3://{bucket}", environment) or {}))
    store.mkdir(bucket)
    line = json.dumps(captured("e", [ASKED], [ANSWERED])).encode()
    store.pipe_file(f"{bucket}/{CAPTURED}", line + b"\nbroken")
    feature = feature_of("sagemaker_capture", f"s3://{bucket}/capture/**/*.jsonl")
    found = Read(Root.open(tmp_path, environment), feature)
    assert values_of(found.of("e")) == (ASKED, ANSWERED)
    assert found.of("e")["model_version"] == "blue"
    assert [one.segment for one in found.quarantined] == [f"s3://{bucket}/{CAPTURED}"]
