"""The typed columns of many plain lines, and which lines they are sure of."""

import re
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.prediction_logging.block_scan import Flags, Places
from ai_ops.prediction_logging.log_columns import (
    ARROW,
    PROTECTED,
    PROTECTED_RULES,
    LogColumn,
    LogColumns,
)

_PROTECTED: Final = "^({})".format("|".join(map(re.escape, PROTECTED)))


class Telling:
    """Which versions tell which columns, for the rows of some lines."""

    def __init__(self, columns: LogColumns, versions: pa.Array) -> None:
        found = versions.dictionary_encode(null_encoding="encode")
        self._columns, self._versions = columns, found.dictionary.to_pylist()
        self._codes = found.indices.to_numpy()

    def told(self, column: LogColumn, rows: Places) -> Flags:
        """Which of these rows lack something when they lack the column."""
        told = [self._columns.is_told(column, version) for version in self._versions]
        flags: Flags = np.array(told, np.bool_)[self._codes[rows]]
        return flags


def typed_values(
    column: LogColumn, objects: pa.StructArray, raw: pa.Array, telling: Telling
) -> tuple[pa.Array, Flags]:
    """A column's values in these objects, and the rows that have no other value and no mistake.

    ``raw`` holds the objects as they were logged: flat ones, for their text tells a null from what
    is absent.
    """
    place = objects.type.get_field_index(column.name)
    values = objects.field(place) if place >= 0 else pa.nulls(len(objects), ARROW[column.type])
    fits: Flags = np.ones(len(values), np.bool_)
    if values.null_count:
        nulls = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))
        fits[nulls] = _may_be_null(column, raw.take(pa.array(nulls)), telling.told(column, nulls))
    if pa.types.is_null(values.type):
        values = values.cast(ARROW[column.type])
    if column.rule in PROTECTED_RULES and column.type != "category":
        meant = pc.match_substring_regex(values.cast(pa.string()), _PROTECTED)
        fits &= pc.fill_null(meant, True).to_numpy(zero_copy_only=False)
        values = pa.nulls(len(values), ARROW[column.type])
    return values, fits


def _may_be_null(column: LogColumn, raw: pa.Array, told: Flags) -> Flags:
    """Whether it is no mistake that these objects have no value in the column."""
    name = msgspec.json.encode(column.name).decode()
    if column.nullable:
        in_words = pc.match_substring_regex(raw, r"[{,]" + re.escape(name) + ":null")
        said: Flags = in_words.to_numpy(zero_copy_only=False)
        return said | ~told
    named = pc.or_(pc.match_substring(raw, name), pc.match_substring(raw, "\\"))
    absent: Flags = ~named.to_numpy(zero_copy_only=False)
    return absent & ~told
