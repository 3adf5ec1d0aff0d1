"""Two columns swapped: each looks like what the other was."""

from collections.abc import Sequence
from typing import Final

from ai_ops.drift_monitoring.causes.affine import FAR, SLACK, Natural, distance, spread_of
from ai_ops.drift_monitoring.causes.sides import Moved, Side
from ai_ops.drift_monitoring.causes.signs import Sign

APART: Final = 0.5
"""Shares of categories differ by so much in sum when they are not the same column's."""
SAME: Final = 0.15


def swapped(moved: Moved, others: Sequence[Moved]) -> Sign | None:
    """The other drifted column that this one changed places with; None when there is none."""
    for other in others:
        if other.name == moved.name or (other.kind, other.role) != (moved.kind, moved.role):
            continue
        if _looks_like(moved, other) and _looks_like(other, moved):
            words = f"it holds what {other.name} held, and {other.name} what it held"
            return Sign("swapped", "bad_data", 0.95, words, {"with": other.name})
    return None


def _looks_like(one: Moved, other: Moved) -> bool:
    """Whether one holds what was the other's, and no more its own."""
    if one.kind == "category":
        own = total_variation(one.now, one.base)
        return own >= APART and total_variation(one.now, other.base) <= SAME
    return one.stepped and any(
        _numbers_of_other(*sides)
        for sides in (
            (one.first, one.last, one.natural_step, other.last, other.natural_step),
            (one.now, one.reference, one.natural_block, other.reference, other.natural_block),
        )
    )


def _numbers_of_other(
    now: Side, base: Side, natural: Natural, theirs: Side, their_natural: Natural
) -> bool:
    """Whether numbers left what they were, by far, for what the other's were."""
    if not (now.measured and base.measured and theirs.measured):
        return False
    own = distance(now.numbers, base.numbers, spread_of(base.numbers))
    like = distance(now.numbers, theirs.numbers, spread_of(theirs.numbers))
    left = own >= FAR * max(natural.distance, SLACK)
    return left and like <= max(their_natural.distance, SLACK)


def total_variation(one: Side, other: Side) -> float:
    """Half the sum of the gaps between the shares of two columns' categories.

    >>> total_variation(Side(shares={"a": 1.0}), Side(shares={"a": 0.75, "b": 0.25}))
    0.25
    """
    names = {*one.shares, *other.shares}
    return sum(abs(one.shares.get(n, 0.0) - other.shares.get(n, 0.0)) for n in names) / 2
