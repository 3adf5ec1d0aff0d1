"""The ASGI middleware: every request of its paths is a record before its answer ends."""

import asyncio
import base64
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import uvicorn
from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from ai_ops.client import Keys, PredictionLog, PredictionLogMiddleware, ServedCounter
from ai_ops.client.lines import read_line
from ai_ops.client.records import CloseRecord
from ai_ops_tests.client.reading import bytes_of, failing_log, open_log, written

JSON = {"content-type": "application/json"}


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> Any:
        asked = await request.json()
        match asked.get("text"):
            case "refuse":
                raise HTTPException(422, "not that")
            case "break":
                raise RuntimeError("the model broke")
            case "other version":
                request.state.model_version = 8
        return {"label": "spam", "size": len(asked.get("text", ""))}

    @app.post("/stream")
    async def stream(request: Request) -> StreamingResponse:
        await request.body()

        async def words() -> AsyncIterator[bytes]:
            for number in range(5):
                yield b"data: %d\n\n" % number
                await asyncio.sleep(0.02)

        return StreamingResponse(words(), media_type="text/event-stream")

    @app.put("/picture")
    async def picture(request: Request) -> Response:
        return Response((await request.body())[::-1], media_type="image/png")

    @app.get("/health")
    async def health() -> str:
        return "ok"

    return app


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    with open_log(tmp_path) as opened:
        yield opened


def wrapped(log: PredictionLog, **how: Any) -> Any:
    options: dict[str, Any] = {"paths": ["/predict", "/stream", "/pict*"], "model_version": "7"}
    return PredictionLogMiddleware(application(), log, **{**options, **how})


def ask(app: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return [await client.request(verb, url, **how) for verb, url, how in requests]

    return asyncio.run(main())


def post(app: Any, body: bytes = b'{"text": "hi"}', url: str = "/predict", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(app, ("POST", url, {"content": body, "headers": {**JSON, **given}}))[0]


@contextmanager
def served(app: Any) -> Iterator[int]:
    """A real server on a real socket; gives its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.requirement("ST-05", "ST-02", "PL-03", "PL-04", "PL-05", "PL-06", "PL-07")
def test_over_a_socket_each_answer_stands_in_the_log_when_it_arrives(
    log: PredictionLog, tmp_path: Path
) -> None:
    with served(wrapped(log)) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/health").json() == "ok"
        for number in range(3):
            answer = client.post(
                "/predict",
                content=b'{"text": "hi", "amount": 1.50}',
                headers={**JSON, "x-request-id": f"r{number}"},
            )
            assert answer.json() == {"label": "spam", "size": 2}
            told = written(tmp_path)[-1]
            assert told.id == answer.headers["x-prediction-id"]
            assert told.request_id == f"r{number}"
    assert len(written(tmp_path)) == 3
    assert bytes(told.record.input) == b'{"text": "hi", "amount": 1.50}'
    assert told.output == {"label": "spam", "size": 2}
    assert (told.model_version, told.status, told.call_site) == ("7", "ok", "/predict")
    assert told.latency_ms > 0


PROGRAM = """
import sys, uvicorn
from fastapi import FastAPI, Request
from ai_ops.client import PredictionLog, PredictionLogMiddleware

app = FastAPI()

@app.post("/predict")
async def predict(request: Request):
    return await request.json()

log = PredictionLog(sys.argv[1], "tiny", "web")
app.add_middleware(PredictionLogMiddleware, log=log, paths=["/predict"], model_version="7")
uvicorn.run(app, fd=int(sys.argv[2]), log_level="critical", ws="none")
"""


@pytest.mark.requirement("ST-02", "PL-03")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_each_answer_that_arrived_is_in_the_log_when_the_server_dies(
    tmp_path: Path, end: signal.Signals
) -> None:
    async def ask_until_it_dies(port: int, server: subprocess.Popen[bytes]) -> list[str]:
        arrived: list[str] = []

        async def ask_on(client: httpx.AsyncClient) -> None:
            with suppress(httpx.TransportError):
                while True:
                    answer = await client.post("/predict", content=b'{"x": 1}', headers=JSON)
                    arrived.append(answer.headers["x-prediction-id"])
                    if len(arrived) == 100:
                        server.send_signal(end)

        limits = httpx.Limits(max_keepalive_connections=8)
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
            await asyncio.gather(*(ask_on(client) for _ in range(8)))
        return arrived

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        fd = listening.fileno()
        command = [sys.executable, "-c", PROGRAM, str(tmp_path), str(fd)]
        server = subprocess.Popen(command, pass_fds=[fd])
        port = listening.getsockname()[1]
    arrived = asyncio.run(ask_until_it_dies(port, server))
    assert server.wait() == -end
    assert len(arrived) >= 100
    assert set(arrived) <= {told.id for told in written(tmp_path)}
    assert (b'"kind":"close"' in bytes_of(tmp_path)) is (end == signal.SIGTERM)


def test_a_client_that_leaves_half_way_is_a_failed_prediction(
    log: PredictionLog, tmp_path: Path
) -> None:
    with served(wrapped(log)) as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST /stream HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}")
            heard = b""
            while b"data: 1" not in heard:
                heard += client.recv(1000)
        deadline = time.monotonic() + 30
        while not written(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
    (told,) = written(tmp_path)
    assert told.status == "failed"
    assert "data: 0" in told.output


def test_a_stream_is_logged_at_its_end(log: PredictionLog, tmp_path: Path) -> None:
    with served(wrapped(log)) as port:
        url = f"http://127.0.0.1:{port}/stream"
        with httpx.stream("POST", url, content=b"{}", headers=JSON) as answer:
            pieces = answer.iter_raw()
            assert next(pieces).startswith(b"data: 0")
            assert written(tmp_path) == []
            rest = b"".join(pieces)
    (told,) = written(tmp_path)
    assert rest.endswith(b"data: 4\n\n")
    assert told.output.startswith("data:text/event-stream;charset=utf-8,data: 0%0A%0A")
    assert told.status == "ok"


def test_the_status_is_that_of_the_answer(log: PredictionLog, tmp_path: Path) -> None:
    answers = [post(wrapped(log), b'{"text": "%s"}' % t) for t in (b"refuse", b"break")]
    assert [answer.status_code for answer in answers] == [422, 500]
    refused, failed = written(tmp_path)
    assert (refused.status, refused.error) == ("refused", 'HTTP 422: {"detail":"not that"}')
    assert failed.status == "failed"
    assert (refused.input, refused.output) == ({"text": "refuse"}, None)


def test_an_exception_without_an_answer_is_a_record_and_goes_on(
    log: PredictionLog, tmp_path: Path
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise RuntimeError("the model broke")

    app = PredictionLogMiddleware(broken, log, paths=["/predict"], model_version="1")
    with pytest.raises(RuntimeError, match="the model broke"):
        run_raw(app, b"{}")
    (told,) = written(tmp_path)
    assert (told.status, told.error, told.input) == ("failed", "RuntimeError: the model broke", {})


def test_an_application_that_never_ends_its_answer_is_a_failed_prediction(
    log: PredictionLog, tmp_path: Path
) -> None:
    async def forgetful(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    app = PredictionLogMiddleware(forgetful, log, paths=["/predict"], model_version="1")
    run_raw(app, b"{}")
    assert written(tmp_path)[0].error.startswith("the application did not finish")


def test_a_file_that_the_server_could_send_by_itself_is_seen_all_the_same(
    log: PredictionLog, tmp_path: Path
) -> None:
    (tmp_path / "answer.txt").write_text("late")
    app = PredictionLogMiddleware(
        FileResponse(tmp_path / "answer.txt"), log, paths=["/predict"], model_version="1"
    )
    sent = run_raw(app, b"{}", extensions={"http.response.pathsend": {}})
    assert b"".join(message.get("body", b"") for message in sent) == b"late"
    (told,) = written(tmp_path)
    assert (told.status, told.output) == ("ok", "data:text/plain;charset=utf-8,late")


def run_raw(app: Any, body: bytes, **more: Any) -> list[Any]:
    """One request without a server between: gives the messages that came back."""
    sent: list[Any] = []

    asked = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        for message in asked:
            return message
        return await asyncio.Event().wait()  # the client stays, and says no more

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], **more}
    asyncio.run(app(scope, receive, send))
    return sent


def test_what_is_no_json_is_kept_as_a_data_uri(log: PredictionLog, tmp_path: Path) -> None:
    picture = bytes(range(256))
    ask(wrapped(log), ("PUT", "/picture", {"content": picture, "headers": {"content-type": "a/b"}}))
    post(wrapped(log), b'{"text": "hi"')
    post(wrapped(log), b"text=hi", content_type="application/x-www-form-urlencoded")
    kept, torn, form = written(tmp_path)
    assert kept.input == "data:a/b;base64," + base64.b64encode(picture).decode()
    assert base64.b64decode(kept.output.partition(",")[2]) == picture[::-1]
    assert torn.input == 'data:application/json,{"text": "hi"'
    assert form.input == "data:application/x-www-form-urlencoded,text=hi"


def test_a_query_is_the_input_where_there_is_no_body(log: PredictionLog, tmp_path: Path) -> None:
    app = wrapped(log, paths=["/health"], methods=["GET"])
    ask(app, ("GET", "/health?a=1&b=2&a=3", {}))
    assert written(tmp_path)[0].input == {"a": ["1", "3"], "b": "2"}


def test_only_the_paths_and_methods_are_predictions(log: PredictionLog, tmp_path: Path) -> None:
    app = wrapped(log, paths="/predict")
    ask(app, ("OPTIONS", "/predict", {}), ("GET", "/predict", {}), ("POST", "/stream", {}))
    assert written(tmp_path) == []


def test_a_long_body_is_kept_in_its_beginning_and_that_is_said(
    log: PredictionLog, tmp_path: Path
) -> None:
    body = json.dumps({"text": "x" * 5000}).encode()
    answer = post(wrapped(log, max_body=100), body)
    assert answer.json()["size"] == 5000
    (told,) = written(tmp_path)
    assert told.withheld == f"input has {len(body)} bytes, the first 100 are kept"
    assert told.input == "data:application/json," + body[:100].decode()


@pytest.mark.parametrize(("given", "taken"), [("order-7", True), ("a b", False), ("", False)])
def test_the_id_is_the_headers_or_made_up(
    log: PredictionLog, tmp_path: Path, given: str, taken: bool
) -> None:
    answer = post(wrapped(log), x_prediction_id=given)
    (told,) = written(tmp_path)
    assert told.id == answer.headers["x-prediction-id"]
    assert (told.id == given) is taken


def test_version_tenant_and_subject_are_those_of_the_request(
    log: PredictionLog, tmp_path: Path
) -> None:
    app = wrapped(
        log,
        model_version=lambda scope: scope["path"],
        tenant="X-Tenant",
        subject=lambda scope: str(len(scope["headers"])),
        call_site="inbox",
    )
    post(app, x_tenant="acme")
    post(app, b'{"text": "other version"}')
    first, second = written(tmp_path)
    assert (first.model_version, first.tenant, first.call_site) == ("/predict", "acme", "inbox")
    assert first.subject.isdigit()
    assert (second.model_version, second.tenant) == ("8", None)


@pytest.mark.requirement("PL-03")
def test_nothing_of_an_answer_leaves_without_its_record_where_the_policy_refuses(
    tmp_path: Path,
) -> None:
    answer = post(wrapped(failing_log(tmp_path)))
    assert answer.status_code == 503
    assert "could not be logged" in answer.json()["detail"]
    assert "spam" not in answer.text


def test_a_stream_breaks_off_without_its_record_where_the_policy_refuses(tmp_path: Path) -> None:
    with served(wrapped(failing_log(tmp_path))) as port:
        url = f"http://127.0.0.1:{port}/stream"
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(url, content=b"{}", headers=JSON)


def test_answers_leave_without_their_records_where_the_policy_counts(tmp_path: Path) -> None:
    log = failing_log(tmp_path, "count")
    assert post(wrapped(log)).json()["label"] == "spam"
    assert post(wrapped(log), url="/stream").text.endswith("data: 4\n\n")
    assert log.failures == 2


def test_added_as_fastapi_adds_its_middleware(log: PredictionLog, tmp_path: Path) -> None:
    app = application()
    app.add_middleware(PredictionLogMiddleware, log=log, paths=["/predict"], model_version="1")
    answers = [post(app), post(app, b'{"text": "break"}')]
    assert [answer.status_code for answer in answers] == [200, 500]
    assert [(told.status, told.error) for told in written(tmp_path)] == [
        ("ok", None),
        ("failed", "RuntimeError: the model broke"),
    ]


@pytest.mark.requirement("ST-02")
def test_what_was_served_is_counted_by_other_code_than_the_records(
    log: PredictionLog, tmp_path: Path
) -> None:
    app = ServedCounter(application(), log, ["/predict", "/stream"])
    for body in (b'{"text": "hi"}', b'{"text": "refuse"}', b'{"text": "break"}'):
        post(app, body)
    post(app, url="/stream")
    ask(app, ("GET", "/health", {}))
    log.close()
    lines = map(read_line, bytes_of(tmp_path).splitlines(keepends=True))
    (closed,) = [record for record in lines if isinstance(record, CloseRecord)]
    # Answered, refused, streamed; one that broke was no answer.
    assert (closed.served, closed.count) == (3, 0)


def test_a_path_by_a_pattern_is_called_by_the_pattern(log: PredictionLog, tmp_path: Path) -> None:
    ask(wrapped(log), ("PUT", "/picture", {"content": b"x"}))
    assert written(tmp_path)[0].call_site == "/pict*"


def test_an_answer_that_may_quote_a_ruled_field_is_not_in_the_log(tmp_path: Path) -> None:
    app = FastAPI()

    @app.post("/predict")
    async def predict(amount: Annotated[int, Body(embed=True)]) -> Any:
        return amount

    rules = {"amount": "hash"}
    with open_log(tmp_path, fields=rules, keys=Keys(hash=bytes(range(32)))) as log:
        wrapping = PredictionLogMiddleware(app, log, paths=["/predict"], model_version="1")
        answer = post(wrapping, b'{"amount": "Ada-Lovelace"}')
        post(wrapping, b"amount=Ada-Lovelace", content_type="application/x-www-form-urlencoded")
    assert "Ada-Lovelace" in answer.text
    assert b"Ada-Lovelace" not in bytes_of(tmp_path)
    quoted, form = written(tmp_path)
    assert quoted.error == "HTTP 422: withheld by the privacy policy"
    assert quoted.input["amount"].startswith("hmac:")
    assert form.withheld == "input is not a mapping, so its fields cannot be told apart"
