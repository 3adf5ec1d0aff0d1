"""What resolves an incident: evidence that came after a person concluded it."""

from dataclasses import dataclass
from datetime import datetime

from ai_ops.playbook.alert_kinds import ITEMS, LIVE, YIELDING, Judged
from ai_ops.storage.answered import is_over
from ai_ops.storage.standing import Incident, Retraining, Standing
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import RecordedVerdict


@dataclass(frozen=True, slots=True)
class Resolution:
    """An incident whose cause is gone, and the evidence of that."""

    incident: str
    note: str


def gone(incident: Incident, standing: Standing, judged: Judged) -> str | None:
    """The evidence that what a person concluded is over, in words; None while there is none."""
    concluded = incident.concluded_at
    if incident.state != "concluded" or concluded is None:
        return None
    if incident.conclusion == "genuine_shift":
        for move in standing.moves:
            if move.kind == "promotion" and move.at >= concluded:
                return f"version {move.version} was promoted on {move.at:%Y-%m-%d} for it"
    if incident.alert == "pipeline_failure" and incident.item not in LIVE:
        for one in standing.retrainings:
            if "evaluated" in one.stages and _at(one, "evaluated") > concluded:
                return f"retraining {one.id} came to its evaluation"
        return None
    own = [one.item for one in incident.about]
    newest = {
        item: max(judged.get(item, {}).values(), key=lambda one: one.window.start, default=None)
        for item in dict.fromkeys((*(ITEMS[incident.alert] or own), *own))
    }
    latest = [one for item, one in newest.items() if _waited_for(incident, item, one)]
    passing = [
        _words(one, incident)
        for one in latest
        if one is not None and is_over(incident, judged[one.item]) and one.as_of > concluded
    ]
    return "; ".join(passing) if len(passing) == len(latest) else None


def _words(latest: RecordedVerdict, incident: Incident) -> str:
    day, reason = latest.partition or latest.as_of.date(), latest.verdict.reason
    if latest.verdict.status == "pass":
        return f"{latest.item} passes on {day}: {reason}"
    named = ", ".join(incident.columns_of(latest.item)) or "what it was about"
    return f"{latest.item} finds nothing more of {named} on {day}: {reason}"


def _waited_for(incident: Incident, item: str, latest: RecordedVerdict | None) -> bool:
    if item not in YIELDING or item == incident.item:
        return True
    return latest is not None and latest.verdict.status == "fail"


def _at(retraining: Retraining, stage: str) -> datetime:
    return utc(retraining.stages[stage]["at"])
