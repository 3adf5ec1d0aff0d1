"""A replay's root with the keys of its three roles, and decisions that they sign."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import Monitoring
from ai_ops.cli.common import DEFS
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.words import EventKind

DECLARED = load_feature(DEFS / "flight_delay" / "defs.yaml")
FEATURE = DECLARED.model_copy(update={"monitoring": Monitoring(start=date(2021, 1, 1))})
NOW = datetime(2021, 4, 1, 9, tzinfo=UTC)

BACKEND = FEATURE.owners.retraining_pipeline.accountable
SCIENTIST = FEATURE.owners.drift_monitoring.accountable
DEVOPS = FEATURE.owners.inference_management.accountable
STRANGER = "stranger@example.com"

GATE: dict[str, Any] = {
    "gate": FEATURE.gate.model_dump(mode="json"),
    "hash": FEATURE.gate.digest,
}


def root_in(folder: Path, now: datetime = NOW) -> Root:
    """A replay at a moment, with the keys of its roles and one event, the ledger's birth."""
    root = Root.open(folder, environment={})
    root.begin_replay(now)
    keys = Identities(demo_identities(root))
    for person in (BACKEND, SCIENTIST, DEVOPS, STRANGER):
        keys.create(person)
    root.ledger.append([NewEvent("drill", FEATURE.name, {})], clock=root.clock)
    return root


def token_of(
    root: Root, kind: EventKind, by: str, *, of: AiFeatureSpec = FEATURE, **content: Any
) -> str:
    """A decision, signed."""
    return sign_decision(root, of, kind, by, content)


def decided(root: Root, kind: EventKind, by: str, **content: Any) -> Event:
    """A decision, signed and recorded."""
    return record(root, FEATURE, token_of(root, kind, by, **content))


def happened(root: Root, kind: EventKind, **payload: Any) -> None:
    """Something that no person signs."""
    root.ledger.append([NewEvent(kind, FEATURE.name, payload)], clock=root.clock)


def launched(root: Root, version: str = "1") -> None:
    """A launch, as the ledger keeps it."""
    happened(
        root,
        "launch",
        version=version,
        previous=None,
        metrics={"auc": 0.7},
        gate_hash=FEATURE.gate.digest,
        by=DEVOPS,
    )


def incident(root: Root, alert: str = "drift", id: str = "drift-2021-03-30") -> str:
    """An incident that was opened."""
    happened(
        root,
        "incident_opened",
        incident=id,
        alert=alert,
        item="input_drift",
        begin=id[-10:],
        reason="temp moved",
        version="1",
        severity="warning",
    )
    return id


def standing(root: Root) -> Standing:
    """How the feature stands now."""
    return standing_of(root.ledger, FEATURE.name)
