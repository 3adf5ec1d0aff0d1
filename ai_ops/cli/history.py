"""``ai-ops history``: who decided what about a feature, and what became of it."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_moment,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import COMMANDS
from ai_ops.storage.decisions import verified_again
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, Standing, fold
from ai_ops.vocabulary.errors import DecisionRefused, MissingEvidence
from ai_ops.vocabulary.failures import LikelyCause

VALID: Final = "valid"
MACHINE: Final = "ai_ops"


@told
def history(
    feature: FeatureArgument,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="ISO", help="As it was known at this moment.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show launches, promotions, rollbacks, and every decision and refusal, with who and why.

    Each signature is verified again. Ends with 1 when one does not hold.
    """
    spec = resolve_feature(feature)
    opened = open_root(root)
    moment = parse_moment(as_of, "--as-of") if as_of else None
    events = opened.ledger.events(feature=spec.name, kinds=FOLDED, as_of=moment)
    standing = fold(events)
    shown = [as_data(opened, spec, event, standing) for event in events]
    _mark_repeated(events, shown)
    if as_json:
        print_json({"feature": spec.name, "live": standing.live, "events": shown})
    elif shown:
        _print(spec, standing, shown)
    if not shown:
        raise MissingEvidence(f"{spec.name}: nothing was decided yet")
    if broken := [one for one in shown if one["signature"] not in (VALID, None)]:
        lines = [f"block {one['block']}: {one['kind']}: {one['signature']}" for one in broken]
        typer.echo("\n".join(lines), err=True)
        raise typer.Exit(1)


def as_data(root: Root, spec: AiFeatureSpec, event: Event, standing: Standing) -> dict[str, Any]:
    """One decision, move or refusal as JSON-ready data.

    ``signature`` is ``valid``, or says why it is not; None for what no person signs.
    """
    said = event.payload
    return {
        "at": event.as_of.isoformat(),
        "kind": event.kind,
        "by": said.get("by") or said.get("approved_by") or said.get("requested_by") or MACHINE,
        "version": said.get("version"),
        "previous": said.get("previous"),
        "subject": _subject(event),
        "reason": _reason(event),
        "metrics": said.get("metrics"),
        "gate_hash": said.get("gate_hash") or said.get("hash"),
        "approval": said.get("approval"),
        "signature": _signature(root, spec, event, standing),
        "block": event.block_seq,
        "run_id": event.run_id,
        "recorded_at": event.recorded_at.isoformat(),
    }


def _signature(root: Root, spec: AiFeatureSpec, event: Event, standing: Standing) -> str | None:
    by_machine = event.kind == "incident_resolved" and event.payload.get("by") == MACHINE
    if event.kind not in COMMANDS or by_machine:
        return None
    try:
        verified_again(root, spec, event, standing)
    except DecisionRefused as refused:
        return str(refused)
    return VALID


def _mark_repeated(events: Sequence[Event], shown: Sequence[dict[str, Any]]) -> None:
    """A signature decides once: whoever copies a signed event into the ledger decides nothing."""
    seen: set[str] = set()
    for event, one in zip(events, shown, strict=True):
        nonce = event.payload.get("nonce")
        if nonce in seen and one["signature"] == VALID:
            one["signature"] = "its signature stands in the ledger before"
        if nonce is not None:
            seen.add(str(nonce))


def _subject(event: Event) -> str | None:
    """What it is about: an item, an incident, a retraining's stage, what was refused."""
    said = event.payload
    match event.kind:
        case "waiver" | "sign_off" | "review":
            day = said.get("until") or said.get("partition") or said.get("begin")
            return f"{said['item']} ({day})" if day else str(said["item"])
        case "call_site_mode":
            return f"{said['call_site']}: {said['mode']}"
        case "environment_lock":
            return str(said["digest"])
        case "retraining":
            known = said.get("part") not in (None, "no step")
            at = f" at the step {said['part']}" if known else ""
            return f"{said['retraining']}: {said['stage']}{at}"
        case "refusal":
            return str(said["what"])
        case "placement":
            return str(said["environment"])
        case _:
            incident: str | None = said.get("incident")
            return incident


def _reason(event: Event) -> str:
    said = event.payload
    if event.kind == "refusal":
        return "; ".join(said["reasons"])
    words = said.get("reason") or said.get("note") or said.get("error") or said.get("cause") or ""
    if known := said.get("likely_cause"):
        words = f"{words}; likely cause: {LikelyCause(**known).told}"
    conclusion = said.get("conclusion")
    return f"{conclusion}: {words}" if conclusion else str(words)


def _print(spec: AiFeatureSpec, standing: Standing, shown: list[dict[str, Any]]) -> None:
    """One line of what, about what and by whom, the reason below it: seven columns would leave a
    narrow terminal no room for a date."""
    live = f"version {standing.live} is live" if standing.live else "not launched"
    table = Table(
        "at (UTC)", "what", title=f"{spec.name}: {live}", header_style="bold", expand=True
    )
    table.columns[0].no_wrap = True
    table.columns[1].ratio, table.columns[1].overflow = 1, "fold"
    for one in shown:
        words = [
            f"[bold]{one['kind']}[/bold]",
            *(escape(plain(part)) for part in _about(one)),
            f"by {escape(one['by'])}",
        ]
        if one["signature"]:
            words.append(f"signature {_shown(one['signature'])}")
        reason = f"\n{escape(plain(one['reason']))}" if one["reason"] else ""
        table.add_row(one["at"][:16].replace("T", " "), " · ".join(words) + reason)
    Console().print(table)


def _about(one: dict[str, Any]) -> list[str]:
    """Which version, and whatever else it is about."""
    said = []
    if one["version"]:
        before = f"{one['previous']} → " if one["previous"] else ""
        said.append(f"version {before}{one['version']}")
    return [*said, one["subject"]] if one["subject"] else said


def _shown(signature: str) -> str:
    return f"[green]{VALID}[/green]" if signature == VALID else f"[red]{escape(signature)}[/red]"
