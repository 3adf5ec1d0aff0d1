"""The client: kept-alive connections, each of which asks again when it is answered."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil


@dataclass
class Contender:
    """A server under measurement: where it answers, what it is asked, how long answers took."""

    name: str
    port: int
    path: str
    body: bytes
    rows: int = 1
    pid: int = 0
    milliseconds: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def request(self) -> bytes:
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of the server and its workers per request."""
        return self.cpu_seconds / len(self.milliseconds) * 1e6

    def cpu_so_far(self) -> float:
        server = psutil.Process(self.pid)
        times = [one.cpu_times() for one in (server, *server.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.milliseconds, share))


class Connection(asyncio.Protocol):
    """Sends a request, and the next one when the answer is whole; any answer but 200 ends it."""

    _LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

    def __init__(self, request: bytes, until: float, ended: asyncio.Future[None]) -> None:
        self._request, self._until, self._ended = request, until, ended
        self._buffer = b""
        self.milliseconds: list[float] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = self._LENGTH.search(head) if separator else None
        if length is None or len(rest) < int(length[1]):
            return
        now = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(RuntimeError(f"{head!r} {rest!r}"))
            return
        self.milliseconds.append((now - self._sent) * 1000)
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def _end(self, error: Exception | None = None) -> None:
        if not self._ended.done():
            self._ended.set_exception(error) if error else self._ended.set_result(None)
            self._transport.close()


async def ask(contender: Contender, connections: int, seconds: float, keep: bool) -> None:
    """One round of one contender."""
    loop = asyncio.get_running_loop()
    started, cpu = time.perf_counter(), contender.cpu_so_far()
    asking = []
    for _ in range(connections):
        ended: asyncio.Future[None] = loop.create_future()
        connection = Connection(contender.request, started + seconds, ended)
        await loop.create_connection(lambda c=connection: c, "127.0.0.1", contender.port)  # type: ignore[misc]
        asking.append((connection, ended))
    await asyncio.gather(*(ended for _, ended in asking))
    if keep:
        contender.seconds += time.perf_counter() - started
        contender.cpu_seconds += contender.cpu_so_far() - cpu
        contender.milliseconds += [
            took for connection, _ in asking for took in connection.milliseconds
        ]
