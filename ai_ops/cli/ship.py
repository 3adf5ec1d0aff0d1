"""``ai-ops ship``: brings whole segments from a writers' machine to the lake."""

import json
import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ai_ops.cli.common import DEFAULT_ROOT, FAILS, JsonOption, RootOption, print_json, told
from ai_ops.prediction_logging.shipping import Round, Shipper, pause
from ai_ops.prediction_logging.shipping_state import alone
from ai_ops.prediction_logging.spool import features_in
from ai_ops.storage.lake import Lake, open_lake
from ai_ops.vocabulary.clock import WallClock
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

LAKE_VARIABLE = "AI_OPS_LAKE_URL"


@told
def ship(
    feature: Annotated[str | None, typer.Argument(help="Name of the AI feature.")] = None,
    every_feature: Annotated[
        bool, typer.Option("--all", help="Every feature that was logged on this machine.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Folder of the segments; without it, the root's."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", help="The lake: a folder or s3://bucket/prefix; without it, the root's."
        ),
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between rounds.")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="One round, then end.")] = False,
    warn_hours: Annotated[
        float, typer.Option(min=0, help="Warn when the disk is full within so many hours.")
    ] = 24.0,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Ship whole segments to the lake; remove the local ones that compaction has confirmed.

    Runs until it is stopped. With `--once` it ends with 1 when something did not land or is to be
    looked at. A lake that cannot be reached is tried again, ever more slowly, while segments wait.
    """
    folder = source or root / "segments"
    names = _chosen(folder, feature, every_feature)
    lake = _lake(to or os.environ.get(LAKE_VARIABLE), root)
    stop = threading.Event()
    with ExitStack() as held:
        for name in names:
            held.enter_context(alone(folder, name))
        shippers = {name: _shipper(folder, name, lake, warn_hours) for name in names}
        if once:
            rounds = [shipper.round() for shipper in shippers.values()]
            _tell(rounds, as_json, lasting=False)
            if any(done.unreachable or done.warnings for done in rounds):
                raise typer.Exit(FAILS)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        failures = 0
        while not stop.is_set():
            if every_feature:
                for name in set(features_in(folder)) - set(shippers):
                    held.enter_context(alone(folder, name))
                    shippers[name] = _shipper(folder, name, lake, warn_hours)
            rounds = [shipper.round() for shipper in shippers.values()]
            _tell(rounds, as_json, lasting=True)
            failures = failures + 1 if any(done.unreachable for done in rounds) else 0
            stop.wait(pause(every, failures))


def _lake(url: str | None, root: Path) -> Lake:
    if url is None:
        (root / "lake").mkdir(parents=True, exist_ok=True)
    return open_lake(url or str((root / "lake").absolute()), os.environ)


def _chosen(folder: Path, feature: str | None, every_feature: bool) -> list[str]:
    known = features_in(folder)
    if (feature is None) != every_feature:
        raise BadInput("name one AI feature, or give --all")
    if feature is not None and feature not in known:
        raise MissingEvidence(
            f"{folder / feature}: no segments; no writer has begun to log this feature here"
        )
    if every_feature and not folder.is_dir():
        raise MissingEvidence(f"{folder}: no such folder; nothing was logged on this machine")
    return known if feature is None else [feature]


def _shipper(folder: Path, feature: str, lake: Lake, warn_hours: float) -> Shipper:
    return Shipper(folder, feature, lake, WallClock(), warn_hours * 3600)


def _tell(rounds: list[Round], as_json: bool, lasting: bool) -> None:
    for done in rounds:
        for warning in done.warnings:
            typer.echo(f"{done.feature}: {warning}", err=True)
    if as_json:
        data = {"rounds": [_as_data(done) for done in rounds]}
        if lasting:  # one object a line, for whoever follows it
            typer.echo(json.dumps(data, ensure_ascii=False))
        else:
            print_json(data)
        return
    for done in rounds:
        if not lasting or done.landed or done.removed:
            waiting = done.status.spool.waiting if done.status else 0
            typer.echo(
                f"{done.feature}: {len(done.landed)} landed, {len(done.removed)} confirmed and "
                f"removed, {waiting} on this machine"
            )


def _as_data(done: Round) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(done)
    return data
