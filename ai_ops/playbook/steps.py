"""What a playbook is made of: steps that the machine takes, and questions that a person answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.incident_records import WHAT_IS_IT, Incident
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict
from ai_ops.vocabulary.words import AlertKind, Domain, StepState

__all__ = [
    "NO_ACTS",
    "WHAT_IS_IT",
    "Acts",
    "Deadline",
    "Does",
    "Outcome",
    "Playbook",
    "Question",
    "Scene",
    "Step",
    "since_of",
]


class Acts(Protocol):
    """What only Dagster can do: end runs, and read what they wrote."""

    def cancel_retrainings(self, feature: AiFeatureSpec) -> tuple[str, ...]:
        """Cancel the automated retrainings of a feature that wait or run; the ids of their runs."""

    def log_of(self, run_id: str) -> tuple[str, ...]:
        """The last lines of a run that failed, without secrets; none where nothing is known."""


class _NoActs:
    """Where no Dagster instance is at hand: nothing is cancelled, no log is read."""

    def cancel_retrainings(self, feature: AiFeatureSpec) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def log_of(self, run_id: str) -> tuple[str, ...]:
        """Nothing."""
        return ()


NO_ACTS: Final[Acts] = _NoActs()


@dataclass(frozen=True, slots=True)
class Scene:
    """What a step sees: the incident and the kind of alert that is answered, how the feature
    stands, what was judged (``verdicts``, read when they are asked for), and the moment."""

    root: Root
    feature: AiFeatureSpec
    standing: Standing
    incident: Incident
    alert: AlertKind
    as_of: datetime
    verdicts: Callable[[], Sequence[RecordedVerdict]]
    acts: Acts = NO_ACTS

    @property
    def item(self) -> str:
        """The check that alerts."""
        return self._about[0]

    @property
    def begin(self) -> str:
        """The day since which it does."""
        return self._about[1]

    @property
    def _about(self) -> tuple[str, str]:
        if self.alert != self.incident.alert:
            for one in self.incident.joined:
                if one.alert == self.alert:
                    return one.item, one.begin
        return self.incident.item, self.incident.begin


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to: in words, on what evidence; ``said`` is what the ledger keeps beside."""

    words: str
    state: StepState = "done"
    evidence: tuple[Evidence, ...] = ()
    said: Mapping[str, Any] = field(default_factory=dict)


Does = Callable[[Scene], Outcome | None]
"""Takes a step; None where what it waits for is not there yet."""

Condition = Callable[[Scene], bool]


def _always(_: Scene) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a question is to be answered, in words and by the feature's own rules."""

    words: str
    of: Callable[[AiFeatureSpec], timedelta]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: of which domain (None: that which answers the alert), until when,
    the command that answers it, and the answers that it takes (none: the command says them).

    ``command`` is what follows ``ai-ops``, with ``{feature}``, ``{incident}`` and what ``fills``
    gives. ``seen`` tells the answer that a command of its own left in the ledger; one that is in
    ``again`` (not yet mended) is asked again a day later.
    """

    words: str
    command: str
    within: Deadline
    domain: Domain | None = None
    answers: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    seen: Does | None = None
    fills: Callable[[Scene], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what the machine ``does``, or what it ``asks`` a person.

    ``job`` names the job that takes it where the machine needs a run for that: ``does`` then says
    only where it is not needed. It is due when those ``after`` which it comes were tried or
    answered, ``where`` it applies.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    does: Does | None = None
    asks: Question | None = None
    after: tuple[str, ...] = ()
    where: Condition = _always
    job: str | None = None
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Playbook:
    """How an alert is answered: what raises it, how grave it is, and its steps in order."""

    alert: AlertKind
    title: str
    trigger: str
    severity: str
    answered_by: Domain
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step | None:
        """The step of that name, or None."""
        return next((one for one in self.steps if one.name == name), None)


def since_of(incident: Incident) -> datetime:
    """Since when the steps of an incident count: those before it was re-opened were another
    round's."""
    return incident.reopened[-1] if incident.reopened else incident.opened_at
