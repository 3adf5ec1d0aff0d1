"""How the steps of an incident are shown: what was done, and what is asked until when."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from ai_ops.playbook.describing import steps_of
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.clock import utc

STRUCTURED: Final = ("playbook", "steps", "step_names", "taken", "questions", "joined", "earlier")
"""Fields that are shown as the playbook's lines, or are for programs only."""

PLAYED: Final = frozenset(step.name for book in PLAYBOOKS.values() for step in book.steps)
"""The steps of the playbooks; an incident knows others, which raised it."""

_MARKS: Final = {"done": "done", "not_needed": "not needed", "failed": "FAILED"}


def news_of(incident: Incident) -> list[str]:
    """What a list says of an incident: its reason, what raised it, and what is asked now."""
    raised = [one.words for one in incident.taken if one.step not in PLAYED]
    asked = [f"{one.domain} is asked: {one.words}" for one in incident.pending]
    return [incident.reason, *raised, *(asked if incident.state != "resolved" else ())]


def playbook_lines(incident: Incident, now: datetime) -> Iterator[str]:
    """The steps of an incident for a person, in order, with evidence, deadline and command."""
    for one in incident.joined:
        columns = f" ({', '.join(one.columns)})" if one.columns else ""
        yield f"joined by {one.item}{columns} since {one.begin}: {one.reason}"
    for taken in incident.taken:
        if taken.step not in PLAYED:
            yield f"raised on {taken.at:%Y-%m-%d %H:%M}: {taken.words}"
    yield "steps:"
    for number, step in enumerate(steps_of(incident), start=1):
        if incident.state == "resolved" and step["state"] == "waiting":
            continue
        yield from _lines(number, step, now)


def _lines(number: int, step: dict[str, Any], now: datetime) -> Iterator[str]:
    name, state = step["step"], step["state"]
    if state == "waiting":
        where = f"; where {step['where']}" if step["where"] else ""
        yield f"  {number}. {name}: waits ({step['title']}{where})"
    elif state == "asked":
        due = utc(step["due_at"])
        late = f", {_days(now - due)} OVERDUE" if now > due else ""
        yield f"  {number}. {name}: ASKED of {step['domain']} until {due:%Y-%m-%d %H:%M}{late}"
        yield f"     {step['words']}"
        yield f"     {step['command']}"
    elif state == "answered":
        yield f"  {number}. {name}: {step['by']} answered {step['answer']}"
    else:
        yield f"  {number}. {name}: {_MARKS[state]} on {utc(step['at']):%Y-%m-%d %H:%M}"
        yield f"     {step['words']}"
        for kept in step["evidence"]:
            yield f"     evidence: {kept['source']} (sha256 {kept['digest'][:12]}…)"


def _days(late: timedelta) -> str:
    """How late, in the unit that says it.

    >>> _days(timedelta(hours=5)), _days(timedelta(days=3))
    ('5 hours', '3 days')
    """
    hours = int(late / timedelta(hours=1))
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"
