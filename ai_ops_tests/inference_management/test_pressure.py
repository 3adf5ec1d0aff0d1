"""A server under pressure: who is too many is told so, who waits too long as well, and at its end
everybody who came is answered."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ai_ops.client.records import CloseRecord, PredictionRecord
from ai_ops.inference_management.served_counts import counted_beside
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.storage.clocks import WallClock
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.serving_world import GOOD, predict
from ai_ops_tests.inference_management.slow_world import Slow, slow_server, until

pytestmark = pytest.mark.requirement("OW-09")


def raw(body: bytes, *, length: int | None = None) -> bytes:
    """A request as it goes over the wire, that says to have ``length`` bytes."""
    size = len(body) if length is None else length
    return b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (size, body)


def records(slow: Slow) -> list[PredictionRecord]:
    return [one for one in slow.lines() if isinstance(one, PredictionRecord)]


def closing(slow: Slow) -> CloseRecord:
    [told] = [one for one in slow.lines() if isinstance(one, CloseRecord)]
    return told


def together(count: int, ask: Callable[[int], httpx.Response]) -> list[Future[httpx.Response]]:
    pool = ThreadPoolExecutor(count)
    asked = [pool.submit(ask, number) for number in range(count)]
    pool.shutdown(wait=False)
    return asked


def days_since(begin: datetime, end: datetime) -> list[str]:
    """The days that a test spans: two around midnight."""
    return sorted({begin.date().isoformat(), end.date().isoformat()})


def test_who_is_too_many_is_turned_away_and_told_when_to_come_again(tmp_path: Path) -> None:
    with slow_server(tmp_path, max_waiting=3) as slow:
        waiting = together(3, lambda n: predict(slow.url, {"id": f"w{n}", "inputs": GOOD}))
        until(lambda: slow.parts.pressure.waiting == 3)
        refused = predict(slow.url, {"id": "beyond", "inputs": GOOD})
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert "try again later" in refused.json()["detail"]
        # Who only looks after it is answered all the same.
        assert httpx.get(f"{slow.url}/ready").status_code == 200
        slow.model.let.set()
        assert {one.result().status_code for one in waiting} == {200}
        assert predict(slow.url, {"id": "again", "inputs": GOOD}).status_code == 200
        told = httpx.get(f"{slow.url}/metrics").text
        assert 'path="/predict",status="429"} 1.0' in told
        assert 'path="/predict",status="200"} 4.0' in told
    # It was no prediction: nothing stands in the log but that it was turned away.
    assert sorted(one.id for one in records(slow)) == ["again", "w0", "w1", "w2"]
    assert (closing(slow).served, closing(slow).count, closing(slow).turned_away) == (4, 4, 1)
    # The day's report on the log tells it to the report on the service.
    now = WallClock().now()
    moments = [Moment(day, Window.of_day(day), now) for day in days_since(closing(slow).time, now)]
    compute_prediction_log(slow.root, slow.parts.feature, moments)
    compute_log_completeness(slow.root, slow.parts.feature, moments)
    beside = [counted_beside(slow.root, "tiny", one.partition) for one in moments]
    assert sum(one.turned_away or 0 for one in beside) == 1


def test_a_request_whose_time_is_over_is_told_so_and_logged_as_failed_once(tmp_path: Path) -> None:
    with slow_server(tmp_path, deadline_ms=60.0) as slow:
        headers = {"x-deadline-ms": "20"}
        late = httpx.post(
            f"{slow.url}/predict", json={"id": "a", "inputs": GOOD}, headers=headers, timeout=20
        )
        assert late.status_code == 504 and "20 ms" in late.json()["detail"]
        # The model still thinks about it: what comes then waits for nothing.
        queued = predict(slow.url, {"id": "b", "inputs": GOOD})
        assert queued.status_code == 504 and "60 ms" in queued.json()["detail"]
        batch = {"predictions": [{"id": f"row{n}", "inputs": GOOD} for n in range(2)]}
        assert httpx.post(f"{slow.url}/predict/batch", json=batch, timeout=20).status_code == 504
        until(lambda: httpx.get(f"{slow.url}/ready").status_code == 503)
        assert "not answered for" in httpx.get(f"{slow.url}/ready").json()["problem"]
        assert httpx.get(f"{slow.url}/health").status_code == 200
        slow.model.let.set()
        until(lambda: httpx.get(f"{slow.url}/ready").status_code == 200)
    kept = {one.id: (one.status, one.mode) for one in records(slow)}
    assert kept == {
        "a": ("failed", "sync"),
        "b": ("failed", "sync"),
        "row0": ("failed", "batch"),
        "row1": ("failed", "batch"),
    }
    assert len(records(slow)) == 4 and all("ms" in (one.error or "") for one in records(slow))
    assert not closing(slow).served


def test_a_deadline_that_is_none_is_refused_and_a_longer_one_is_not_granted(tmp_path: Path) -> None:
    with slow_server(tmp_path, deadline_ms=60.0) as slow:
        url, body = f"{slow.url}/predict", {"inputs": GOOD}
        for word in ("soon", "-1", "nan"):
            refused = httpx.post(url, json=body, headers={"x-deadline-ms": word}, timeout=20)
            assert refused.status_code == 422
            assert refused.json()["detail"][0]["input"] == "x-deadline-ms"
        late = httpx.post(url, json=body, headers={"x-deadline-ms": "9999999"}, timeout=20)
        assert late.status_code == 504 and "60 ms" in late.json()["detail"]
    assert [one.status for one in records(slow)] == ["refused"] * 3 + ["failed"]


def test_a_body_that_never_comes_holds_no_place_for_ever(tmp_path: Path) -> None:
    with slow_server(tmp_path, held=False, deadline_ms=60.0) as slow:
        with slow.connected() as connection:
            connection.sendall(raw(b'{"inputs"', length=500))
            assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        until(lambda: slow.parts.pressure.waiting == 0)
    [record] = records(slow)
    assert record.status == "refused" and "did not come within 60 ms" in (record.error or "")


def test_without_a_model_it_is_not_ready(tmp_path: Path) -> None:
    with slow_server(tmp_path, version=None) as slow:
        told = httpx.get(f"{slow.url}/ready")
        assert (told.status_code, told.json()["ready"]) == (503, False)
        assert predict(slow.url, {"inputs": GOOD}).status_code == 503
        metrics = httpx.get(f"{slow.url}/metrics").text
        assert "ai_ops_workers_ready{" in metrics and "ai_ops_model_info{" not in metrics


def test_at_its_end_everybody_who_came_is_answered(tmp_path: Path) -> None:
    body = json.dumps({"inputs": GOOD}).encode()
    with (
        slow_server(tmp_path) as slow,
        httpx.Client(base_url=slow.url, timeout=20) as resting,
        slow.connected() as asked,
    ):
        assert resting.get("/ready").status_code == 200
        asked.sendall(raw(body))
        assert slow.model.asked.wait(20)
        slow.server.should_exit = True
        until(lambda: slow.parts.pressure.draining)
        # Nobody new comes in; who is there is told, and asks on over a connection of before.
        ready = resting.get("/ready")
        assert (ready.status_code, ready.headers["connection"]) == (503, "close")
        with pytest.raises(ConnectionRefusedError):
            slow.connected()
        slow.model.let.set()
        answer = read(asked)
        assert answer.startswith(b"HTTP/1.1 200") and b"connection: close" in answer
    assert [one.status for one in records(slow)] == ["ok"]
    assert (closing(slow).served, closing(slow).count) == (1, 1)


def test_who_waits_to_be_let_in_when_it_ends_is_answered(tmp_path: Path) -> None:
    body = json.dumps({"inputs": GOOD}).encode()
    with slow_server(tmp_path, held=False) as slow:
        blocked, end = threading.Event(), threading.Event()

        def block() -> None:
            blocked.set()
            assert end.wait(20)

        slow.parts.asking._singles._loop.call_soon_threadsafe(block)  # type: ignore[union-attr]
        assert blocked.wait(20)
        waiting = [slow.connected() for _ in range(5)]  # the system took them, the server did not
        for one in waiting:
            one.sendall(raw(body))
        slow.server.should_exit = True
        end.set()
        assert all(read(one).startswith(b"HTTP/1.1 200") for one in waiting)
    assert len(records(slow)) == closing(slow).served == 5


def read(connection: Any) -> bytes:
    """All that comes until the other end closes."""
    with connection:
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)
