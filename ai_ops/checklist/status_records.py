"""How an AI feature stands, as one page says it: may it stay live, what is not green, what next."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from ai_ops.vocabulary.words import AlertKind, Cadence, Domain, RootMode, Status

Light = Literal["green", "amber", "red"]
"""Red: something fails. Amber: nothing that was looked at fails, and something was not looked at,
or nobody answered it in time. Green: everything was looked at, and is well or excused."""


@dataclass(frozen=True, slots=True)
class ItemStatus:
    """One item as it stands: who owns it, and where it is not green since when and what is next.

    ``since`` is when it was last seen green; of one that never was, the begin of its first list.
    """

    id: str
    title: str
    cadence: Cadence
    domain: Domain
    owner: str
    status: Status
    reason: str
    since: datetime | None = None
    days: float | None = None
    command: str | None = None

    @property
    def green(self) -> bool:
        """Whether it passes or is excused."""
        return self.status in ("pass", "waived")


@dataclass(frozen=True, slots=True)
class PendingQuestion:
    """What a playbook asks a person, by when, and the one command that answers it."""

    step: str
    words: str
    domain: Domain
    owner: str
    due_at: datetime
    overdue: bool
    command: str


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that is not resolved: what it forbids, what waits for whom, what is next."""

    id: str
    alert: AlertKind
    severity: str
    state: str
    reason: str
    owner: str
    opened_at: datetime
    days: float
    forbids_promotion: bool
    under_performing_since: str | None
    questions: tuple[PendingQuestion, ...]
    command: str


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A pause of retraining and promotion, and what ends it."""

    by: str
    reason: str
    since: datetime
    command: str


@dataclass(frozen=True, slots=True)
class OverdueSignOff:
    """A line that its owner has not signed off in time, by the oldest such list."""

    item: str
    title: str
    cadence: Cadence
    partition: str
    owner: str
    days: int
    words: str
    command: str


@dataclass(frozen=True, slots=True)
class MachineSign:
    """A source of evidence that gave no sign of life in time."""

    source: str
    state: str
    last_at: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class FeatureStatus:
    """All that the page says of one feature, as of one moment.

    ``question`` is whether it may stay live, before the launch whether it may be launched;
    ``not_due`` says which lists do not count yet, and why.
    """

    feature: str
    title: str
    as_of: datetime
    mode: RootMode | None
    question: str
    light: Light
    answer: str
    version: str | None
    live_since: datetime | None
    items: tuple[ItemStatus, ...] = ()
    not_due: tuple[str, ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    holds: tuple[HeldBy, ...] = ()
    overdue: tuple[OverdueSignOff, ...] = ()
    machinery: tuple[MachineSign, ...] = ()

    @property
    def not_green(self) -> tuple[ItemStatus, ...]:
        """The items that are not green: what fails first, then what stands so for longest."""
        found = [one for one in self.items if not one.green]
        return tuple(sorted(found, key=lambda one: (one.status != "fail", -(one.days or 0))))

    @property
    def asked(self) -> tuple[PendingQuestion, ...]:
        """What waits for a person, the earliest deadline first."""
        found = [question for one in self.incidents for question in one.questions]
        return tuple(sorted(found, key=lambda one: one.due_at))


def worst(lights: Iterable[Light]) -> Light:
    """The light of several together; of none it is amber: nothing was looked at.

    >>> worst(["green", "red", "amber"]), worst(["green"]), worst([])
    ('red', 'green', 'amber')
    """
    found = set(lights)
    if "red" in found:
        return "red"
    return "green" if found == {"green"} else "amber"


def as_data(one: FeatureStatus) -> dict[str, Any]:
    """The status of a feature as JSON-ready data: part of ``ai-ops status --json``."""
    data: dict[str, Any] = _plain(asdict(one))
    return data


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case _:
            return value
