"""What people decided about the thresholds of drift: a factor per column, signed, version by
version in the ledger."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.decided_records import ThresholdChange
from ai_ops.storage.standing_records import Standing

LEAST: Final = 0.1
MOST: Final = 10.0
"""Beyond these a factor is no threshold any more: all is an alert, or nothing ever is."""


def in_force(changes: Iterable[ThresholdChange], reference: str, at: datetime) -> dict[str, float]:
    """The factors that hold at a moment against a reference: those that were signed last for it.

    Against a reference for which nobody signed any, every column has its own thresholds.
    """
    own = [one for one in changes if one.reference == reference and one.at <= at]
    return dict(own[-1].after) if own else {}


def allowances_wrong(content: Mapping[str, Any], feature: AiFeatureSpec) -> str | None:
    """What is wrong with the factors of a decision, naming the field; None when nothing is."""
    names = {one.name for one in feature.inputs} | {one.name for one in feature.outputs}
    for field in ("before", "after"):
        factors = content.get(field)
        if not isinstance(factors, Mapping):
            return f"{field}: a factor for each column (found {factors!r})"
        for name, factor in factors.items():
            if name not in names:
                return f"{field}: {name}: no such column; there are: {', '.join(sorted(names))}"
            if not is_factor(factor):
                return (
                    f"{field}: {name}: a factor from {LEAST:g} to {MOST:g} on the column's "
                    f"thresholds (found {factor!r})"
                )
    same = content["before"] == content["after"]
    if content.get("decision") == "keep" and not same:
        return "after: what is kept is as it was before"
    if content.get("decision") == "approve" and same:
        return "after: nothing changes; keep the thresholds instead"
    return None


def is_factor(value: object) -> bool:
    """Whether something can be a factor on thresholds.

    >>> is_factor(1.4), is_factor(True), is_factor(0), is_factor(float("nan")), is_factor("1.4")
    (True, False, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and LEAST <= value <= MOST and value != 1.0


def allowances_misfit(content: Mapping[str, Any], standing: Standing) -> str | None:
    """Why a decision does not go on from what is in force, or None when it does."""
    own = [one for one in standing.threshold_changes if one.reference == content["reference"]]
    known = dict(own[-1].after) if own else {}
    if known == content["before"]:
        return None
    return f"it goes on from {_told(content['before'])}, in force is {_told(known)}; sign again"


def _told(factors: Mapping[str, float]) -> str:
    told = ", ".join(f"{name} × {factor:g}" for name, factor in sorted(factors.items()))
    return told or "thresholds without any factor"
