"""The slices' part of the drift report: each value beside what is normal for it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.effects import EffectHistory
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.slice_comparison import (
    ROWS_AT_LEAST,
    SliceDrift,
    SliceReport,
    SliceWindows,
    Unjudged,
    windows_of,
)
from ai_ops.drift_monitoring.slice_learning import ROLES, WEEKS, Normals, learnt, normals_of
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf
from ai_ops.drift_monitoring.slice_profiling import daily_slices, slices_key, versions_of
from ai_ops.drift_monitoring.slice_tallies import DaySlices, Layout, tally_slices
from ai_ops.drift_monitoring.stored_reports import StoredEffects
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window

REPORT: Final = "drift_report/slices"
SHOWN: Final = 20
"""At most this many slices that are not judged are told one by one."""


def stored_slices(root: Root, feature: AiFeatureSpec) -> StoredEffects[SliceReport]:
    """The reports on slices by day."""
    return StoredEffects(root, feature.name, REPORT, SliceReport.from_data)


def report_slices(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> None:
    """Compare the slices of the windows that end with these days, in order; keep the reports."""
    if not feature.drift.slices:
        return
    windows = {day: _window(feature, day) for day in sorted(days)}
    every = sorted({one for window in windows.values() for one in window})
    found = daily_slices(root, feature, reference, every)
    versions = {
        str(row["slice"])
        for rows in found.values()
        for row in rows
        if row["dimension"] == "model_version" and row["slice"] is not None
    }
    others = versions_of(root, feature, reference, versions)
    layout = Layout.of(reference)
    layouts = {version: Layout.of(one) for version, one in others.items()}
    tallied = {day: tally_slices(layout, layouts, rows) for day, rows in found.items()}
    normals = normals_of(root, feature, reference)
    reports = stored_slices(root, feature)
    key = slices_key(feature, reference)
    own = {
        day: [tallied.get(one, DaySlices()) for one in window] for day, window in windows.items()
    }
    for day, window in windows.items():
        normals = learnt(root, feature, reference, normals, _asked(own[day]), window[0])
    compared = _compared(_normals(normals, layout, layouts), windows, own)
    for day in windows:
        history = EffectHistory(day, feature.monitoring.start, reports)
        runs = history.runs(feature.drift, key)
        drifts = tuple(one.since(n, found, runs, day) for one, n, found in compared[day])
        unjudged = tuple(_unjudged(feature, drifts, own[day]))
        rows = sum(one.whole for one in own[day])
        latest = own[day][-1].whole if own[day] else 0
        report = SliceReport(reference.version, key, rows, latest, drifts, unjudged)
        reports.put(day, report, report.as_data())


def _asked(days: Sequence[DaySlices]) -> list[tuple[SliceOf, Role]]:
    """The slices of a window that need a normal of their own, of both roles."""
    rows = _rows(days)
    large = [of for of in rows if rows[of] >= ROWS_AT_LEAST and of.dimension != "model_version"]
    return [(of, role) for of in sorted(large, key=str) for role in ROLES]


def _normals(
    normals: Normals, layout: Layout, versions: Mapping[str, Layout]
) -> Iterator[tuple[SliceNormal, Layout]]:
    """All that is known to be normal, in whose cells; a version's is its own reference."""
    for known in normals.known.values():
        yield known, layout
    for version, own in versions.items():
        of = SliceOf("model_version", version)
        for role in ROLES:
            columns = tuple(c for c in own.reference.columns if c.cells.column.role == role)
            yield SliceNormal(of, role, "its own reference", "", "", columns), own


def _compared(
    normals: Iterable[tuple[SliceNormal, Layout]],
    windows: Mapping[str, Sequence[str]],
    own: Mapping[str, Sequence[DaySlices]],
) -> dict[str, list[tuple[SliceWindows, int, SliceDrift]]]:
    """Every slice with rows enough beside its normal, of all days at once: a normal that is over
    before the window begins."""
    found: dict[str, list[tuple[SliceWindows, int, SliceDrift]]] = {day: [] for day in windows}
    sizes = {day: _rows(days) for day, days in own.items()}
    for normal, layout in normals:
        of = normal.of
        days = [
            day
            for day, window in windows.items()
            if sizes[day].get(of, 0) >= ROWS_AT_LEAST and normal.last < window[0]
        ]
        tallies = [[one.tallies.get(of) for one in own[day]] for day in days]
        for column in windows_of(normal, layout, tallies) if days else ():
            for place, drift in enumerate(column.drifts()):
                found[days[place]].append((column, place, drift))
    return found


def _unjudged(
    feature: AiFeatureSpec, drifts: Sequence[SliceDrift], days: Sequence[DaySlices]
) -> Iterator[Unjudged]:
    """The slices of which nothing is judged, the largest first, and the rows that are in none."""
    judged = {one.of for one in drifts if one.judged}
    rows = _rows(days)
    left = sorted((of for of in rows if of not in judged), key=lambda of: (-rows[of], str(of)))
    large = [of for of in left if rows[of] >= ROWS_AT_LEAST]
    for of in large[:SHOWN]:
        reason = _why(feature, of, drifts)
        yield Unjudged(of.dimension, of.value, rows[of], reason)
    for dimension in feature.drift.slices:
        small = [of for of in left if of.dimension == dimension and of not in large[:SHOWN]]
        if small:
            reason = f"{len(small)} values with fewer than {ROWS_AT_LEAST} rows in the window each"
            yield Unjudged(dimension, "others", sum(rows[of] for of in small), reason)
        for value, size in _rest(days, dimension).items():
            why = "nobody profiled the reference of this version"
            if dimension != "model_version":
                why = "rows without a value, or with one that is not among the most frequent"
            yield Unjudged(dimension, value or "rest", size, why)


def _why(feature: AiFeatureSpec, of: SliceOf, drifts: Sequence[SliceDrift]) -> str:
    own = [one for one in drifts if one.of == of]
    if not own:
        return (
            "it has no history: the reference does not tell it, and its own first "
            f"{WEEKS * feature.drift.window_days} days in the log are not over"
        )
    if any(one.ratio is not None for one in own):
        days, needed = max((one.days_with_rows, one.days_needed) for one in own)
        return f"it has rows on {days} days of the window, fewer than the {needed} that it takes"
    return "its normal is too short to know how much its weeks differ by themselves"


def _rows(days: Iterable[DaySlices]) -> dict[SliceOf, int]:
    found: dict[SliceOf, int] = {}
    for day in days:
        for of, size in day.rows.items():
            found[of] = found.get(of, 0) + size
    return found


def _rest(days: Iterable[DaySlices], dimension: str) -> dict[str | None, int]:
    found: dict[str | None, int] = {}
    for day in days:
        for (of, value), size in day.rest.items():
            if of == dimension:
                found[value] = found.get(value, 0) + size
    return found


def _window(feature: AiFeatureSpec, day: str) -> list[str]:
    days = Window.trailing(day, days=feature.drift.window_days).days()
    return [one for one in days if one >= feature.monitoring.start.isoformat()]
