"""What tables hold, measured by DuckDB: for drafting a feature's YAML from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Final

import duckdb

from ai_ops.ai_features.drafting import ColumnFacts, ColumnKind
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import moment
from ai_ops.storage.tables import (
    FILE,
    ROW,
    UnreadableTable,
    first_line,
    open_table,
    scan,
    table_files,
)
from ai_ops.vocabulary.errors import BadInput

_AT_ONCE: Final = 40
"""So many columns are measured by one query: more of them make it slower, not faster."""
_FEW: Final = 64
"""A column's values are listed when it has at most so many."""
_NUMBERS: Final = ("DECIMAL", "DOUBLE", "FLOAT", "REAL")
_TIMES: Final = {"time", "timestamp", "ts", "at", "date", "datetime", "epoch", "created"}
_ZONE: Final = r"(Z|[+-]\d\d(:?\d\d)?)$"


@dataclass(frozen=True)
class TableFacts:
    """A table of one or more files, as a draft asks for it."""

    connection: duckdb.DuckDBPyConnection
    sql: str
    rows: int
    types: dict[str, str]

    @classmethod
    def open(
        cls, root: Root, connection: duckdb.DuckDBPyConnection, pattern: str, option: str
    ) -> "TableFacts":
        """The table of all files that a glob names; errors name the file, or else the option."""
        opened = [open_table(root, connection, file) for file in table_files(root, pattern, option)]
        if not (rows := sum(table.rows for table in opened)):
            raise UnreadableTable(pattern, "it has columns and no rows: name a file that has some")
        kinds: dict[bool, list[Any]] = {}
        for table in opened:
            kinds.setdefault(table.is_text, []).append(table)
        scans = [scan(tables).replace("filename", "union_by_name = true, filename") for tables in
                 kinds.values()]  # fmt: skip
        whole = " UNION ALL BY NAME ".join(f"SELECT * FROM {one}" for one in scans)
        try:
            told = connection.execute(f"DESCRIBE {whole}").fetchall()
        except duckdb.Error as error:
            words = f"its files do not fit together: {first_line(error)}"
            raise UnreadableTable(pattern, words) from error
        types = {name: kind for name, kind, *_ in told if name not in (ROW, FILE)}
        return cls(connection, whole, rows, types)

    @cached_property
    def columns(self) -> tuple[ColumnFacts, ...]:
        """What each column holds."""
        found = [
            column
            for names in _slices(list(self.types), _AT_ONCE)
            for column in self._listed(self._measured(names))
        ]
        return tuple(found)

    def days(self, column: str, zone: str) -> dict[date, int]:
        """How many rows each UTC day has by the times in a column, in the order of the days."""
        when = self._moment(column, zone)
        query = f"SELECT CAST({when} AS DATE) AS day, count(*) FROM ({self.sql}) GROUP BY 1"
        try:
            counted = self.connection.execute(
                f"SELECT * FROM ({query}) WHERE day IS NOT NULL ORDER BY 1"
            ).fetchall()
        except duckdb.Error as error:
            raise BadInput(f"source.time_zone: {zone}: {first_line(error)}") from error
        return dict(counted)

    def share_summing_to_one(self, columns: Sequence[str]) -> float:
        """The share of rows in which these numbers sum to 1."""
        total = " + ".join(f"TRY_CAST({quoted(name)} AS DOUBLE)" for name in columns)
        return float(self._one(f"count(*) FILTER (abs({total} - 1) < 1e-3)")[0]) / self.rows

    def threshold(self, score: str, decision: str) -> float | None:
        """Where the score becomes a decision, if one number parts both decisions."""
        if self._kind_of(decision) not in ("boolean", "integer"):
            return None
        yes = f"TRY_CAST(CAST({quoted(decision)} AS VARCHAR) AS BOOLEAN)"
        value = f"TRY_CAST({quoted(score)} AS DOUBLE)"
        below, above = self._one(f"max({value}) FILTER (NOT {yes}), min({value}) FILTER ({yes})")
        if below is None or above is None or below >= above:
            return None
        short = (round(above, digits) for digits in range(1, 7))
        return next((one for one in short if below < one <= above), float(above))

    def lag_hours(self, time: str, later: str, zone: str) -> float | None:
        """After how many hours 95 % of the later times had come."""
        passed = f"epoch({self._moment(later, zone)}) - epoch({self._moment(time, zone)})"
        (seconds,) = self._one(f"quantile_cont({passed}, 0.95)")
        return None if seconds is None else float(seconds) / 3600

    def label_lag_hours(
        self, time: str, id: str, labels: Any, label_id: str, later: str, zone: str
    ) -> float | None:
        """The same of labels in a table of their own (another ``TableFacts``), by their id."""
        asked = f"SELECT {quoted(id)}::VARCHAR AS id, {self._moment(time, zone)} AS asked"
        known = f"SELECT {quoted(label_id)}::VARCHAR AS id, {labels._moment(later, zone)} AS known"
        (seconds,) = self.connection.execute(
            "SELECT quantile_cont(epoch(known) - epoch(asked), 0.95)"
            f" FROM ({asked} FROM ({self.sql})) JOIN ({known} FROM ({labels.sql})) USING (id)"
        ).fetchall()[0]
        return None if seconds is None else float(seconds) / 3600

    def _moment(self, column: str, zone: str) -> str:
        return moment(quoted(column), self.types[column], zone) or "CAST(NULL AS TIMESTAMPTZ)"

    def _kind_of(self, name: str) -> ColumnKind:
        return next(column.kind for column in self.columns if column.name == name)

    def _one(self, selected: str) -> Any:
        return self.connection.execute(f"SELECT {selected} FROM ({self.sql})").fetchone()

    def _measured(self, names: Sequence[str]) -> list[ColumnFacts]:
        told = self._one(", ".join(part for name in names for part in self._parts(name)))
        parts = _slices(told, len(told) // len(names))
        return [self._facts(name, part) for name, part in zip(names, parts, strict=True)]

    def _parts(self, name: str) -> Iterator[str]:
        column, kind = quoted(name), self.types[name]
        is_text = kind.startswith(("VARCHAR", "ENUM"))
        number = f"TRY_CAST({column} AS DOUBLE)"
        if not (is_text or _is_number(kind)):
            number = "CAST(NULL AS DOUBLE)"
        yield f"count({column})"
        yield "0" if _plain(kind) == "nested" else f"approx_count_distinct({column})"
        yield f"count({number})"
        yield f"count(*) FILTER ({number} = floor({number}))"
        yield f"min({number}) FILTER (isfinite({number}))"
        yield f"max({number}) FILTER (isfinite({number}))"
        yield f"count(TRY_CAST({column} AS TIMESTAMPTZ))" if is_text else "0"
        yield (
            f"count(*) FILTER (regexp_matches(trim({column}), {text(_ZONE)}))" if is_text else "0"
        )
        yield f"count(*) FILTER (lower({column}) IN ('true', 'false'))" if is_text else "0"

    def _facts(self, name: str, part: Sequence[Any]) -> ColumnFacts:
        known, distinct, numbers, whole, low, high, times, zones, truths = part
        kind = _plain(self.types[name])
        if kind == "float" and known and whole == known:
            kind = "integer"
        elif kind == "text" and known:
            # A column that is mostly one thing is meant as it; the check names the rows that are
            # not.
            if numbers >= 0.9 * known:
                kind = "integer" if whole == numbers else "float"
            elif times >= 0.9 * known:
                kind = "zoned_time" if zones >= 0.5 * times else "time"
            elif truths == known:
                kind = "boolean"
        nulls = self.rows - known
        column = ColumnFacts(name, kind, self.rows, nulls, min(distinct, known), low, high)
        return replace(column, kind="zoned_time") if _since_1970(column) else column

    def _listed(self, columns: Sequence[ColumnFacts]) -> Iterator[ColumnFacts]:
        """The columns with their values where they are few, and whether they are unique."""
        asked = {}
        for column in columns:
            name = quoted(column.name)
            if column.kind not in ("boolean", "integer", "float", "text"):
                continue
            if column.distinct <= _FEW:
                shown = f"TRY_CAST({name} AS BIGINT)" if column.kind == "integer" else name
                asked[column.name] = f"list(DISTINCT CAST({shown} AS VARCHAR))"
            elif column.kind in ("integer", "text") and 1.2 * column.distinct > column.rows:
                asked[column.name] = f"count(DISTINCT {name})"
        told = dict(zip(asked, self._one(", ".join(asked.values())), strict=True)) if asked else {}
        for column in columns:
            found = told.get(column.name)
            if isinstance(found, int):
                unique = found == column.rows
                yield replace(column, distinct=found, unique=unique)
            elif found is not None:
                values = sorted((str(v) for v in found if v is not None), key=_in_order)
                unique = len(values) == column.rows
                yield replace(column, distinct=len(values), values=tuple(values), unique=unique)
            else:
                yield column


def _since_1970(column: ColumnFacts) -> bool:
    """Whether a number counts from 1970, as its name and its size say (2001 … 2128)."""
    told = bool(_TIMES & set(column.words)) and column.kind == "integer" and column.low is not None
    return told and any(1e9 <= (column.low or 0) / unit < 5e9 for unit in (1, 1e3, 1e6, 1e9))


def _slices(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[place : place + size] for place in range(0, len(values), size)]


def _is_number(kind: str) -> bool:
    return kind.startswith(_NUMBERS) or kind.endswith(("INT", "INTEGER"))


def _plain(kind: str) -> ColumnKind:
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return "zoned_time" if "ZONE" in kind or "TZ" in kind else "time"
    if kind.startswith(_NUMBERS):
        return "float"
    if _is_number(kind):
        return "integer"
    if kind.startswith(("VARCHAR", "ENUM", "UUID")):
        return "text"
    return "boolean" if kind == "BOOLEAN" else "nested"


def _in_order(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value
