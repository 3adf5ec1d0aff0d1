"""A column that a retraining missed, or found of another type: named from the error's words."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from ai_ops.vocabulary.failures import ErrorSaid, LikelyCause

_ABSENT: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # lake and trainer of ai_ops, then Arrow, DuckDB, SQLite, Postgres, pandas
        r"\bno column (?P<column>[\w.\-]+)",
        r"no match for fieldref\.name\((?P<column>[^)]+)\)",
        r"field \"(?P<column>[^\"]+)\" does not exist in schema",
        r"referenced column \"(?P<column>[^\"]+)\" not found",
        r"no such column:? (?P<column>[\w.\-]+)",
        r"column \"?(?P<column>[\w.\-]+)\"? does not exist",
        r"\[['\"](?P<column>[^'\"]+)['\"][^\]]*\] not in index",
        r"none of \[index\(\[['\"](?P<column>[^'\"]+)['\"]",
    )
)
_OTHER_TYPE: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"column [\w.\-]+ is \w[^,]*, not \w+",
        r"failed to parse string: .+ as a scalar of type \w+",
        r"unsupported cast from \w+.* to \w+",
        r"could not convert string to float: ?.*",
        r"could not convert .+ with type \w+: tried to convert to \w+",
        r"expected .* type,? (?:but )?got \w+",
        r"cannot be cast to|conversion error|invalid literal for int\(\)",
        r"function '\w+' has no kernel matching input types \([^)]*\)",
    )
)
_BESIDE: Final = (
    re.compile(
        r"(?:\bhas|have|there are|candidate bindings):? (?!no column)(?P<names>[^;)\n]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<names>(?:^[\w.\-]+: [\w\[\]<>, ]+$\n?)+)", re.MULTILINE),
)
_TABLES: Final = ("pandas", "pyarrow", "polars", "duckdb", "table[", "rows[", "frame[", "df[")


def changed_column(error: ErrorSaid) -> LikelyCause | None:
    """The schema change that an error tells of; None when it tells of none.

    >>> said = ErrorSaid("ArrowInvalid", "labels: no column label; it has id, labels")
    >>> changed_column(said).words
    'column label is not there; labels, which is, may be it renamed (labels: no column label; it \
has id, labels)'
    """
    if column := _absent(error):
        renamed = get_close_matches(column, _beside(error.words), n=1, cutoff=0.5)
        words = f"column {column} is not there"
        words += f"; {renamed[0]}, which is, may be it renamed" if renamed else ""
        mend = f"bring column {column} back in its source, or declare what it is called now"
        return _cause(words, mend, error)
    for pattern in _OTHER_TYPE:
        if found := pattern.search(error.words):
            words = f"values of another type than declared: {found[0]}"
            return _cause(words, "bring the type back in its source, or declare the new one", error)
    return None


def _absent(error: ErrorSaid) -> str | None:
    for pattern in _ABSENT:
        if found := pattern.search(error.words):
            return found["column"].strip("\"'` ")
    # A table that is asked for a column says no more than the column's name.
    asked = error.kind == "KeyError" and any(
        table in frame for frame in error.stack for table in _TABLES
    )
    return error.words.strip("\"'` ") if asked else None


def _beside(words: str) -> Sequence[str]:
    """The columns that are there, where the error names them."""
    for pattern in _BESIDE:
        if found := pattern.search(words):
            names = re.split(r"[,\n]", found["names"])
            return [name.split(":")[0].strip("\"'` ") for name in names if name.strip()]
    return ()


def _cause(words: str, mend: str, error: ErrorSaid) -> LikelyCause:
    said = f"{error.kind}: {error.words}"
    return LikelyCause("schema_change", f"{words} ({error.words})", mend, said)
