"""Who may decide what: each decision belongs to domains, and a domain to the keys of its owners."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.words import AlertKind, Domain, EventKind

AUTHORITY: Mapping[EventKind, tuple[Domain, ...]] = {
    # The data scientist defines the criteria and approves what they were applied to.
    "gate_freeze": ("accuracy_evaluation",),
    "gate_amendment": ("accuracy_evaluation",),
    "approval": ("accuracy_evaluation",),
    "rejection": ("accuracy_evaluation",),
    # Whoever runs the service decides what it runs.
    "launch": ("inference_management",),
    "rollback": ("inference_management",),
    # … and says that it was tried.
    "drill": ("inference_management",),
    # Whoever answers the alerts of drift says how restless a column may be.
    "threshold_change": ("drift_monitoring",),
    # The call sites are backend's, as the log of them is.
    "call_site_mode": ("prediction_logging",),
    # Whoever runs the machines says what retraining runs with.
    "environment_lock": ("inference_management",),
    # Stopping is everybody's right, going on is not.
    "hold": OWNED_DOMAINS,
    "release": ("retraining_pipeline", "accuracy_evaluation"),
}

ANSWERED_BY: Mapping[AlertKind, Domain] = {
    "drift": "drift_monitoring",
    "accuracy_drop": "accuracy_evaluation",
    "cost_spike": "inference_management",
    "pipeline_failure": "retraining_pipeline",
}
"""The domain that answers each alert."""


@dataclass(frozen=True, slots=True)
class Key:
    """A person's public key (base64); one with ``until`` speaks for what is older than that."""

    public: str
    until: datetime | None = None


def domains_for(
    kind: EventKind, content: Mapping[str, Any], standing: Standing
) -> tuple[Domain, ...]:
    """The domains whose signers may decide this; ``DecisionRefused`` when there is no such thing.

    ``content`` of a waiver, sign-off or review names the item's domain, that of a decision on an
    incident the incident.
    """
    if kind in AUTHORITY:
        return AUTHORITY[kind]
    if kind in ("waiver", "sign_off", "review"):
        if content.get("domain") not in get_args(Domain):
            raise DecisionRefused(f"{content.get('domain')}: no such domain")
        return (content["domain"],)
    if kind in ("incident_acknowledged", "incident_concluded", "incident_resolved"):
        found = standing.incident(str(content.get("incident")))
        if found is None:
            known = ", ".join(incident.id for incident in standing.incidents) or "none"
            raise DecisionRefused(
                f"{content.get('incident')}: no such incident; there are: {known}"
            )
        return (ANSWERED_BY[found.alert],)
    if kind == "incident_answered":
        return (_asked(content, standing),)
    raise DecisionRefused(f"{kind}: not a person's decision")


def _asked(content: Mapping[str, Any], standing: Standing) -> Domain:
    """The domain that a question of an incident's playbook is put to."""
    found = standing.incident(str(content.get("incident")))
    question = found.question(str(content.get("question"))) if found else None
    if question is None:
        raise DecisionRefused(
            f"{content.get('incident')}: nobody was asked {content.get('question')}"
        )
    return question.domain


def signers(root: Root, feature: AiFeatureSpec, domains: Iterable[Domain]) -> dict[str, str]:
    """Who may sign for any of these domains: each person with the base64 public key.

    They stand in the YAML. A replay also knows its demo roles, whose keys lie below its root: it
    can never become live, so nobody gains anything in production by writing there.
    """
    found: dict[str, str] = {}
    demo = Identities(demo_identities(root)) if root.clock.mode == "replay" else None
    for domain in domains:
        owner = feature.owner_of(domain)
        found |= owner.public_keys
        own = demo.public_key(owner.accountable) if demo else None
        if own is not None:
            found.setdefault(owner.accountable, own)
    return found


def keys_of(
    root: Root, feature: AiFeatureSpec, domains: Iterable[Domain]
) -> dict[str, tuple[Key, ...]]:
    """The keys of everybody who may sign for any of these domains, or once might."""
    named = tuple(domains)
    found: dict[str, tuple[Key, ...]] = {
        person: (Key(key),) for person, key in signers(root, feature, named).items()
    }
    for domain in named:
        for one in feature.owner_of(domain).retired_keys:
            own = found.get(one.person, ())
            found[one.person] = (*own, Key(one.key, one.until))
    return found
