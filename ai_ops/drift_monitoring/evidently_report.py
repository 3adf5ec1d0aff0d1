"""The report that people look at, one HTML file: never what a verdict is read from.

At its top stand the verdicts, which are read from profiles of every row, beside what Evidently
says; below, Evidently's own part, from a bounded sample. It drops nulls, absent columns and missing
rows before it compares.
"""

from collections.abc import Mapping
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.drawing import page_pictures
from ai_ops.drift_monitoring.evidently_page import ask_evidently
from ai_ops.drift_monitoring.history import REPORT, history_of
from ai_ops.drift_monitoring.judgement import Report, judge_drift
from ai_ops.drift_monitoring.references import NOTHING_LIVE, reference_of
from ai_ops.drift_monitoring.report_section import STYLE, PageFacts, section_of
from ai_ops.drift_monitoring.sampling import sample_reference, sample_window
from ai_ops.drift_monitoring.sealed_page import sealed
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.in_force import live_version
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

MOST: Final = 40
"""At most this many columns are on a page: those that went furthest."""


def make_evidently_report(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """Write the HTML report on the window that ends with a day; returns where it lies.

    ``MissingEvidence`` when the window has no rows or nothing says what is normal.
    """
    history, reports = history_of(root, feature, day)
    report = reports.get(day) or ()
    version = report[0].reference_version if report else _live_version(root, feature, day)
    window = Window.trailing(day, days=feature.drift.window_days)
    current = sample_window(root, feature, list(window.days()), version)
    if current.rows.empty:
        raise MissingEvidence(
            f"{feature.name}: no rows in the {feature.drift.window_days} days to {day} to show; "
            "materialise prediction_log for them"
        )
    digest = report[0].reference_digest if report else reference_of(root, feature, version)[1]
    reference = sample_reference(root, feature, version, digest)
    shown = _furthest(feature, report)
    by_name = {column.name: column for column in columns_of(feature)}
    page = ask_evidently([by_name[name] for name in shown], current.rows, reference.rows)
    facts = PageFacts(
        title=f"{feature.name}: {feature.drift.window_days} days to {day}",
        verdicts={
            f"{role}_drift": judge_drift(history, feature.drift, role)
            for role in ("input", "output")
        },
        columns=[column for column in report if column.column in shown],
        evidently=page.values,
        sample=len(current.rows),
        sample_reference=len(reference.rows),
        read=current.read,
        cause=cause_of_day(root, feature, day),
        pictures=page_pictures(root, feature, day, reports),
    )
    path = root.lake.path(feature.name, f"{REPORT}/evidently", day, "html")
    root.lake.write_bytes(path, sealed(page.html, section_of(facts), STYLE).encode())
    return path


def cause_of_day(root: Root, feature: AiFeatureSpec, day: str) -> Mapping[str, Any] | None:
    """What was stored of why the columns of a day drifted; None when nothing was."""
    try:
        told, _ = root.lake.read_json(root.lake.path(feature.name, f"{REPORT}/cause", day, "json"))
    except MissingEvidence:
        return None
    return told if isinstance(told, dict) else None


def _furthest(feature: AiFeatureSpec, report: Report) -> list[str]:
    """The columns that went furthest by the day's report, ``MOST`` of them; the first without one.

    Five hundred columns would make a page that no browser opens.
    """
    ratios = {column.column: column.ratio or 0.0 for column in report}
    names = [column.name for column in columns_of(feature)]
    return sorted(names, key=lambda name: -ratios.get(name, 0.0))[:MOST]


def _live_version(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """The version that was live then, for a day that nobody has judged."""
    if not feature.trained_here:
        return DECLARED
    live = live_version(root, feature.name, Window.of_day(day).end)
    if live is None:
        raise MissingEvidence(f"{feature.name}: {NOTHING_LIVE}; launch one")
    return live.version
