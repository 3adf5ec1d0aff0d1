"""What a feature's standing consists of: gate, moves, approvals, holds, incidents, waivers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from ai_ops.vocabulary.words import AlertKind, Conclusion, Domain, DriftCause, Environment, Reviewed

Place = tuple[int, int]
"""Where an event stands in the ledger: its block, and its number in it."""


@dataclass(frozen=True, slots=True)
class FrozenGate:
    """The evaluation criteria in force, who froze or amended them, and their hash."""

    hash: str
    criteria: Mapping[str, Any]
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One change of the version in production: what the registry's alias keeps no history of."""

    kind: Literal["launch", "promotion", "rollback"]
    version: str
    previous: str | None
    at: datetime
    by: str
    metrics: Mapping[str, float]
    gate_hash: str | None
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class Approval:
    """What the approving role decided about a version: yes (``approved``) or no."""

    version: str
    approved: bool
    by: str
    gate_hash: str
    reason: str
    at: datetime
    place: Place


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause of the retraining and promotion of a feature."""

    by: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Waiver:
    """An item that a person excused: why, and until which day (included).

    ``domain`` is the one that the person signed for; only that of the item itself counts.
    """

    item: str
    domain: Domain
    by: str
    reason: str
    since: datetime
    until: date


@dataclass(frozen=True, slots=True)
class SignedOff:
    """A line of a checklist that its owner looked at; ``domain`` as in ``Waiver``."""

    item: str
    domain: Domain
    cadence: str
    partition: str | None
    by: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """An alert that a person looked at: the item, and the day on which the alert began."""

    item: str
    domain: Domain
    begin: str
    by: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """What a person decided about the thresholds of drift: the factor on those of each column
    before and after (1 where none is named), against which reference, by which proposal."""

    decision: Reviewed
    month: str
    proposal: str
    reference: str
    version: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    by: str
    back_test: str
    reason: str
    at: datetime

    @property
    def changed(self) -> str:
        """What it changed, in words.

        >>> from datetime import UTC, datetime
        >>> now = datetime(2021, 4, 3, tzinfo=UTC)
        >>> ThresholdChange("approve", "", "", "", "1", {"fee": 1.2}, {"age": 1.4}, "", "", "", now
        ...     ).changed
        'age 1 → 1.4, fee 1.2 → 1'
        """
        names = sorted({*self.before, *self.after})
        moved = [(one, self.before.get(one, 1.0), self.after.get(one, 1.0)) for one in names]
        told = [f"{name} {old:g} → {new:g}" for name, old, new in moved if old != new]
        return ", ".join(told) or "nothing"


@dataclass(frozen=True, slots=True)
class Incident:
    """An alert that is being answered, and what was done: ``steps`` in words, ``step_names``."""

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

    @property
    def forbids_promotion(self) -> bool:
        """Until a person concluded it; and while data known to be bad is not mended."""
        if self.state == "resolved":
            # Resolved by evidence before anybody looked: there is nothing left to forbid for.
            return False
        return self.conclusion in (None, "bad_data")


@dataclass(frozen=True, slots=True)
class Retraining:
    """One retraining: what caused it, and how far it came."""

    id: str
    cause: str
    incident: str | None
    requested_by: str
    at: datetime
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that was asked for and refused: what, by whom, why."""

    what: str
    version: str | None
    by: str | None
    reasons: tuple[str, ...]
    at: datetime
    place: Place


@dataclass(frozen=True, slots=True)
class Placement:
    """A version put into an environment that nobody relies on; ``version`` None: taken out."""

    environment: Environment
    version: str | None
    previous: str | None
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All of that, as of one moment. Tuples are in the order of the ledger.

    ``approvals`` holds the latest decision on each version; ``nonces`` every signature's mark
    that was used, so that none can be used twice.
    """

    gate: FrozenGate | None = None
    moves: tuple[Move, ...] = ()
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    incidents: tuple[Incident, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    sign_offs: tuple[SignedOff, ...] = ()
    reviews: tuple[Review, ...] = ()
    threshold_changes: tuple[ThresholdChange, ...] = ()
    retrainings: tuple[Retraining, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    nonces: frozenset[str] = frozenset()
    placements: tuple[Placement, ...] = ()

    @property
    def launched(self) -> Move | None:
        """The launch, or None before it."""
        return next((move for move in self.moves if move.kind == "launch"), None)

    @property
    def live(self) -> str | None:
        """The version in production, or None before the launch."""
        return self.moves[-1].version if self.moves else None

    def live_at(self, moment: datetime) -> str | None:
        """The version that was in production at a moment, or None before the launch."""
        return next((m.version for m in reversed(self.moves) if m.at <= moment), None)

    def placed(self, environment: Environment) -> Placement | None:
        """What was put into an environment last, or None when nothing ever was."""
        found = (one for one in reversed(self.placements) if one.environment == environment)
        return next(found, None)

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """The incidents that are not resolved yet."""
        return tuple(one for one in self.incidents if one.state != "resolved")

    @property
    def forbidding(self) -> tuple[str, ...]:
        """Why nothing may be promoted now, in words; empty when nothing forbids it."""
        held = [f"held by {h.by} since {h.since:%Y-%m-%d %H:%M}: {h.reason}" for h in self.holds]
        for one in self.incidents:
            if one.forbids_promotion and one.conclusion == "bad_data":
                held.append(f"incident {one.id} was concluded as bad_data and is not resolved")
            elif one.forbids_promotion:
                held.append(
                    f"incident {one.id} ({one.alert}) is concluded by nobody; "
                    "answer it: ai-ops incidents conclude"
                )
        return tuple(held)

    def incident(self, id: str) -> Incident | None:
        """The incident of that id, or None."""
        return next((one for one in self.incidents if one.id == id), None)

    def waiver(self, item: str, domain: Domain, on: datetime) -> Waiver | None:
        """The latest waiver of an item of a domain that holds at a moment, or None.

        One that was signed for another domain than the item's own excuses nothing.
        """
        for one in reversed(self.waivers):
            if (one.item, one.domain) == (item, domain) and one.since <= on:
                return one if on.date() <= one.until else None
        return None
