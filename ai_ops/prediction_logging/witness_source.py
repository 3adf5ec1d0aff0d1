"""The witness's tables, read: how many requests were served in each hour."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.logged import Witness
from ai_ops.prediction_logging.completeness import Counted
from ai_ops.prediction_logging.hours import key
from ai_ops.prediction_logging.sources import naming, quoted
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment

_FIELD = "logging.witness"
_HOUR = timedelta(hours=1)


def read_witness(
    folder: Path, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Counted]:
    """What the declared witness counted on each moment's day, and in the hour before it.

    A source that cannot be read, or of which a row tells no time or no number, gives counts that
    say so: no evidence, not zero requests.
    """
    source = feature.logging.witness
    if source is None:
        return {moment.partition: Counted() for moment in moments}
    try:
        rows, missing = _read(folder, source, moments)
    except MissingEvidence as error:
        return {moment.partition: Counted(missing=str(error)) for moment in moments}
    return {moment.partition: _of(moment, rows, missing) for moment in moments}


def _of(moment: Moment, rows: Sequence[tuple[Any, ...]], missing: str) -> Counted:
    until = min(moment.window.end, moment.as_of)
    served: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for writer, time, count in rows:
        if moment.window.start - _HOUR <= time < until:
            served[writer][key(time.astimezone(UTC))] += count
    return Counted(served={name: dict(hours) for name, hours in served.items()}, missing=missing)


def _read(
    folder: Path, source: Witness, moments: Sequence[Moment]
) -> tuple[list[tuple[Any, ...]], str]:
    """Writer, time and count of all the moments' rows; and what of it cannot be counted."""
    pattern = str(folder / source.table)  # an absolute pattern stays as it is
    csv = source.table.removesuffix(".gz").endswith(".csv")
    with duckdb.connect(config={"threads": 1}) as connection, naming(_FIELD, source.table):
        connection.execute("SET TimeZone = 'UTC'")  # a time without a zone is UTC
        read = connection.read_csv if csv else connection.read_parquet
        table = read(pattern, union_by_name=True)
        named = (source.time_column, source.count_column)
        if absent := [column for column in named if column not in table.columns]:
            raise MissingEvidence(
                f"{_FIELD}: {source.table} has no column {' nor '.join(absent)} "
                f"(has {', '.join(table.columns)}); mend the file or name its columns in the YAML"
            )
        writer = "coalesce(CAST(writer AS VARCHAR), '')" if "writer" in table.columns else "''"
        table.project(
            f"{writer} AS writer, CAST({quoted(source.time_column)} AS TIMESTAMPTZ) AS time, "
            f"CAST({quoted(source.count_column)} AS DOUBLE) AS count"
        ).create_view("counts")
        rows = connection.execute(
            "SELECT writer, time, count FROM counts "
            "WHERE coalesce(time >= ? AND time < ?, true) OR count IS NULL OR count < 0",
            [
                min(moment.window.start for moment in moments) - _HOUR,
                max(moment.window.end for moment in moments),
            ],
        ).fetchall()
    good = [(writer, time, int(count)) for writer, time, count in rows if _is_count(time, count)]
    bad = len(rows) - len(good)
    told = f"{bad} rows of {source.table} tell no time, or no number of requests" if bad else ""
    return good, told


def _is_count(time: datetime | None, count: float | None) -> bool:
    return time is not None and count is not None and count >= 0 and count.is_integer()
