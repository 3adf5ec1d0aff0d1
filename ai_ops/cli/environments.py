"""``ai-ops environments``, ``stage`` and ``challenge``: which version is where, put by whom.

Staging and challenger answer no user, so they take no signature and no gate: what is put there is
recorded with the name that was given. The way from there to production is ``promote`` for all.
"""

import getpass
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    features_below,
    open_root,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.cli.deciding import IDENTITY_VARIABLE, ReasonOption
from ai_ops.storage.environments import ALIASES, PLACED, place
from ai_ops.storage.gate_verdicts import gate_verdicts
from ai_ops.storage.model_version import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import Environment

NOT_JUDGED: Final = "not judged"

PlacedArgument = Annotated[
    str | None, typer.Argument(help="A registered version.", show_default=False)
]
NoneOption = Annotated[bool, typer.Option("--none", help="Take out what is there.")]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="NAME",
        envvar=IDENTITY_VARIABLE,
        help="Who puts it there; default: the user of this machine. Noted, not proven.",
    ),
]


@told
def stage(
    feature: FeatureArgument,
    version: PlacedArgument = None,
    none: NoneOption = False,
    reason: ReasonOption = None,
    by: NameOption = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Put a registered version into staging: `ai-ops serve FEATURE --environment staging`.

    No gate is asked, for that is what staging is there for; the promotion of the same version asks
    for all of it.
    """
    _place("staging", feature, version, none, reason, by, root, as_json)


@told
def challenge(
    feature: FeatureArgument,
    version: PlacedArgument = None,
    none: NoneOption = False,
    reason: ReasonOption = None,
    by: NameOption = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Make a registered version the challenger: asked what the champion is asked, heard by nobody.

    Takes `serving.shadow: true` in the feature's file. Its answers are compared daily
    (challenger_report).
    """
    _place("challenger", feature, version, none, reason, by, root, as_json)


@told
def environments(root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False) -> None:
    """Show of every feature which version is in which environment, since when and by whom.

    Beside it what the gate said of that version. Ends with 1 when registry and ledger differ.
    """
    opened = open_root(root)
    specs = [load_feature(file) for file in features_below().values()]
    rows = [one for spec in specs if spec.trained_here for one in environments_of(opened, spec)]
    if as_json:
        print_json({"environments": rows})
    else:
        _print(rows)
    if apart := [one for one in rows if one["problem"]]:
        for one in apart:
            typer.echo(f"{one['feature']}, {one['environment']}: {one['problem']}", err=True)
        raise typer.Exit(1)


def environments_of(root: Root, feature: AiFeatureSpec) -> Iterator[dict[str, Any]]:
    """One JSON-ready row for each environment of a feature."""
    standing = standing_of(root.ledger, feature.name)
    versions = root.registry.versions(feature.name)
    for environment, alias in ALIASES.items():
        found = next((one for one in versions if alias in one.aliases), None)
        version, since, by = _recorded(standing, environment, found)
        registered = found.version if found else None
        yield {
            "feature": feature.name,
            "environment": environment,
            "version": registered,
            "since": since.isoformat() if since else None,
            "by": by,
            "gate": _gate_of(root, feature, standing, registered) if registered else None,
            "approved_by": _approved_by(standing, registered),
            "problem": None
            if version == registered
            else f"the alias {alias} is at {registered or 'no version'}, by the ledger it is at "
            f"{version or 'no version'}",
        }


def gate_state(root: Root, feature: AiFeatureSpec, version: str) -> str:
    """What the gate said of a version last: passed, not judged, or which checks it did not pass."""
    judged = gate_verdicts(root.ledger, feature.name, version)
    if not any(judged.values()):
        return NOT_JUDGED
    last = {item: own[-1].verdict.status if own else NOT_JUDGED for item, own in judged.items()}
    short = [f"{item}: {status}" for item, status in last.items() if status != "pass"]
    return ", ".join(short) or "passed"


def _gate_of(root: Root, feature: AiFeatureSpec, standing: Standing, version: str) -> str:
    """The same; the version that was launched first has nothing that it could be held against."""
    state = gate_state(root, feature, version)
    first = standing.launched is not None and standing.launched.version == version
    return "launched, by its checklist" if first and state == NOT_JUDGED else state


def _recorded(
    standing: Standing, environment: Environment, found: ModelVersion | None
) -> tuple[str | None, datetime | None, str | None]:
    """What the ledger says of an environment: version, since when, by whom."""
    if environment == "production":
        if not standing.moves:
            return None, None, None
        move = standing.moves[-1]
        return move.version, move.at, f"{move.kind}, {move.by}"
    if environment == "rehearsal":  # it becomes production by the launch, which is what is recorded
        return (found.version if found else None), None, None
    placed = standing.placed(environment)
    return (placed.version, placed.at, placed.by) if placed else (None, None, None)


def _approved_by(standing: Standing, version: str | None) -> str | None:
    decided = standing.approvals.get(version or "")
    return decided.by if decided and decided.approved else None


def _place(
    environment: Environment,
    name: str,
    version: str | None,
    none: bool,
    reason: str | None,
    by: str | None,
    folder: Any,
    as_json: bool,
) -> None:
    assert environment in PLACED
    if none == (version is not None):
        raise BadInput("VERSION: name one, or take out what is there with --none")
    feature, root = resolve_feature(name), open_root(folder)
    event = place(
        root, feature, environment, version, by=by or getpass.getuser(), reason=reason or ""
    )
    before = event.payload["previous"]
    if as_json:
        gate = gate_state(root, feature, version) if version else None
        at = event.as_of.isoformat()
        print_json({"feature": name, **event.payload, "at": at, "gate": gate})
        return
    what = f"version {version}" if version else "no version"
    was = ", as before" if before == version else f", before it {before}" if before else ""
    typer.echo(f"{environment}: {what} of {name}{was}")


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(header_style="bold")
    table.add_column("where", no_wrap=True)  # feature and environment are what commands take
    table.add_column("version")
    table.add_column("since (UTC)", no_wrap=True)
    table.add_column("by", overflow="fold")
    table.add_column("gate", overflow="fold")
    for one in rows:
        since = one["since"][:16].replace("T", " ") if one["since"] else "–"
        gate = one["gate"] or "–"
        approved = f"\napproved by {shown(one['approved_by'])}" if one["approved_by"] else ""
        cells = (one["version"] or "–", since, one["by"] or "–")
        where = f"{one['feature']}\n  {one['environment']}"
        table.add_row(where, *map(shown, cells), shown(gate) + approved)
    Console().print(table)
