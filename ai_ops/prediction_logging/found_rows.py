"""The rows of the day logs that a query means, read by DuckDB: the newest first."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq
from fsspec.core import url_to_fs

from ai_ops.prediction_logging.day_files import DayFiles, opened
from ai_ops.prediction_logging.finding import Query, clause_of
from ai_ops.prediction_logging.log_file import LOOKED_UP
from ai_ops.prediction_logging.log_table import RAW
from ai_ops.prediction_logging.probing import days_that_may_hold
from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import BadInput

_ENVELOPE: Final = (
    "id",
    "time",
    "model_version",
    "status",
    "error",
    "withheld",
    "latency_ms",
    "call_site",
    "mode",
    "tenant",
    "subject",
    "request_id",
    "writer",
    "incarnation",
    "seq",
)
SEGMENT: Final = "segment "
"""What the place of a prediction begins with that was read from a segment."""
_ORDERED: Final = ' ORDER BY "time" DESC, "id" LIMIT ?'


@dataclass(frozen=True, slots=True)
class FoundPrediction:
    """A prediction as the log tells it.

    ``input`` and ``output`` are what was sent and answered, with what the typed columns hold where
    the raw form was not kept; None where nothing was logged. ``read_from`` names the file.
    """

    day: str
    record: Mapping[str, Any]
    input: Mapping[str, Any] | None
    output: Mapping[str, Any] | None
    cost: Mapping[str, Any] | None
    read_from: str

    @property
    def in_segment(self) -> bool:
        """Whether it stands in no day's table yet."""
        return self.read_from.startswith(SEGMENT)

    @property
    def id(self) -> str:
        """The prediction's id."""
        return str(self.record["id"])

    @property
    def time(self) -> datetime:
        """When it was made."""
        moment: datetime = self.record["time"]
        return moment

    def as_data(self) -> dict[str, Any]:
        """The prediction as JSON-ready data."""
        record = {**self.record, "time": self.time.isoformat()}
        members = {"input": self.input, "output": self.output, "cost": self.cost}
        return {"day": self.day, **speakable(record), **speakable(members), "file": self.read_from}


def days_to_read(files: DayFiles, query: Query) -> list[str]:
    """The days whose logs may hold what is asked for, by their filters; the latest first."""
    days = set(files.logs)
    for column in LOOKED_UP:
        if column in query.members and days:
            days &= set(days_that_may_hold(files, column, query.members[column]))
    return sorted(days, reverse=True)


def found_in_logs(
    engine: duckdb.DuckDBPyConnection,
    files: DayFiles,
    query: Query,
    days: Sequence[str],
    most: int,
) -> list[FoundPrediction]:
    """At most ``most`` of the predictions that the logs of these days hold, in their order."""
    found: list[FoundPrediction] = []
    for day in days:
        found += _rows(engine, files, day, query, most - len(found))
        if len(found) >= most:
            break
    return found


def engine_on(lake: Lake) -> duckdb.DuckDBPyConnection:
    """An embedded engine that reads the files of a lake, with days in UTC."""
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    if not lake.is_local:
        engine.register_filesystem(url_to_fs(lake.url, **(lake.storage_options or {}))[0])
    return engine


def _rows(
    engine: duckdb.DuckDBPyConnection, files: DayFiles, day: str, query: Query, most: int
) -> Iterator[FoundPrediction]:
    path, columns = files.path(day), ()
    if query.conditions:
        with opened(files.lake, path) as file:
            columns = tuple(pq.read_schema(file).names)
    clause = clause_of(query, columns)
    if clause is None:
        return
    statement, parameters = (
        f"SELECT * FROM read_parquet(?) WHERE {clause.text}",
        [path, *clause.parameters],
    )
    if "id" not in query.members:  # an id is found once or twice, and an order costs
        statement, parameters = statement + _ORDERED, [*parameters, most]
    try:
        rows = engine.sql(statement, params=parameters).to_arrow_table().to_pylist()
    except duckdb.Error as error:
        raise BadInput(f"{path}: {str(error).splitlines()[0]}; materialise its day again") from None
    for row in rows:
        yield prediction_of(day, row, f"{files.feature}/prediction_log/{day}.parquet")


def prediction_of(day: str, row: Mapping[str, Any], read_from: str) -> FoundPrediction:
    """The prediction that a row of the log tells."""
    raw = {name: _decoded(row.get(name)) for name in RAW}
    return FoundPrediction(
        day=day,
        record={name: row.get(name) for name in _ENVELOPE},
        input=_with_typed(raw["input"], row, "input_"),
        output=_with_typed(raw["output"], row, "output_"),
        cost=raw["cost"] if isinstance(raw["cost"], dict) else None,
        read_from=read_from,
    )


def speakable(value: Any) -> Any:
    """A value as JSON can hold it: NaN and the infinities by their names.

    >>> speakable({"a": [float("nan"), 1.0]})
    {'a': ['NaN', 1.0]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {name: speakable(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [speakable(one) for one in value]
    return value


def _decoded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with_typed(raw: Any, row: Mapping[str, Any], prefix: str) -> Mapping[str, Any] | None:
    """What was sent as it came, completed by typed columns where nothing raw was kept.

    >>> _with_typed({"a": "x"}, {"input_a": None, "input_b": 2.0}, "input_")
    {'a': 'x', 'b': 2.0}
    >>> _with_typed(None, {"input_a": None}, "input_") is None
    True
    """
    typed = {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }
    if isinstance(raw, dict):
        return {**raw, **{name: value for name, value in typed.items() if name not in raw}}
    if raw is not None:  # no mapping was sent; it is shown as it came
        return {"": raw, **typed}
    return typed or None
