"""What a rollback drill saw, as the lake keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from ai_ops.inference_management.drill_answers import Counted, Who
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.words import RootMode

ASSET: Final = "rollback_drill"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of the drill: its arguments, its exit code, what it took, what it said last."""

    step: str
    command: str
    code: int
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds from a decision (the command was entered) to what the endpoint answered.

    ``promoted`` is the candidate's first answer after the promotion; ``first_old`` the previous
    version's first and ``last_new`` the candidate's last after the rollback. None never came.
    ``waited`` is when the load ended, or the drill was given up. ``stayed`` are the versions that
    some worker still answered with when the other one was to be everywhere.
    """

    promoted: float | None = None
    first_old: float | None = None
    last_new: float | None = None
    waited: float | None = None
    stayed: tuple[Who, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked meanwhile: requests a second, for how long, and how the generator did."""

    peak: float
    rate: float
    seconds: float
    achieved: float
    generator_share: float
    lag_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Drilled:
    """One drill: between which versions (production's numbers), what was run and what was seen.

    ``missing`` names what of the versions was not there, ``problems`` what broke off the drill;
    ``bodies`` is how many requests tell the two versions apart, ``unlogged`` how many answers the
    log does not hold; ``moves`` are those of the drill's ledger, as kind and version, and its hold.
    """

    id: str
    feature: str
    at: datetime
    mode: RootMode
    candidate: str | None
    previous: str | None
    why_these: str
    workers: int
    poll_seconds: float
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    bodies: int = 0
    ran: tuple[Ran, ...] = ()
    clocks: Clocks = field(default_factory=Clocks)
    load: Load | None = None
    counted: Counted | None = None
    unlogged: int | None = None
    moves: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The record as JSON-ready data."""
        return asdict(self) | {"at": self.at.isoformat()}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Drilled":
        """The record that ``as_data`` wrote."""
        load, counted, clocks = data["load"], data["counted"], data["clocks"]
        return cls(
            **{
                **data,
                "at": utc(data["at"]),
                "missing": tuple(data["missing"]),
                "problems": tuple(data["problems"]),
                "ran": tuple(Ran(**one) for one in data["ran"]),
                "clocks": Clocks(**{**clocks, "stayed": tuple(clocks.get("stayed", ()))}),
                "load": Load(**load) if load else None,
                "counted": Counted(**counted) if counted else None,
                "moves": tuple(data["moves"]),
            }
        )


def lines(drilled: Drilled) -> Sequence[str]:
    """The record for a person, line by line."""
    told = [
        f"drill {drilled.id} of {drilled.feature}: version {drilled.candidate} as the candidate, "
        f"back to version {drilled.previous} ({drilled.why_these})"
    ]
    told += [f"missing: {one}" for one in drilled.missing]
    told += [f"broken off: {one}" for one in drilled.problems]
    told += [
        f"{one.step}: {one.command} → {one.code} in {one.seconds:.1f} s" for one in drilled.ran
    ]
    clocks, load, counted = drilled.clocks, drilled.load, drilled.counted
    if load and counted:
        told.append(
            f"under {load.rate:g} requests a second ({load.peak:g} is the declared peak): "
            f"{counted.sent} sent, {counted.answered} answered, {counted.lost} lost, "
            f"{counted.refused} refused, {counted.failed} failed, {counted.mislabelled} "
            f"mislabelled, {counted.strange} of neither version, {drilled.unlogged} not in the log"
        )
    for words, seconds in (
        ("promotion entered → first answer of the candidate", clocks.promoted),
        ("rollback entered → first answer of the previous version", clocks.first_old),
        ("rollback entered → last answer of the candidate", clocks.last_new),
    ):
        told.append(f"{words}: {'never' if seconds is None else f'{seconds:.2f} s'}")
    return told
