"""What the commands share that hand in a person's decision: signed here, or signed elsewhere."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import ITEMS, window_at
from ai_ops.checklist.signed import keep_shown
from ai_ops.cli.common import parse_day
from ai_ops.playbook.incidents import ITEMS as ALERT_CHECKS
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.decisions import read_token, record, sign_decision
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.alerts import alerts_of, column_alerts_of
from ai_ops.vocabulary.errors import BadInput, DecisionRefused
from ai_ops.vocabulary.words import Cadence, Domain, EventKind

IDENTITY_VARIABLE: Final = "AI_OPS_IDENTITY"

ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="EMAIL",
        envvar=IDENTITY_VARIABLE,
        help="Who decides; the key lies on this machine.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help="The decision, signed elsewhere: ai-ops sign."),
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why, in words that last.")]

COMMANDS: Final[Mapping[EventKind, str]] = {
    "gate_freeze": "freeze-gate",
    "gate_amendment": "freeze-gate",
    "waiver": "waive",
    "sign_off": "sign-off",
    "review": "review",
    "threshold_change": "drift thresholds",
    "hold": "hold",
    "release": "release",
    "approval": "approve",
    "rejection": "reject",
    "launch": "launch",
    "rollback": "rollback",
    "drill": "drill rollback",
    "incident_acknowledged": "incidents acknowledge",
    "incident_concluded": "incidents conclude",
    "incident_resolved": "incidents resolve",
    "call_site_mode": "call-sites sign",
    "environment_lock": "environment lock",
    "incident_answered": "incidents answer",
}
"""The command that takes each decision."""

ALL: Final = {item.id: item for items in ITEMS.values() for item in items}
"""Every item of a checklist."""

OPTIONS: Final[Mapping[str, str]] = {"conclusion": "as", "answer": "as", "mode": "as"}
"""The option of a field, where it has another name."""

FILLED_IN: Final = frozenset({"cadence", "partition", "domain", "note", "set", "month", "shown"})
"""What may be left out."""

Given = Mapping[str, Any]
"""The fields of a decision's content that a person named; None where it was left out."""


def decide(
    root: Root,
    feature: AiFeatureSpec,
    kind: EventKind,
    given: Given,
    *,
    by: str | None,
    token: str | None,
    quiet: bool = False,
) -> Event:
    """Sign a decision (or take the token of one), record it, and say so unless ``quiet``."""
    event = record(root, feature, signed(root, feature, kind, given, by=by, token=token))
    if not quiet:
        typer.echo(
            f"{event.kind} of {feature.name} by {event.payload['by']} is recorded "
            f"(block {event.block_seq})"
        )
    return event


def signed(
    root: Root,
    feature: AiFeatureSpec,
    kind: EventKind,
    given: Given,
    *,
    by: str | None,
    token: str | None,
) -> str:
    """The token that was handed in, or one that ``by`` signs here.

    ``BadInput`` when the token decides something else than the command was asked for.
    """
    if token is not None:
        _must_agree(token, kind, given)
        return token
    person = whole(kind, given, by)
    return sign_decision(root, feature, kind, person, content_of(root, feature, kind, given))


def whole(kind: EventKind, given: Given, by: str | None) -> str:
    """Who signs here; ``BadInput`` when nobody was named, or a field is missing."""
    person = signer(by)
    for name, value in given.items():
        if value is None and name not in FILLED_IN:
            raise BadInput(f"--{OPTIONS.get(name, name)}: missing; the {kind} takes it")
    return person


def signer(by: str | None) -> str:
    """Who signs here; ``BadInput`` when nobody was named."""
    if not by:
        raise BadInput(
            f"--by: name who decides, or set {IDENTITY_VARIABLE}; what was signed elsewhere is "
            "handed in with --token"
        )
    return by


def content_of(root: Root, feature: AiFeatureSpec, kind: EventKind, given: Given) -> dict[str, Any]:
    """The content of a decision: what a person named, and what follows from it."""
    content = {name: value for name, value in given.items() if value is not None}
    match kind:
        case "gate_freeze" | "gate_amendment":
            gate = feature.gate
            return {"gate": gate.model_dump(mode="json"), "hash": gate.digest} | content
        case "approval" | "rejection":
            if "gate_hash" not in content:
                content["gate_hash"] = _gate_in_force(root, feature)
        case "waiver" | "sign_off":
            item = _item(content)
            content.setdefault("domain", _domain_of(item))
            if kind == "sign_off":
                _which_list(root, item, content)
                kept = keep_shown(
                    root, feature, ALL[item], content["partition"], given.get("shown")
                )
                content["shown"] = kept
        case "threshold_change":
            # It tests on stored reports: what that imports takes the other decisions a second.
            from ai_ops.drift_monitoring.threshold_deciding import decision_of

            return decision_of(root, feature, given)
        case "review":
            item = _item(content)
            content.setdefault("domain", _reviewed_by(item))
            _must_be_an_alert(root, feature, item, content.get("begin"))
            content.setdefault("note", "")
        case "incident_concluded" | "incident_resolved" | "incident_answered":
            content.setdefault("note", "")
    return content


def _must_agree(token: str, kind: EventKind, given: Given) -> None:
    try:
        said = read_token(token)
    except DecisionRefused:
        return  # whoever takes it refuses it, and records that
    command = COMMANDS.get(said.kind)
    if command != COMMANDS[kind]:
        raise BadInput(f"--token: it is a {said.kind}, which ai-ops {command} takes")
    for name, value in given.items():
        if value is not None and said.content.get(name) != value:
            raise BadInput(
                f"--token: it was signed for {name} {said.content.get(name)!r}, "
                f"the command says {value!r}"
            )


def _gate_in_force(root: Root, feature: AiFeatureSpec) -> str:
    gate = standing_of(root.ledger, feature.name).gate
    if gate is None:
        raise BadInput(
            f"{feature.name}: no criteria are frozen, so no version can have passed them; "
            f"freeze them: ai-ops freeze-gate {feature.name}"
        )
    return gate.hash


def _item(content: Given) -> str:
    return str(content.get("item"))


def _domain_of(item: str) -> Domain:
    if item not in ALL:
        raise BadInput(f"{item}: no such item of a checklist; there are: {', '.join(ALL)}")
    return ALL[item].domain


def _which_list(root: Root, item: str, content: dict[str, Any]) -> None:
    """The list that is signed off: by default the latest of the item's own cadence."""
    own = ALL[item].cadence
    latest = window_at(own, root.clock.now()).start.date().isoformat()
    cadence = content.setdefault("cadence", own)
    content.setdefault("partition", None if own == "pre_launch" else latest)
    content.setdefault("note", "")
    if cadence in ITEMS and cadence != own:
        raise BadInput(f"--cadence: {item} is an item of the {own} list; leave it out")
    _must_name_a_list(own, content["partition"])


def _must_name_a_list(cadence: Cadence, partition: str | None) -> None:
    """A day in the middle of a week would sign nothing off, and nobody would see that."""
    if partition is None:
        return
    day = parse_day(partition, "--partition")
    if cadence == "pre_launch":
        raise BadInput("--partition: the pre_launch list has none; leave it out")
    if cadence == "weekly" and day.weekday() != 0:
        raise BadInput(f"--partition: a week begins on a Monday, {day} is none")
    if cadence == "monthly" and day.day != 1:
        raise BadInput(f"--partition: a month begins on its first day, {day} is another one")


def _reviewed_by(item: str) -> Domain:
    for alert, checks in ALERT_CHECKS.items():
        if item in checks:
            return ANSWERED_BY[alert]
    return _domain_of(item)


def _must_be_an_alert(root: Root, feature: AiFeatureSpec, item: str, begin: str | None) -> None:
    """A misspelt day would leave the alert that was meant without a review."""
    if not any(item in checks for checks in ALERT_CHECKS.values()):
        return
    verdicts = root.ledger.verdicts(feature.name, items=[item], as_of=root.clock.now())
    by_day = {v.partition or "": v for v in verdicts}
    alerts = [*alerts_of(item, by_day), *column_alerts_of(item, by_day)]
    begins = sorted({one.begin for one in alerts})
    if begin not in begins:
        raise BadInput(
            f"--begin: no alert of {item} began on {begin}; there are: "
            f"{', '.join(begins) or 'none'}"
        )
