"""Evidently's report as one HTML file: for people to look at, never what a verdict is read from.

It shows a bounded sample with Evidently's own statistics. The verdict is read from profiles of
every row, because Evidently drops nulls, absent columns and missing rows before it compares.
"""

import os
import warnings
from collections.abc import Mapping
from typing import Final

import pandas as pd

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.cells import columns_of
from ai_ops.drift_monitoring.history import StoredReports
from ai_ops.drift_monitoring.references import NOTHING_LIVE
from ai_ops.drift_monitoring.sampling import sample_reference, sample_window
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.in_force import live_version
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.windows import Window

MOST: Final = 40
"""At most this many columns are on a page."""
HARMLESS: Mapping[int, str] = str.maketrans({"<": "‹", ">": "›", "&": "＆"})


def make_evidently_report(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """Write the HTML report on the window that ends with a day; returns where it lies.

    ``MissingEvidence`` when the window has no rows or nothing says what is normal.
    """
    window = Window.trailing(day, days=feature.drift.window_days)
    version = _judged_version(root, feature, day)
    current = sample_window(root, feature, list(window.days()), version)
    if current.empty:
        raise MissingEvidence(
            f"{feature.name}: no rows in the {feature.drift.window_days} days to {day} to show; "
            "materialise prediction_log for them"
        )
    shown = [name for name in _furthest(root, feature, day) if name in current]
    html = render(feature, current[shown], sample_reference(root, feature, version))
    path = root.lake.path(feature.name, "drift_report/evidently", day, "html")
    root.lake.write_bytes(path, html.encode())
    return path


def _furthest(root: Root, feature: AiFeatureSpec, day: str) -> list[str]:
    """The columns that went furthest by the day's report, ``MOST`` of them; the first without one.

    Five hundred columns would make a page that no browser opens.
    """
    report = StoredReports(root, feature.name).get(day) or ()
    ratios = {column.column: column.ratio or 0.0 for column in report}
    names = [column.name for column in columns_of(feature)]
    kept = set(sorted(names, key=lambda name: -ratios.get(name, 0.0))[:MOST])
    return [name for name in names if name in kept]


def _judged_version(root: Root, feature: AiFeatureSpec, day: str) -> str:
    """The version that the day's drift report judged, or else the one that was live then."""
    report = StoredReports(root, feature.name).get(day)
    if report:
        return report[0].reference_version
    if not feature.trained_here:
        return DECLARED
    live = live_version(root, feature.name, Window.of_day(day).end)
    if live is None:
        raise MissingEvidence(f"{feature.name}: {NOTHING_LIVE}; launch one")
    return live.version


def render(feature: AiFeatureSpec, current: pd.DataFrame, reference: pd.DataFrame) -> str:
    """Evidently's drift report on the columns that both samples have, as one HTML page."""
    kinds = {c.name: c.kind for c in columns_of(feature) if _shown(c.name, current, reference)}
    # Evidently reads this when it is imported; importing takes seconds, so it happens only here.
    os.environ["DO_NOT_TRACK"] = "1"
    with warnings.catch_warnings():
        # It and its libraries warn of deprecated calls and empty bins: nothing a reader could mend.
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        definition = DataDefinition(
            numerical_columns=[name for name, kind in kinds.items() if kind == "number"],
            categorical_columns=[name for name, kind in kinds.items() if kind == "category"],
        )
        sides = [
            Dataset.from_pandas(_harmless(side[list(kinds)]), data_definition=definition)
            for side in (current, reference)
        ]
        snapshot = Report([DataDriftPreset(method="psi")]).run(*sides)
        html: str = snapshot.get_html_str(as_iframe=False)
    return html


def _shown(name: str, *sides: pd.DataFrame) -> bool:
    return all(name in side and side[name].notna().any() for side in sides)


def _harmless(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with no text that could end Evidently's script block.

    Evidently writes categories as they are into a script: a value of ``</script><script>…`` would
    run in the browser of whoever opens the report.
    """
    harmless = rows.copy()
    for name in rows.columns:
        if not pd.api.types.is_numeric_dtype(rows[name]):
            harmless[name] = rows[name].str.translate(HARMLESS)
    return harmless
