"""The playbooks in words: as data, as a page, and how the steps of an incident stand."""

from collections.abc import Iterator
from inspect import getdoc
from typing import Any, Final

from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.playbook.stepping import asked_of, taken_of
from ai_ops.playbook.steps import Playbook, Question, Step
from ai_ops.storage.standing import Incident

HEADING: Final = """# The playbook

What is done when one of the four alerts fires. This page is generated from the definitions that the
sensor and the job run (`ai-ops playbook --markdown`), so it says what happens.

An incident opens from the verdicts in the ledger. The machine takes its own steps at once, and
keeps the evidence with the incident; what a person must decide is a question with a deadline, put
to an owner, with the one command that answers it. A step that fails is tried again on the next
days. Nothing here promotes anything: until a person concluded an incident, and while bad data is
not mended, every promotion is refused.

    ai-ops incidents list FEATURE
    ai-ops incidents show FEATURE INCIDENT
"""


def data_of(playbook: Playbook) -> dict[str, Any]:
    """A playbook as JSON-ready data."""
    return {
        "alert": playbook.alert,
        "title": playbook.title,
        "severity": playbook.severity,
        "trigger": playbook.trigger,
        "answered_by": playbook.answered_by,
        "steps": [_step_data(playbook, one) for one in playbook.steps],
    }


def page_of(playbook: Playbook) -> str:
    """A playbook as Markdown."""
    lines = [
        f"## {playbook.title} (`{playbook.alert}`)",
        "",
        f"- **Trigger**: {playbook.trigger}",
        f"- **Severity**: {playbook.severity}",
        f"- **Answered by**: the owner of {_words(playbook.answered_by)}",
        "",
        "| Step | What happens | Who | Requirements |",
        "|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_cells(playbook, one)) + " |" for one in playbook.steps]
    return "\n".join(lines) + "\n"


def whole_page() -> str:
    """The page `docs/playbook.md`."""
    return "\n".join((HEADING, *map(page_of, PLAYBOOKS.values())))


def steps_of(incident: Incident) -> list[dict[str, Any]]:
    """The steps of an incident's playbooks, each with its state, words and evidence.

    ``waiting`` is one whose turn has not come, or which waits for something; ``asked`` one that
    waits for a person.
    """
    every = {step.name: step for alert in incident.alerts for step in PLAYBOOKS[alert].steps}
    return [_state(incident, step) for step in every.values()]


def step_rows(incident: Incident) -> list[dict[str, str]]:
    """The steps of an incident as rows of a table, each in words."""
    return [
        {
            "incident": incident.id,
            "step": _words(one["step"]),  # in a narrow column a name breaks between words only
            "state": one["state"],
            "words": _told(one),
            "evidence": ", ".join(kept["source"] for kept in one.get("evidence", ())) or "–",
        }
        for one in steps_of(incident)
    ]


def _told(one: dict[str, Any]) -> str:
    if one["state"] == "asked":
        return f"{one['words']} Until {one['due_at'][:16]}: {one['command']}"
    if one["state"] == "answered":
        return f"{one['by']}: {one['answer']} ({one['words']})"
    if one["state"] == "waiting" and one["where"]:
        return f"{one['title']}: only where {one['where']}"
    return str(one.get("words", one["title"]))


def how(step: Step) -> str:
    """How a step is taken: what its executable says of itself, or what is asked."""
    if step.asks is not None:
        return asked_in_words(step.asks)
    return " ".join((getdoc(step.does) or "").split())


def asked_in_words(asks: Question) -> str:
    """A question as it stands in the definition, with what is filled in later as words."""
    return asks.words.format_map(_Named())


class _Named(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key.upper()


def _step_data(playbook: Playbook, step: Step) -> dict[str, Any]:
    asks = step.asks
    asked = asks and {
        "words": asked_in_words(asks),
        "domain": asks.domain or playbook.answered_by,
        "within": asks.within.words,
        "command": _command(asks),
        "answers": list(asks.answers),
    }
    return {
        "name": step.name,
        "title": step.title,
        "requirements": list(step.requirements),
        "how": how(step),
        "after": list(step.after),
        "where": step.condition,
        "job": step.job,
        "asks": asked,
    }


def _cells(playbook: Playbook, step: Step) -> Iterator[str]:
    yield f"**{step.name}**"
    where = f" Where {step.condition}." if step.condition else ""
    told = how(step)
    if step.asks is not None:
        told = f"“{told}” `{_command(step.asks)}`"
    stop = "" if step.title.endswith("?") else "."
    yield f"{step.title}{stop} {told}{where}".replace("|", "\\|")
    domain = step.asks and (step.asks.domain or playbook.answered_by)
    within = f", within {step.asks.within.words}" if step.asks is not None else ""
    yield f"owner of {_words(domain)}{within}" if domain else "the machine"
    yield ", ".join(step.requirements)


def _command(asks: Question) -> str:
    return f"ai-ops {asks.command.format_map(_Named())}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _state(incident: Incident, step: Step) -> dict[str, Any]:
    taken, asked = taken_of(incident, step.name), asked_of(incident, step.name)
    shown: dict[str, Any] = {"step": step.name, "title": step.title, "state": "waiting"}
    shown["where"] = step.condition
    if taken:
        last = taken[-1]
        kept = [{"source": source, "digest": digest} for source, digest in last.evidence]
        shown |= {"state": last.state, "words": last.words, "by": last.by}
        shown |= {"at": last.at.isoformat(), "evidence": kept, "tries": len(taken)}
    elif asked is not None:
        shown |= {
            "state": "asked" if asked.answer is None else "answered",
            "words": asked.words,
            "domain": asked.domain,
            "due_at": asked.due_at.isoformat(),
            "command": asked.command,
            "answer": asked.answer,
            "by": asked.answered_by,
        }
    return shown
