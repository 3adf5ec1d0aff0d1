"""One source for two engines: Spark, on two workers, makes the very rows that DuckDB makes.

The environment of the other tests has no pyspark: ``.ci/run`` gives these one of their own.
"""

import importlib.util
import math
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.drift_monitoring.calibration import Calibration
from ai_ops.drift_monitoring.cells import (
    ColumnCells,
    Kind,
    ProfiledColumn,
    cells_of_categories,
    cells_of_numbers,
)
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn
from ai_ops.drift_monitoring.rows import connect, run_profile, view_logs
from ai_ops.drift_monitoring.spark import profile_on_spark
from ai_ops.storage.root import Root
from ai_ops_tests.drift_monitoring.spark_cluster import spark_cluster

MISSING = [
    *([] if importlib.util.find_spec("pyspark") else ["pyspark: pip install -e '.[spark]'"]),
    *([] if shutil.which("java") else ["java"]),
]
pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        bool(MISSING) and not os.environ.get("AI_OPS_SPARK"),
        reason=f"needs {' and '.join(MISSING)}",
    ),
    # py4j leaves its sockets to the interpreter's end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

EDGES = [
    None, math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -5e-324, 2.2e-308, 1e300, -1e300,
    0.1, 0.2, 0.30000000000000004, 0.3, 25.0, math.nextafter(25.0, 0), math.nextafter(25.0, 99),
    50.0, 99.0, math.nextafter(99.0, 100), 99.5, 100.0, -0.5, -99.0, -99.5, 198.0, 198.1, 9900.5,
    1e16, 0.5e-6, 1.5e-6, 2.5e-6, 12345.678901,
]  # fmt: skip
TEXTS = [
    None, "", " ", "1", " 12.5 ", "-3e1", "1e400", "1e-400", ".5", "5.", "1_0", "0x1p3", "1d", "1f",
    "NaN", "inf", "Infinity", "-inf", "twelve", "1,5", "٣", "+7", "--7", "1e", "é", "true", "99.0",
]  # fmt: skip
MOMENT = datetime(2021, 3, 1, tzinfo=UTC)
WORDS = [None, "", " ", "a", "A", "é", "e\u0301", "日本", "🛫", "a\nb", "'; --", "null", "\\", "%"]


def column(name: str, kind: Kind = "number") -> ProfiledColumn:
    return ProfiledColumn(name, "input", kind)


def cells() -> list[ColumnCells]:
    rng = np.random.default_rng(7)
    return [
        cells_of_numbers(column("steps"), range(100), 4),
        cells_of_numbers(column("smooth"), rng.normal(20, 40, 5000), 10),
        cells_of_numbers(column("few"), [-3.7, 0.1, 0.25, 0.3, 1e9], 4),
        cells_of_numbers(column("same"), [0.0, 0.0], 4),
        cells_of_numbers(column("unknown"), [], 4),
        cells_of_numbers(column("large"), [1e15, 2e15, 3e15, 5e15], 4),
        cells_of_numbers(column("whole"), range(100), 4),
        cells_of_numbers(column("flag"), [0, 1], 4),
        cells_of_numbers(column("money"), [0.25, 10, 99], 4),
        cells_of_numbers(column("typed"), range(100), 4),
        cells_of_numbers(column("moment"), range(100), 4),
        cells_of_numbers(column("gone"), range(100), 4),
        cells_of_categories(column("word", "category"), ["a", "", "日本"]),
        cells_of_categories(column("yes", "category"), ["true"]),
        cells_of_categories(column("code", "category"), ["1", "2"]),
        cells_of_categories(column("on", "category"), ["2021-03-01"]),
        cells_of_categories(column("none", "category"), ["a"]),
        cells_of_categories(column("gone_word", "category"), ["a"]),
    ]


def reference() -> Reference:
    quiet: Any = Calibration.__new__(Calibration)
    columns = [
        ReferenceColumn(one, np.zeros(len(one.names), np.int64), quiet, None, 0.0)
        for one in cells()
    ]
    return Reference("1", "digest", (), tuple(columns))


def rows(seed: int, many: int) -> pa.Table:
    """Every edge, and many rows besides, in an order of their own."""
    rng = np.random.default_rng(seed)
    count = 300 + many

    def filled(edges: list[Any], others: list[Any], kind: pa.DataType) -> pa.Array:
        values = [*edges, *others][:count]
        values += [edges[place % len(edges)] for place in range(count - len(values))]
        return pa.array([values[place] for place in rng.permutation(count)], kind)

    numbers = rng.normal(20, 60, many).tolist()
    unseen = [f"unseen {place:03}" for place in range(250)]
    wholes = [None, 0, 25, 99, 100, -1, 2**62, -(2**62), 2**53 + 1]
    days = [None, date(2021, 3, 1), date(1969, 12, 31)]
    return pa.table(
        {
            "status": pa.array(rng.choice(["ok", "ok", "ok", "error"], count)),
            "model_version": pa.array(rng.choice(np.array(["1", "2", None], object), count)),
            **{
                f"input_{name}": filled(EDGES, numbers, pa.float64())
                for name in ("steps", "smooth", "few", "same", "unknown", "large")
            },
            "input_whole": filled(wholes, [], pa.int64()),
            "input_flag": filled([None, True, False], [], pa.bool_()),
            "input_money": filled(
                [None, Decimal("0.25"), Decimal("-1.10"), Decimal("123456.78")],
                [],
                pa.decimal128(12, 2),
            ),
            "input_typed": filled(TEXTS, [], pa.string()),
            "input_moment": filled(
                [None, datetime(2021, 3, 1, tzinfo=UTC)], [], pa.timestamp("us", "UTC")
            ),
            "input_word": filled(WORDS, unseen, pa.string()),
            "input_yes": filled([None, True, False], [], pa.bool_()),
            "input_code": filled(wholes, [], pa.int64()),
            "input_on": filled(days, [], pa.date32()),
            "input_none": pa.nulls(count, pa.string()),
        }
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with spark_cluster(tmp_path_factory.mktemp("spark")) as session:
        yield session


def on_duckdb(folder: Path, files: dict[str, str]) -> pa.Table:
    present = set(pq.read_schema(next(iter(files.values()))).names)
    with connect() as connection:
        view_logs(connection, Root.open(folder, environment={}), files)
        return run_profile(connection, cells(), present, "1", reference().cells_digest)


@pytest.mark.requirement("PL-20")
def test_two_workers_count_bit_by_bit_what_duckdb_counts(cluster: Any, tmp_path: Path) -> None:
    files = {}
    for seed, day in enumerate(("2021-03-01", "2021-03-02")):
        files[day] = str(tmp_path / f"{day}.parquet")
        # Small groups of rows, so that both workers have some of each day.
        pq.write_table(rows(seed, many=2000), files[day], row_group_size=400)
    ours = on_duckdb(tmp_path, files)
    theirs = profile_on_spark(cluster, reference(), files)
    assert rows_of(theirs) == rows_of(ours)
    assert theirs.equals(ours)
    found = {(row["column"], row["cell"]) for row in rows_of(ours)}
    words = {cell for name, cell in found if name == "smooth"}
    assert words == {"bin", "null", "nan", "under", "over", "far_under", "far_over"}
    assert {cell for name, cell in found if name == "typed"} >= {"invalid", "bin", "null"}
    assert ("gone", "missing") in found and ("gone_word", "missing") in found


def test_a_category_that_engines_write_differently_is_refused(cluster: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "log.parquet")
    pq.write_table(pa.table({"status": ["ok"], "model_version": ["1"], "input_word": [1e20]}), file)
    with pytest.raises(TypeError, match="input_word is a category stored as double"):
        profile_on_spark(cluster, reference(), {"2021-03-01": file})
