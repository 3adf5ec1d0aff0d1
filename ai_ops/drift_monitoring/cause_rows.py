"""Bounded samples of rows on both sides of a change: what evidence for a cause is read from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.causes.affine import QUANTILES, Natural, spread_of
from ai_ops.drift_monitoring.causes.sides import NUMBERS_AT_LEAST, Side
from ai_ops.drift_monitoring.cells import ProfiledColumn
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.rows import LOG, connect, read_logs, shape_of_file
from ai_ops.drift_monitoring.statistics import Floats
from ai_ops.storage.root import Root

SAMPLE: Final = 20_000
"""At most about so many rows of a log are looked at, and of a reference."""
UNTOLD: Final = Natural(0.3, 0.15)
"""What a reference of too few days is taken to do by itself, in spreads."""
FILLED: Final = 0.8
_PARTS: Final = 1_000_000
_WEEK: Final = 7


@dataclass(frozen=True)
class Ways:
    """How far one day of a reference lies from the next by itself, and a week from the whole."""

    step: Natural
    block: Natural


def log_rows(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> pa.Table:
    """Answered predictions of those days with their ``day``, chosen by the hash of their id: the
    same ones each time, all of them where they are few."""
    shapes = (shape_of_file(root, root.lake.path(feature.name, LOG, day)) for day in days)
    rows = sum(shape[1] for shape in shapes if shape)
    with connect() as connection:
        if not rows or not read_logs(connection, root, feature, days):
            return pa.table({"day": pa.array([], pa.string())})
        part = min(_PARTS, int(_PARTS * SAMPLE / rows))
        query = f"SELECT * FROM {ROWS} WHERE hash(CAST(id AS VARCHAR)) % {_PARTS} < ?"
        return connection.sql(query, params=[part]).to_arrow_table()


def thinned(table: pa.Table) -> pa.Table:
    """Every n-th row of a reference, so many that about ``SAMPLE`` are left."""
    step = max(table.num_rows // SAMPLE, 1)
    return table if step == 1 else table.take(pa.array(np.arange(0, table.num_rows, step)))


def side_of(column: ProfiledColumn, rows: pa.Table, version: str | None = None) -> Side:
    """One column of a sample; of an output, the rows that ``version`` answered."""
    if column.role == "output" and version is not None and "model_version" in rows.column_names:
        rows = rows.filter(pc.equal(rows["model_version"], version))
    if column.source not in rows.column_names or not rows.num_rows:
        return Side(rows=rows.num_rows, missing=bool(rows.num_rows))
    values = rows[column.source]
    if column.kind == "category":
        return _categories(values)
    numbers, invalid = numbers_in(values)
    finite = np.sort(numbers[np.isfinite(numbers)])
    count = rows.num_rows
    lost = count - int(np.isfinite(numbers).sum()) - invalid
    return Side(count, finite, nulls=lost / count, invalid=invalid / count)


def numbers_in(values: pa.ChunkedArray) -> tuple[Floats, int]:
    """The values as numbers, NaN where there is none, and how many are texts that are none."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        with connect() as connection:
            connection.register("texts", pa.table({"x": values}))
            query = "SELECT TRY_CAST(x AS DOUBLE) AS x FROM texts"
            cast = connection.sql(query).to_arrow_table()["x"]
        invalid = cast.null_count - values.null_count
    else:
        cast, invalid = values.cast(pa.float64()), 0
    return cast.to_numpy(zero_copy_only=False).astype(float), invalid


def ways_of(column: ProfiledColumn, reference: pa.Table) -> Ways:
    """What the days of a reference do by themselves: the 95th percentile of how far two days lie
    from the next two, and a week from the whole, as ``causes.affine`` measures it."""
    untold = Ways(UNTOLD, UNTOLD)
    if column.kind != "number" or column.source not in reference.column_names:
        return untold
    if reference["time"].null_count:
        return untold
    numbers, _ = numbers_in(reference[column.source])
    day = reference["time"].cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=False)
    known = np.isfinite(numbers)
    numbers, day = numbers[known], day[known]
    spread = spread_of(numbers) if len(numbers) else 0.0
    by_day = [numbers[day == one] for one in np.unique(day)]
    told = [np.quantile(own, QUANTILES) for own in by_day if len(own) >= NUMBERS_AT_LEAST]
    if len(told) < 2 * _WEEK or not spread > 0:
        return untold
    levels = np.array(told) / spread
    pairs = (levels[1:] + levels[:-1]) / 2
    weeks = np.array([levels[n : n + _WEEK].mean(axis=0) for n in range(len(levels) - _WEEK + 1)])
    whole = np.quantile(numbers, QUANTILES) / spread
    return Ways(_natural(pairs[2:], pairs[:-2]), _natural(weeks, whole))


def _natural(some: Floats, others: Floats) -> Natural:
    gaps = some - others
    middle = gaps[:, len(QUANTILES) // 2, None]
    distances, shapes = (np.abs(one).mean(axis=1) for one in (gaps, gaps - middle))
    return Natural(float(np.quantile(distances, 0.95)), float(np.quantile(shapes, 0.95)))


def matrix(rows: pa.Table, names: Sequence[str]) -> Floats:
    """Columns of numbers side by side, shape ``[rows, columns]``; NaN where there is none."""
    numbers = [numbers_in(rows[name])[0] for name in names]
    return np.column_stack(numbers) if numbers else np.zeros((rows.num_rows, 0))


def filled(rows: pa.Table, name: str) -> bool:
    """Whether nearly every row has a finite number there: complete rows are compared."""
    if name not in rows.column_names or not rows.num_rows:
        return False
    return bool(np.isfinite(numbers_in(rows[name])[0]).mean() >= FILLED)


def only(rows: pa.Table, days: Sequence[str], **places: str | None) -> pa.Table:
    """The rows of some days, and of one call site or tenant where one is named."""
    kept = pc.is_in(rows["day"], pa.array(days, pa.string()))
    for name, value in places.items():
        if value is not None and name in rows.column_names:
            kept = pc.and_(kept, pc.fill_null(pc.equal(rows[name], value), False))
    return rows.filter(kept)


def types_of(root: Root, feature: AiFeatureSpec, day: date | str) -> dict[str, str]:
    """The columns of a day's log with their types; empty without a log."""
    import pyarrow.parquet as pq
    from fsspec.core import url_to_fs

    path = root.lake.path(feature.name, LOG, str(day))
    fs, inner = url_to_fs(path, **(root.lake.storage_options or {}))
    try:
        with fs.open(inner, "rb") as file:
            schema = pq.read_schema(file)
    except FileNotFoundError:
        return {}
    wanted = ("input_", "output_")
    return {field.name: str(field.type) for field in schema if field.name.startswith(wanted)}


def version_asked(reference: Reference) -> str | None:
    """The version whose answers count; None where the reference is of every one."""
    return None if reference.every_version else reference.version


def _categories(values: pa.ChunkedArray) -> Side:
    texts = values.cast(pa.string())
    rows, nulls = len(texts), texts.null_count
    told = texts.drop_null().value_counts()
    shares = {
        str(one["values"]): one["counts"] / rows
        for one in told.to_pylist()
    }  # fmt: skip
    return Side(rows, shares=shares, nulls=nulls / rows)
