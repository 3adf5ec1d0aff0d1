"""``ai-ops serve FEATURE``: the server of an AI feature, on the loopback unless told otherwise."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import DEFAULT_ROOT, DEFS, FeatureArgument, RootOption, resolve_feature, told
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingExtra
from ai_ops.vocabulary.words import Environment

if TYPE_CHECKING:
    from socket import socket as Socket

    from fastapi import FastAPI

    from ai_ops.client import PredictionLog
    from ai_ops.inference_management.service_metrics import ServiceMetrics

SWITCH_SECONDS: Final = 0.001

Served = Literal["production", "staging"]
"""The environments that there is a server of: the challenger answers nobody."""


@told
def serve(
    feature: FeatureArgument,
    root: RootOption = DEFAULT_ROOT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8100,
    writer: Annotated[str, typer.Option(help="Name under which predictions are logged.")] = "serve",
    defs: Annotated[Path, typer.Option(help="Folder of the AI features' YAML.")] = DEFS,
    rehearsal: Annotated[
        bool,
        typer.Option("--rehearsal", help="Before the launch: serve the version in rehearsal."),
    ] = False,
    environment: Annotated[
        Served,
        typer.Option(help="staging serves the version that ai-ops stage put there, logged apart."),
    ] = "production",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that serve; else as the YAML says.")
    ] = None,
    while_stdin: Annotated[
        bool, typer.Option("--while-stdin", help="End in order when standard input ends.")
    ] = False,
) -> None:
    """Serve the champion of an AI feature, and log every prediction.

    SIGTERM ends it in order: what was asked is answered, and the log is closed.
    """
    if rehearsal and environment != "production":
        raise BadInput("--rehearsal: what is rehearsed is production; leave one of the two out")
    asked = _Asked(resolve_feature(feature, defs), root, writer, environment, rehearsal)
    count = workers or asked.feature.serving.workers
    _serve(asked, host, port, count, sys.stdin.fileno() if while_stdin else None)


@dataclass(frozen=True)
class _Asked:
    """What is to be served, and where it is logged."""

    feature: AiFeatureSpec
    root: Path
    writer: str
    environment: Served
    rehearsal: bool


def _serve(asked: _Asked, host: str, port: int, count: int, while_open: int | None) -> None:
    """Serve by one process, or by one that keeps ``count`` others."""
    try:
        from ai_ops.inference_management import listening, server, service_metrics, workers
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ai_ops"):
            raise
        raise MissingExtra(
            f"serving needs {error.name}, which is not installed: pip install 'ai-ops[serving]'"
        ) from None
    try:
        socket = listening.bound(host, port)
    except OSError as error:
        raise BadInput(f"--host {host} --port {port}: nobody can listen there ({error})") from None
    feature = asked.feature
    metrics = service_metrics.ServiceMetrics(feature.name, server.PATHS, count)
    url, ends_after = listening.address(socket), feature.serving.deadline_ms / 1000 + 2
    if count == 1:
        if while_open is not None:
            threading.Thread(target=_end_with, args=(while_open,), daemon=True).start()
        metrics.begin(0)
        app, place = _application(asked, metrics)
        _run(app, socket, lambda: _announce(asked, url, place), ends_after)
        return

    def work(post: workers.Post) -> None:
        app, _ = _application(asked, metrics)
        _run(app, socket, post.ready, ends_after, post.lifeline)

    place = Path(asked.root) / "segments" / feature.name / asked.writer / "*"
    kept = workers.Workers(
        count,
        socket,
        metrics,
        work,
        lambda: _announce(asked, url, place, f" by {count} workers"),
        ends_after=ends_after,
        while_open=while_open,
    )
    raise typer.Exit(kept.run())


def _application(asked: _Asked, metrics: "ServiceMetrics") -> tuple["FastAPI", Path]:
    """The application of this process, and the files that it logs to."""
    from ai_ops.inference_management.explained import explained_by
    from ai_ops.inference_management.predictor import Champion
    from ai_ops.inference_management.server import create_app
    from ai_ops.inference_management.steady_clock import steady
    from ai_ops.storage import told_moves
    from ai_ops.storage.environments import ALIASES, beside

    feature, environment = asked.feature, asked.environment
    root = Root.open(asked.root)
    log = _log(feature, root, asked.writer, environment)
    followed = Champion(
        root.registry,
        feature.name,
        feature.serving.poll_seconds,
        steady(root.clock),
        rehearses=asked.rehearsal,
        alias=ALIASES[environment],
        lets_go=environment != "production",
        explains=explained_by(root, feature.name) if environment == "production" else None,
        told=told_moves.told(root, feature.name),
    )
    shadows = feature.serving.shadow and environment == "production"
    shadow_log = _log(feature, root, asked.writer, "challenger") if shadows else None
    app = create_app(root, feature, log, champion=followed, shadow_log=shadow_log, metrics=metrics)
    segments = beside(root, environment).segments
    return app, segments / feature.name / asked.writer / f"{log.incarnation}.*"


def _run(
    app: "FastAPI",
    socket: "Socket",
    began: Callable[[], None],
    ends_after: float,
    lifeline: int | None = None,
) -> None:
    from ai_ops.inference_management.listening import Server

    # A thread that asks the model waits less for the event loop's, and the other way round.
    sys.setswitchinterval(SWITCH_SECONDS)
    parts = app.state.parts
    Server(
        app, socket, parts.pressure, began, parts.tell, ends_after=ends_after, lifeline=lifeline
    ).run()


def _announce(asked: _Asked, url: str, place: Path, by: str = "") -> None:
    where = "" if asked.environment == "production" else f" ({asked.environment})"
    typer.echo(f"{asked.feature.name}{where} on {url}{by}, logging to {place}")


def _log(
    feature: AiFeatureSpec, root: Root, writer: str, environment: Environment
) -> "PredictionLog":
    """The log of an environment: production's own, or one that is never read as production's."""
    from msgspec.structs import replace

    from ai_ops.client import PredictionLog
    from ai_ops.inference_management.steady_clock import steady
    from ai_ops.prediction_logging.policy import policy_of
    from ai_ops.storage.environments import beside

    clock = steady(root.clock)
    policy = policy_of(feature, clock.mode)
    if environment == "challenger":  # nobody waits for its records, so nobody can be refused
        policy = replace(policy, on_log_failure="count", emergency_bytes=0)
    folder = beside(root, environment).segments
    return PredictionLog(folder, feature.name, writer, clock, policy=policy)


def _end_with(held: int) -> None:
    # Whoever started this process holds the other end: it closes however that one ends.
    while os.read(held, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    typer.run(serve)
