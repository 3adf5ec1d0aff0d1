"""Whether a decision means anything as things stand: criteria frozen, a hold, an incident open."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ai_ops.storage.standing import Incident, Question, Standing
from ai_ops.storage.threshold_changes import allowances_misfit
from ai_ops.vocabulary.words import EventKind


def misfit(kind: EventKind, content: Mapping[str, Any], standing: Standing) -> str | None:
    """Why a well-formed decision cannot be taken as things stand, or None when it can.

    >>> misfit("release", {"reason": "mended"}, Standing())
    'there is no hold to release'
    """
    match kind:
        case "gate_freeze" | "gate_amendment":
            return _criteria(kind, content, standing)
        case "approval" | "rejection":
            return _judged_by(content, standing)
        case "threshold_change":
            return allowances_misfit(content, standing)
        case "release":
            return None if standing.holds else "there is no hold to release"
        case "incident_acknowledged" | "incident_concluded" | "incident_resolved":
            found = standing.incident(content["incident"])
            return _answer(kind, found) if found else None
        case "incident_answered":
            found = standing.incident(content["incident"])
            question = found.question(content["question"]) if found else None
            return _answer_wrong(question, content["answer"]) if question else None
        case _:
            return None


def overtaken(
    kind: EventKind, content: Mapping[str, Any], at: datetime, standing: Standing
) -> str | None:
    """What was decided after this was signed, and is not to be undone by it; None when nothing.

    A token may wait for days until somebody hands it in: the last word is the one signed last.
    """
    match kind:
        case "approval" | "rejection":
            known = standing.approvals.get(content["version"])
            said = (
                [(known.at, f"{known.by} decided about version {known.version}")] if known else []
            )
        case "release":
            said = [(one.since, f"{one.by} opened a hold") for one in standing.holds]
        case "threshold_change":
            said = [(one.at, f"{one.by} reviewed them") for one in standing.threshold_changes]
        case "gate_amendment":
            gate = standing.gate
            said = [(gate.at, f"{gate.by} put other criteria in force")] if gate else []
        case "incident_concluded" | "incident_resolved" | "incident_acknowledged":
            one = standing.incident(content["incident"])
            said = _since_then(kind, one) if one else []
        case _:
            said = []
    since = [f"{words} on {moment:%Y-%m-%d %H:%M}" for moment, words in said if moment > at]
    return f"{since[-1]}, after this was signed; sign again" if since else None


def _since_then(kind: EventKind, incident: Incident) -> list[tuple[datetime, str]]:
    """What came to an incident, and whoever had signed before did not see."""
    said = [(incident.opened_at, f"incident {incident.id} was opened")]
    said += [(one.at, f"{one.item} joined incident {incident.id}") for one in incident.joined]
    said += [(at, f"incident {incident.id} was there again") for at in incident.reopened]
    if kind != "incident_acknowledged" and incident.concluded_at:
        told = f"{incident.concluded_by} concluded incident {incident.id}"
        said.append((incident.concluded_at, told))
    return sorted(said)


def _answer_wrong(question: Question, answer: str) -> str | None:
    if question.answer is not None:
        return f"{question.answered_by} answered {question.step} already"
    if not question.answers:
        return f"{question.step} is answered by a command of its own: {question.command}"
    if answer not in question.answers:
        return f"{question.step} is answered by one of {', '.join(question.answers)}, not {answer}"
    return None


def _criteria(kind: EventKind, content: Mapping[str, Any], standing: Standing) -> str | None:
    gate = standing.gate
    if gate is None:
        return None if kind == "gate_freeze" else "no criteria are frozen yet: freeze them first"
    if content["hash"] == gate.hash:
        return f"these criteria are in force already, by {gate.by} since {gate.at:%Y-%m-%d}"
    if kind == "gate_freeze":
        return f"criteria were frozen by {gate.by} on {gate.at:%Y-%m-%d}: amend them, with a reason"
    return None


def _judged_by(content: Mapping[str, Any], standing: Standing) -> str | None:
    if standing.gate is None:
        return "no criteria are frozen: there is nothing that a version can have passed"
    if content["gate_hash"] != standing.gate.hash:
        return (
            f"it goes by the criteria {content['gate_hash'][:12]}…, in force are "
            f"{standing.gate.hash[:12]}…"
        )
    return None


def _answer(kind: EventKind, incident: Incident) -> str | None:
    if incident.state == "resolved":
        return f"incident {incident.id} is resolved already, by {incident.resolved_by}"
    if kind == "incident_resolved" and incident.state == "open":
        return f"incident {incident.id} is concluded by nobody: conclude it first"
    return None
