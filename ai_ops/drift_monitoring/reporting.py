"""The drift report: every day, the trailing window beside the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.allowances import threshold_changes
from ai_ops.drift_monitoring.attribution import drift_carriers
from ai_ops.drift_monitoring.besides import report_besides
from ai_ops.drift_monitoring.carriers import Carriers
from ai_ops.drift_monitoring.causing import note_causes
from ai_ops.drift_monitoring.cells import Role, columns_of
from ai_ops.drift_monitoring.comparison import (
    ColumnDrift,
    as_table,
    compare,
)
from ai_ops.drift_monitoring.drawing import Drawing, further_pictures, overview_picture
from ai_ops.drift_monitoring.evidently_report import make_evidently_report
from ai_ops.drift_monitoring.expected_by_score import expected_numbers
from ai_ops.drift_monitoring.history import REPORT, StoredReports
from ai_ops.drift_monitoring.judgement import History, Report, judge_drift
from ai_ops.drift_monitoring.profiling import daily_profiles, references_of
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.tallies import DayTallies, tally_day
from ai_ops.storage.root import Root
from ai_ops.storage.standing import ThresholdChange
from ai_ops.storage.threshold_changes import in_force
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Observed
from ai_ops.vocabulary.windows import Window

ROLES: Final[tuple[Role, ...]] = ("input", "output")
LONG: Final = 14
"""A range of more days is long: of its Evidently reports the newest are made."""
YOUNG: Final = 31

Why = Literal["alert", "month"]
"""Why Evidently's report of a day is due: an alert is new, or a month ends."""

LOOKED_YOUNG: Final = (1, 3)
LOOKED_EVERY: Final = 7
"""How old an effect is, in days, when the log is looked into again for where it comes from."""
SHOWN: Final = 60
"""At most this many columns stand in the table that the UI shows: those that went furthest."""


@dataclass(frozen=True)
class _Call:
    """What the days of one call share that are judged against one reference: that reference, the
    tallies of their windows' days in its cells, the reports so far, and what people decided about
    thresholds."""

    root: Root
    feature: AiFeatureSpec
    reference: Reference
    days: Mapping[str, DayTallies]
    reports: StoredReports
    changes: Sequence[ThresholdChange] = ()

    def window(self, day: str) -> list[DayTallies]:
        """The tallies of the window that ends with a day, in order."""
        return [self.days.get(one, {}) for one in _window(self.feature, day)]

    def history(self, day: str) -> History:
        """What a judgement of a day looks back on."""
        return History(day, self.feature.monitoring.start, self.reports)

    def alerts(self, day: str) -> bool:
        """Whether inputs or outputs fail on a day."""
        rule, history = self.feature.drift, self.history(day)
        return any(judge_drift(history, rule, role).status == "fail" for role in ROLES)


def compute_drift_report(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """How far inputs and outputs of the trailing window are from what was normal for the version
    that was live when the day ended, per column.

    Each column by several tests on profiles of every row, in thresholds that its own reference
    calibrated; of the outputs, only what this version answered. Evidently's report is made when
    an alert is new, at the end of a month, and on demand.
    """
    reports = StoredReports(root, feature.name)
    changes, _ = threshold_changes(root, feature)
    calls = {}
    for reference, own in references_of(root, feature, moments):
        days = sorted({day for partition in own for day in _window(feature, partition)})
        tallies = {
            day: tally_day(reference, profile)
            for day, profile in daily_profiles(root, feature, reference, days).items()
        }
        call = _Call(root, feature, reference, tallies, reports, changes)
        calls.update(dict.fromkeys(own, call))
        report_besides(root, feature, reference, own)
    # In the order of the days, for each looks back on those before it.
    newest, alone = max(calls, default=""), len(calls) == 1
    made = {day: _report(calls[day], day, draw=day == newest, alone=alone) for day in sorted(calls)}
    due = {day: why for day, (_, why) in made.items() if why}
    chosen = rendered(due, len(made), root.clock.now().date())
    return {
        day: _with_evidently(root, feature, day, summary, due.get(day), day in chosen)
        for day, (summary, _) in made.items()
    }


def rendered(due: Mapping[str, Why], days: int, today: date) -> set[str]:
    """The days of a call whose Evidently report is made now, of those that one is due for.

    Of a long range that are the newest new alert and the last end of a month, as long as they are
    young: each takes seconds, and what was long ago is looked at by whoever asks for it.

    >>> due = {"2021-02-28": "month", "2021-03-09": "alert", "2021-03-20": "alert"}
    >>> sorted(rendered(due, 60, date(2021, 3, 25)))
    ['2021-02-28', '2021-03-20']
    >>> rendered(due, 60, date(2022, 1, 1))
    set()
    """
    if days <= LONG:
        return set(due)
    young = (today - timedelta(days=YOUNG)).isoformat()
    newest = {why: day for day, why in sorted(due.items())}
    return {day for day in newest.values() if day >= young}


def _report(call: _Call, day: str, *, draw: bool, alone: bool) -> tuple[Summary, Why | None]:
    """The report of a day, and why Evidently's is due.

    ``draw`` it where it is the newest of its call; histories and distributions too when it stands
    alone or its alert is new, for a long range would draw what nobody looks at.
    """
    runs = call.history(day).runs(call.feature.drift, call.reference.digest)
    declared = columns_of(call.feature)
    factors = in_force(call.changes, call.reference.digest, Window.of_day(day).end)
    compared = compare(declared, call.reference, call.window(day), runs, day, factors)
    report = _carried(call, day, compared)
    path = call.root.lake.path(call.feature.name, REPORT, day)
    call.reports.put(day, report, call.root.lake.write_table(path, as_table(report)))
    alerting = call.alerts(day)
    date_of_day = date.fromisoformat(day)
    fresh = alerting and not call.alerts(_earlier(day))
    ends_month = (date_of_day + timedelta(days=1)).day == 1
    rows = max((column.n_current for column in report), default=0)
    why: Why | None = "alert" if fresh else "month" if ends_month else None
    numbers = dict(_numbers(report, alerting, rows, call.reference))
    numbers |= expected_numbers(call.feature, call.reference, call.window(day))
    if alerting and (
        noted := note_causes(call.root, call.feature, call.reference, call.history(day))
    ):
        numbers["cause"] = noted["cause"]
    summary = Summary(numbers=numbers, table=_table(report))
    if draw or fresh:
        drawing = Drawing(call.feature, day, call.reports, call.reference, call.window(day))
        more = further_pictures(drawing) if fresh or alone else {}
        summary = replace(summary, picture=overview_picture(drawing), pictures=more)
    return summary, why if rows else None


def _with_evidently(
    root: Root, feature: AiFeatureSpec, day: str, summary: Summary, why: Why | None, chosen: bool
) -> Summary:
    if why is None:
        return summary
    if chosen:
        path = make_evidently_report(root, feature, day)
        return replace(summary, files={**summary.files, "evidently_report": path})
    told = f"on demand: ai-ops drift show {feature.name} {day} --html"
    return replace(summary, numbers={**summary.numbers, "evidently_report": told})


def _carried(call: _Call, day: str, report: Report) -> Report:
    """The report with the call site and tenant that carry what is beyond its threshold.

    The log is looked into while an effect is young and then once a week: what it came from the day
    before it comes from today.
    """
    before = call.reports.get(_earlier(day)) or ()
    known = {(c.column, c.beyond_since): c for c in before if c.beyond}
    carriers, fresh = {}, []
    for column in sorted((c for c in report if c.beyond), key=lambda c: -(c.ratio or 0)):
        same = known.get((column.column, column.beyond_since))
        age = _age(column.beyond_since or day, day)
        if same is None or age in LOOKED_YOUNG or not age % LOOKED_EVERY:
            fresh.append(column.column)
        else:
            carriers[column.column] = Carriers(same.call_site, same.tenant)
    if fresh:
        days = _window(call.feature, day)
        carriers |= drift_carriers(call.root, call.feature, call.reference, days, fresh)
    return tuple(
        replace(c, call_site=carriers[c.column].call_site, tenant=carriers[c.column].tenant)
        if c.column in carriers
        else c
        for c in report
    )


def _earlier(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _age(begin: str, day: str) -> int:
    return (date.fromisoformat(day) - date.fromisoformat(begin)).days


def _numbers(
    report: Sequence[ColumnDrift], alerting: bool, rows: int, reference: Reference
) -> dict[str, Observed]:
    ratios = {c.column: c.ratio for c in report if c.ratio is not None}
    worst = max(ratios, key=lambda name: ratios[name]) if ratios else None
    return {
        "rows": rows,
        "max_ratio": round(ratios[worst], 3) if worst else None,
        "furthest_column": worst,
        "columns_beyond_threshold": sum(ratio > 1 for ratio in ratios.values()),
        "columns_without_ratio": len(report) - len(ratios),
        "columns": len(report),
        "alert": alerting,
        "reference_version": reference.version,
    }


def _table(report: Sequence[ColumnDrift]) -> tuple[Mapping[str, Observed], ...]:
    """The columns as the UI shows them, the furthest first."""
    ordered = sorted(report, key=lambda column: -(column.ratio or 0))[:SHOWN]
    return tuple(
        {
            "column": column.column,
            "ratio": _rounded(column.ratio),
            "test": column.test,
            "value": _rounded(column.value),
            "threshold": _rounded(column.limit),
            "severity": column.severity,
            "beyond_since": column.beyond_since,
            "psi": _rounded(column.psi),
            "rows": column.n_current,
            "null_share": _rounded(column.null_share),
            "unseen_share": _rounded(column.unseen_share),
            "missing": column.missing,
        }
        for column in ordered
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _window(feature: AiFeatureSpec, day: str) -> list[str]:
    """The window's days; what was logged before monitoring began is not part of it."""
    days = Window.trailing(day, days=feature.drift.window_days).days()
    return [one for one in days if one >= feature.monitoring.start.isoformat()]
