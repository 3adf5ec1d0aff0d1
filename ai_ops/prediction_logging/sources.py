"""What users did, from a source that the log had no part in: the witness of its completeness."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import UserActions
from ai_ops.prediction_logging.log_table import TIME
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary

USER_ACTIONS = "user_actions"
MISSING = b"ai_ops.missing"
"""Key of the table's metadata under which it stands why the source could not be read."""

_SCHEMA = pa.schema(
    [("id", pa.string()), ("time", TIME), ("call_site", pa.string()), ("tenant", pa.string())]
)


def compute_user_actions(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> dict[str, Summary]:
    """Write each day's user actions: id, time, and call site and tenant where the source has them.

    A source that cannot be read gives empty tables that carry the reason: no evidence, not zero
    actions. So it is with rows that do not say when they were: nobody knows their day.
    """
    missing, actions = "", _SCHEMA.empty_table()
    try:
        actions, missing = _read(root.folder, _declared(feature), moments)
    except MissingEvidence as error:
        missing = str(error)
    summaries = {}
    for moment in moments:
        known = min(moment.window.end, moment.as_of)
        inside = pc.and_(
            pc.greater_equal(actions["time"], pa.scalar(moment.window.start, TIME)),
            pc.less(actions["time"], pa.scalar(known, TIME)),
        )
        day = actions.filter(inside).replace_schema_metadata({MISSING: missing.encode()})
        path = root.lake.path(feature.name, USER_ACTIONS, moment.partition)
        root.lake.write_table(path, day)
        numbers = {"user_actions": day.num_rows, **({"missing": missing} if missing else {})}
        summaries[moment.partition] = Summary(numbers, files={"user_actions": path})
    return summaries


def _declared(feature: AiFeatureSpec) -> UserActions:
    if feature.user_actions is None:
        raise MissingEvidence(
            "no user_actions are declared: nothing that the log had no part in bears witness to it"
        )
    return feature.user_actions


def _read(folder: Path, source: UserActions, moments: Sequence[Moment]) -> tuple[pa.Table, str]:
    """The source's rows of all the moments, by time and id; and what of it belongs to no day."""
    pattern = str(folder / source.table)  # an absolute pattern stays as it is
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")  # a time without a zone is UTC
        optional = ("call_site", "tenant")
        with naming("user_actions", source.table):
            rows = connection.read_parquet(pattern, union_by_name=True)
        absent = [c for c in (source.id_column, source.time_column) if c not in rows.columns]
        if absent:
            raise MissingEvidence(
                f"user_actions: {source.table} has no column {' nor '.join(absent)} "
                f"(has {', '.join(rows.columns)}); mend the file or name its columns in the YAML"
            )
        selected = ", ".join(
            [
                f"CAST({quoted(source.id_column)} AS VARCHAR) AS id",
                f"CAST({quoted(source.time_column)} AS TIMESTAMPTZ) AS time",
                *(
                    f"CAST({quoted(c) if c in rows.columns else 'NULL'} AS VARCHAR) AS {c}"
                    for c in optional
                ),
            ]
        )
        start = min(moment.window.start for moment in moments)
        end = max(moment.window.end for moment in moments)
        with naming("user_actions", source.table):
            found = connection.sql(
                f"SELECT * FROM (SELECT {selected} FROM read_parquet(?, union_by_name = true)) "
                "WHERE time >= ? AND time < ? ORDER BY time, id",
                params=[pattern, start, end],
            )
            table: pa.Table = found.to_arrow_table()
            undated = connection.execute(
                f"SELECT count(*) FROM read_parquet(?, union_by_name = true) "
                f"WHERE {quoted(source.time_column)} IS NULL",
                [pattern],
            ).fetchall()[0][0]
    told = f"{undated} rows of {source.table} have no {source.time_column}" if undated else ""
    return table.cast(_SCHEMA), told


@contextmanager
def naming(field: str, files: str) -> Iterator[None]:
    """What DuckDB cannot read becomes missing evidence: a crash would leave its checks silent."""
    try:
        yield
    except duckdb.Error as error:
        absent = "No files found" in str(error)
        problem = f"no file matches {files} below the root" if absent else f"{files} is unreadable"
        raise MissingEvidence(f"{field}.table: {problem} ({error})") from error


def quoted(name: str) -> str:
    """A column's name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
