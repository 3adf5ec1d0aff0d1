"""A checklist as its owners signed it, beside how it reads today."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import Line
from ai_ops.checklist.signed import Seen, seen
from ai_ops.cli.common import DONE, FAILS, NO_EVIDENCE, coloured, print_json, shown
from ai_ops.storage.root import Root
from ai_ops.vocabulary.words import Cadence


def tell(
    root: Root,
    feature: AiFeatureSpec,
    cadence: Cadence,
    as_of: datetime,
    lines: Sequence[Line],
    *,
    as_json: bool,
) -> int:
    """Print what was signed of each line; the code with which the command ends."""
    found = [seen(root, feature, line) for line in lines]
    if as_json:
        items = [_as_data(one) for one in found]
        at = as_of.isoformat()
        print_json({"feature": feature.name, "cadence": cadence, "as_of": at, "items": items})
    else:
        _print(found, f"{feature.name}: {cadence}, as it was signed")
    if any(one.broken for one in found):
        return FAILS
    return NO_EVIDENCE if any(one.line.signed_off is None for one in found) else DONE


def _print(found: Sequence[Seen], title: str) -> None:
    table = Table("item", "signed by", "status then", "what was shown", "since then", title=title)
    for one in found:
        off = one.line.signed_off
        who = f"{shown(off.by)}\n{off.at:%Y-%m-%d %H:%M}" if off else "–"
        note = f"\n[italic]{shown(off.note)}[/italic]" if off and off.note else ""
        words = shown(one.shown["reason"] if one.shown else one.lacking)
        then = coloured(one.status) if one.status else "–"
        table.add_row(one.line.item.id, who, then, words + note, _since(one))
    Console().print(table)


def _since(one: Seen) -> str:
    verdict = one.line.verdict
    if one.changed is None:
        return coloured(verdict.status)
    if not one.changed:
        return "as it was"
    return f"{coloured(verdict.status)} {shown(verdict.reason)}"


def _as_data(one: Seen) -> dict[str, Any]:
    off = one.line.signed_off
    return {
        "id": one.line.item.id,
        "owner": one.line.owner,
        "signed_off_by": off.by if off else None,
        "signed_off_at": off.at.isoformat() if off else None,
        "note": off.note if off else None,
        "digest": off.shown if off else None,
        "shown": one.shown,
        "lacking": one.lacking,
        "status_now": one.line.verdict.status,
        "changed": one.changed,
    }
