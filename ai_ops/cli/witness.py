"""``ai-ops witness FEATURE``: counts what was served, from an access log that is not the log's."""

import contextlib
import signal
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DEFS,
    FAILS,
    FeatureArgument,
    JsonOption,
    RootOption,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.prediction_logging.access_counts import State, Tables
from ai_ops.prediction_logging.access_follower import Follower
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence


class _Form(StrEnum):
    json = "json"
    combined = "combined"


class _Every(StrEnum):
    minute = "minute"
    hour = "hour"


_LENGTHS = {_Every.minute: timedelta(minutes=1), _Every.hour: timedelta(hours=1)}


@told
def witness(
    feature: FeatureArgument,
    access_log: Annotated[
        Path, typer.Option("--access-log", help="Log of a proxy or load balancer.")
    ],
    root: RootOption = DEFAULT_ROOT,
    form: Annotated[_Form, typer.Option("--format", help="How its lines look.")] = _Form.combined,
    paths: Annotated[
        str, typer.Option(help="What is counted when it is posted to: paths or /v1/*, by commas.")
    ] = "/predict,/predict/batch",
    every: Annotated[_Every, typer.Option(help="What is counted together.")] = _Every.minute,
    name: Annotated[
        str, typer.Option(help="This witness's own name; each access log has its own.")
    ] = "access",
    once: Annotated[
        bool, typer.Option("--once", help="End when everything there is has been counted.")
    ] = False,
    defs: Annotated[Path, typer.Option(help="Folder of the AI features' YAML.")] = DEFS,
    as_json: JsonOption = False,
) -> None:
    """Count the answered requests of an AI feature in a proxy's access log, and go on doing so.

    The counts become the table that the YAML declares as `logging.witness`: what was served, by
    minute, as somebody saw it who has no part in the log. Rotation, truncation and a kill lose
    nothing and count nothing twice. A line that cannot be read is counted and named on stderr;
    with --once such lines end the command with 1.
    """
    spec = resolve_feature(feature, defs)
    is_there, counted = _is_there(access_log), _paths(paths)
    if once and not is_there:
        raise MissingEvidence(f"--access-log: {access_log} is not there")
    follower = Follower(
        access_log.absolute(),
        _tables(spec, Root.open(root), name),
        form.value,
        counted,
        _LENGTHS[every],
        tell=lambda words: typer.echo(words, err=True),
    )
    with follower.begun():
        before = sum(follower.state.unreadable.values())
        if once:
            follower.catch_up()
        else:
            _until_ended(follower, "" if is_there else "; it is not there yet, and is waited for")
        _tell(follower.state, as_json)
        if once and sum(follower.state.unreadable.values()) > before:
            raise typer.Exit(FAILS)


def _is_there(access_log: Path) -> bool:
    """Whether the log is there; ``BadInput`` when it never could be read."""
    try:
        with access_log.open("rb"):
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadInput(
            f"--access-log: {access_log} cannot be read ({error.strerror}); name the file itself, "
            "and let this user read it"
        ) from error


def _paths(told: str) -> frozenset[str]:
    paths = frozenset(path for part in told.split(",") if (path := part.strip()))
    odd = sorted(path for path in paths if not path.startswith("/"))
    if odd or not paths:
        raise BadInput(
            f"--paths: {', '.join(odd) or 'nothing'} is no path of a request; write as the log "
            "does, with the slash: /predict,/v1/*"
        )
    return paths


def _tables(feature: AiFeatureSpec, root: Root, name: str) -> Tables:
    declared = feature.logging.witness
    if declared is None:
        raise BadInput(
            f"{feature.name} declares no witness: write `logging: {{witness: {{table: "
            f"sources/{feature.name}/served/*.parquet}}}}` into its YAML"
        )
    folder, pattern = (root.folder / declared.table).parent, Path(declared.table).name
    if pattern != "*.parquet" or "*" in str(folder):
        raise BadInput(
            f"logging.witness.table: {declared.table} is not a folder's *.parquet; the tables that "
            "this command writes would not be among its files"
        )
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise BadInput(f"--name: use letters, digits, dash and underscore (found {name!r})")
    return Tables(folder, name, declared.time_column, declared.count_column)


def _until_ended(follower: Follower, waiting: str) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    typer.echo(f"counting {follower.log} into {follower.tables.folder}{waiting}", err=True)
    with contextlib.suppress(KeyboardInterrupt):  # what was not counted is counted next time
        follower.follow()


def _tell(state: State, as_json: bool) -> None:
    days = {day: sum(row[-1] for row in rows) for day, rows in sorted(state.days.items())}
    said: dict[str, Any] = {
        "lines": state.lines,
        "served": days,
        "unreadable": state.unreadable,
        "lost": state.lost,
    }
    if as_json:
        print_json(said)
        return
    served = ", ".join(f"{day}: {n}" for day, n in days.items()) or "nothing"
    typer.echo(f"{state.lines} lines were read; served {served}")


if __name__ == "__main__":
    typer.run(witness)
