"""Profiles of every row: DuckDB over the Parquet files of the prediction log.

The cells of a day are those of the reference of the version that was live when the day ended,
which ``reference_profile`` describes. A profile names the digest of these cells; whoever reads a
profile made in other cells makes it again from the log (``daily_profiles``).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.besides import keep_besides, profile_besides
from ai_ops.drift_monitoring.feed.stored import write_feed_day, write_normal
from ai_ops.drift_monitoring.profile import SCHEMA, rows_of
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.reference_making import profile_reference, recipe_of
from ai_ops.drift_monitoring.references import (
    LATEST,
    NOTHING_LIVE,
    REFERENCE,
    load_reference,
    reference_of,
    reference_path,
    version_of,
)
from ai_ops.drift_monitoring.rows import (
    LOG,
    connect,
    days_alike,
    run_profile,
    show_rows,
    view_logs,
)
from ai_ops.drift_monitoring.together import together
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.storage.in_force import live_version
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary

PROFILE: Final = "prediction_profile"


def compute_reference_profile(
    root: Root, feature: AiFeatureSpec, as_of: datetime, version: str | None = None
) -> Summary:
    """What was normal when the model was made: distributions and alert thresholds per column.

    Made from the reference table of a version (the one in production unless another is asked
    for): the out-of-fold scores and inputs of its training period; where somebody else trains the
    model, from the reference that the YAML declares. Thresholds are calibrated on its own
    week-to-week spread.
    """
    serving = _serving(root, feature, as_of)
    chosen = version or serving
    if chosen is None:
        raise MissingEvidence(f"{feature.name}: {NOTHING_LIVE}; launch one, or name a version")
    try:
        reference = make_reference(root, feature, chosen)
    except MissingEvidence as missing:
        if chosen != DECLARED:
            raise
        return Summary({"version": chosen, "rows": 0, "missing": str(missing)})
    if chosen == serving:
        latest = {"version": chosen, "digest": reference.digest, "as_of": as_of.isoformat()}
        root.lake.write_json(reference_path(root, feature, LATEST), latest)
    thresholds = [c.calibration.threshold for c in reference.columns]
    return Summary(
        {
            "version": chosen,
            "rows": reference.rows,
            "days": reference.days,
            "columns": len(reference.columns),
            "columns_without_threshold": sum(threshold is None for threshold in thresholds),
            "weeks_left_out": sum(len(c.calibration.left_out) for c in reference.columns),
            "digest": reference.digest,
        }
    )


def make_reference(root: Root, feature: AiFeatureSpec, version: str) -> Reference:
    """Profile a reference's table, and keep cells and thresholds.

    One that was made before from the same table, by the same settings, stands as it is.
    """
    table, digest = reference_of(root, feature, version)
    known = _made_before(root, feature, version)
    if known is not None and (known.digest, known.recipe) == (digest, recipe_of(feature)):
        return known
    reference, profile = profile_reference(feature, version, digest, table)
    root.lake.write_table(root.lake.path(feature.name, REFERENCE, version), profile)
    write_normal(root, feature, reference, profile)
    root.lake.write_json(reference_path(root, feature, version), reference.as_data())
    keep_besides(root, feature, reference, table)
    return reference


def _serving(root: Root, feature: AiFeatureSpec, as_of: datetime) -> str | None:
    if not feature.trained_here:
        return DECLARED
    live = live_version(root, feature.name, as_of, as_of)
    return live.version if live else None


def references_of(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> list[tuple[Reference, list[str]]]:
    """The days of the moments, in order, by the reference that each is judged against.

    That of a version whose reference nobody has profiled yet is made here: a day after a
    promotion must not wait for another run. Days without a declared reference are left out: their
    checks say what is missing.
    """
    days: dict[str, list[str]] = defaultdict(list)
    for moment in sorted(moments, key=lambda one: one.partition):
        days[version_of(root, feature, moment)].append(moment.partition)
    known = ((_known_reference(root, feature, version), own) for version, own in days.items())
    return [(reference, own) for reference, own in known if reference is not None]


def compute_prediction_profile(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Where every answered prediction of a day lies, column by column, in the cells of the
    reference of the version that was live when the day ended.

    Every row is counted. A day's profile is small and daily profiles add up exactly to those of
    longer windows.
    """
    summaries = {}
    for reference, days in references_of(root, feature, moments):
        profiles = _profile_days(root, feature, reference, days)
        profile_besides(root, feature, reference, days)
        for day in days:
            profile = profiles.get(day)
            table = SCHEMA.empty_table() if profile is None else profile
            root.lake.write_table(root.lake.path(feature.name, PROFILE, day), table)
            rows = rows_of(table)
            write_feed_day(root, feature, day, rows)
            summaries[day] = _summary(reference, rows, logged=profile is not None)
    return summaries


def daily_profiles(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """The rows of the days' profiles in this reference's cells; a day without a log is left out.

    A stored profile in other cells is made again from the log, in memory; so is one without a row,
    for the log may have come since.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    stale: list[str] = []
    for day in days:
        try:
            table, _ = root.lake.read_table(root.lake.path(feature.name, PROFILE, day))
        except MissingEvidence:
            stale.append(day)
            continue
        rows = rows_of(table)
        if rows and all(row["reference_digest"] == reference.cells_digest for row in rows):
            found[day] = rows
        else:
            stale.append(day)
    again = _profile_days(root, feature, reference, stale)
    return found | {day: rows_of(table) for day, table in again.items()}


def _made_before(root: Root, feature: AiFeatureSpec, version: str) -> Reference | None:
    try:
        root.lake.read_bytes(root.lake.path(feature.name, REFERENCE, version))
        return load_reference(root, feature, version)
    except (MissingEvidence, ValueError, KeyError, TypeError):
        return None  # what is absent or unreadable is made again


def _known_reference(root: Root, feature: AiFeatureSpec, version: str) -> Reference | None:
    if version == DECLARED:
        try:
            return make_reference(root, feature, version)  # the YAML may declare another by now
        except MissingEvidence:
            return None
    try:
        return load_reference(root, feature, version)
    except MissingEvidence:
        return make_reference(root, feature, version)


def _profile_days(
    root: Root, feature: AiFeatureSpec, reference: Reference, days: Sequence[str]
) -> dict[str, pa.Table]:
    """The profiles of those days whose log exists; days with equal columns share one query."""
    profiles = {}
    cells = [column.cells for column in reference.columns]
    for columns, rows in days_alike(root, feature, days):
        wanted = [one.column.source for one in cells if one.column.source in columns]
        for group, fits in together(rows, len(wanted)):
            files = {day: root.lake.path(feature.name, LOG, day) for day in group}
            with connect() as connection:
                if fits:
                    show_rows(connection, root, files, wanted)
                else:
                    view_logs(connection, root, files)
                whole = run_profile(
                    connection, cells, set(columns), reference.version, reference.cells_digest
                )
            day_of_row = np.array(whole["day"].to_pylist())
            for day in group:
                profiles[day] = whole.filter(pa.array(day_of_row == day))
    return profiles


def _summary(reference: Reference, rows: Sequence[Mapping[str, Any]], *, logged: bool) -> Summary:
    first = reference.columns[0].cells.column.name
    return Summary(
        {
            "rows": sum(row["count"] for row in rows if row["column"] == first),
            "columns": len({row["column"] for row in rows}),
            "columns_missing": len({row["column"] for row in rows if row["cell"] == "missing"}),
            "cells": len(rows),
            "log_present": logged,
            "reference_version": reference.version,
        }
    )
