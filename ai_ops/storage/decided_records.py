"""What a feature's standing keeps of people's decisions: approvals, holds, waivers, sign-offs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ai_ops.vocabulary.words import Domain, Mode, Reviewed

Place = tuple[int, int]
"""Where an event stands in the ledger: its block, and its number in it."""


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
    """A line of a checklist that its owner looked at; ``domain`` as in ``Waiver``, ``shown`` the
    digest of what was shown."""

    item: str
    domain: Domain
    cadence: str
    partition: str | None
    by: str
    note: str
    at: datetime
    shown: str | None = None


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
class CallSiteMode:
    """What a person decided about a call site: each call by itself, or in batches."""

    call_site: str
    mode: Mode
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EnvironmentLock:
    """The packages that retraining may run with, as a person put them in force: their digest."""

    digest: str
    by: str
    reason: str
    at: datetime
