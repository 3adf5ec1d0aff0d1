"""A sign: one piece of evidence for why a column drifted, with its strength and its numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ai_ops.vocabulary.words import DriftCause

Direction = Literal["bad_data", "genuine_shift", "neither"]
"""What a sign speaks for; ``neither`` also where it is not known."""

Number = float | int | str | None

STRONG: Final = 0.8
"""From this on one sign alone says that the data broke."""
SOME: Final = 0.5
"""From this on the signs of one side stand against the other."""
LIKELY: Final = 0.6
"""From this on the signs of a genuine shift, together, say that the world changed."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What was looked for, what it speaks for, and how strongly (0 to 1).

    ``numbers`` are what was measured: no value of a single row is among them.
    """

    name: str
    direction: Direction
    strength: float
    words: str
    numbers: Mapping[str, Number] = field(default_factory=dict)

    @classmethod
    def unknown(cls, name: str, why: str) -> "Sign":
        """What could not be looked for, which speaks for nothing."""
        return cls(name, "neither", 0.0, f"not known: {why}")

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "name": self.name,
            "direction": self.direction,
            "strength": round(self.strength, 3),
            "words": self.words,
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a column drifted, as far as the signs tell; ``since`` the first day of it."""

    kind: DriftCause
    reason: str
    signs: tuple[Sign, ...] = ()


def decide(signs: Iterable[Sign]) -> Cause:
    """What the signs say together.

    One strong sign of breakage says bad data, unless the signs of a genuine shift are as strong;
    several weak ones do when hardly anything stands against them. A genuine shift takes signs of
    its own and hardly any of breakage. Strengths are combined as independent ones are: the
    chance that none of them is right.

    >>> unit = Sign("units", "bad_data", 0.95, "temp is in Celsius")
    >>> slow = Sign("onset", "genuine_shift", 0.5, "it came over weeks")
    >>> everyone = Sign("everywhere", "genuine_shift", 0.3, "all tenants moved")
    >>> decide([unit, everyone]).kind, decide([slow, everyone]).kind, decide([everyone]).kind
    ('bad_data', 'genuine_shift', 'undecided')
    >>> decide([]).reason
    'nothing speaks for broken data or for a genuine shift'
    """
    found = tuple(sorted(signs, key=lambda one: -one.strength))
    bad, genuine = _together(found, "bad_data"), _together(found, "genuine_shift")
    strongest = max((one.strength for one in found if one.direction == "bad_data"), default=0.0)
    if genuine < STRONG <= strongest or (bad >= STRONG and genuine < SOME):
        return Cause("bad_data", _words(found, "bad_data"), found)
    if genuine >= LIKELY and bad < SOME:
        return Cause("genuine_shift", _words(found, "genuine_shift"), found)
    if not bad and not genuine:
        return Cause("undecided", "nothing speaks for broken data or for a genuine shift", found)
    told = [_words(found, side) for side in ("bad_data", "genuine_shift")]
    reason = " against ".join(words for words in told if words)
    return Cause("undecided", f"too little to tell: {reason}", found)


def _together(signs: Iterable[Sign], direction: Direction) -> float:
    wrong = 1.0
    for one in signs:
        if one.direction == direction:
            wrong *= 1 - one.strength
    return 1 - wrong


def _words(signs: Iterable[Sign], direction: Direction) -> str:
    return "; ".join(one.words for one in signs if one.direction == direction and one.strength > 0)
