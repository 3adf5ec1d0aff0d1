"""The profile of ai_ops on two files, step by step: what the benchmark measures of ours."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd  # noqa: F401 - PyArrow imports it on first use; imports are not counted

from ai_ops.drift_monitoring.cells import (
    ColumnCells,
    ProfiledColumn,
    cells_of_categories,
    cells_of_numbers,
)
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.rows import connect, run_profile
from ai_ops.drift_monitoring.statistics import (
    Counted,
    Measures,
    cells_of_grid,
    fine_profile,
    measure,
    parity_of_categories,
    parity_of_numbers,
    psi,
    sturges_borders,
)

Rows = dict[str, list[dict[str, Any]]]
"""Column → its rows of a profile."""


class Ours:
    """Both files, the reference's cells, and what was counted in them."""

    def __init__(
        self,
        reference: str,
        current: str,
        numbers: tuple[str, ...],
        categories: tuple[str, ...],
        bins: int,
    ) -> None:
        self.files, self.bins = {"reference": reference, "current": current}, bins
        self.columns = [
            ProfiledColumn(source.removeprefix("input_"), "input", kind)
            for kind, sources in (("number", numbers), ("category", categories))
            for source in sources
        ]
        self.cells: list[ColumnCells] = []
        self.stds: list[float | None] = []
        self.profiles: dict[str, Rows] = {}
        self.measured: dict[str, tuple[float, Measures]] = {}
        self.connection = connect()

    def make_cells(self) -> None:
        """Quantiles, categories and standard deviations of the reference: once per version."""
        _view(self.connection, self.files["reference"])
        for column in self.columns:
            query = f'SELECT "{column.source}" AS x FROM ok_rows WHERE x IS NOT NULL'
            if column.kind == "category":
                distinct = self.connection.execute(query.replace("SELECT", "SELECT DISTINCT"))
                self.cells.append(cells_of_categories(column, (x for (x,) in distinct.fetchall())))
                self.stds.append(None)
                continue
            values = self.connection.execute(query).fetchnumpy()["x"]
            self.cells.append(cells_of_numbers(column, values, self.bins))
            self.stds.append(float(np.std(values)))

    def profile_reference(self) -> None:
        """Every row of the reference counted: once per version."""
        self.profiles["reference"] = self._profile("reference", self.cells)

    def profile_current(self) -> None:
        """Every row of now counted."""
        self.profiles["current"] = self._profile("current", self.cells)

    def measure(self) -> None:
        """Every statistic of every column."""
        for cells, std in zip(self.cells, self.stds, strict=True):
            rows = (self.profiles[side][cells.column.name] for side in ("current", "reference"))
            now, then = (Counted(cells.counts(of), cells.sums(of)) for of in rows)
            found = measure(cells, now, then, std)
            self.measured[cells.column.name] = float(psi(now.counts, then.counts)), found

    def parity(self) -> dict[str, dict[str, float]]:
        """As Evidently would tell it, and (``profile_…``) as the report of drift does."""
        fine = [self._fine_cells(cells) for cells in self.cells]
        sides = {name: self._profile(name, fine) for name in self.files}
        told = {}
        for cells, std in zip(fine, self.stds, strict=True):
            now, then = (sides[side][cells.column.name] for side in ("current", "reference"))
            if cells.column.kind == "category":
                found = parity_of_categories(_by_value(now), _by_value(then))
            else:
                found = parity_of_numbers(
                    fine_profile(cells, now), fine_profile(cells, then), std=std
                )
            values = {"psi": found.psi, "js": found.js, "wasserstein": found.wasserstein}
            own, measures = self.measured[cells.column.name]
            values |= {"profile_psi": own, "profile_js": measures.js}
            values |= {"profile_wasserstein": measures.wasserstein}
            told[cells.column.source] = {k: v for k, v in values.items() if v is not None}
        return told

    def _profile(self, side: str, cells: list[ColumnCells]) -> Rows:
        _view(self.connection, self.files[side])
        present = {one.column.source for one in cells}
        found: Rows = {one.column.name: [] for one in cells}
        for row in rows_of(run_profile(self.connection, cells, present, "1", "")):
            found[row["column"]].append(row)
        return found

    def _fine_cells(self, cells: ColumnCells) -> ColumnCells:
        """A grid with Sturges' borders among its own: both extremes are known by the profiles."""
        if cells.column.kind == "category":
            return cells
        rows = [row for side in self.profiles.values() for row in side[cells.column.name]]
        finite = [row for row in rows if row["min"] is not None]
        low, high = min(row["min"] for row in finite), max(row["max"] for row in finite)
        count = sum(row["count"] for row in finite)
        own = [value for row in finite for value in (row["min"], row["max"])]
        borders = sturges_borders(low, high, count).tolist()
        return cells_of_grid(cells.column, own, borders=borders)


def _view(connection: duckdb.DuckDBPyConnection, file: str) -> None:
    connection.execute(
        f"CREATE OR REPLACE VIEW ok_rows AS SELECT *, '2021-01-01' AS \"day\", '1' AS"
        f" \"model_version\" FROM read_parquet('{file}')"
    )


def _by_value(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {row["value"]: row["count"] for row in rows if row["value"] is not None}
