"""The pairs' part of the drift report."""

from collections.abc import Sequence
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.joint_comparison import PairReport, compare_pairs
from ai_ops.drift_monitoring.joint_profiling import daily_pairs, joint_reference
from ai_ops.drift_monitoring.joint_tallies import DayPairs
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.stored_reports import StoredEffects
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window

REPORT: Final = "drift_report/pairs"


def stored_pairs(root: Root, feature: AiFeatureSpec) -> StoredEffects[PairReport]:
    """The reports on pairs by day."""
    return StoredEffects(root, feature.name, REPORT, PairReport.from_data)


def report_pairs(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Compare the pairs of the windows that end with these days, in order, and keep the reports."""
    joint = joint_reference(root, feature, reference)
    windows = {day: _window(feature, day) for day in sorted(days)}
    tallies: dict[str, DayPairs] = {}
    if joint.pairs:
        every = sorted({one for window in windows.values() for one in window})
        tallies = daily_pairs(root, feature, joint, every)
    reports = stored_pairs(root, feature)
    for day, window in windows.items():
        history = EffectHistory(day, feature.monitoring.start, reports)
        runs = history.runs(feature.drift, joint.key)
        report = compare_pairs(joint, [tallies.get(one) for one in window], runs, day)
        reports.put(day, report, report.as_data())


def _window(feature: AiFeatureSpec, day: str) -> list[str]:
    days = Window.trailing(day, days=feature.drift.window_days).days()
    return [one for one in days if one >= feature.monitoring.start.isoformat()]
