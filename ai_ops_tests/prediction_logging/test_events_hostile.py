"""Whatever stands in a file of events: nothing is raised, and no line goes untold."""

import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.event_world import (
    CAPTURED,
    Read,
    captured,
    cloud_event,
    feature_of,
    write_lines,
)
from ai_ops_tests.prediction_logging.test_own_log_page import EVENTS, PARTS, of_part

ASKED, ANSWERED = ["Ulm", 20.5, True], [0.25, False]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("1e999")
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
GOOD = {
    part["source"]["kind"]: [json.loads(line) for line in EVENTS[place].splitlines()]
    for place, part in enumerate(PARTS)
}
GOOD["sagemaker_capture"] += [
    captured("b", [ASKED, ASKED], [ANSWERED, ANSWERED], ("JSON", "CSV")),
    captured("c", [ASKED], [ANSWERED], ("BASE64 JSON", "BASE64 CSV")),
]
GOOD["kserve_events"] += [
    cloud_event("request", "b", {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "BYTES"}]}),
    {"headers": {"Ce-Type": "org.kubeflow.serving.inference.request", "ce-id": "c"}, "body": "{}"},
]


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [path, *(found for key, one in inner for found in places(one, (*path, key)))]


@st.composite
def damaged(draw: Callable[..., Any], kind: str) -> str:
    """An event of which one or two members are something else, or a line of anything."""
    if draw(st.integers(0, 9)) == 0:
        return str(draw(st.one_of(JSON.map(json.dumps), st.text(max_size=20)))).replace("\n", " ")
    event = deepcopy(draw(st.sampled_from(GOOD[kind])))
    for _ in range(draw(st.integers(1, 2))):
        *outer, last = draw(st.sampled_from([path for path in places(event) if path]))
        target = event
        for key in outer:
            target = target[key]
        target[last] = draw(JSON)
    return json.dumps(event)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.requirement("MO-08")
def test_no_line_is_raised_and_none_goes_untold(tmp_path: Path, kind: str, data: Any) -> None:
    lines = data.draw(st.lists(damaged(kind), min_size=1, max_size=5))
    [part] = [one for one in PARTS if one["source"]["kind"] == kind]
    write_lines(tmp_path / CAPTURED, lines)
    found = Read(Root.open(tmp_path, {}), of_part(part, CAPTURED))
    if kind in ("sagemaker_capture", "mlflow_traces"):
        told = {row["row"] for row in found.rows} | {one.offset for one in found.quarantined}
        # A line may hold a list without events.
        held = {number for number, line in enumerate(lines, 1) if line.strip() not in ("", "[]")}
        assert told == held


def test_a_file_that_breaks_off_is_told_and_what_was_read_of_it_stands(tmp_path: Path) -> None:
    lines = [json.dumps(captured(f"e{n:03}", [ASKED], [ANSWERED])) for n in range(400)]
    whole = gzip.compress("\n".join(lines).encode(), compresslevel=1)
    file = tmp_path / "capture/a.jsonl.gz"
    file.parent.mkdir()
    feature = feature_of("sagemaker_capture", "capture/*.gz")
    file.write_bytes(whole)
    assert len(Read(Root.open(tmp_path, {}), feature).rows) == 400
    file.write_bytes(whole[: len(whole) // 2])
    found = Read(Root.open(tmp_path, {}), feature)
    [one] = [one for one in found.quarantined if one.reason == "unreadable file"]
    assert one.segment == "capture/a.jsonl.gz" and "breaks off" in (one.detail or "")
    file.write_bytes(b"no gzip at all")
    assert [one.reason for one in Read(Root.open(tmp_path, {}), feature).quarantined] == [
        "unreadable file"
    ]


def test_a_byte_order_mark_and_blank_lines_are_no_damage(tmp_path: Path) -> None:
    line = json.dumps(captured("e", [ASKED], [ANSWERED])).encode()
    write_lines(tmp_path / CAPTURED, [b"\xef\xbb\xbf" + line + b"\r", b"", b"  ", line[:9], b""])
    found = Read(Root.open(tmp_path, {}), feature_of("sagemaker_capture"))
    assert [row["id"] for row in found.rows] == ["e"]
    assert [one.offset for one in found.quarantined] == [4]
