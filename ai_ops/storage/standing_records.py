"""What a feature's standing consists of: gate, moves, approvals, holds, incidents, waivers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ai_ops.storage.decided_records import (
    Approval,
    CallSiteMode,
    EnvironmentLock,
    Hold,
    Place,
    Review,
    SignedOff,
    ThresholdChange,
    Waiver,
)
from ai_ops.storage.incident_records import Incident
from ai_ops.vocabulary.words import Domain, Environment


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
    call_site_modes: tuple[CallSiteMode, ...] = ()
    environment_locks: tuple[EnvironmentLock, ...] = ()

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
