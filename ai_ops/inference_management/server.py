"""The server of one AI feature: predictions over HTTP, every one of them logged."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import torch
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.background import BackgroundTask
from starlette.types import ASGIApp, Receive, Scope, Send

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client import PredictionLog
from ai_ops.client.middleware import ServedCounter
from ai_ops.inference_management.answering import Answering
from ai_ops.inference_management.answers import Answered
from ai_ops.inference_management.asking import Asking
from ai_ops.inference_management.challenger import Shadow
from ai_ops.inference_management.explained import explained_by
from ai_ops.inference_management.predictor import Champion
from ai_ops.inference_management.pressure import Gate, Pressure
from ai_ops.inference_management.requests import MAX_BATCH_BODY, MAX_BODY
from ai_ops.inference_management.service_metrics import CONTENT_TYPE, ServiceMetrics
from ai_ops.inference_management.steady_clock import steady
from ai_ops.storage.registry import CHALLENGER
from ai_ops.storage.root import Root
from ai_ops.storage.told_moves import told
from ai_ops.vocabulary.words import Mode

PATHS: Final = ("/predict", "/predict/batch")
"""Where predictions are asked for: one, and many at once."""

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

_JSON: Final = "application/json"
_MODES: Final[tuple[Mode, Mode]] = ("sync", "batch")


@dataclass(frozen=True)
class Parts:
    """What a server is made of, and what it tells of itself."""

    feature: AiFeatureSpec
    champion: Champion
    log: PredictionLog
    asking: Asking
    pressure: Pressure
    metrics: ServiceMetrics
    shadow: Shadow | None

    def unready(self) -> str | None:
        """Why it should be asked nothing now; None when it is ready."""
        if self.pressure.draining:
            return "the server ends"
        if self.champion.serving.model is None:
            return self.champion.serving.problem or "no model is loaded"
        return self.asking.stuck()

    def tell(self) -> None:
        """Tell the metrics how this process is now."""
        version, ready = self.champion.serving.version, self.unready() is None
        self.metrics.tell(
            self.pressure.waiting, ready=ready, version=version, unwritten=self.log.failures
        )

    def state(self) -> dict[str, Any]:
        """Whether a model is loaded, with what keeps the champion from serving."""
        serving = self.champion.serving
        return {
            "status": "ok" if serving.model else "no model",
            "feature": self.feature.name,
            "version": serving.version,
            "load_seconds": serving.load_seconds,
            "registry_reachable": serving.registry_reachable,
            "last_poll": serving.last_poll,
            "problem": serving.problem,
            "log": {"incarnation": self.log.incarnation, "failures": self.log.failures},
            "challenger": self.shadow.state() if self.shadow else None,
        }


def create_app(
    root: Root,
    feature: AiFeatureSpec,
    log: PredictionLog,
    *,
    champion: Champion | None = None,
    shadow_log: PredictionLog | None = None,
    metrics: ServiceMetrics | None = None,
) -> FastAPI:
    """The application: ``/predict``, ``/predict/batch``, ``/version``, ``/health``, ``/ready`` and
    ``/metrics``.

    It follows the registry's champion while it runs, and closes ``log`` when it ends. With a
    ``shadow_log`` the challenger, if there is one, is asked what the champion was asked. Its
    ``state.parts`` are its ``Parts``.
    """
    followed = champion or Champion(
        root.registry,
        feature.name,
        feature.serving.poll_seconds,
        steady(root.clock),
        explains=explained_by(root, feature.name),
        told=told(root, feature.name),
    )
    answering = Answering(feature, followed, log, feature.logging.on_log_failure)
    shadow = shadow_of(root, feature, answering, shadow_log) if shadow_log else None
    parts = Parts(
        feature,
        followed,
        log,
        Asking(answering, feature.serving.deadline_ms),
        Pressure(feature.serving.max_waiting),
        metrics or ServiceMetrics(feature.name, PATHS),
        shadow,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        torch.set_num_threads(1)  # one row is too small to share, and threads would fight for cores
        followed.start()
        parts.asking.start()
        if shadow:
            shadow.start()
        yield
        parts.asking.stop()
        followed.stop()
        if shadow:
            shadow.stop()
        log.close()

    # The pages of /docs and /redoc would load scripts from a foreign host.
    app = FastAPI(title=feature.title, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.parts = parts
    requests = answering.requests
    single, batch = requests.single_model, requests.batch_model
    endpoints = {
        PATHS[0]: _post(app, parts, 0, single, MAX_BODY, answering.single.__doc__),
        PATHS[1]: _post(app, parts, 1, batch, MAX_BATCH_BODY, answering.batch.__doc__),
    }
    app.add_middleware(_Straight, endpoints=endpoints)
    # Counted where the answer leaves, away from what writes the records: heartbeats tell it.
    app.add_middleware(ServedCounter, log=log, paths=PATHS, methods=("POST",))
    # What is turned away here is no prediction, so it stands before what counts them.
    app.add_middleware(
        Gate,
        pressure=parts.pressure,
        metrics=parts.metrics,
        paths={path: number for number, path in enumerate(PATHS)},
        turned_away=log.turned_away,
    )
    _told(app, parts)
    return app


def _told(app: FastAPI, parts: Parts) -> None:
    """The routes that tell of the server."""

    @app.get("/version")
    async def version() -> Response:
        """The version that answers now."""
        serving = parts.champion.serving
        return _json(200, {"feature": parts.feature.name, "version": serving.version})

    @app.get("/health")
    async def health() -> Response:
        """200 when a model is loaded, 503 otherwise; with what keeps the champion from serving."""
        return _json(200 if parts.champion.serving.model else 503, parts.state())

    @app.get("/ready")
    async def ready() -> Response:
        """200 when predictions are answered now; 503 without a model, with one that hangs, and in
        a server that ends."""
        problem = parts.unready()
        return _json(503 if problem else 200, {"ready": problem is None, "problem": problem})

    @app.get("/metrics")
    async def metrics() -> Response:
        """What all workers of the server count, in Prometheus's text format."""
        parts.tell()
        return Response(parts.metrics.text(), media_type=CONTENT_TYPE)


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


class _BareRoute(APIRoute):
    """A route whose endpoint takes the request as it is: nothing is left for FastAPI to solve."""

    def get_route_handler(self) -> Endpoint:
        return self.endpoint


class _Straight:
    """ASGI middleware that hands a POST to the endpoint of its path, past FastAPI's routing, which
    costs as much as all that a small model is asked."""

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, Endpoint]) -> None:
        self._app, self._endpoints = app, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        answer = await endpoint(Request(scope, receive))
        await answer(scope, receive, send)


class _Handing(BackgroundTask):
    """Hands what was answered to the challenger: run when the whole answer was sent."""

    def __init__(self, shadow: Shadow, answered: tuple[Answered, ...]) -> None:
        self._shadow, self._answered = shadow, answered

    async def __call__(self) -> None:
        self._shadow.hand(self._answered)


def _post(
    app: FastAPI, parts: Parts, number: int, model: Any, most: int, description: str | None
) -> Endpoint:
    """A route that reads the raw body: the schema is told to the docs, and checked in one pass."""
    asking, shadow, mode = parts.asking, parts.shadow, _MODES[number]

    async def endpoint(request: Request) -> Response:
        answered = await asking.answered(request, most, mode, time.perf_counter())
        after = _Handing(shadow, answered.answered) if shadow and answered.answered else None
        return Response(answered.body, answered.status, media_type=_JSON, background=after)

    schema = _inlined(model.model_json_schema())
    body = {"required": True, "content": {_JSON: {"schema": schema}}}
    app.router.add_api_route(
        PATHS[number],
        endpoint,
        methods=["POST"],
        name=PATHS[number].strip("/").replace("/", "_"),
        description=description,
        openapi_extra={"requestBody": body},
        route_class_override=_BareRoute,
    )
    return endpoint


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
