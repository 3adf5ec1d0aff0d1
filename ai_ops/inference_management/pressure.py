"""Back-pressure: so many requests wait at once, who comes beyond is told to come again later."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from ai_ops.inference_management.service_metrics import ServiceMetrics

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

FULL: Final = 429
RETRY_SECONDS: Final = 1
_FAILED: Final = 500
_BODY: Final = b'{"detail":"more requests wait than this server takes; try again later"}'
_CLOSE: Final = (b"connection", b"close")


@dataclass(slots=True)
class Pressure:
    """How many requests wait now, of ``most``; and whether the server takes its leave."""

    most: int
    waiting: int = 0
    draining: bool = False


class Gate:
    """ASGI middleware before everything that makes predictions of requests.

    Beyond ``pressure.most`` it answers 429 with Retry-After and reads no body: what it turned away
    is no prediction, and only counted. Of a server that ends, every answer ends its connection.
    """

    def __init__(
        self,
        app: App,
        pressure: Pressure,
        metrics: ServiceMetrics,
        paths: Mapping[str, int],
        turned_away: Callable[[], None],
    ) -> None:
        self._app, self._pressure, self._metrics = app, pressure, metrics
        self._paths, self._turned_away = paths, turned_away

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        pressure = self._pressure
        path = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        if path is None or scope["method"] != "POST":
            await self._app(scope, receive, self._leaving(send) if pressure.draining else send)
            return
        if pressure.waiting >= pressure.most:
            self._turned_away()
            self._metrics.answered(path, FULL, 0.0)
            await _refuse(self._leaving(send) if pressure.draining else send)
            return
        begun, status = time.perf_counter(), _FAILED
        pressure.waiting += 1

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if pressure.draining:
                    message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            pressure.waiting -= 1
            self._metrics.answered(path, status, time.perf_counter() - begun)

    @staticmethod
    def _leaving(send: Send) -> Send:
        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        return closing


async def _refuse(send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(_BODY)),
        (b"retry-after", b"%d" % RETRY_SECONDS),
    ]
    await send({"type": "http.response.start", "status": FULL, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
