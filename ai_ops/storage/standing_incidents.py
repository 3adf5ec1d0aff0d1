"""The incidents of a feature after one more event: opened, stepped, acknowledged, concluded."""

from dataclasses import replace

from ai_ops.storage.incident_records import WHAT_IS_IT, Incident, Joined, Question, Taken
from ai_ops.storage.ledger_chain import Event
from ai_ops.vocabulary.clock import utc


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
            columns=tuple(said.get("columns", ())),
        )
        # A second of one name would be concluded by the signature that is about the first.
        return known if any(one.id == opened.id for one in known) else (*known, opened)
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
                taken=(*incident.taken, _taken(event)),
                questions=tuple(_seen(one, event, incident) for one in incident.questions),
            )
        case "incident_joined":
            joined = Joined(
                said["alert"],
                said["item"],
                said["begin"],
                said["reason"],
                tuple(said.get("columns", ())),
                event.as_of,
            )
            severity = said.get("severity", incident.severity)
            return replace(incident, joined=(*incident.joined, joined), severity=severity)
        case "incident_reopened":
            # What was concluded was about what is over; what is there again is concluded anew.
            return replace(
                incident,
                earlier=incident.ended,
                state="open",
                conclusion=None,
                concluded_by=None,
                concluded_at=None,
                resolved_at=None,
                resolved_by=None,
                acknowledged_by=None,
                note="",
                reason=said["reason"],
                reopened=(*incident.reopened, event.as_of),
            )
        case "incident_asked":
            return replace(incident, questions=(*incident.questions, _question(event)))
        case "incident_answered":
            return replace(
                incident, questions=tuple(_told(one, event) for one in incident.questions)
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
                questions=tuple(_concluded(one, event) for one in incident.questions),
            )
        case "incident_resolved":
            return replace(
                incident, state="resolved", resolved_at=event.as_of, resolved_by=said["by"]
            )
        case _:
            return incident


def _taken(event: Event) -> Taken:
    said = event.payload
    kept = said.get("evidence", ())
    every = [kept] if isinstance(kept, dict) else list(kept)
    if sample := said.get("sample"):
        every.append(sample)
    return Taken(
        str(said.get("step", "")),
        event.as_of,
        str(said.get("by", "")),
        str(said.get("reason", "")),
        said.get("state", "done"),
        tuple((str(one["source"]), str(one["digest"])) for one in every),
    )


def _question(event: Event) -> Question:
    said = event.payload
    return Question(
        said["step"],
        said["reason"],
        said["domain"],
        event.as_of,
        utc(said["due_at"]),
        said["command"],
        tuple(said.get("answers", ())),
    )


def _told(question: Question, event: Event) -> Question:
    said = event.payload
    if question.step != said["question"] or question.answer is not None:
        return question
    return replace(
        question,
        answer=said["answer"],
        answered_by=said["by"],
        answered_at=event.as_of,
        note=said.get("note") or "",
    )


def _concluded(question: Question, event: Event) -> Question:
    """A conclusion is the answer to what an incident is."""
    said = {**event.payload, "question": WHAT_IS_IT, "answer": event.payload["conclusion"]}
    return _told(question, replace(event, payload=said))


def _seen(question: Question, event: Event, incident: Incident) -> Question:
    """What a command of its own decided, or nobody needs to decide any more, is no question."""
    said = event.payload
    state = str(said.get("state", "done"))
    if state == "failed" or "step" not in said:
        return question
    if question.step == WHAT_IS_IT and incident.state == "open":
        return question  # that is for a person to say, whoever appends a step
    answer = {"question": said["step"], "answer": str(said.get("answer", state))}
    by = str(said.get("answered_by", said.get("by", "")))
    return _told(question, replace(event, payload={**said, **answer, "by": by, "note": ""}))
