"""What the playbooks do at a moment: incidents are opened and resolved, their steps taken."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, partial

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.playbook.incidents import open_and_resolve, verdicts_of
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.playbook.stepping import Tried, events_of, still_due
from ai_ops.playbook.steps import NO_ACTS, Acts, Playbook, Scene
from ai_ops.storage.believed import believed
from ai_ops.storage.decisions import appended_all
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import AlertKind


def answer_alerts(
    root: Root, feature: AiFeatureSpec, as_of: datetime, acts: Acts = NO_ACTS
) -> list[Event]:
    """Open and resolve what is due at a moment, and take the steps that are; returns what was
    appended.

    Two appends: a process that dies between them leaves an incident without its steps, which the
    next look takes.
    """
    opened = open_and_resolve(root, feature, as_of)
    return [*opened, *take_steps(root, feature, as_of, acts)]


def take_steps(
    root: Root,
    feature: AiFeatureSpec,
    as_of: datetime,
    acts: Acts = NO_ACTS,
    *,
    only: str | None = None,
    playbooks: Mapping[AlertKind, Playbook] = PLAYBOOKS,
) -> list[Event]:
    """Take the steps of incidents (``only`` one of them) that are due at a moment, and ask what is
    to be asked; returns what was appended.

    A step that another waits for makes that one due, so it looks until nothing is.
    """
    appended: list[Event] = []
    for _ in range(max(len(one.steps) for one in playbooks.values()) + 1):
        tried = _tried(root, feature, as_of, acts, only, playbooks)
        if not tried:
            break
        new = appended_all(root, feature, partial(still_due, tried))
        if not new:
            break
        appended += new
    return appended


def _tried(
    root: Root,
    feature: AiFeatureSpec,
    as_of: datetime,
    acts: Acts,
    only: str | None,
    playbooks: Mapping[AlertKind, Playbook],
) -> list[Tried]:
    # A row that nobody signed ends no incident, and with it no question.
    standing, _ = believed(root, feature)

    @cache
    def verdicts() -> Sequence[RecordedVerdict]:
        return verdicts_of(root, feature, standing, as_of)

    return [
        tried
        for incident, alert in _answered(standing, only)
        for tried in events_of(
            Scene(root, feature, standing, incident, alert, as_of, verdicts, acts), playbooks
        )
    ]


def _answered(standing: Standing, only: str | None) -> list[tuple[Incident, AlertKind]]:
    """The incidents, each with every kind of alert that it answers."""
    return [
        (one, alert) for one in standing.incidents if only in (None, one.id) for alert in one.alerts
    ]
