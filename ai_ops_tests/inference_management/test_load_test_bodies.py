"""What a load test sends: what was really asked, and nothing that privacy took out of the log."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.load_test_bodies import bodies_in, bodies_of
from ai_ops.inference_management.requests import Requests
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops_tests.inference_management import serving_world as world

FEATURE = AiFeatureSpec(**world.ATTRIBUTES)
SCHEMA = pa.schema([(name, pa.string()) for name in ("status", "withheld", "input")])


def with_rules(**rules: Any) -> AiFeatureSpec:
    privacy = FEATURE.privacy.model_copy(update={"fields": rules})
    return FEATURE.model_copy(update={"privacy": privacy})


def logged(root: Root, day: str, *inputs: Any, **changed: Any) -> None:
    rows = [
        {"status": "ok", "withheld": None, "input": json.dumps(one), **changed} for one in inputs
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    root.lake.write_table(root.lake.path(world.NAME, "prediction_log", day), table)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path / "root", {})


def test_the_latest_days_of_the_log_are_asked_again(root: Root) -> None:
    for day in ("2021-03-01", "2021-03-02", "2021-03-03", "2021-03-04"):
        logged(root, day, {**world.GOOD, "city": day})
    bodies = bodies_of(root, FEATURE, None)
    asked = [json.loads(one)["inputs"]["city"] for one in bodies.single()]
    assert asked == ["2021-03-02", "2021-03-03", "2021-03-04"]
    assert bodies.source == "3 predictions of the log of 2021-03-02 to 2021-03-04"
    assert not bodies.made
    requests = Requests(FEATURE)
    assert [requests.single(one.encode()).call_site for one in bodies.single()] == ["load_test"] * 3
    (batch,) = bodies.batches(5)
    assert len(requests.batch(batch.encode())) == 5, "a short log is gone through again"


def test_what_failed_or_would_be_refused_now_is_not_sent(root: Root) -> None:
    logged(root, "2021-03-03", world.GOOD, status="failed")
    logged(root, "2021-03-04", {"city": "A"}, {**world.GOOD, "temp": "warm"}, world.GOOD)
    (one,) = bodies_of(root, FEATURE, None).single()
    assert json.loads(one) == {"inputs": world.GOOD, "call_site": "load_test"}


def test_a_log_of_before_anything_could_be_withheld_is_asked_again(root: Root) -> None:
    table = pa.table({"status": ["ok"], "input": [json.dumps(world.GOOD)]})
    root.lake.write_table(root.lake.path(world.NAME, "prediction_log", "2021-03-04"), table)
    assert bodies_of(root, FEATURE, None).source == "1 predictions of the log of 2021-03-04"


def test_a_log_without_raw_inputs_is_asked_by_made_values(root: Root) -> None:
    table = pa.table({"status": ["ok"], "input_city": ["A"]})
    root.lake.write_table(root.lake.path(world.NAME, "prediction_log", "2021-03-04"), table)
    assert bodies_of(root, FEATURE, None).source == "one prediction of typical values"


def test_a_field_that_privacy_protects_is_a_typical_value_and_the_record_says_so(
    root: Root,
) -> None:
    protected = {"city": "hmac:0123", "temp": "enc:1:abcd", "express": True}
    logged(root, "2021-03-04", protected)
    bodies = bodies_of(root, with_rules(city="hash", temp="encrypt"), None)
    assert bodies.made == ("city", "temp")
    (one,) = bodies.single()
    assert json.loads(one)["inputs"] == {"city": "typical", "temp": 0.0, "express": True}


def test_without_a_log_values_are_made_of_what_is_declared(root: Root) -> None:
    bodies = bodies_of(root, FEATURE, None)
    assert bodies.source == "one prediction of typical values"
    assert bodies.made == ("city", "temp", "express")
    assert bodies_of(root, FEATURE, "7") == bodies, "nor is there a version to take a reference of"


def test_bodies_of_a_file_are_sent_as_they_are_and_a_bad_one_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bodies.jsonl"
    file.write_text('{"instances":[1]}\n\n{"instances":[2]}\n')
    bodies = bodies_in(file)
    assert bodies.single() == ['{"instances":[1]}', '{"instances":[2]}'] and bodies.whole
    file.write_text("{}\nno json\n")
    with pytest.raises(BadInput, match="line 2"):
        bodies_in(file)
    file.write_text("\n")
    with pytest.raises(BadInput, match="is empty"):
        bodies_in(file)
    with pytest.raises(BadInput, match="cannot be read"):
        bodies_in(tmp_path / "nowhere")
