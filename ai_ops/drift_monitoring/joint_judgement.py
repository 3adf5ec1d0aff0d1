"""Pairs as a verdict: which columns no longer go with which, k of the last n days and the latest.

Pure: from the reports on pairs to a ``Verdict``. A column shuffled against the others, or joined
to the wrong rows, leaves every distribution as it was: only what it goes with is lost.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.joint_comparison import PairDrift, PairReport
from ai_ops.vocabulary.verdicts import Finding, Observed, Verdict
from ai_ops.vocabulary.windows import Window

NAMED: Final = 10
"""At most this many columns are named in a reason."""


def judge_joint(history: EffectHistory, reports: Mapping[str, PairReport], rule: Drift) -> Verdict:
    """Whether columns that went together still do, from the reports up to the judged day."""
    window = Window.trailing(history.day, days=rule.window_days)
    report = reports.get(history.day)
    if report is None:
        reason = f"nobody looked at the pairs of {history.day}: materialise drift_report"
        return Verdict.lacking(reason, "drift", window=window)
    if not report.pairs:
        return Verdict("waived", f"there is no joint structure to watch: {report.why_none}")
    rows = max(pair.n_current for pair in report.pairs)
    if lack := _lacking_rows(report.pairs, rule, window):
        return Verdict.lacking(lack.reason, lack.kind, lack, sample_size=rows)
    apart, undecided = [], []
    for pair in (one for one in report.pairs if one.beyond):
        lasts = history.sustained(pair, rule)
        if lasts:
            apart.append(pair)
        elif lasts is None:
            undecided.append(_undecided(pair, rule, window))
    return _verdict(report, rule, window, apart, undecided)


def suspects(apart: Sequence[PairDrift], watched: Sequence[PairDrift]) -> dict[str, list[str]]:
    """The columns that most of the broken pairs share, each with what it moved apart from.

    Every broken pair is told once. Of two columns with as many, the one that lost the larger part
    of its partners; a pair that stands alone is told by its first column.
    """
    of = {pair.name: (pair.first, pair.second) for pair in watched}
    partners = Counter(column for columns in of.values() for column in columns)
    left = {pair.name for pair in apart}
    found: dict[str, list[str]] = {}
    while left:
        lost = Counter(column for name in sorted(left) for column in of[name])
        worst = max(lost, key=lambda column: (lost[column], lost[column] / partners[column]))
        own = [pair.name for pair in apart if pair.name in left and worst in of[pair.name]]
        found[worst] = [of[name][1 - of[name].index(worst)] for name in own]
        left -= set(own)
    return found


def _verdict(
    report: PairReport,
    rule: Drift,
    window: Window,
    apart: Sequence[PairDrift],
    undecided: Sequence[Finding],
) -> Verdict:
    rows = max(pair.n_current for pair in report.pairs)
    ratios = {pair.name: pair.ratio for pair in report.pairs if pair.ratio is not None}
    observed: dict[str, Observed] = {
        "max_ratio": round(max(ratios.values()), 4) if ratios else None,
        "pairs_apart": len(apart),
        "pairs": len(report.pairs),
        "columns_unwatched": len(report.unwatched),
        "rows": rows,
    }
    unknown = [lack for pair in report.pairs if (lack := _unjudged(pair, window))]
    if apart:
        found = suspects(apart, report.pairs)
        told = [_finding(column, others, apart, window) for column, others in found.items()]
        words = "; ".join(finding.reason for finding in told[:3])
        reason = f"{len(apart)} of {len(report.pairs)} pairs moved apart: {words}"
        findings = (*told, *unknown, *undecided)
        return Verdict.failing(reason, *findings, sample_size=rows, observed=observed)
    if lacking := (*unknown, *undecided):
        more = f", and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        reason = f"{lacking[0].reason}{more}"
        return Verdict.lacking(reason, "drift", *lacking, sample_size=rows, observed=observed)
    nearest = max(ratios, key=lambda name: ratios[name])
    reason = (
        f"all {len(report.pairs)} pairs of columns go together as they did: {nearest} comes "
        f"nearest, at {ratios[nearest]:.2f} of its threshold, over {rows:,} rows"
    )
    if beyond := [pair.name for pair in report.pairs if pair.beyond]:
        reason = f"not sustained for {rule.k} of {rule.n} days: {', '.join(beyond)}"
    if report.unwatched:
        more = ", …" if len(report.unwatched) > NAMED else ""
        names = ", ".join(report.unwatched[:NAMED])
        reason += f"; what {names}{more} go with is too unsteady, or too little, to be watched"
    return Verdict.passing(reason, sample_size=rows, observed=observed)


def _lacking_rows(pairs: Sequence[PairDrift], rule: Drift, window: Window) -> Finding | None:
    """What the window lacks as a whole: rows at all, rows of its last day, enough days and rows."""
    rows = max(pair.n_current for pair in pairs)
    fullest = max(pairs, key=lambda pair: pair.days_with_rows)
    last = list(window.days())[-1]
    if not rows:
        reason = f"the {rule.window_days} days up to {last} hold no row to look at"
    elif not max(pair.latest_rows for pair in pairs):
        reason = f"{last} has no rows: there is nothing new to judge"
    elif not fullest.complete:
        reason = (
            f"the window holds rows of {fullest.days_with_rows} of its {rule.window_days} days; "
            f"its thresholds are for windows with at least {fullest.days_needed}"
        )
    elif rows < rule.minimum_rows:
        reason = f"{rows:,} rows in the window, fewer than the {rule.minimum_rows:,} that it takes"
    else:
        return None
    return Finding("volume", "no_evidence", reason, window=window, size=float(rows))


def _unjudged(pair: PairDrift, window: Window) -> Finding | None:
    columns = (pair.first, pair.second)
    if pair.threshold is None:
        reason = (
            f"{pair.name} has no threshold: its reference is too short to know how much the two "
            "move apart from week to week by themselves"
        )
    elif not pair.n_current or pair.distance is None:
        reason = f"{pair.name}: no row of the window has both as the reference knows them"
    elif not pair.complete:
        whose = " of this version" if pair.role == "output" else ""
        reason = (
            f"{pair.name} has rows{whose} on {pair.days_with_rows} days of the window; its "
            f"threshold is for windows with at least {pair.days_needed}"
        )
    else:
        return None
    return Finding("drift", "no_evidence", reason, columns=columns, window=window)


def _undecided(pair: PairDrift, rule: Drift, window: Window) -> Finding:
    reason = (
        f"{pair.name} is beyond its threshold, but not enough of the last {rule.n} days are known "
        f"to count {rule.k}"
    )
    columns = (pair.first, pair.second)
    return Finding("drift", "no_evidence", reason, columns=columns, window=window)


def _finding(
    column: str, others: Sequence[str], apart: Sequence[PairDrift], window: Window
) -> Finding:
    own = [p for p in apart if column in (p.first, p.second) and {p.first, p.second} & set(others)]
    worst = max(own, key=lambda pair: pair.ratio or 0)
    begin = min(pair.beyond_since or list(window.days())[-1] for pair in own)
    way = (worst.distance or 0) / worst.shuffled if worst.shuffled else 0.0
    names = others[0] if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]}"
    reason = (
        f"{column} moves apart from {names} since {begin}: {worst.name} is {worst.ratio or 0:.1f} "
        f"times its threshold, {way:.0%} of the way to a shuffled column"
    )
    told = "it looks shuffled" if len(others) > 1 else "one of the two looks shuffled"
    if way >= 0.5:
        reason += f"; {told}, or joined to the wrong rows"
    columns = (column,) if len(others) > 1 else (column, *others)
    return Finding(
        "drift",
        "fail",
        reason,
        columns=columns,
        window=window,
        begin=Window.of_day(begin).start,
        size=worst.ratio,
    )
