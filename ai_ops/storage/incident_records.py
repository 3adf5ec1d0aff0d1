"""What a feature's standing knows of an incident: its alerts, steps, questions and its end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from ai_ops.vocabulary.words import AlertKind, Conclusion, Domain, DriftCause, StepState

WHAT_IS_IT: Final = "what_is_it"
"""The question of every playbook that a person's conclusion answers."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of a playbook that was taken: by whom, in what words, on what evidence (each the
    source and its digest)."""

    step: str
    at: datetime
    by: str
    words: str
    state: StepState = "done"
    evidence: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a playbook asks a person: until when, by which command, and what was answered.

    ``answers`` are those that it takes; none where a command of its own says them.
    """

    step: str
    words: str
    domain: Domain
    asked_at: datetime
    due_at: datetime
    command: str
    answers: tuple[str, ...] = ()
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """A further alert of the same cause: it joined an incident that was open."""

    alert: AlertKind
    item: str
    begin: str
    reason: str
    columns: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class About:
    """What an incident is about: a check, since a day, and by which columns (none: all of it)."""

    item: str
    begin: str
    columns: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """What a person concluded of an incident, when, and when it was resolved (None: not yet)."""

    conclusion: Conclusion
    by: str
    at: datetime
    note: str
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert that is being answered, and what was done: ``steps`` in words, ``step_names``.

    ``columns`` are those that it was opened about, ``joined`` what came to it later; ``taken`` and
    ``questions`` are the steps of its playbook, in the order of the ledger; ``earlier`` is what was
    concluded before it was re-opened.
    """

    id: str
    alert: AlertKind
    item: str
    begin: str
    opened_at: datetime
    reason: str
    version: str | None
    severity: str
    state: Literal["open", "concluded", "resolved"] = "open"
    acknowledged_by: str | None = None
    conclusion: Conclusion | None = None
    concluded_by: str | None = None
    concluded_at: datetime | None = None
    note: str = ""
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    steps: tuple[str, ...] = ()
    step_names: tuple[str, ...] = ()
    cause: DriftCause | None = None
    since: str | None = None
    sample: str | None = None
    sample_digest: str | None = None
    columns: tuple[str, ...] = ()
    joined: tuple[Joined, ...] = ()
    taken: tuple[Taken, ...] = ()
    questions: tuple[Question, ...] = ()
    reopened: tuple[datetime, ...] = ()
    earlier: tuple[Ended, ...] = ()

    @property
    def about(self) -> tuple[About, ...]:
        """The alerts that it was opened about and that joined it, in that order."""
        own = About(self.item, self.begin, self.columns, self.opened_at)
        joined = (About(one.item, one.begin, one.columns, one.at) for one in self.joined)
        return own, *joined

    @property
    def ended(self) -> tuple[Ended, ...]:
        """What was concluded of it, each time that it was; ``earlier`` before it was re-opened."""
        if self.conclusion is None or self.concluded_at is None:
            return self.earlier
        by, note = self.concluded_by or "", self.note
        now = Ended(self.conclusion, by, self.concluded_at, note, self.resolved_at)
        return *self.earlier, now

    def columns_of(self, item: str) -> tuple[str, ...]:
        """The columns of a check that it is about; none where it is about all of it, or nothing."""
        about = [one for one in self.about if one.item == item]
        if not all(one.columns for one in about):
            return ()
        return tuple(sorted({column for one in about for column in one.columns}))

    @property
    def alerts(self) -> tuple[AlertKind, ...]:
        """The kinds of alert that it answers, its own first."""
        return tuple(dict.fromkeys((self.alert, *(one.alert for one in self.joined))))

    @property
    def pending(self) -> tuple[Question, ...]:
        """The questions that nobody answered yet."""
        return tuple(one for one in self.questions if one.answer is None)

    def question(self, step: str) -> Question | None:
        """The newest question of a step, or None."""
        return next((one for one in reversed(self.questions) if one.step == step), None)

    @property
    def forbids_promotion(self) -> bool:
        """Until a person concluded it; and while data known to be bad is not mended."""
        if self.state == "resolved":
            # Resolved by evidence before anybody looked: there is nothing left to forbid for.
            return False
        return self.conclusion in (None, "bad_data")
