"""What a checklist item is judged from: the verdicts and reviews that the ledger holds."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict, as_data
from ai_ops.vocabulary.windows import Window

VerdictsByDay = Mapping[str, RecordedVerdict]


@dataclass(frozen=True, slots=True)
class ChecklistEvidence:
    """The week (or month) that is judged, when it is judged, and every verdict known by then.

    ``verdicts`` are the latest of each item and partition since monitoring began; ``reviewed``
    holds the items and begins of the alerts that a person reviewed.
    """

    window: Window
    as_of: datetime
    verdicts: tuple[RecordedVerdict, ...]
    reviewed: frozenset[tuple[str, str]] = frozenset()

    def of(self, item: str) -> VerdictsByDay:
        """The verdicts of one item by partition, in order."""
        return {v.partition: v for v in self.verdicts if v.item == item and v.partition}

    def in_window(self, item: str) -> VerdictsByDay:
        """The verdicts of one item on the partitions that begin inside the window."""
        return {
            key: v
            for key, v in self.of(item).items()
            if self.window.holds(Window.of_day(key).start)
        }

    def monitored_days(self, feature: AiFeatureSpec) -> list[str]:
        """The days of the window on which the feature was monitored."""
        first, end = feature.monitoring.start, feature.monitoring.end
        days = [day for day in self.window.days() if day >= first.isoformat()]
        return [day for day in days if end is None or day < end.isoformat()]

    def read_from(self, items: Iterable[str]) -> tuple[Evidence, ...]:
        """What the judgement of these items was read from: each verdict and its digest."""
        return tuple(
            Evidence(f"ledger:{item}/{partition}", _digest(verdict))
            for item in items
            for partition, verdict in self.in_window(item).items()
        )

    def age_days(self, items: Iterable[str]) -> float | None:
        """How old the newest verdict of these items is, in days; None when there is none."""
        moments = [v.as_of for item in items for v in self.in_window(item).values()]
        return (self.as_of - max(moments)) / timedelta(days=1) if moments else None


def gather(
    root: Root, feature: AiFeatureSpec, window: Window, as_of: datetime
) -> ChecklistEvidence:
    """The evidence as it stood at ``as_of``, from the ledger."""
    start = Window.of_day(feature.monitoring.start).start
    if as_of <= start:
        raise BadInput(f"{feature.name} is monitored from {start.date()}; {as_of} lies before that")
    since = Window(start, max(window.end, as_of))
    verdicts = root.ledger.verdicts(feature.name, window=since, as_of=as_of)
    reviews = root.ledger.events(feature=feature.name, kinds={"review"}, as_of=as_of)
    return ChecklistEvidence(
        window,
        as_of,
        tuple(verdicts),
        frozenset((r.payload["item"], r.payload["begin"]) for r in reviews),
    )


def _digest(verdict: RecordedVerdict) -> str:
    data = as_data(verdict) | {"recorded_at": None}
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
