"""A request that is refused is logged, but it cannot fill the log."""

import json
from pathlib import Path
from typing import Any

import pytest

from ai_ops.inference_management.requests import (
    MAX_BATCH,
    MAX_BATCH_BODY,
    MAX_BODY,
    RefusedInput,
    Requests,
)
from ai_ops_tests.inference_management.serving_world import GOOD
from ai_ops_tests.inference_management.test_server_answers import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_id_that_stands_twice_in_a_batch_is_refused(world: World) -> None:
    rows = [{"id": "a", "inputs": GOOD}, {"id": "a", "inputs": GOOD}]
    sent = json.dumps({"predictions": rows, "call_site": "nightly"}).encode()
    with pytest.raises(RefusedInput, match="id: stands twice"):
        Requests(world.feature).batch(sent)
    world.answering().batch(sent)
    assert [(r.status, r.call_site) for r in world.records()] == [("refused", "nightly")] * 2


@pytest.mark.parametrize("inputs", [GOOD, {}])
def test_a_batch_of_too_many_rows_leaves_one_record_that_says_so(
    world: World, inputs: dict[str, Any]
) -> None:
    rows = [{"inputs": inputs}] * (MAX_BATCH + 1)
    sent = json.dumps({"predictions": rows, "call_site": "nightly"}).encode()
    assert world.answering().batch(sent).status == 422
    [record] = world.records()
    assert (record.status, record.call_site, bytes(record.input)) == ("refused", "nightly", b"null")
    assert f"at most {MAX_BATCH} items" in (record.error or "")


def test_a_body_that_is_too_large_leaves_one_record_that_says_so(world: World) -> None:
    assert world.answering().single(b" " * (MAX_BODY + 1)).status == 413
    assert world.answering().batch(b"[" * (MAX_BATCH_BODY + 1)).status == 413
    single, batch = world.records()
    assert f"larger than {MAX_BODY} bytes" in (single.error or "")
    assert f"larger than {MAX_BATCH_BODY} bytes" in (batch.error or "")
    assert bytes(single.input) == bytes(batch.input) == b"null"


def test_what_the_rows_of_a_refused_batch_share_does_not_swell_the_log(world: World) -> None:
    rows = [{"inputs": GOOD, "x" * 5000: 1} for _ in range(20)]
    sent = json.dumps({"predictions": rows, "call_site": "y" * 5000}).encode()
    assert world.answering().batch(sent).status == 422
    assert [r.call_site for r in world.records()] == [None] * 20
    assert max(len(r.error or "") for r in world.records()) == 1000
