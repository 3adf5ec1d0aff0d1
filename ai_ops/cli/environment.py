"""``ai-ops environment``: the packages that retraining may run with, and what it did run with."""

from typing import Annotated, Any

import typer

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import ByOption, ReasonOption, TokenOption, decide
from ai_ops.retraining_pipeline.environment_lock import Locked, keep_environment, locked
from ai_ops.vocabulary.counts import plural

app = typer.Typer(no_args_is_help=True)

NAMED = 12
"""So many packages are named to a person; the others are counted."""


@app.callback()
def environment() -> None:
    """The packages that retraining may run with: signed, and held against what it ran with."""


@app.command()
@told
def lock(
    feature: FeatureArgument,
    digest: Annotated[
        str | None,
        typer.Option(help="Of an environment that a retraining ran with; default: this one's."),
    ] = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Put packages in force for retraining, by whoever runs the machines: from now on a candidate
    of other packages fails the weekly item on retraining."""
    spec, opened = resolve_feature(feature), open_root(root)
    if token is None:
        digest = keep_environment(opened, spec, digest)
    decide(
        opened, spec, "environment_lock", {"digest": digest, "reason": reason}, by=by, token=token
    )


@app.command()
@told
def show(
    feature: FeatureArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """Show the packages in force, and where this environment and the last retraining differ.

    Ends with 1 where the last retraining ran with others, and with 3 where nothing was locked.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    found = locked(opened, spec)
    if as_json:
        print_json({"feature": spec.name, **as_data(found)})
    else:
        _print(found)
    if found.lock is None:
        raise typer.Exit(NO_EVIDENCE)
    raise typer.Exit(FAILS if found.last_differs else DONE)


def as_data(found: Locked) -> dict[str, Any]:
    """What is locked as JSON-ready data."""
    lock = found.lock
    return {
        "locked": lock.digest if lock else None,
        "locked_by": lock.by if lock else None,
        "locked_at": lock.at.isoformat() if lock else None,
        "reason": lock.reason if lock else None,
        "packages": dict(found.packages) if found.packages is not None else None,
        "here": found.here,
        "here_differs": list(found.here_differs),
        "last_retraining": found.last_retraining,
        "last_environment": found.last_environment,
        "last_differs": list(found.last_differs),
        "void": [one.words for one in found.void],
    }


def _print(found: Locked) -> None:
    if found.lock is None:
        typer.echo("nobody locked the packages of retraining: ai-ops environment lock")
    else:
        said = found.lock
        size = "" if found.packages is None else f" ({plural(len(found.packages), 'package')})"
        words = f"{said.digest}{size}, by {said.by} on {said.at:%Y-%m-%d}: {said.reason}"
        typer.echo(plain(f"locked: {words}"))
        _tell(f"here: {found.here}", found.here_differs)
        if found.last_retraining:
            ran = found.last_environment or "packages unknown"
            _tell(f"{found.last_retraining} ran with {ran}", found.last_differs)
    for void in found.void:
        typer.echo(plain(void.words))


def _tell(what: str, differs: tuple[str, ...]) -> None:
    typer.echo(plain(f"{what}: {'differs' if differs else 'the same'}"))
    for words in differs[:NAMED]:
        typer.echo(plain(f"  {words}"))
    if len(differs) > NAMED:
        typer.echo(f"  and {len(differs) - NAMED} more")
