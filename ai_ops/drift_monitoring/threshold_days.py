"""The days that thresholds are held against: their stored reports, and what people found of every
alert in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.back_test import (
    BackTest,
    ColumnAlert,
    Factors,
    Fate,
    KnownAlert,
    alerts_under,
    back_test,
)
from ai_ops.drift_monitoring.history import StoredReports
from ai_ops.drift_monitoring.judgement import Report
from ai_ops.storage.believed import believed
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Standing, ThresholdChange
from ai_ops.storage.threshold_changes import in_force
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import EventKind

SPAN: Final = 92
"""Thresholds are held against at most so many days, however long ago the last review was."""

BELIEVED: Final[tuple[EventKind, ...]] = (
    "threshold_change",
    "review",
    "incident_concluded",
    "incident_joined",
)
"""What a person signs of these says what an alert was, or what thresholds are to be; and which
incident an alert joined says which of them is about it."""


@dataclass(frozen=True)
class ThresholdDays:
    """Some days against one reference: ``days`` are those with a report against it, ``others`` how
    many have one against another; ``reports`` of the same reference go further back."""

    rule: Drift
    start: date
    days: tuple[str, ...]
    others: int
    reports: Mapping[str, Report]
    reference: str
    version: str
    standing: Standing
    as_of: datetime
    evidence: tuple[Evidence, ...] = ()

    @property
    def changes(self) -> tuple[ThresholdChange, ...]:
        """What people decided about the thresholds by then."""
        return tuple(one for one in self.standing.threshold_changes if one.at <= self.as_of)

    @property
    def in_force(self) -> dict[str, float]:
        """The factors that hold against this reference."""
        return in_force(self.changes, self.reference, self.as_of)

    @property
    def lapsed(self) -> dict[str, float]:
        """The factors that were signed last, where they were signed against another reference."""
        last = self.changes[-1] if self.changes else None
        return dict(last.after) if last and last.reference != self.reference else {}

    @cached_property
    def known(self) -> tuple[KnownAlert, ...]:
        """The alerts of these days, with what people found of each."""
        alerts = alerts_under(self.reports, self.days, self.rule, self.start)
        return tuple(_known(one, self.standing, self.as_of) for one in alerts)

    @cached_property
    def confirmed_before(self) -> tuple[KnownAlert, ...]:
        """The alerts before these days that people confirmed: no review makes them none."""
        alerts = alerts_under(self.reports, sorted(self.reports), self.rule, self.start)
        before = (
            _known(one, self.standing, self.as_of) for one in alerts if self._before(one.last)
        )
        return tuple(one for one in before if one.fate == "confirmed")

    def test(self, factors: Factors) -> BackTest:
        """What becomes of these alerts with other factors, and whether what people confirmed before
        them would still be found."""
        own = back_test(self.reports, self.days, self.rule, self.start, self.known, factors)
        earlier = [day for day in sorted(self.reports) if self._before(day)]
        before = back_test(
            self.reports, earlier, self.rule, self.start, self.confirmed_before, factors
        )
        missed = tuple(sorted({*own.missed, *before.missed}))
        return replace(own, missed=missed, later={**before.later, **own.later})

    def _before(self, day: str) -> bool:
        return bool(self.days) and day < self.days[0]


def threshold_days(root: Root, feature: AiFeatureSpec, moment: Moment) -> ThresholdDays:
    """The days of a month, and those before it that no review has seen.

    ``MissingEvidence`` when none of the month's days has a report.
    """
    standing, _ = believed(root, feature, kinds=BELIEVED)
    window, rule = moment.window, feature.drift
    last = window.end.date()
    first = max(
        min(window.start.date(), _reviewed_until(standing, feature, moment.as_of)),
        last - timedelta(days=SPAN),
        feature.monitoring.start,
    )
    stored = StoredReports(root, feature.name)
    # Whether a factor is still needed is seen in more days than a month has.
    back = last - timedelta(days=SPAN) if standing.threshold_changes else first
    every = _between(back - timedelta(days=rule.n - 1), min(last, moment.as_of.date()))
    known = {day: report for day in every if (report := stored.get(day))}
    own = [day for day in known if day >= window.start.date().isoformat()]
    if not own:
        raise MissingEvidence(
            f"{moment.partition[:7]} has no drift report that thresholds could be held against: "
            "materialise drift_report"
        )
    newest = known[own[-1]][0]
    reports = {
        day: report
        for day, report in known.items()
        if report[0].reference_digest == newest.reference_digest
    }
    days = [day for day in reports if day >= first.isoformat()]
    return ThresholdDays(
        rule,
        feature.monitoring.start,
        tuple(days),
        sum(day >= first.isoformat() for day in known) - len(days),
        reports,
        newest.reference_digest,
        newest.reference_version,
        standing,
        moment.as_of,
        stored.evidence,
    )


def _reviewed_until(standing: Standing, feature: AiFeatureSpec, as_of: datetime) -> date:
    """The end of the month whose proposal was reviewed last; before any, when it was launched."""
    done = [one for one in standing.threshold_changes if one.at <= as_of]
    if done:
        return Window.of_month(done[-1].month).end.date()
    launched = standing.launched
    return launched.at.date() if launched else feature.monitoring.start


def _known(alert: ColumnAlert, standing: Standing, as_of: datetime) -> KnownAlert:
    """What people found of an alert: of the incidents that stood while it lasted the gravest word,
    and without any, whether somebody reviewed it and it went by itself.

    That an alert was none, only an incident about its own check says: a false alarm of volume is
    no word on the columns that alerted meanwhile.
    """
    item = f"{alert.role}_drift"
    stood = [one for one in standing.incidents if _stood(one, alert, item, as_of)]
    answers = [(_fate(one, item, as_of), one) for one in stood]
    order: Sequence[Fate] = ("confirmed", "open", "false_alarm")
    for fate in order:
        for told, one in answers:
            if told == fate:
                return KnownAlert(alert, fate, one.concluded_by or "", one.id)
    for review in reversed(standing.reviews):
        inside = alert.begin <= review.begin <= alert.last
        mine = (review.item, review.domain) == (item, "drift_monitoring") and inside
        if mine and review.at <= as_of and not alert.lasts:
            return KnownAlert(alert, "harmless", review.by)
    return KnownAlert(alert, "open")


def _stood(one: Incident, alert: ColumnAlert, item: str, as_of: datetime) -> bool:
    """Whether an incident of drift waited, or was being answered, while an alert lasted; and was
    about its column, or concluded when that was to be seen."""
    if one.alert != "drift" or one.opened_at > as_of:
        return False
    until = one.resolved_at.date().isoformat() if one.resolved_at else as_of.date().isoformat()
    if one.begin > alert.last or alert.begin > until:
        return False
    named = one.columns_of(item)
    raised_at = Window.of_day(alert.begin).end
    late = one.concluded_at is not None and raised_at > one.concluded_at
    return not (named and alert.column not in named and late)


def _fate(one: Incident, item: str, as_of: datetime) -> Fate:
    if one.concluded_at is None or one.concluded_at > as_of:
        return "open"
    if one.conclusion in ("bad_data", "genuine_shift"):
        return "confirmed"
    none = one.conclusion == "false_alarm" and one.item == item
    return "false_alarm" if none else "open"


def _between(first: date, end: date) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range((end - first).days)]
