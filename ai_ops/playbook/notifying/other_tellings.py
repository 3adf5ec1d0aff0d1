"""What people are to be told besides incidents: waivers that end, lists that nobody signed, and
machinery that gives no sign of life."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.schema import OWNED_DOMAINS
from ai_ops.playbook.notifying.tellings import NEWS, Telling, moment_told, owned
from ai_ops.storage.standing import Standing, Waiver
from ai_ops.vocabulary.words import Domain, OwnedDomain

EXPIRING: Final = timedelta(days=7)
"""So long before its last day a waiver's end is told."""

MACHINES: Final[OwnedDomain] = "inference_management"
"""Whose business the machinery is."""


class Unsigned(Protocol):
    """A line of a checklist that its owner did not sign off in time."""

    @property
    def item(self) -> str:
        """The item."""

    @property
    def cadence(self) -> str:
        """Its list."""

    @property
    def partition(self) -> str:
        """The week or month."""

    @property
    def owner(self) -> str:
        """Who is accountable."""

    @property
    def days(self) -> int:
        """How many days it has been overdue."""


class Machine(Protocol):
    """A part of the machinery, and when it was seen at work last."""

    @property
    def source(self) -> str:
        """What it is."""

    @property
    def last_at(self) -> datetime | None:
        """Its last sign of life."""

    @property
    def words(self) -> str:
        """How it stands, and what mends it."""


def waiver_tellings(
    feature: AiFeatureSpec, standing: Standing, as_of: datetime
) -> tuple[Telling, ...]:
    """Waivers that end soon, or ended lately: of each item the one that was signed last."""
    latest: dict[tuple[str, Domain], Waiver] = {
        (one.item, one.domain): one for one in standing.waivers
    }
    return tuple(
        _of_waiver(feature, one, as_of)
        for one in latest.values()
        if -NEWS <= one.until - as_of.date() <= EXPIRING
    )


def list_tellings(
    feature: AiFeatureSpec, unsigned: Iterable[Unsigned], as_of: datetime
) -> tuple[Telling, ...]:
    """Lines that nobody signed off: the owner is told, and everybody when the time that a
    signature may take is over once more."""
    return tuple(_of_line(feature, one, as_of) for one in unsigned)


def machine_tellings(
    feature: AiFeatureSpec, dead: Iterable[Machine], as_of: datetime
) -> tuple[Telling, ...]:
    """Parts of the machinery that are dead: once for each time that one dies."""
    owner = feature.owner_of(MACHINES).accountable
    return tuple(
        Telling(
            f"machinery: {one.source}",
            f"dead since {moment_told(one.last_at) if one.last_at else 'ever'}",
            MACHINES,
            (owner,),
            f"{one.source} is dead: {one.words}\nlook: ai-ops watchdog {feature.name}",
            as_of,
            critical=True,
        )
        for one in dead
    )


def _of_waiver(feature: AiFeatureSpec, one: Waiver, as_of: datetime) -> Telling:
    over = one.until < as_of.date()
    owner = feature.owner_of(one.domain).accountable
    verb = "ended with" if over else "ends with"
    words = (
        f"the waiver of {one.item} by {one.by} {verb} {one.until}: {one.reason}; "
        f"after it {one.item} counts again"
    )
    return Telling(
        f"waiver of {one.item} until {one.until}",
        "over" if over else "ends soon",
        owned(feature, one.domain),
        tuple(dict.fromkeys((owner, one.by))),
        words,
        one.since,
        urgent=False,
    )


def _of_line(feature: AiFeatureSpec, one: Unsigned, as_of: datetime) -> Telling:
    late = one.days > feature.sign_off_within_days
    every = (feature.owner_of(domain).accountable for domain in OWNED_DOMAINS)
    people = tuple(dict.fromkeys((one.owner, *every))) if late else (one.owner,)
    words = (
        f"{one.item} of the {one.cadence} list of {one.partition} is signed off by nobody, "
        f"{one.days} days late; {one.owner} is accountable: "
        f"ai-ops sign-off {feature.name} {one.item}"
    )
    return Telling(
        f"{one.cadence} list of {one.partition}",
        f"{one.item} unsigned{', late 2' if late else ''}",
        _domain_of(feature, one.owner),
        people,
        words,
        as_of,
        urgent=False,
    )


def _domain_of(feature: AiFeatureSpec, owner: str) -> OwnedDomain:
    """A domain whose channel reaches an owner."""
    own = (one for one in OWNED_DOMAINS if feature.owner_of(one).accountable == owner)
    return next(own, OWNED_DOMAINS[0])
