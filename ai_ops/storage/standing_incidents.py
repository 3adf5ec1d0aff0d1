"""The incidents of a feature after one more event: opened, stepped, acknowledged, concluded."""

from dataclasses import replace

from ai_ops.storage.ledger_chain import Event
from ai_ops.storage.standing_records import Incident


def incidents_after(known: tuple[Incident, ...], event: Event) -> tuple[Incident, ...]:
    """The incidents after one more event about them; in the order in which they were opened."""
    said = event.payload
    if event.kind == "incident_opened":
        opened = Incident(
            said["incident"],
            said["alert"],
            said["item"],
            said["begin"],
            event.as_of,
            said["reason"],
            said.get("version"),
            said.get("severity", ""),
        )
        return (*known, opened)
    return tuple(_answered(one, event) if one.id == said.get("incident") else one for one in known)


def _answered(incident: Incident, event: Event) -> Incident:
    said = event.payload
    match event.kind:
        case "incident_step":
            return replace(
                incident,
                severity=said.get("severity", incident.severity),
                steps=(*incident.steps, str(said.get("reason", ""))),
                step_names=(*incident.step_names, str(said.get("step", ""))),
                cause=said.get("cause", incident.cause),
                since=said.get("since", incident.since),
                sample=said.get("sample", {}).get("source", incident.sample),
                sample_digest=said.get("sample", {}).get("digest", incident.sample_digest),
            )
        case "incident_acknowledged":
            return replace(incident, acknowledged_by=said["by"])
        case "incident_concluded":
            return replace(
                incident,
                state="resolved" if incident.state == "resolved" else "concluded",
                conclusion=said["conclusion"],
                concluded_by=said["by"],
                concluded_at=event.as_of,
                note=said.get("note", ""),
            )
        case "incident_resolved":
            return replace(
                incident, state="resolved", resolved_at=event.as_of, resolved_by=said["by"]
            )
        case _:
            return incident
