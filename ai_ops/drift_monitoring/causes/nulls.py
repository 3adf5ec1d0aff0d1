"""Nulls, texts where numbers were, and columns that are not there."""

from typing import Final

from ai_ops.drift_monitoring.causes.sides import Moved
from ai_ops.drift_monitoring.causes.signs import Sign

MORE: Final = 0.05
"""So much more of nulls than before, and than on the reference's worst day, is a break."""


def nulls(moved: Moved) -> Sign | None:
    """Whether the column is null more often than it ever was."""
    usual = max(moved.worst_nulls, moved.last.nulls if moved.last.rows else 0.0)
    if moved.now.nulls <= usual + MORE:
        return None
    words = f"it is null in {moved.now.nulls:.0%} of its rows, at worst {usual:.0%} before"
    numbers = {"now": round(moved.now.nulls, 4), "worst": round(usual, 4)}
    return Sign("nulls", "bad_data", 0.95 if moved.now.nulls > usual + 0.3 else 0.8, words, numbers)


def invalid(moved: Moved) -> Sign | None:
    """Whether there are texts where numbers are due."""
    if moved.now.invalid <= moved.base.invalid:
        return None
    words = f"it is no number in {moved.now.invalid:.1%} of its rows"
    numbers = {"now": round(moved.now.invalid, 4), "before": round(moved.base.invalid, 4)}
    return Sign("type", "bad_data", 0.9, words, numbers)
