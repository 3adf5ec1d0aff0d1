"""One HTTP request and its response, overheard on their way through an ASGI application."""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from ai_ops.client.bodies import as_payload
from ai_ops.client.calls import (
    LogSource,
    Picks,
    described,
    milliseconds_since,
    new_id,
    write,
    write_despite,
)
from ai_ops.client.records import Prediction
from ai_ops.vocabulary.errors import LogWriteFailed
from ai_ops.vocabulary.words import PredictionStatus

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ID: Final = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
_MOST_ERROR: Final = 1000
_UNLOGGED: Final = (
    b'{"detail":"the prediction could not be logged, so it is not answered; try again"}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Where the fields of a record stand in a request."""

    log: LogSource
    model_version: Callable[[Scope], str | None]
    call_site: str | None
    tenant: str | Callable[[Scope], str | None] | None
    subject: str | Callable[[Scope], str | None] | None
    id_header: str
    request_id_header: str
    max_body: int


class Body:
    """A body as it passes by: its first ``most`` bytes, and how many there were."""

    def __init__(self, most: int) -> None:
        self.size = 0
        self._most, self._chunks = most, list[bytes]()

    def add(self, chunk: bytes) -> None:
        """Overhear one piece."""
        if self.size < self._most:
            self._chunks.append(chunk[: self._most - self.size])
        self.size += len(chunk)

    def payload(self, what: str, content_type: str, picks: Picks) -> Any:
        """What the record holds of it."""
        if self.size > self._most:
            picks.fail(f"{what} has {self.size} bytes, the first {self._most} are kept")
        return as_payload(self.kept, content_type)

    @property
    def kept(self) -> bytes:
        """The bytes that were kept."""
        return b"".join(self._chunks)


class Exchange:
    """Hands messages on between server and application, and writes one record at the end."""

    def __init__(
        self, naming: Naming, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._started = time.perf_counter()
        self._naming, self._scope, self._receive, self._send = naming, scope, receive, send
        # A file that the server sends by itself would pass unseen; without this it comes as a body.
        (scope.get("extensions") or {}).pop("http.response.pathsend", None)
        self._call_site, self._headers = naming.call_site or path, _headers(scope)
        self._asked, self._answered = Body(naming.max_body), Body(naming.max_body)
        self._start: Message | None = None
        self._held: list[Message] | None = []  # None once the response is on its way
        self._over = self._gone = False
        self._picks = Picks()
        self._version = self._picks.pick("model_version", naming.model_version, scope)
        told = self._headers.get(naming.id_header, "")
        self.id = told if _ID.match(told) else new_id()

    async def receive(self) -> Message:
        """A message from the server to the application."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._asked.add(message.get("body", b""))
        elif message["type"] == "http.disconnect":
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        """A message from the application to the server; the last one waits for the record."""
        match message["type"]:
            case "http.response.start":
                self._start = _with_header(message, self._naming.id_header, self.id)
                if self._held is not None:
                    self._held.append(self._start)
            case "http.response.body" if not self._over:
                await self._body(message)
            case _:
                await self._let_go()
                await self._send(message)

    async def ended(self) -> None:
        """The application returned: a response without an end is a failed prediction."""
        if self._over:
            return
        self._over = True
        reason = "the client went away" if self._gone else "the application did not finish"
        self._write_unfinished(f"{reason} after {self._answered.size} bytes of the response")
        await self._let_go()

    def ended_by(self, error: BaseException) -> None:
        """The application raised: nothing else is raised by the record."""
        if not self._over:
            self._over = True
            write_despite(self._naming.log, self._prediction("failed", described(error)), error)

    async def _body(self, message: Message) -> None:
        self._answered.add(message.get("body", b""))
        if message.get("more_body"):
            await self._pass(message)
            return
        self._over = True
        try:
            write(self._naming.log, self._finished())
        except LogWriteFailed:
            if self._held is None:
                raise  # half of it is sent: to break off is the one way left to refuse it
            await self._refuse()
            return
        await self._let_go()
        await self._send(message)

    async def _pass(self, message: Message) -> None:
        """A piece that is not the last: a response of a told length waits for its end."""
        if self._held is not None and "content-length" in _headers(self._start or {}):
            self._held.append(message)
            if self._answered.size > self._naming.max_body:
                await self._let_go()
            return
        await self._let_go()
        await self._send(message)

    async def _let_go(self) -> None:
        held, self._held = self._held, None
        for message in held or ():
            await self._send(message)

    async def _refuse(self) -> None:
        self._held = None
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(_UNLOGGED)).encode()),
            (self._naming.id_header.encode(), self.id.encode()),
        ]
        await self._send({"type": "http.response.start", "status": 503, "headers": headers})
        await self._send({"type": "http.response.body", "body": _UNLOGGED})

    def _finished(self) -> Prediction:
        code = self._start["status"] if self._start else 500
        if code < 400:
            return self._prediction("ok", None)
        # Not as output: an error may quote the input, outside the fields that a policy knows.
        error = f"HTTP {code}: {self._answered.kept[:_MOST_ERROR].decode(errors='replace')}"
        status: PredictionStatus = "refused" if code < 500 else "failed"
        return self._prediction(status, error[:_MOST_ERROR], output=False)

    def _write_unfinished(self, error: str) -> None:
        try:
            write(self._naming.log, self._prediction("failed", error))
        except LogWriteFailed:
            if self._gone:
                return  # nobody is left to be refused; the log has counted it
            raise

    def _prediction(
        self, status: PredictionStatus, error: str | None, output: bool = True
    ) -> Prediction:
        naming, picks = self._naming, self._picks
        stated = self._scope.get("state") or {}
        version = stated.get("model_version", self._version)
        return Prediction(
            id=self.id,
            model_version=None if version is None else str(version),
            input=picks.pick("input", self._input),
            output=picks.pick("output", self._output) if output else None,
            status=status,
            error=error,
            latency_ms=milliseconds_since(self._started),
            call_site=self._call_site,
            tenant=picks.pick("tenant", self._named, naming.tenant),
            subject=picks.pick("subject", self._named, naming.subject),
            request_id=self._headers.get(naming.request_id_header),
            withheld=picks.failed,
        )

    def _input(self) -> Any:
        if self._asked.size == 0:
            return _query(self._scope)
        kind = self._headers.get("content-type", "")
        return self._asked.payload("input", kind, self._picks)

    def _output(self) -> Any:
        kind = _headers(self._start or {}).get("content-type", "")
        return self._answered.payload("output", kind, self._picks)

    def _named(self, where: str | Callable[[Scope], str | None] | None) -> str | None:
        if where is None:
            return None
        return where(self._scope) if callable(where) else self._headers.get(where.lower())


def _headers(message: MutableMapping[str, Any]) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in message.get("headers") or ()
    }


def _with_header(start: Message, name: str, value: str) -> Message:
    if name in _headers(start):
        return start
    return {**start, "headers": [*start.get("headers", ()), (name.encode(), value.encode())]}


def _query(scope: Scope) -> dict[str, Any] | None:
    """The parameters of the query, for a request without a body."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1")):
        found[name] = [*_as_list(found[name]), value] if name in found else value
    return found or None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
