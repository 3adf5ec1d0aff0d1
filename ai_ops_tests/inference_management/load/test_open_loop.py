"""The open loop against real endpoints: it sends at its moments, whatever the endpoint does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ai_ops.inference_management.load.driving import Driving, LoadBroken, driven
from ai_ops.inference_management.load.plan import Plan


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked; the first request waits until ``gate`` is open."""

    protocol_version = "HTTP/1.1"
    gate = threading.Event()
    stalls = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if type(self).stalls:
            type(self).gate.wait(10)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@contextmanager
def serving(handler: type[Echo]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        handler.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_request_is_sent_and_its_answer_is_kept() -> None:
    with serving(Echo) as url:
        course = driven(Plan(url, ["1", "2"], rate=100, seconds=0.5, keep_answers=True))
    assert [one.answer for one in course.requests] == ["1", "2"] * 25
    assert len(course.answered) == 50 and not course.failed
    assert course.cpu_seconds > 0 and not course.stopped_early


@pytest.mark.requirement("PL-27")
def test_requests_leave_at_their_moments_while_nothing_is_answered() -> None:
    class Stalling(Echo):
        gate = threading.Event()
        stalls = True

    with serving(Stalling) as url, Driving(Plan(url, ["{}"], rate=50, seconds=1)) as load:
        threading.Timer(2.5, Stalling.gate.set).start()
        course = load.course()
    # A closed loop would have sent one request and seen one slow answer.
    assert len(course.requests) == 50
    first, last = course.requests[0], course.requests[-1]
    assert first.ended - first.intended > last.ended - last.intended > 0.5
    assert all(one.latency_ms >= 500 for one in course.requests)


def test_a_load_can_be_ended_early_and_tells_what_it_saw() -> None:
    with serving(Echo) as url, Driving(Plan(url, ["{}"], rate=20, seconds=60)) as load:
        load.stop()
        course = load.course()
    assert course.stopped_early and len(course.requests) < 1000


def test_an_endpoint_that_is_not_there_answers_nothing() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound, and never listening
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        course = driven(Plan(url, ["{}"], rate=20, seconds=0.2))
    assert len(course.failed) == 4 and course.achieved_rate == 0
    assert all(one.status is None and one.error for one in course.requests)


def test_a_generator_that_breaks_says_why() -> None:
    with Driving(Plan("no address", ["{}"], rate=1, seconds=0.1)) as load:
        load._process.kill()  # type: ignore[union-attr]
        with pytest.raises(LoadBroken, match="failed"):
            load.course()
