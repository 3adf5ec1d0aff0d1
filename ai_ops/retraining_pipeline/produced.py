"""What a version has been producing while it was live: what a rollback is decided on.

Every number is one that a check recorded: verdicts from the ledger, predictions and their cost from
the daily rollups. What nobody judged is said to be unknown, never left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import judged_of
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

JUDGED: Final = ("accuracy", "input_drift", "output_drift", "joint_drift", "slice_drift")
"""The checks that a rollback is decided on, beside the cost."""

ROLLUP: Final = "cost_rollup"
NANO: Final = 10**9


@dataclass(frozen=True, slots=True)
class Produced:
    """One stretch of time in which a version was live; ``until`` None: it still is.

    ``predictions`` and ``cost`` are None where no day of it was rolled up, ``cost`` also where a
    price is unknown. ``verdicts`` holds those of each check by day, oldest first.
    """

    version: str
    move: Move
    until: datetime | None
    days: int
    predictions: int | None
    answered: int | None
    cost: float | None
    currency: str
    verdicts: Mapping[str, Sequence[RecordedVerdict]]

    @property
    def per_1000(self) -> float | None:
        """What 1,000 answered predictions cost."""
        if self.cost is None or not self.answered:
            return None
        return round(self.cost / self.answered * 1000, 6)


def produced(
    root: Root, feature: AiFeatureSpec, standing: Standing, version: str, as_of: datetime
) -> Produced | None:
    """What a version produced the last time that it was live; None when it never was."""
    moves = standing.moves
    last = max((n for n, move in enumerate(moves) if move.version == version), default=None)
    if last is None:
        return None
    until = moves[last + 1].at if last + 1 < len(moves) else None
    reign = Window(moves[last].at, max(until or as_of, moves[last].at + timedelta(microseconds=1)))
    found = [one for day in reign.days() for one in _rollup(root, feature, day, version)]
    unknown = any(one["total_nano"] is None for one in found)
    return Produced(
        version,
        moves[last],
        until,
        len({one["day"] for one in found}),
        sum(one["rows"] for one in found) if found else None,
        sum(one["answered"] for one in found) if found else None,
        None if unknown or not found else sum(one["total_nano"] for one in found) / NANO,
        feature.costs.currency,
        _judged(root, feature, reign, version, as_of),
    )


def as_data(one: Produced) -> dict[str, Any]:
    """The same as JSON-ready data."""
    return {
        "version": one.version,
        "since": one.move.at.isoformat(),
        "until": one.until.isoformat() if one.until else None,
        "by": one.move.by,
        "move": one.move.kind,
        "metrics": dict(one.move.metrics),
        "predictions": one.predictions,
        "answered": one.answered,
        "days_rolled_up": one.days,
        "cost": {"total": one.cost, "per_1000": one.per_1000, "currency": one.currency},
        **{item: [_verdict(each) for each in found] for item, found in one.verdicts.items()},
    }


def told(one: Produced) -> Iterator[str]:
    """The same in lines for a person: the last word of each check, and how many failed."""
    until = f" to {one.until:%Y-%m-%d %H:%M}" if one.until else ", until now"
    yield f"version {one.version}, {one.move.kind} of {one.move.at:%Y-%m-%d %H:%M}{until}"
    passed = ", ".join(
        f"{name} {_number(value)}" for name, value in sorted(one.move.metrics.items())
    )
    yield f"  came with: {passed or 'no metric'}"
    if one.predictions is None:
        yield "  predictions: unknown, no day of it was rolled up"
    else:
        price = "cost unknown" if one.per_1000 is None else f"{one.per_1000:.4f} {one.currency}"
        yield (
            f"  predictions: {one.predictions:,} of {one.days} days, {one.answered:,} answered; "
            f"{price} per 1,000"
        )
    for item, found in one.verdicts.items():
        yield f"  {item}: {_course(found)}"


def _number(value: float) -> str:
    """A metric in as many digits as are read; a count whole.

    >>> _number(74860.0), _number(0.7132905)
    ('74,860', '0.7133')
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"


def _course(verdicts: Sequence[RecordedVerdict]) -> str:
    if not verdicts:
        return "never judged"
    last = verdicts[-1]
    failing = sum(one.verdict.status == "fail" for one in verdicts)
    return (
        f"{last.verdict.status} on {last.partition}: {last.verdict.reason} "
        f"({failing} of {len(verdicts)} days failed)"
    )


def _verdict(one: RecordedVerdict) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "status": one.verdict.status,
        "reason": one.verdict.reason,
        "observed": dict(one.verdict.observed),
        "as_of": one.as_of.isoformat(),
    }


def _judged(
    root: Root, feature: AiFeatureSpec, reign: Window, version: str, as_of: datetime
) -> dict[str, list[RecordedVerdict]]:
    """The verdicts on days that ended while the version was live; accuracy names its version."""
    items = judged_of(JUDGED, feature)
    found: dict[str, list[RecordedVerdict]] = {item: [] for item in items}
    known = root.ledger.verdicts(feature.name, window=reign, as_of=as_of, items=items)
    for one in known:
        mine = one.verdict.observed.get("version", version) == version
        ended = Window.of_day(one.partition).end if one.partition else reign.start
        if mine and reign.start < ended <= reign.end:
            found[one.item].append(one)
    return found


def _rollup(root: Root, feature: AiFeatureSpec, day: str, version: str) -> Iterator[dict[str, Any]]:
    try:
        table, _ = root.lake.read_table(root.lake.path(feature.name, ROLLUP, day))
    except MissingEvidence:
        return
    for row in table.filter(pc.equal(table["model_version"], version)).to_pylist():
        yield {**row, "day": day}
