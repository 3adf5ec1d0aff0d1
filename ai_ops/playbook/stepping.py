"""Which steps of a playbook are due, and what is recorded of them: decided from the ledger alone.

A process that dies between two steps loses nothing: whoever looks next sees what was taken, and
takes the rest.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from shlex import quote
from typing import Any, Final

from ai_ops.playbook.steps import (
    WHAT_IS_IT,
    Does,
    Outcome,
    Playbook,
    Question,
    Scene,
    Step,
    since_of,
)
from ai_ops.storage import incident_records as records
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.failures import SAID_AT_MOST, without_secrets
from ai_ops.vocabulary.words import AlertKind

MACHINE: Final = "ai_ops"

TRIES: Final = 5
"""So many days a step that fails is tried on."""

ENDED: Final = timedelta(days=2)
"""So long after its end an incident is looked at for what is left to be told of it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A step that was due, and the event that tells of it."""

    incident: str
    step: str
    event: NewEvent


def due_steps(scene: Scene, playbook: Playbook) -> Iterator[Step]:
    """The steps of a playbook that are due, in its order: not taken, or failed on a day before."""
    for step in playbook.steps:
        if step.name == WHAT_IS_IT and scene.alert != scene.incident.alert:
            continue  # what the incident is, is asked once, in the words of its own alert
        if is_due(step, playbook, scene.incident, scene.as_of) and step.where(scene):
            yield step


def is_due(step: Step, playbook: Playbook, incident: records.Incident, as_of: datetime) -> bool:
    """Whether a step is not taken, and those that it comes after were tried or answered."""
    taken = taken_of(incident, step.name)
    if any(one.state != "failed" for one in taken):
        return False
    if taken and (len(taken) >= TRIES or taken[-1].at.date() >= as_of.date()):
        return False
    return all(_is_tried(incident, name, playbook) for name in step.after)


def taken_of(incident: records.Incident, step: str) -> list[records.Taken]:
    """What was taken of a step since the incident was opened, or opened again."""
    since = since_of(incident)
    return [one for one in incident.taken if one.step == step and one.at >= since]


def asked_of(incident: records.Incident, step: str) -> records.Question | None:
    """The question that a step stands for: one that waits, or of this round; None without one."""
    found = incident.question(step)
    if found is None or (found.answer is not None and found.asked_at < since_of(incident)):
        return None
    return found


def events_of(scene: Scene, playbooks: Mapping[AlertKind, Playbook]) -> list[Tried]:
    """What is to be recorded of an incident at a moment, by the playbooks of all its alerts."""
    if scene.incident.state == "resolved":
        return list(_closing(scene, playbooks[scene.alert]))
    return [
        tried
        for step in due_steps(scene, playbooks[scene.alert])
        if (tried := _tried(scene, step)) is not None
    ]


def still_due(tried: Iterable[Tried], standing: Standing) -> list[NewEvent]:
    """Of what was tried, that which nobody recorded meanwhile."""
    found: dict[tuple[str, str], NewEvent] = {}
    for one in tried:
        incident, at = standing.incident(one.incident), one.event.as_of
        if incident is None or at is None:
            continue
        taken = taken_of(incident, one.step)
        done = any(t.state != "failed" or t.at.date() >= at.date() for t in taken)
        question = asked_of(incident, one.step)
        waits = question is not None and question.answer is None
        if not done and not (waits and one.event.kind == "incident_asked"):
            found.setdefault((one.incident, one.step), one.event)
    return list(found.values())


def _is_tried(incident: records.Incident, name: str, playbook: Playbook) -> bool:
    if taken_of(incident, name):
        return True
    question, step = asked_of(incident, name), playbook.step(name)
    again = step.asks.again if step is not None and step.asks is not None else ()
    return question is not None and question.answer is not None and question.answer not in again


def _tried(scene: Scene, step: Step) -> Tried | None:
    if step.asks is not None:
        return _asked(scene, step, step.asks)
    outcome = _outcome(scene, step.does) if step.does else None
    return None if outcome is None else _recorded(scene, step, outcome)


def _asked(scene: Scene, step: Step, asks: Question) -> Tried | None:
    known = asked_of(scene.incident, step.name)
    if known is not None and known.answer is not None and known.answer not in asks.again:
        return None
    if asks.seen is not None and (seen := _outcome(scene, asks.seen)) is not None:
        # What a command of its own decided is the answer; where nobody was asked, too.
        return _recorded(scene, step, seen)
    if known is not None and not _is_asked_again(known, asks, scene.as_of):
        return None
    event = NewEvent("incident_asked", scene.feature.name, question_of(scene, step, asks))
    return Tried(scene.incident.id, step.name, _at(event, scene))


def question_of(scene: Scene, step: Step, asks: Question) -> dict[str, Any]:
    """What the ledger keeps of a question: its words, whom it is put to, until when, and the one
    command that answers it."""
    fills = dict(asks.fills(scene)) if asks.fills else {}
    fills |= {"feature": scene.feature.name, "incident": scene.incident.id}
    return {
        "incident": scene.incident.id,
        "step": step.name,
        "reason": asks.words.format_map(fills),
        "domain": asks.domain or ANSWERED_BY[scene.incident.alert],
        "due_at": (scene.as_of + asks.within.of(scene.feature)).isoformat(),
        "command": f"ai-ops {asks.command.format_map(_typed(fills))}",
        "answers": list(asks.answers),
        "by": MACHINE,
    }


def _typed(fills: Mapping[str, str]) -> dict[str, str]:
    """What is filled into a command is one word of it, whatever a call site is called."""
    return {name: quote(value) for name, value in fills.items()}


def _is_asked_again(known: records.Question, asks: Question, as_of: datetime) -> bool:
    if known.answer not in asks.again or known.answered_at is None:
        return False
    return as_of - known.answered_at >= timedelta(days=1)


def _closing(scene: Scene, playbook: Playbook) -> Iterator[Tried]:
    """What is left to be told when an incident ended: the steps that its end answers, and that
    a question waits for nobody any more."""
    incident = scene.incident
    lately = scene.as_of - (incident.resolved_at or scene.as_of) <= ENDED
    for step in due_steps(scene, playbook):
        does = step.does if step.asks is None else step.asks.seen
        outcome = _outcome(scene, does) if does and lately else None
        if outcome is not None and outcome.state != "failed":
            yield _recorded(scene, step, outcome)
        elif (known := asked_of(incident, step.name)) is not None and known.answer is None:
            words = f"the incident ended before it was answered: {known.words}"
            yield _recorded(scene, step, Outcome(words, "not_needed"))


def _outcome(scene: Scene, does: Does) -> Outcome | None:
    """What a step comes to; one that breaks has failed, and says of what."""
    try:
        return does(scene)
    except Exception as error:  # whatever it is, the other steps are taken, and this is told
        words = without_secrets(f"{type(error).__name__}: {error}")[:SAID_AT_MOST]
        return Outcome(words, "failed")


def _recorded(scene: Scene, step: Step, outcome: Outcome) -> Tried:
    kept = [{"source": one.source, "digest": one.digest} for one in outcome.evidence]
    payload = {
        "incident": scene.incident.id,
        "step": step.name,
        "reason": outcome.words,
        "by": MACHINE,
        **outcome.said,
        **({} if outcome.state == "done" else {"state": outcome.state}),
        **({"evidence": kept} if kept else {}),
    }
    event = NewEvent("incident_step", scene.feature.name, payload)
    return Tried(scene.incident.id, step.name, _at(event, scene))


def _at(event: NewEvent, scene: Scene) -> NewEvent:
    return NewEvent(event.kind, event.feature, event.payload, scene.as_of)
