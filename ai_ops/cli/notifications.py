"""``ai-ops notifications``: over which channels people are told, and whether it arrives."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    BAD,
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.playbook.notifying.channels import VARIABLE, channels_of
from ai_ops.playbook.notifying.judging import judge_alerts_delivered
from ai_ops.playbook.notifying.notify import notify_test
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import EventKind, Status

app = typer.Typer(no_args_is_help=True)

CODES: dict[Status, int] = {"pass": DONE, "waived": DONE, "fail": FAILS, "no_evidence": NO_EVIDENCE}
KINDS: tuple[EventKind, ...] = ("notification",)


@app.callback()
def notifications() -> None:
    """Over which channels people are told of alerts, and whether it arrives."""


@app.command()
@told
def show(
    feature: FeatureArgument,
    last: Annotated[int, typer.Option("--last", min=1, help="So many of the newest.")] = 20,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show the channels, what was told over them last, and whether anything is left to tell."""
    spec, opened = resolve_feature(feature), open_root(root)
    channels = channels_of(opened.environment)
    verdict = judge_alerts_delivered(opened, spec, opened.clock.now())
    events = opened.ledger.events(spec.name, kinds=KINDS)[-last:]
    if as_json:
        data = {
            "feature": spec.name,
            "status": verdict.status,
            "reason": verdict.reason,
            "observed": dict(verdict.observed),
            "channels": {name: [one.name for one in own] for name, own in channels.named.items()},
            "problems": list(channels.problems),
            "notifications": [_as_data(one) for one in events],
            "rule": spec.notifications.model_dump(mode="json"),
        }
        print_json(data)
    else:
        typer.echo(f"{verdict.status}: {verdict.reason}")
        for name, own in channels.named.items():
            typer.echo(f"{name}: {', '.join(one.name for one in own) or 'no channel that works'}")
        for problem in channels.problems:
            typer.echo(problem, err=True)
        _print(events)
    if channels.problems:
        raise typer.Exit(BAD)
    raise typer.Exit(CODES[verdict.status])


@app.command("test")
@told
def try_channels(
    feature: FeatureArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """Send a trial message over every channel, and record whether it was taken."""
    spec, opened = resolve_feature(feature), open_root(root)
    events = _tried(opened, spec)
    if as_json:
        print_json({"feature": spec.name, "notifications": [_as_data(one) for one in events]})
    else:
        _print(events)
    if not all(one.payload["delivered"] for one in events):
        raise typer.Exit(FAILS)


def _tried(root: Root, spec: AiFeatureSpec) -> list[Event]:
    if root.clock.mode == "replay":
        raise BadInput("this root is a replay: nothing is sent from it; name a live one in --root")
    channels = channels_of(root.environment)
    if channels.problems:
        raise BadInput("; ".join(channels.problems))
    if not channels.every:
        raise BadInput(f"there is no channel: set {VARIABLE} to an apprise URL")
    return notify_test(root, spec, root.clock.now())


def _print(events: list[Event]) -> None:
    if not events:
        typer.echo("nobody was told anything yet")
        return
    table = Table("when", "about", "to", "channel", "arrived")
    for one in events:
        said = one.payload
        arrived = "yes" if said["delivered"] else f"no: {shown(said['reason'])}"
        about = f"{shown(said['about'])}\n{shown(said['what'])}"
        to = "\n".join(shown(person) for person in said["to"])
        table.add_row(f"{one.as_of:%Y-%m-%d %H:%M}", about, to, shown(said["channel"]), arrived)
    Console().print(table)


def _as_data(event: Event) -> dict[str, Any]:
    return {"at": event.as_of.isoformat(), **event.payload}
