"""The pictures of a day's drift: how far every column went, the histories of those that went
furthest, and where they lie now.

matplotlib takes long to import, and most processes that load this file never draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.comparison import ColumnDrift
from ai_ops.drift_monitoring.judgement import Report
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.profiling import PROFILE
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.references import load_reference
from ai_ops.drift_monitoring.report_section import Picture, words_of
from ai_ops.drift_monitoring.tallies import DayTallies, tally_day, window_tally
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

DAYS: Final = 60
"""So many days of a history are drawn."""
MANY: Final = 6
"""So many columns have a small picture each: those that went furthest, and the score."""


@dataclass(frozen=True)
class Drawing:
    """What is drawn of a day: the reports up to it, its reference, its window's days."""

    feature: AiFeatureSpec
    day: str
    reports: Mapping[str, Report]
    reference: Reference
    window: Sequence[DayTallies]

    @property
    def columns(self) -> list[ColumnDrift]:
        """The columns that went furthest, and the judged score whether it did or not."""
        ordered = sorted(self.reports[self.day], key=lambda column: -(column.ratio or 0.0))
        score = [c for c in ordered[MANY:] if c.column == self.feature.judged.score]
        return [*ordered[: MANY - len(score)], *score]


def overview_picture(drawing: Drawing) -> bytes:
    """How far each column went, and where the scores lie now."""
    from ai_ops.drift_monitoring.pictures import draw_drift

    made, report = drawing.reference, drawing.reports[drawing.day]
    against = "declared reference" if made.every_version else f"reference of version {made.version}"
    title = f"{_window_of(drawing)}, {against}"
    known = {column.name: column for column in made.columns}
    score = known.get(drawing.feature.judged.score or "")
    if score is None:
        return draw_drift(title, report, None, [], [])
    now = window_tally(score.cells, drawing.window)
    return draw_drift(title, report, score.cells, now.counts, score.counts)


def further_pictures(drawing: Drawing) -> dict[str, bytes]:
    """The histories of the columns that went furthest, and their distributions, by name."""
    names = [column.column for column in drawing.columns]
    return {
        "history": history_picture(drawing.feature, drawing.day, drawing.reports, names),
        "distributions": _distributions(drawing, names),
    }


def history_picture(
    feature: AiFeatureSpec,
    day: str,
    reports: Mapping[str, Report],
    columns: Sequence[str],
    days: int = DAYS,
) -> bytes:
    """How far these columns went, on so many days up to this one."""
    from ai_ops.drift_monitoring.history_pictures import Course, draw_history

    last = date.fromisoformat(day)
    shown = [(last - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]
    shown = [one for one in shown if one >= feature.monitoring.start.isoformat()] or [day]
    known = [{c.column: c for c in reports.get(one, ())} for one in shown]
    courses = []
    for name in columns:
        own = [found.get(name) for found in known]
        courses.append(
            Course(
                name,
                shown,
                [one.ratio if one is not None and one.complete else None for one in own],
                [one.reference_digest if one is not None else None for one in own],
                told_of(own[-1]),
            )
        )
    title = f"{feature.name}: how far from the reference, in thresholds, {shown[0]} to {day}"
    return draw_history(title, courses)


def page_pictures(
    root: Root, feature: AiFeatureSpec, day: str, reports: Mapping[str, Report]
) -> list[Picture]:
    """Both further pictures of a day, for its page; none of a day without a report."""
    report = reports.get(day)
    if not report:
        return []
    try:
        reference = load_reference(root, feature, report[0].reference_version)
    except MissingEvidence:
        return []
    if reference.digest != report[0].reference_digest:
        return []  # it was made anew since: its cells are not those of the report
    days = Window.trailing(day, days=feature.drift.window_days).days()
    shown = [one for one in days if one >= feature.monitoring.start.isoformat()]
    window = [_stored_tally(root, feature, reference, one) for one in shown]
    drawing = Drawing(feature, day, reports, reference, window)
    furthest = words_of(drawing.columns)
    words = {
        "history": f"How far columns went, day by day. On {day}: {furthest}",
        "distributions": f"Where columns lie now and in the reference: {furthest}",
    }
    return [Picture(png, words[name]) for name, png in further_pictures(drawing).items()]


def _stored_tally(root: Root, feature: AiFeatureSpec, reference: Reference, day: str) -> DayTallies:
    """A day as it was profiled, empty where it was not: a page never counts a log's rows."""
    try:
        table, _ = root.lake.read_table(root.lake.path(feature.name, PROFILE, day))
    except MissingEvidence:
        return {}
    rows = rows_of(table)
    known = all(row["reference_digest"] == reference.cells_digest for row in rows)
    return tally_day(reference, rows) if known else {}


def told_of(column: ColumnDrift | None) -> str:
    """What the last day says of a column, in a few words."""
    if column is None:
        return "no report"
    if column.missing:
        return "missing from the log"
    if column.value is None or column.limit is None:
        return "cannot be judged"
    return f"{column.test} {column.value:.2g} of {column.limit:.2g}"


def _distributions(drawing: Drawing, names: Sequence[str]) -> bytes:
    from ai_ops.drift_monitoring.distribution_pictures import Beside, draw_distributions

    known = {one.name: one for one in drawing.reference.columns}
    columns = [
        Beside(own.cells, window_tally(own.cells, drawing.window).counts, own.counts)
        for name in names
        if (own := known.get(name)) is not None
    ]
    return draw_distributions(f"{_window_of(drawing)}, beside the reference", columns)


def _window_of(drawing: Drawing) -> str:
    return f"{drawing.feature.name}: {len(drawing.window)} days to {drawing.day}"
