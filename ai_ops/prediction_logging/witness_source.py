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
from ai_ops.prediction_logging.sources import naming, quoted
from ai_ops.prediction_logging.witness import key
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
    function = "read_csv" if csv else "read_parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # a time without a zone is UTC
        table = f"{function}(?, union_by_name = true)"
        with naming(_FIELD, source.table):
            described = connection.execute(f"DESCRIBE SELECT * FROM {table}", [pattern]).fetchall()
            columns = [row[0] for row in described]
            if absent := [c for c in (source.time_column, source.count_column) if c not in columns]:
                raise MissingEvidence(
                    f"{_FIELD}: {source.table} has no column {' nor '.join(absent)} "
                    f"(has {', '.join(columns)}); mend the file or name its columns in the YAML"
                )
            writer = "coalesce(CAST(writer AS VARCHAR), '')" if "writer" in columns else "''"
            time = f"CAST({quoted(source.time_column)} AS TIMESTAMPTZ)"
            count = f"CAST({quoted(source.count_column)} AS DOUBLE)"
            rows = connection.execute(
                f"SELECT writer, time, CAST(count AS BIGINT) FROM "
                f"(SELECT {writer} AS writer, {time} AS time, {count} AS count FROM {table}) "
                "WHERE time >= ? AND time < ? AND count >= 0 AND count = floor(count)",
                [
                    pattern,
                    min(moment.window.start for moment in moments) - _HOUR,
                    max(moment.window.end for moment in moments),
                ],
            ).fetchall()
            [(bad,)] = connection.execute(
                f"SELECT count(*) FROM (SELECT {time} AS time, {count} AS count FROM {table}) "
                "WHERE time IS NULL OR count IS NULL OR count < 0 OR count != floor(count)",
                [pattern],
            ).fetchall()
    told = f"{bad} rows of {source.table} tell no time, or no number of requests" if bad else ""
    return rows, told
