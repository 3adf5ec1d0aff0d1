"""What the playbook does at a moment: incidents are opened and resolved, their steps taken."""

from datetime import datetime

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.cost_steps import cost_steps
from ai_ops.playbook.drift_steps import first_steps
from ai_ops.playbook.incidents import MACHINE, open_and_resolve, verdicts_of
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of


def answer_alerts(root: Root, feature: AiFeatureSpec, as_of: datetime) -> list[Event]:
    """Open and resolve what is due at a moment, and take the steps that are; returns what was
    appended.

    Two appends: a process that dies between them leaves an incident without its steps, which the
    next look takes.
    """
    opened = open_and_resolve(root, feature, as_of)
    return [*opened, *take_steps(root, feature, as_of)]


def take_steps(root: Root, feature: AiFeatureSpec, as_of: datetime) -> list[Event]:
    """Take the steps of open incidents that are due at a moment; returns what was appended."""

    def decide(standing: Standing) -> list[NewEvent]:
        waiting = [one for one in standing.open_incidents if one.state == "open"]
        if not any(not one.step_names for one in waiting):
            return []
        waiting = [one for one in waiting if not one.step_names]
        verdicts = verdicts_of(root, feature, standing, as_of)
        drifts = [(one.id, one.item, one.begin) for one in waiting if one.alert == "drift"]
        first = first_steps(feature, standing, drifts, verdicts, as_of)
        first += cost_steps(root, feature, waiting, verdicts)
        return [
            NewEvent("incident_step", feature.name, one | {"by": MACHINE}, as_of) for one in first
        ]

    if not decide(standing_of(root.ledger, feature.name)):
        return []
    return appended_all(root, feature, decide)
