"""What a check of a bundle comes to: its exit code, its data, its words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ai_ops.storage.bundle_check import Checked

HOLDS: Final = 0
BROKEN: Final = 1
UNPROVEN: Final = 3
SHOWN: Final = 20


def code_of(checked: Checked) -> int:
    """0 when everything holds, 1 when anything does not, 3 when no key was given to prove it."""
    return BROKEN if checked.problems else UNPROVEN if checked.unproven else HOLDS


def as_data(bundle: Path, checked: Checked) -> dict[str, Any]:
    """The check as JSON-ready data: the shape of ``ai-ops audit verify --json``."""
    said = checked.manifest or {}
    return {
        "bundle": str(bundle),
        "ok": code_of(checked) == HOLDS,
        "feature": said.get("feature"),
        "first": said.get("first"),
        "last": said.get("last"),
        "exported_at": said.get("exported_at"),
        "mode": said.get("mode"),
        "signed_by": said.get("signed_by"),
        "fingerprint": checked.fingerprint,
        "unproven": checked.unproven or None,
        "problems": checked.problems,
        "warnings": checked.warnings,
        "files": len(said.get("files", ())),
        "head": said.get("ledger", {}).get("head"),
        "blocks": checked.blocks,
        "events_told": checked.events_told,
        "decisions_signed": checked.decisions.hold,
        "decisions_of_unknown_keys": checked.decisions.unknown,
    }


def in_words(bundle: Path, checked: Checked) -> Iterator[str]:
    """The check as lines that a person reads."""
    for kind, found in (("WRONG", checked.problems), ("note", checked.warnings)):
        for line in found[:SHOWN]:
            yield f"{kind}: {line}"
        if len(found) > SHOWN:
            yield f"{kind}: … and {len(found) - SHOWN} more; --json shows all"
    if checked.unproven:
        yield f"NOT PROVEN: {checked.unproven}"
    said = checked.manifest
    if checked.problems or said is None:
        yield f"{bundle} is not to be believed"
        return
    replay = ", of a replay" if said["mode"] == "replay" else ""
    yield (
        f"{said['feature']}, {said['first']} … {said['last']}{replay}: {len(said['files'])} files, "
        f"exported {said['exported_at'][:16]} and signed by {said['signed_by']} "
        f"({checked.fingerprint})"
    )
    unknown = checked.decisions.unknown
    more = f", {unknown} by people whose key you did not give" if unknown else ""
    yield (
        f"the ledger's chain holds over {checked.blocks:,} blocks to its head "
        f"{said['ledger']['head']}; {checked.events_told:,} events are told, the signatures of "
        f"{checked.decisions.hold} decisions were verified{more}"
    )
    if not checked.unproven:
        yield "every byte is what was signed"
