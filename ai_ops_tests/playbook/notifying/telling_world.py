"""A live root in which incidents opened, and where its notifications arrive."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.deciding import FEATURE

START = datetime.now(UTC) - timedelta(days=30)
"""When the root begins; a live ledger takes nothing of the future."""

DRIFT = "drift-2021-03-04"


def live_root(folder: Path, notify: str | None = None, **variables: str) -> Root:
    """A live root with its channels."""
    environment = {"AI_OPS_NOTIFY": notify} if notify else {}
    root = Root.open(folder, environment=environment | variables)
    happened(root, "drill", START)
    return root


def happened(root: Root, kind: EventKind, at: datetime, **payload: Any) -> None:
    """Something that is in the ledger as of a moment."""
    root.ledger.append([NewEvent(kind, FEATURE.name, payload, at)], clock=root.clock)


def opened(
    root: Root,
    id: str = DRIFT,
    at: datetime = START,
    *,
    alert: str = "drift",
    severity: str = "warning",
    reason: str = "temp moved on 3 of 4 days",
) -> str:
    """An incident that opened."""
    happened(
        root,
        "incident_opened",
        at,
        incident=id,
        alert=alert,
        item="input_drift",
        begin=f"{at:%Y-%m-%d}",
        reason=reason,
        version="1",
        severity=severity,
    )
    return id


def said_of(root: Root) -> list[dict[str, Any]]:
    """What the ledger says of notifications."""
    return [dict(one.payload) for one in root.ledger.events(kinds=("notification",))]
