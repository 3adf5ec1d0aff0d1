"""How a reference is made from its table: cells, counts per day, and what they calibrate."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.calibration import Rule, calibrate
from ai_ops.drift_monitoring.cells import (
    ColumnCells,
    ProfiledColumn,
    cells_of_categories,
    cells_of_numbers,
    columns_of,
)
from ai_ops.drift_monitoring.profile import ROWS, quoted, rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, calendar
from ai_ops.drift_monitoring.rows import connect, run_profile
from ai_ops.storage.declared_reference import DECLARED
from ai_ops.vocabulary.errors import MissingEvidence

UNDATED: Final = "undated"
"""What stands for the day of rows that tell no times."""
RECIPE: Final = 7
"""To be raised when references are made in another way: those that stand are then made again."""


def profile_reference(
    feature: AiFeatureSpec, version: str, digest: str, table: pa.Table
) -> tuple[Reference, pa.Table]:
    """A reference from its table (``time``, ``input_*``, ``output_*``), and its daily profile."""
    if "time" not in table.column_names or not table.num_rows:
        raise MissingEvidence(
            f"{feature.name} version {version}: its reference table has no rows or no column `time`"
        )
    with connect() as connection:
        present = {name for name in table.column_names if name.startswith(("input_", "output_"))}
        dated = table.select(sorted(present)).append_column("day", _days(feature, version, table))
        connection.register("reference_table", dated)
        seen = [
            _cells(connection, dated.select([column.source]), column, feature.drift.bins)
            for column in columns_of(feature)
            if column.source in present
        ]
        cells = [one for one, _ in seen]
        connection.execute(
            f'CREATE VIEW {ROWS} AS SELECT *, CAST(NULL AS VARCHAR) AS "model_version"'
            " FROM reference_table"
        )
        profile = run_profile(connection, cells, present, version, digest)
    rule = Rule(feature.drift.window_days, feature.drift.k, feature.drift.n)
    made = _reference(version, digest, seen, profile, rule)
    declared = version == DECLARED
    return replace(made, recipe=recipe_of(feature), every_version=declared), profile


def _days(feature: AiFeatureSpec, version: str, table: pa.Table) -> pa.ChunkedArray | pa.Array:
    """The day of each row; ``UNDATED`` throughout where the rows tell no times at all."""
    untold = table["time"].null_count
    if untold == table.num_rows:
        return pa.repeat(UNDATED, table.num_rows)
    if untold:
        raise MissingEvidence(
            f"{feature.name} version {version}: {untold} of the {table.num_rows} rows of its "
            "reference have no time, the others do; complete them, or take them out"
        )
    return table["time"].cast(pa.date32()).cast(pa.string())


def recipe_of(feature: AiFeatureSpec) -> str:
    """The digest of all that a reference is made by, besides its table."""
    settings = feature.model_dump(mode="json", include={"inputs", "outputs", "drift"})
    told = json.dumps([RECIPE, settings], sort_keys=True)
    return sha256(told.encode()).hexdigest()[:16]


def _reference(
    version: str,
    digest: str,
    seen: Sequence[tuple[ColumnCells, float | None]],
    profile: pa.Table,
    rule: Rule,
) -> Reference:
    rows = rows_of(profile)
    found = {row["day"] for row in rows}
    dated = found != {UNDATED}
    days = calendar(min(found), max(found)) if dated else [UNDATED]
    own: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        own[row["column"]].append(row)
    days_of: list[dict[str, list[dict[str, Any]]]] = []
    for one, _ in seen:
        by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in own[one.column.name]:
            by_day[row["day"]].append(row)
        days_of.append(by_day)
    counted = [
        (one, np.array([one.counts(by_day[day]) for day in days]))
        for (one, _), by_day in zip(seen, days_of, strict=True)
    ]
    calibrations = calibrate(counted, rule)
    columns = []
    for place, calibration in enumerate(calibrations):
        (one, std), (_, daily), by_day = seen[place], counted[place], days_of[place]
        kept = calibration.kept(len(days))
        normal = [row for day in kept for row in by_day[days[day]]]
        columns.append(ReferenceColumn.of(one, daily[kept], calibration, normal, std))
    return Reference(version, digest, tuple(days) if dated else (), tuple(columns))


def _cells(
    connection: duckdb.DuckDBPyConnection, table: pa.Table, column: ProfiledColumn, bins: int
) -> tuple[ColumnCells, float | None]:
    """The cells of a column, and the standard deviation of its finite numbers."""
    connection.register("one_column", table)
    name = quoted(column.source)
    if column.kind == "category":
        query = f"SELECT DISTINCT CAST({name} AS VARCHAR) FROM one_column"
        values = (row[0] for row in connection.execute(query).fetchall())
        return cells_of_categories(column, values), None
    query = f"SELECT TRY_CAST({name} AS DOUBLE) AS x FROM one_column WHERE {name} IS NOT NULL"
    numbers = np.ma.filled(connection.execute(query).fetchnumpy()["x"], np.nan)
    finite = numbers[np.isfinite(numbers)]
    return cells_of_numbers(column, finite, bins), float(finite.std()) if len(finite) else None
