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
    Unjudged,
    compare_slice,
)
from ai_ops.drift_monitoring.slice_learning import ROLES, WEEKS, Normals, learnt, normals_of
from ai_ops.drift_monitoring.slice_normals import SliceNormal, SliceOf
from ai_ops.drift_monitoring.slice_profiling import daily_slices, slices_key, versions_of
from ai_ops.drift_monitoring.slice_tallies import DaySlices, tally_slices
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
    tallied = {day: tally_slices(reference, others, rows) for day, rows in found.items()}
    normals = normals_of(root, feature, reference)
    reports = stored_slices(root, feature)
    key = slices_key(feature, reference)
    for day, window in windows.items():
        own = [tallied.get(one, DaySlices()) for one in window]
        normals = learnt(root, feature, reference, normals, _asked(own), window[0])
        history = EffectHistory(day, feature.monitoring.start, reports)
        runs = history.runs(feature.drift, key)
        known = _at_hand(normals, others, window[0])
        drifts = tuple(_drifts(known, own, runs, day))
        unjudged = tuple(_unjudged(feature, known, drifts, own))
        rows, latest = sum(one.whole for one in own), own[-1].whole if own else 0
        report = SliceReport(reference.version, key, rows, latest, drifts, unjudged)
        reports.put(day, report, report.as_data())


def _asked(days: Iterable[DaySlices]) -> list[tuple[SliceOf, Role]]:
    """The slices of a window that need a normal of their own, of both roles."""
    seen = {of for day in days for of in day.tallies if of.dimension != "model_version"}
    return [(of, role) for of in sorted(seen, key=str) for role in ROLES]


def _at_hand(
    normals: Normals, others: Mapping[str, Reference], begin: str
) -> dict[SliceOf, list[SliceNormal]]:
    """The normals that are over before a window begins; a version's is its own reference."""
    found: dict[SliceOf, list[SliceNormal]] = {}
    for (of, _), normal in normals.known.items():
        if normal.last < begin:
            found.setdefault(of, []).append(normal)
    for version, own in others.items():
        of = SliceOf("model_version", version)
        first, last = (own.calendar[0], own.calendar[-1]) if own.calendar else ("", "")
        for role in ROLES:
            columns = tuple(c for c in own.columns if c.cells.column.role == role)
            normal = SliceNormal(of, role, "its own reference", first, last, columns)
            found.setdefault(of, []).append(normal)
    return found


def _drifts(
    known: Mapping[SliceOf, Sequence[SliceNormal]],
    days: Sequence[DaySlices],
    runs: Mapping[str, str],
    last_day: str,
) -> Iterator[SliceDrift]:
    rows = _rows(days)
    for of in sorted(rows, key=lambda one: (-rows[one], str(one))):
        if rows[of] >= ROWS_AT_LEAST:
            own = [day.tallies.get(of, {}) for day in days]
            for normal in known.get(of, ()):
                yield from compare_slice(normal, own, runs, last_day)


def _unjudged(
    feature: AiFeatureSpec,
    known: Mapping[SliceOf, Sequence[SliceNormal]],
    drifts: Sequence[SliceDrift],
    days: Sequence[DaySlices],
) -> Iterator[Unjudged]:
    """The slices of which nothing is judged, the largest first, and the rows that are in none."""
    judged = {one.of for one in drifts if one.judged}
    rows = _rows(days)
    left = sorted((of for of in rows if of not in judged), key=lambda of: (-rows[of], str(of)))
    large = [of for of in left if rows[of] >= ROWS_AT_LEAST]
    for of in large[:SHOWN]:
        reason = _why(feature, of, known, drifts)
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


def _why(
    feature: AiFeatureSpec,
    of: SliceOf,
    known: Mapping[SliceOf, Sequence[SliceNormal]],
    drifts: Sequence[SliceDrift],
) -> str:
    if of not in known:
        return (
            "it has no history: the reference does not tell it, and its own first "
            f"{WEEKS * feature.drift.window_days} days in the log are not over"
        )
    own = [one for one in drifts if one.of == of]
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
