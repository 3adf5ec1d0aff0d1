"""The form that people label on: CSV or Parquet, written for a spreadsheet and read back from one.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and runs it
(OWASP, "CSV injection"): text that does is written with an apostrophe before it, and read without.
"""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.storage.files import replacing
from ai_ops.storage.root import Root
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import word
from ai_ops.storage.tables import ROW, UnreadableTable, open_table, table_files, tables_engine
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_PARQUET: Final = (".parquet", ".pq")


@dataclass(frozen=True)
class FormRow:
    """One row of a form: its line (the header is the first), its id and what was written as label.

    ``problem`` says why the line could not be read at all.
    """

    line: int
    id: str | None
    label: str | None
    problem: str = ""


def written(form: pa.Table, ending: str) -> bytes:
    """A form as the bytes of a file with this ending; a CSV for every one that is not Parquet's."""
    if ending in _PARQUET:
        sink = pa.BufferOutputStream()
        pq.write_table(form, sink, compression="zstd")
        return bytes(sink.getvalue().to_pybytes())
    told = io.StringIO(newline="")
    writer = csv.writer(told)
    writer.writerow(form.column_names)
    for row in form.to_pylist():
        writer.writerow([_cell(value) for value in row.values()])
    return told.getvalue().encode("utf-8-sig")  # without the mark spreadsheets guess the encoding


def write_form(path: Path, form: pa.Table) -> str:
    """Write a form, whole or not at all; returns the sha256 of the file.

    Raises ``BadInput`` where a file is already: somebody may be labelling on it.
    """
    if path.suffix.lower() not in (".csv", *_PARQUET):
        raise BadInput(
            f"--out: {path} ends neither with .csv nor with .parquet; name one that does"
        )
    if path.exists():
        raise BadInput(f"--out: {path} is there already; name another file, or remove it")
    if not path.parent.is_dir():
        raise BadInput(f"--out: {path.parent} is no folder; make it first")
    content = written(form, path.suffix.lower())
    with replacing(str(path.absolute())) as fresh:
        Path(fresh).write_bytes(content)
    return sha256(content).hexdigest()


def read_form(root: Root, path: Path) -> list[FormRow]:
    """The rows of a form that came back; columns besides ``id`` and ``label`` are not looked at.

    Raises ``BadInput`` for what is no form: it names the file, and the column that is lacking.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such file")
    try:
        (file,) = table_files(root, _literal(path), "FILE")
        with tables_engine(root, threads=1) as engine:
            table = open_table(root, engine, file)
            for name in ("id", "label"):
                if name not in table.columns:
                    have = ", ".join(table.columns)
                    raise BadInput(f"{path}: no column {name} (have {have})")
            members = ", ".join(
                f"{word(quoted(name), table.columns[name])} AS {name}" for name in ("id", "label")
            )
            row = quoted(ROW)
            option = "" if table.is_text else f", {ROW} = true"
            rows = engine.sql(
                f"SELECT {row} AS row, {members} FROM read_parquet({text(table.parquet)}{option}) "
                "ORDER BY row"
            ).fetchall()
    except UnreadableTable as error:
        raise BadInput(str(error)) from None
    except MissingEvidence as error:
        raise BadInput(f"{path}: {error}") from None
    found = [FormRow(int(row) + 2, _bare(id), _plain(label)) for row, id, label in rows]
    found += [FormRow(one.row + 1, None, one.raw, one.problem) for one in table.rejected]
    return sorted(found, key=lambda one: one.line)


def _cell(value: Any) -> Any:
    """A value as a CSV shows it: text that a spreadsheet would run is made text again.

    >>> _cell("=HYPERLINK(1)"), _cell(-3.5), _cell(None)
    ("'=HYPERLINK(1)", -3.5, '')
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _plain(value: str | None) -> str | None:
    """What a cell said before it was made safe for a spreadsheet.

    >>> _plain("'=1+1"), _plain(" late "), _plain("  ")
    ('=1+1', 'late', None)
    """
    if value is None or not value.strip():
        return None
    return _bare(value.strip())


def _bare(value: str | None) -> str | None:
    marked = value is not None and value.startswith("'") and value[1:].startswith(_FORMULA)
    return value[1:] if value is not None and marked else value


def _literal(path: Path) -> str:
    """A path as a glob that means itself."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path.absolute()))
