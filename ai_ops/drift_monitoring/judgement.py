"""Drift as a verdict: k of the last n days beyond the threshold, and the latest; or a lack.

Pure: from drift reports to a ``Verdict``. Whether a column drifted is a question to its own
history, so each finding says how far it went, since when, and what that can and cannot mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.wording import how_it_moved, told_of, where
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

Report = Sequence[ColumnDrift]

UNSEEN_SEASON = (
    "It is outside everything that the reference's season showed; one such season cannot tell "
    "the next season from drift, so a person has to look."
)


@dataclass(frozen=True, slots=True)
class History:
    """The drift reports of the days up to the judged one, newest last; ``start`` of monitoring.

    A day without a report is not in ``reports``. ``answers_since`` is when the judged version began
    to answer, where that lies in the window: what others answered before says nothing about it.
    """

    day: str
    start: date
    reports: Mapping[str, Report]
    answers_since: datetime | None = None

    def exceeded(self, column: str, back: int) -> bool | None:
        """Whether the column was beyond its threshold ``back`` days ago; None when unknown.

        A report against another reference than the judged day's says nothing about this one.
        """
        latest = _of(self.reports[self.day], column)
        then = self.reports.get(_earlier(self.day, back))
        found = _of(then, column) if then is not None else None
        if found is None or latest is None or found.reference_digest != latest.reference_digest:
            return None
        return found.beyond if found.complete and found.ratio is not None else None

    def why_unknown(self, column: ColumnDrift, back: int) -> str:
        """Why nobody knows whether the column was beyond its threshold ``back`` days ago."""
        day = _earlier(self.day, back)
        report = self.reports.get(day)
        found = None if report is None else _of(report, column.column)
        if report is None:
            return f"there is no drift report of {day}"
        if found is None:
            return f"the report of {day} does not name it"
        if found.reference_digest != column.reference_digest:
            return f"the report of {day} is against another reference"
        if not found.complete:
            return f"the window up to {day} is not full"
        return f"it has no distance on {day}"

    def runs(self, rule: Drift, reference_digest: str) -> dict[str, str]:
        """Columns that were beyond their threshold just before the judged day, each since when.

        ``n - k`` quiet days in between do not end a run; another reference than the judged day's
        does, for it had thresholds of its own.
        """
        runs: dict[str, str] = {}
        for back in range(1, rule.n - rule.k + 2):
            for column in self.reports.get(_earlier(self.day, back), ()):
                same = column.reference_digest == reference_digest
                if same and column.beyond_since is not None:
                    runs.setdefault(column.column, column.beyond_since)
        return runs

    def before_start(self, back: int) -> bool:
        """Whether the day ``back`` days ago lies before monitoring began."""
        return date.fromisoformat(self.day) - timedelta(days=back) < self.start


def judge_drift(history: History, rule: Drift, role: Role) -> Verdict:
    """Whether inputs (or outputs) have drifted, from the reports up to the judged day."""
    window = Window.trailing(history.day, days=rule.window_days)
    report = history.reports.get(history.day)
    if report is None:
        reason = f"there is no drift report for {history.day}: nobody looked"
        return Verdict.lacking(reason, "drift", window=window)
    columns = [column for column in report if column.role == role]
    if not columns:
        return Verdict.lacking(f"the report names no {role}s", "drift", window=window)
    rows = max(column.n_current for column in columns)
    if lack := _lacking_rows(columns, rule, window, role, history.answers_since):
        return Verdict.lacking(lack.reason, lack.kind, lack, sample_size=rows)
    return _judged(history, rule, role, columns, window, rows)


def _judged(
    history: History,
    rule: Drift,
    role: Role,
    columns: Report,
    window: Window,
    rows: int,
) -> Verdict:
    unknown = [lack for column in columns if (lack := _unjudged(column, window))]
    beyond = [column for column in columns if column.beyond]
    drifted, undecided = [], []
    for column in sorted(beyond, key=lambda one: -(one.ratio or 0)):
        days = [history.exceeded(column.column, back) for back in range(rule.n)]
        if sum(day is True for day in days) >= rule.k:
            drifted.append(_drift(column, window))
        elif gap := _gap(history, rule, days, column, window):
            undecided.append(gap)
    observed = _observed(columns, drifted, rows)
    if drifted:
        worst = ", ".join(f"{f.columns[0]} at {f.size:.1f}" for f in drifted[:3])
        reason = (
            f"{len(drifted)} of {len(columns)} {role}s drifted: {worst} times its threshold, "
            f"over {rows:,} rows"
        )
        findings = (*drifted, *unknown, *undecided)
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    if lacking := (*unknown, *undecided):
        names = ", ".join(name for finding in lacking for name in finding.columns)
        reason = f"{len(lacking)} of {len(columns)} {role}s could not be judged: {names}"
        return Verdict.lacking(reason, "drift", *lacking, sample_size=rows, observed=observed)
    highest = max(columns, key=lambda column: column.ratio or 0)
    reason = (
        f"no {role} drifted: {highest.column} comes nearest, at {highest.ratio or 0:.2f} of its "
        f"threshold, over {rows:,} rows"
    )
    if beyond:
        names = ", ".join(column.column for column in beyond)
        reason = f"not sustained for {rule.k} of {rule.n} days: {names}, over {rows:,} rows"
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def _lacking_rows(
    columns: Report, rule: Drift, window: Window, role: Role, since: datetime | None
) -> Finding | None:
    """What the window lacks as a whole: rows at all, rows of its last day, days, enough rows."""
    rows = max(column.n_current for column in columns)
    fullest = max(columns, key=lambda column: column.days_with_rows)
    last = list(window.days())[-1]
    if not rows:
        reason = f"the {rule.window_days} days up to {last} hold no row with these {role}s"
    elif not max(column.latest_rows for column in columns):
        reason = f"{last} has no rows with these {role}s: there is nothing new to judge"
    elif fullest.days_with_rows < fullest.days_needed:
        reason = (
            f"the window holds rows of {fullest.days_with_rows} of its {rule.window_days} days; "
            f"its thresholds are for windows with at least {fullest.days_needed}"
        )
    elif rows < rule.minimum_rows:
        reason = f"{rows:,} rows in the window, fewer than the {rule.minimum_rows:,} that it takes"
    else:
        return None
    if role == "output" and since is not None:
        version = columns[0].reference_version
        reason = f"version {version} answers since {since:%Y-%m-%d %H:%M} UTC: {reason}"
    return Finding("volume", "no_evidence", reason, window=window, size=float(rows))


def _unjudged(column: ColumnDrift, window: Window) -> Finding | None:
    if column.missing:
        reason = f"{column.column} is missing from the log of the window's last day"
    elif not column.n_reference:
        reason = f"{column.column} is missing from the reference, so nothing says what is normal"
    elif not column.n_current:
        reason = f"{column.column} has no rows in the window"
    elif column.null_share_reference == 1.0:
        reason = f"{column.column} is null throughout the reference: nothing says what is normal"
    elif not column.complete:
        reason = (
            f"{column.column} has rows on {column.days_with_rows} days of the window; its "
            f"threshold is for windows with at least {column.days_needed}"
        )
    elif column.threshold is None:
        reason = (
            f"{column.column} has no threshold: its reference is too short to know how much "
            "it differs from week to week by itself"
        )
    else:
        return None
    return Finding("drift", "no_evidence", reason, columns=(column.column,), window=window)


def _gap(
    history: History,
    rule: Drift,
    days: Sequence[bool | None],
    column: ColumnDrift,
    window: Window,
) -> Finding | None:
    """Days of which nobody knows whether they were beyond, and with which the rule could fire."""
    lost = [back for back, day in enumerate(days) if day is None and not history.before_start(back)]
    if not lost or sum(day is True for day in days) + len(lost) < rule.k:
        return None
    whys = ", ".join(history.why_unknown(column, back) for back in reversed(lost))
    reason = (
        f"{column.column} is beyond its threshold, but {rule.k} of {rule.n} days cannot be "
        f"counted: {whys}"
    )
    return Finding("drift", "no_evidence", reason, columns=(column.column,), window=window)


def _drift(column: ColumnDrift, window: Window) -> Finding:
    begin = column.beyond_since or list(window.days())[-1]
    reason = (
        f"{told_of(column)}, since {begin}. {where(column)}{how_it_moved(column)}"
        f"{UNSEEN_SEASON if column.role == 'input' else ''}"
    )
    return Finding(
        "drift",
        "fail",
        reason.strip(),
        columns=(column.column,),
        call_site=column.call_site,
        tenant=column.tenant,
        window=window,
        begin=Window.of_day(begin).start,
        size=column.ratio,
    )


def _observed(columns: Report, drifted: Sequence[Finding], rows: int) -> dict[str, Observed]:
    ratios = [column.ratio for column in columns if column.ratio is not None]
    return {
        "max_ratio": round(max(ratios), 4) if ratios else None,
        "drifted_columns": len(drifted),
        "columns": len(columns),
        "rows": rows,
    }


def _of(report: Report, column: str) -> ColumnDrift | None:
    return next((one for one in report if one.column == column), None)


def _earlier(day: str, back: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=back)).isoformat()
