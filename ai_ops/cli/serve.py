"""``ai-ops serve FEATURE``: the server of an AI feature, on the loopback unless told otherwise."""

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import DEFAULT_ROOT, DEFS, FeatureArgument, RootOption, resolve_feature, told
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingExtra
from ai_ops.vocabulary.words import Environment

if TYPE_CHECKING:
    from ai_ops.client import PredictionLog

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
    while_stdin: Annotated[
        bool, typer.Option("--while-stdin", help="End in order when standard input ends.")
    ] = False,
) -> None:
    """Serve the champion of an AI feature, and log every prediction."""
    if rehearsal and environment != "production":
        raise BadInput("--rehearsal: what is rehearsed is production; leave one of the two out")
    if while_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    spec, opened = resolve_feature(feature, defs), Root.open(root)
    _serve(spec, opened, host, port, writer, environment, rehearsal)


def _serve(
    feature: AiFeatureSpec,
    root: Root,
    host: str,
    port: int,
    writer: str,
    environment: Served,
    rehearsal: bool,
) -> None:
    try:
        from ai_ops.inference_management.server import create_app, run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ai_ops"):
            raise
        raise MissingExtra(
            f"serving needs {error.name}, which is not installed: pip install 'ai-ops[serving]'"
        ) from None
    from ai_ops.inference_management.explained import explained_by
    from ai_ops.inference_management.predictor import Champion
    from ai_ops.inference_management.steady_clock import steady
    from ai_ops.storage.environments import ALIASES, beside

    log = _log(feature, root, writer, environment)
    followed = Champion(
        root.registry,
        feature.name,
        feature.serving.poll_seconds,
        steady(root.clock),
        rehearses=rehearsal,
        alias=ALIASES[environment],
        lets_go=environment != "production",
        explains=explained_by(root, feature.name) if environment == "production" else None,
    )
    shadows = feature.serving.shadow and environment == "production"
    shadow_log = _log(feature, root, writer, "challenger") if shadows else None
    app = create_app(root, feature, log, champion=followed, shadow_log=shadow_log)
    where = "" if environment == "production" else f" ({environment})"
    place = beside(root, environment).segments / feature.name / writer / f"{log.incarnation}.*"
    run(
        app,
        host,
        port,
        lambda url: typer.echo(f"{feature.name}{where} on {url}, logging to {place}"),
    )


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


def _end_with_stdin() -> None:
    # Whoever started this process holds the other end: it closes however that one ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    typer.run(serve)
