"""The witness's tables, read: how many requests were served in each hour."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, timedelta
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
    """What the declared witness counted on each moment's day, in two hours before it and the one
    behind it: what these served themselves answers for nothing on the day.

    A source that cannot be read, or of which a row tells no time or no number, gives counts that
    say so: no evidence, not zero requests.
    """
    source = feature.logging.witness
    if source is None:
        return {moment.partition: Counted() for moment in moments}
    try:
        rows = _read(folder, source, moments)
    except MissingEvidence as error:
        return {moment.partition: Counted(missing=str(error)) for moment in moments}
    return {moment.partition: _of(moment, rows, source.table) for moment in moments}


def _of(moment: Moment, rows: Sequence[tuple[Any, ...]], table: str) -> Counted:
    since, until = moment.window.start - 2 * _HOUR, min(moment.window.end + _HOUR, moment.as_of)
    served: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    bad = 0
    for writer, time, count in rows:
        if time is None:
            bad += 1  # of whatever day
        elif since <= time < until:
            if _is_count(count):
                served[writer][key(time.astimezone(UTC))] += int(count)
            else:
                bad += 1
    missing = f"{bad} rows of {table} tell no time, or no number of requests" if bad else ""
    return Counted(served={name: dict(hours) for name, hours in served.items()}, missing=missing)


def _read(folder: Path, source: Witness, moments: Sequence[Moment]) -> list[tuple[Any, ...]]:
    """Writer, time and count of all the moments' rows, and of those that tell no time."""
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
        return connection.execute(
            "SELECT writer, time, count FROM counts WHERE coalesce(time >= ? AND time < ?, true)",
            [
                min(moment.window.start for moment in moments) - 2 * _HOUR,
                max(moment.window.end for moment in moments) + _HOUR,
            ],
        ).fetchall()


def _is_count(count: float | None) -> bool:
    return count is not None and count >= 0 and count.is_integer()
