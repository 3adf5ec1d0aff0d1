"""ASGI middleware: each request of the given paths is a prediction in the log.

For Starlette, FastAPI, Django, Litestar and every other ASGI application; nothing of them is
imported.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from fnmatch import fnmatchcase
from typing import Final

from ai_ops.client.exchange import Exchange, Message, Naming, Receive, Scope, Send
from ai_ops.client.log import PredictionLog

App = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS: Final = ("POST", "PUT", "PATCH")


class PredictionLogMiddleware:
    """Logs the requests of ``paths`` (exact, or patterns as ``/v1/*``) with these ``methods``.

    Input and output are the bodies: JSON as it came, anything else as a data URI with its content
    type; of the request, what the application read. 2xx and 3xx are ``ok``, 4xx ``refused``, 5xx
    and exceptions ``failed``: there the body stands in ``error``, for it may quote the input. A
    client that leaves before the end is a failed prediction with what had been sent.

    No response ends before its record is written: one that tells its length is held back, a
    stream only at its end. When the record cannot be written and the policy refuses, a response
    that was held back becomes a 503, a stream breaks off. Of a body longer than ``max_body`` the
    beginning is logged, and the record's ``withheld`` says so; such a response is sent as a stream.

    ``model_version`` is the version, or a function that is called for it as each request begins
    (with the ASGI scope, if it takes one); what the application puts into
    ``request.state.model_version`` wins. ``tenant`` and ``subject`` name a request header, or are
    functions of the scope. ``call_site`` is the entry of ``paths`` if nothing else is said: a path
    itself may hold what is personal. ``id_header`` of the request becomes the record's id if there
    is one (it must then be new with each request), and is in every response.
    """

    def __init__(
        self,
        app: App,
        log: PredictionLog | Callable[[], PredictionLog],
        *,
        paths: Collection[str],
        model_version: str | Callable[..., str | None] | None,
        methods: Collection[str] = METHODS,
        call_site: str | None = None,
        tenant: str | Callable[[Scope], str | None] | None = None,
        subject: str | Callable[[Scope], str | None] | None = None,
        id_header: str = "x-prediction-id",
        request_id_header: str = "x-request-id",
        max_body: int = 8 * 1024 * 1024,
    ) -> None:
        self._app, self._covered = app, _Covered(paths, methods)
        self._naming = Naming(
            log=log,
            model_version=_of_scope(model_version),
            call_site=call_site,
            tenant=tenant,
            subject=subject,
            id_header=id_header.lower(),
            request_id_header=request_id_header.lower(),
            max_body=max_body,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = self._covered.path_of(scope)
        if path is None:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(self._naming, path, scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BaseException as error:
            exchange.ended_by(error)
            raise
        await exchange.ended()


class ServedCounter:
    """Tells ``log.served()`` of each request of ``paths`` that was answered, and nothing else.

    It shares no code with what writes the records, so that a record path that is skipped shows.
    An answer is one that was sent to its end with a status below 500.
    """

    def __init__(
        self,
        app: App,
        log: PredictionLog,
        paths: Collection[str],
        methods: Collection[str] = METHODS,
    ) -> None:
        self._app, self._log, self._covered = app, log, _Covered(paths, methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._covered.path_of(scope) is None:
            await self._app(scope, receive, send)
            return
        status = 500

        async def counting(message: Message) -> None:
            nonlocal status
            await send(message)
            if message["type"] == "http.response.start":
                status = message["status"]
            elif _is_end(message) and status < 500:
                self._log.served()

        await self._app(scope, receive, counting)


def _of_scope(version: str | Callable[..., str | None] | None) -> Callable[[Scope], str | None]:
    if not callable(version):
        return lambda _: version
    return version if inspect.signature(version).parameters else lambda _: version()


def _is_end(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body")


class _Covered:
    def __init__(self, paths: Collection[str], methods: Collection[str]) -> None:
        if isinstance(paths, str):
            paths = (paths,)
        self._exact = frozenset(path for path in paths if not _is_pattern(path))
        self._patterns = tuple(filter(_is_pattern, paths))
        self._methods = frozenset(method.upper() for method in methods)

    def path_of(self, scope: Scope) -> str | None:
        """The path, or the pattern, that covers a request."""
        if scope["type"] != "http" or scope["method"] not in self._methods:
            return None
        path: str = scope["path"]
        if path in self._exact:
            return path
        return next((p for p in self._patterns if fnmatchcase(path, p)), None)


def _is_pattern(path: str) -> bool:
    return any(sign in path for sign in "*?[")
