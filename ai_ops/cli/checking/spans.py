"""Days: whether monitoring and reference lie where the log has rows, and enough of them."""

from collections.abc import Mapping
from datetime import date, timedelta

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.checking.problems import DataCheck
from ai_ops.drift_monitoring.calibration import MINIMUM_INDEPENDENT_WINDOWS


def check_spans(
    file: str, feature: AiFeatureSpec, days: Mapping[date, int], found: DataCheck
) -> None:
    """Whether the YAML's days are days of the log; ``file`` is the YAML's."""
    if not days:
        return
    first, last = min(days), max(days)
    found.numbers |= {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "days": len(days),
        "median_rows_a_day": sorted(days.values())[len(days) // 2],
    }
    start = feature.monitoring.start
    end = min(last, feature.monitoring.end - timedelta(days=1)) if feature.monitoring.end else last
    span = f"the log has rows from {first} to {last}"
    if start > last or end < first:
        found.mistake(file, f"monitoring: {span}: none is monitored; mend start or end")
        return
    if start < first:
        words = f"monitoring.start: {start} lies before the first row: {span}; days without rows "
        found.warn(file, f"{words}are judged as missing evidence")
    empty = [day for day in _days(max(start, first), end) if day not in days]
    if empty:
        words = f"{len(empty)} monitored days have no row at all, the first is {empty[0]}: was "
        found.warn(file, f"{words}nothing predicted, or is a file missing?")
    _traffic(file, feature, days, max(start, first), end, found)
    _reference_days(file, feature, days, found)


def _traffic(
    file: str,
    feature: AiFeatureSpec,
    days: Mapping[date, int],
    start: date,
    end: date,
    found: DataCheck,
) -> None:
    rule = feature.drift
    windows = [
        sum(days.get(day - timedelta(days=back), 0) for back in range(rule.window_days))
        for day in _days(start, end)
    ]
    weak = sum(rows < rule.minimum_rows for rows in windows)
    if windows and weak > len(windows) / 10:
        usual = sorted(windows)[len(windows) // 2]
        found.warn(
            file,
            f"drift.minimum_rows: {weak} of {len(windows)} windows of {rule.window_days} days have "
            f"fewer than {rule.minimum_rows:,} rows (usual: {usual:,}) and will not be judged: "
            "lower it, or widen drift.window_days",
        )


def _reference_days(
    file: str, feature: AiFeatureSpec, days: Mapping[date, int], found: DataCheck
) -> None:
    declared = feature.reference
    if declared is None:
        if not feature.trained_here:
            words = "reference: nothing says what is normal: drift will have no evidence; name "
            found.warn(file, f"{words}reference.files, or first_day and last_day of the log")
        return
    if declared.first_day is None or declared.last_day is None:
        return
    known = [day for day in _days(declared.first_day, declared.last_day) if day in days]
    needed = MINIMUM_INDEPENDENT_WINDOWS * feature.drift.window_days
    if not known:
        words = f"reference: the log has no row from {declared.first_day} to {declared.last_day}"
        found.mistake(file, f"{words}: name days that it has")
    elif len(known) < needed:
        found.mistake(
            file,
            f"reference: {len(known)} days with rows, {needed} are needed to know how restless a "
            f"column is ({MINIMUM_INDEPENDENT_WINDOWS} windows of {feature.drift.window_days} "
            "days): name more days, or a shorter drift.window_days",
        )
    if declared.last_day >= feature.monitoring.start:
        words = f"reference.last_day: {declared.last_day} is monitored too (from "
        found.warn(
            file, f"{words}{feature.monitoring.start}): what is judged should not be its own norm"
        )


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
