"""The server of one AI feature: predictions over HTTP, every one of them logged."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import torch
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import PredictionLog
from ai_ops.client.middleware import ServedCounter
from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.answers import Answer, Answered, Waiting
from ai_ops.inference_management.challenger import Shadow
from ai_ops.inference_management.explained import explained_by
from ai_ops.inference_management.predictor import Champion
from ai_ops.inference_management.requests import MAX_BATCH_BODY, MAX_BODY
from ai_ops.inference_management.steady_clock import steady
from ai_ops.storage.registry import CHALLENGER
from ai_ops.storage.root import Root

_JSON = "application/json"
_SINGLE, _BATCH = "/predict", "/predict/batch"


def create_app(
    root: Root,
    feature: AiFeatureSpec,
    log: PredictionLog,
    *,
    champion: Champion | None = None,
    shadow_log: PredictionLog | None = None,
) -> FastAPI:
    """The application: ``/predict``, ``/predict/batch``, ``/version`` and ``/health``.

    It follows the registry's champion while it runs, and closes ``log`` when it ends. With a
    ``shadow_log`` the challenger, if there is one, is asked what the champion was asked.
    """
    followed = champion or Champion(
        root.registry,
        feature.name,
        feature.serving.poll_seconds,
        steady(root.clock),
        explains=explained_by(root, feature.name),
    )
    answering = Answering(feature, followed, log, feature.logging.on_log_failure)
    shadow = shadow_of(root, feature, answering, shadow_log) if shadow_log else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        torch.set_num_threads(1)  # one row is too small to share, and threads would fight for cores
        followed.start()
        if shadow:
            shadow.start()
        yield
        followed.stop()
        if shadow:
            shadow.stop()
        log.close()

    # The pages of /docs and /redoc would load scripts from a foreign host.
    app = FastAPI(title=feature.title, lifespan=lifespan, docs_url=None, redoc_url=None)
    requests = answering.requests
    gathering = Gathering(answering)

    async def batch(body: bytes, request_id: str | None) -> Answer:
        return answering.batch(body, request_id)

    single_model, batch_model = requests.single_model, requests.batch_model
    single_words, batch_words = answering.single.__doc__, answering.batch.__doc__
    _post(app, _SINGLE, gathering.single, single_model, MAX_BODY, single_words, shadow)
    _post(app, _BATCH, batch, batch_model, MAX_BATCH_BODY, batch_words, shadow)
    # Counted where the answer leaves, away from what writes the records: heartbeats tell it.
    app.add_middleware(ServedCounter, log=log, paths=(_SINGLE, _BATCH), methods=("POST",))

    @app.get("/version")
    async def version() -> Response:
        """The version that answers now."""
        return _json(200, {"feature": feature.name, "version": followed.serving.version})

    @app.get("/health")
    async def health() -> Response:
        """200 when a model is loaded, 503 otherwise; with what keeps the champion from serving."""
        serving = followed.serving
        state = {
            "status": "ok" if serving.model else "no model",
            "feature": feature.name,
            "version": serving.version,
            "load_seconds": serving.load_seconds,
            "registry_reachable": serving.registry_reachable,
            "last_poll": serving.last_poll,
            "problem": serving.problem,
            "log": {"incarnation": log.incarnation, "failures": log.failures},
            "challenger": shadow.state() if shadow else None,
        }
        return _json(200 if serving.model else 503, state)

    return app


def shadow_of(
    root: Root, feature: AiFeatureSpec, answering: Answering, log: PredictionLog
) -> Shadow:
    """The challenger of a feature, answering by the same names and the same threshold."""
    followed = Champion(
        root.registry,
        feature.name,
        feature.serving.poll_seconds,
        steady(root.clock),
        alias=CHALLENGER,
        lets_go=True,
    )
    return Shadow(followed, answering.outputs, log)


def run(app: FastAPI, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` is told the address once it answers."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )
    _Announcing(config, announce).run()


class _BareRoute(APIRoute):
    """A route whose endpoint takes the request as it is: nothing is left for FastAPI to solve."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


class _Handing(BackgroundTask):
    """Hands what was answered to the challenger: run when the whole answer was sent."""

    def __init__(self, shadow: Shadow, answered: tuple[Answered, ...]) -> None:
        self._shadow, self._answered = shadow, answered

    async def __call__(self) -> None:
        self._shadow.hand(self._answered)


class _Announcing(uvicorn.Server):
    """Tells the address when the socket is bound: port 0 lets the system choose one."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._announce(f"http://{host}:{port}")


class Gathering:
    """Answers the single predictions that arrive in one turn of the event loop together.

    Nobody waits for a timer: under load several requests are there at once, and share one call of
    the model and one write to the log; a request that comes alone is answered alone.
    """

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._waiting: list[tuple[Waiting, asyncio.Future[Answer]]] = []

    async def single(self, body: bytes, request_id: str | None) -> Answer:
        """The answer to one prediction."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._answer)
        self._waiting.append((Waiting(body, request_id, time.perf_counter()), future))
        return await future

    def _answer(self) -> None:
        gathered, self._waiting = self._waiting, []
        try:
            answers = self._answering.together([waiting for waiting, _ in gathered])
        except Exception as error:  # handed to every caller: a future left open would hang them
            for _, future in gathered:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(gathered, answers, strict=True):
            if not future.done():  # a caller that hung up is gone, its record stays
                future.set_result(answer)


def _post(
    app: FastAPI,
    path: str,
    answer: Callable[[bytes, str | None], Awaitable[Answer]],
    model: Any,
    most: int,
    description: str | None,
    shadow: Shadow | None,
) -> None:
    """A route that reads the raw body: the schema is told to the docs, and checked in one pass."""

    async def endpoint(request: Request) -> Response:
        answered = await answer(await _body(request, most), request.headers.get("x-request-id"))
        after = _Handing(shadow, answered.answered) if shadow and answered.answered else None
        return Response(answered.body, answered.status, media_type=_JSON, background=after)

    schema = _inlined(model.model_json_schema())
    body = {"required": True, "content": {_JSON: {"schema": schema}}}
    app.router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        name=path.strip("/").replace("/", "_"),
        description=description,
        openapi_extra={"requestBody": body},
        route_class_override=_BareRoute,
    )


async def _body(request: Request, most: int) -> bytes:
    """The body; of one with more than ``most`` bytes only enough to see that."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            break
    return b"".join(chunks)


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without ``$ref``: OpenAPI keeps its definitions elsewhere."""
    definitions = schema.pop("$defs", {})

    def replaced(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return replaced(definitions[part["$ref"].removeprefix("#/$defs/")])
            return {key: replaced(value) for key, value in part.items()}
        return [replaced(value) for value in part] if isinstance(part, list) else part

    inlined: dict[str, Any] = replaced(schema)
    return inlined


def _json(status: int, data: Any) -> Response:
    return Response(msgspec.json.encode(data), status, media_type=_JSON)
