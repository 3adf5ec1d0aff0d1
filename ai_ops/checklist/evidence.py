"""What a checklist item is judged from: the verdicts and the decisions that the ledger holds."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.believed import Void, believed_standing
from ai_ops.checklist.machinery import Sign, machinery_of
from ai_ops.storage.answered import concluded_for, is_about
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing
from ai_ops.vocabulary.alerts import Alert, alerts_of, holds
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Evidence, RecordedVerdict, as_data
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, Domain

DRIFT_CHECKS: Final = ("input_drift", "output_drift", "joint_drift", "slice_drift")
FEED_CHECKS: Final = ("volume_steady", "feed_alive")
ALERTING: Final = (*DRIFT_CHECKS, *FEED_CHECKS)
"""All are one alert to whoever concludes its incident: drift, and a feed that may be its cause. Of
the feed's checks a young log has no verdict but a lack, which no list holds against it."""

VerdictsByDay = Mapping[str, RecordedVerdict]


@dataclass(frozen=True)
class ChecklistEvidence:
    """The window that is judged, when it is judged, and what the ledger knew by then.

    ``verdicts`` are the latest of each item and partition, ``candidates`` every verdict of the
    gate on any candidate; ``standing`` holds what people decided, ``void`` what nobody signed who
    may. ``live`` is whether the wall's clock judges: then what was recorded after ``as_of`` was
    judged by a backfill, and nobody knew it by then. ``machinery`` is how what judges a live root
    stood then.
    """

    window: Window
    as_of: datetime
    verdicts: tuple[RecordedVerdict, ...]
    standing: Standing = field(default_factory=Standing)
    candidates: tuple[RecordedVerdict, ...] = ()
    void: tuple[Void, ...] = ()
    live: bool = False
    machinery: tuple[Sign, ...] = ()

    def of(self, item: str) -> VerdictsByDay:
        """The verdicts of one item by partition, in order."""
        return {v.partition: v for v in self._by_item.get(item, ()) if v.partition}

    def in_window(self, item: str) -> VerdictsByDay:
        """The verdicts of one item on the partitions that begin inside the window."""
        first, end = (f"{at:%Y-%m-%d}" for at in (self.window.start, self.window.end))
        return {key: v for key, v in self.of(item).items() if first <= key < end}

    def newest(self, item: str) -> RecordedVerdict | None:
        """The newest verdict of an item in the window, or of one that has no partitions."""
        known = [*self.in_window(item).values(), *self._unpartitioned(item)]
        return max(known, key=lambda verdict: verdict.as_of, default=None)

    def last_seen(self, item: str) -> RecordedVerdict | None:
        """The newest verdict of an item that is not of a later window, however old it is."""
        known = [v for v in self._by_item.get(item, ()) if v.window.start < self.window.end]
        return max([*known, *self._unpartitioned(item)], key=lambda v: v.as_of, default=None)

    def monitored_days(self, feature: AiFeatureSpec) -> list[str]:
        """The days of the window on which the feature was monitored."""
        first, end = feature.monitoring.start, feature.monitoring.end
        days = [day for day in self.window.days() if day >= first.isoformat()]
        return [day for day in days if end is None or day < end.isoformat()]

    def reviewed(self, alert: Alert, domain: Domain) -> bool:
        """Whether a person answered an alert: reviewed it for the domain that it belongs to, or
        concluded an incident when it was to be seen. To say that one looks at it is no answer."""
        incidents = self.standing.incidents
        if any(one.concluded_by and is_about(alert, one) for one in incidents):
            return True
        if alert.item in ALERTING and any(concluded_for(alert, one, "drift") for one in incidents):
            return True
        # Who reviews a check looks at every column of it that alerts by then.
        seen = [one for one in alerts_of(alert.item, self.of(alert.item)) if holds(one, alert)]
        begins = {alert.begin, *(one.begin for one in seen)}
        return any(
            (review.item, review.domain) == (alert.item, domain)
            and (review.begin in begins or alert.begin <= review.begin <= alert.last)
            and (alert.begin <= review.begin or alert.raised_at <= review.at)
            for review in self.standing.reviews
        )

    def read_from(self, items: Iterable[str]) -> tuple[Evidence, ...]:
        """What the judgement of these items was read from: each verdict and its digest."""
        return tuple(
            Evidence(f"ledger:{item}/{verdict.partition or 'latest'}", digest_of(verdict))
            for item in items
            for verdict in (*self.in_window(item).values(), *self._unpartitioned(item))
        )

    def judged_afterwards(self, items: Iterable[str]) -> list[RecordedVerdict]:
        """The verdicts on these items that a backfill recorded after the moment of judging."""
        return [
            verdict
            for item in items
            for verdict in (*self.in_window(item).values(), *self._unpartitioned(item))
            if self.live and verdict.recorded_at is not None and verdict.recorded_at > self.as_of
        ]

    def age_days(self, items: Iterable[str]) -> float | None:
        """How old the newest verdict of these items is, in days; None when there is none."""
        moments = [found.as_of for item in items if (found := self.last_seen(item))]
        return self.days_since(max(moments)) if moments else None

    def days_since(self, moment: datetime) -> float:
        """How long ago a moment was, in days."""
        return (self.as_of - moment) / timedelta(days=1)

    def _unpartitioned(self, item: str) -> list[RecordedVerdict]:
        return [v for v in self._by_item.get(item, ()) if v.partition is None]

    @cached_property
    def _by_item(self) -> Mapping[str, list[RecordedVerdict]]:
        found: dict[str, list[RecordedVerdict]] = {}
        for verdict in self.verdicts:
            found.setdefault(verdict.item, []).append(verdict)
        return found


def gather(
    root: Root,
    feature: AiFeatureSpec,
    window: Window,
    as_of: datetime,
    reads: Collection[str] | None = None,
) -> ChecklistEvidence:
    """The evidence as it stood at ``as_of``, from the ledger; of the checks that are read.

    Where nothing was known of a check and day, what a backfill judged since as of then counts.
    """
    start = Window.of_day(feature.monitoring.start).start
    if as_of <= start:
        raise BadInput(f"{feature.name} is monitored from {start.date()}; {as_of} lies before that")
    ledger = root.ledger
    standing, void = believed_standing(root, feature, as_of)
    candidates = (
        [v for check in GATE_CHECKS for v in ledger.history(feature.name, check, as_of=as_of)]
        if standing.retrainings
        else []
    )
    # What has no partition (a load test, a drill) may be older than the monitoring.
    verdicts = tuple(
        verdict
        for verdict in ledger.verdicts(feature.name, as_of=as_of, items=reads, afterwards=True)
        if verdict.partition is None or verdict.window.end > start
    )
    live = ledger.mode() == "live"
    machinery = machinery_of(root, feature, as_of) if live else ()
    return ChecklistEvidence(
        window, as_of, verdicts, standing, tuple(candidates), void, live, machinery
    )


def digest_of(verdict: RecordedVerdict) -> str:
    """The sha256 of a verdict, whenever it was recorded."""
    data = as_data(verdict) | {"recorded_at": None}
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
