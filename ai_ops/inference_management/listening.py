"""The HTTP server of one process: it takes its socket as it is, and leaves without losing anyone.

What came before the socket closed is answered, also what waited to be taken. After that no
connection is taken any more; those that there are may ask on for a moment, and each answer ends
its connection.
"""

import asyncio
import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from ai_ops.inference_management.pressure import Pressure

IDLE_SECONDS: Final = 0.5
"""How long a connection on which nothing is asked is kept open when the server ends: a request
that is on its way is still answered."""
TICK_SECONDS: Final = 0.02
BACKLOG: Final = 2048


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def address(listening: socket.socket) -> str:
    """The address of a socket that listens, as a URL."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves an application on a socket that may be shared, until it is told to end.

    ``began`` is called once it answers. It ends in order on SIGTERM, on SIGINT if it is ``alone``,
    and when ``lifeline`` (a file descriptor) is closed at its other end.
    """

    def __init__(
        self,
        app: Any,
        listening: socket.socket,
        pressure: Pressure,
        began: Callable[[], None],
        tick: Callable[[], None],
        *,
        ends_after: float,
        lifeline: int | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=round(ends_after + 1),
            timeout_keep_alive=60,  # longer than callers and proxies keep a connection that rests
        )
        super().__init__(config)
        self._listening, self._pressure = listening, pressure
        self._began, self._tick, self._lifeline = began, tick, lifeline
        self._ends_after = ends_after

    async def startup(self, sockets: Any = None) -> None:
        """Begin to take connections, one at a time: who is busy leaves them to the others."""
        await super().startup(sockets=[])
        if not self.started:
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self._listening.fileno(), self._take)
        if self._lifeline is not None:
            loop.add_reader(self._lifeline, self._cut)
        self._tick()
        self._began()

    async def on_tick(self, counter: int) -> bool:
        """Whether it is to end; ten times a second."""
        self._tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        """Take what waits, close the socket, answer everybody, and end."""
        self._pressure.draining = True
        self._tick()
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening.fileno())
        if self._lifeline is not None:
            loop.remove_reader(self._lifeline)
        waited = []
        with contextlib.suppress(BlockingIOError):
            while True:
                waited.append(self._listening.accept()[0])
        self._listening.close()
        for connection in waited:
            await self._connect(connection)
        await self._drained()
        await super().shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM ends the server in order, and the process after it as its own end has it."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are the main thread's
            return
        alone = self._lifeline is None
        # Who has a supervisor is told by it: a terminal tells both.
        handled = (signal.SIGTERM, signal.SIGINT)
        before = {
            number: signal.signal(
                number,
                self.handle_exit if alone or number == signal.SIGTERM else signal.SIG_IGN,
            )
            for number in handled
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self) -> None:
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, ConnectionError):  # another worker was quicker, or the caller left
            return
        asyncio.get_running_loop().create_task(self._connect(connection))

    async def _connect(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _cut(self) -> None:
        self.should_exit = True

    async def _drained(self) -> None:
        """Wait until every request is answered, and what rests has rested for a moment."""
        begun = time.monotonic()
        while self.server_state.connections and not self.force_exit:
            lasted = time.monotonic() - begun
            if lasted > self._ends_after:
                return
            if lasted > IDLE_SECONDS:
                for one in list(self.server_state.connections):
                    one.shutdown()  # what is being answered is: its connection ends after that
            await asyncio.sleep(TICK_SECONDS)
