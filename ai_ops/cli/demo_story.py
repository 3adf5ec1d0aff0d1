"""What was done about what was seen: the incidents, retrainings and moves of a replay, as told."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.cli.demo_people import judged
from ai_ops.storage.standing import Retraining, Standing


def story(standing: Standing) -> dict[str, Any]:
    """The story as data, from the ledger's own fold."""
    return {
        "incidents": [
            {
                "incident": one.id,
                "alert": one.alert,
                "opened_at": one.opened_at.isoformat(),
                "version": one.version,
                "state": one.state,
                "conclusion": one.conclusion,
                "by": one.concluded_by,
                "reason": one.reason,
            }
            for one in standing.incidents
        ],
        "retrainings": [_retraining(one) for one in _in_order(standing)],
        "moves": [
            {
                "kind": move.kind,
                "version": move.version,
                "previous": move.previous,
                "at": move.at.isoformat(),
                "by": move.by,
            }
            for move in standing.moves
        ],
    }


def print_story(told: Mapping[str, Sequence[Mapping[str, Any]]], console: Console) -> None:
    """The story for a person: what alerted, what was tried, what went live."""
    incidents = Table("opened", "incident", "version", "concluded", "by", title="Incidents")
    for one in told["incidents"]:
        state = one["conclusion"] or "[red]by nobody yet[/red]"
        opened = one["opened_at"][:10]
        incidents.add_row(opened, one["incident"], one["version"], state, one["by"] or "–")
    console.print(incidents)
    retrainings = Table("begun", "candidate", "gate", "its words", title="Retrainings")
    for one in told["retrainings"]:
        passed = {True: "[green]passed[/green]", False: "[red]refused[/red]", None: "–"}
        row = (one["at"][:10], one["version"] or "–", passed[one["accepted"]])
        retrainings.add_row(*row, escape(one["reason"].partition("; ")[0]))
    console.print(retrainings)
    moves = Table("at", "what", "version", "before it", "decided by", title="In production")
    for one in told["moves"]:
        moves.add_row(
            one["at"][:16], one["kind"], one["version"], one["previous"] or "–", one["by"]
        )
    console.print(moves)


def _in_order(standing: Standing) -> list[Retraining]:
    return sorted(standing.retrainings, key=lambda one: one.at)


def _retraining(one: Retraining) -> dict[str, Any]:
    version, accepted, reason = judged(one)
    failed = one.stages.get("failed")
    return {
        "at": one.at.isoformat(),
        "cause": one.cause,
        "incident": one.incident,
        "version": version,
        "accepted": accepted if version else None,
        "reason": reason or (f"failed at {failed['step']}" if failed else ""),
    }
