"""The bill of somebody else, read from the table that a feature's YAML names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import duckdb

from ai_ops.ai_features.costs import Invoice
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted
from ai_ops.storage.tables import (
    ReadableTable,
    TableFile,
    UnreadableTable,
    digest_of,
    first_line,
    open_table,
    scan,
    table_files,
    tables_engine,
)
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Evidence

FIELD: Final = "costs.invoice.table"
_TYPES: Final = {
    "first_day": "DATE",
    "last_day": "DATE",
    "amount": "DECIMAL(38, 9)",
    "currency": "VARCHAR",
}
_WORDS: Final = {"DATE": "a date (2021-03-04)", "DECIMAL(38, 9)": "a number", "VARCHAR": "a text"}


@dataclass(frozen=True, order=True)
class Billed:
    """What was billed for a span of days, both ends included."""

    last_day: date
    first_day: date
    amount: Decimal
    currency: str

    @property
    def words(self) -> str:
        """The span as a person reads it."""
        return f"{self.first_day} to {self.last_day}"


def read_invoice(root: Root, invoice: Invoice) -> tuple[list[Billed], list[Evidence]]:
    """The spans that the bill covers, oldest first, and the files that say so.

    The items of one span are summed. ``MissingEvidence`` names the file, the row and the column of
    what cannot be read, and spans that overlap: which of them is right cannot be told.
    """
    files = table_files(root, invoice.table, FIELD)
    items: list[Billed] = []
    with tables_engine(root, threads=1) as engine:
        for file in files:
            items += _items(root, engine, file)
    return _spans(items), [Evidence(file.name, digest_of(file)) for file in files]


def _items(root: Root, engine: duckdb.DuckDBPyConnection, file: TableFile) -> list[Billed]:
    table = open_table(root, engine, file)
    if absent := [name for name in _TYPES if name not in table.columns]:
        problem = f"no column {absent[0]} (has {', '.join(table.columns)})"
        raise UnreadableTable(file.name, problem)
    if table.rejected:
        first = table.rejected[0]
        raise UnreadableTable(file.name, f"row {first.row}: {first.problem}")
    items = []
    for number, row in enumerate(_cast(engine, table), start=1):
        told, values = row[: len(_TYPES)], row[len(_TYPES) :]
        for (name, kind), raw, value in zip(_TYPES.items(), told, values, strict=True):
            if value is None:
                problem = f"row {number}, {name}: {raw!r} is not {_WORDS[kind]}"
                raise UnreadableTable(file.name, problem)
        first_day, last_day, amount, currency = values
        if last_day < first_day:
            problem = f"row {number}, last_day: {last_day} is before {first_day}"
            raise UnreadableTable(file.name, problem)
        items.append(Billed(last_day, first_day, amount, currency.strip().upper()))
    return items


def _cast(engine: duckdb.DuckDBPyConnection, table: ReadableTable) -> list[tuple[Any, ...]]:
    """Of each row what stands in it, and what it means."""
    told = [f"CAST({quoted(name)} AS VARCHAR)" for name in _TYPES]
    values = [f"TRY_CAST({quoted(name)} AS {kind})" for name, kind in _TYPES.items()]
    try:
        return engine.execute(f"SELECT {', '.join(told + values)} FROM {scan([table])}").fetchall()
    except duckdb.Error as error:
        raise UnreadableTable(table.file.name, first_line(error)) from error


def _spans(items: Sequence[Billed]) -> list[Billed]:
    amounts: dict[tuple[date, date, str], Decimal] = {}
    for one in items:
        key = (one.last_day, one.first_day, one.currency)
        amounts[key] = amounts.get(key, Decimal(0)) + one.amount
    spans = sorted(Billed(last, first, sum_, c) for (last, first, c), sum_ in amounts.items())
    for before, after in pairwise(spans):
        if after.first_day <= before.last_day:
            raise MissingEvidence(
                f"{FIELD}: {before.words} ({before.currency}) and {after.words} "
                f"({after.currency}) overlap: each day is billed once, in one currency"
            )
    return spans
