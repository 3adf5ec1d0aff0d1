"""An existing log opened: its files, whatever they are made of, as one view of typed rows.

Tables are read where they lie. Events are turned into rows once, and kept as a Parquet copy until
their file changes.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.prediction_logging.events.reading import UNREADABLE_FILE
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_events import (
    TOGETHER,
    copies_of,
    files_of_events,
    view_events,
)
from ai_ops.storage.mapped_members import MEMBERS
from ai_ops.storage.mapped_tables import ROWS, map_tables
from ai_ops.storage.root import Root
from ai_ops.storage.tables import (
    ReadableTable,
    TableFile,
    UnreadableTable,
    first_line,
    open_table,
    table_files,
    tables_engine,
)
from ai_ops.vocabulary.errors import MissingEvidence

FIELD: Final = "source.files"
FORM: Final = "1"
"""Of what is kept of a source: another one makes it anew."""


@dataclass(frozen=True)
class Opened:
    """The files of the view, those that could not be read, and what of the first is no row."""

    tables: Sequence[ReadableTable]
    refused: Sequence[UnreadableTable]
    set_apart: Mapping[str, Sequence[Quarantined]] = field(default_factory=dict)

    def set_apart_of(self, file: TableFile) -> Sequence[Quarantined]:
        """What of a file of events could not become a row."""
        return self.set_apart.get(file.name, ())

    def undated_of(self, file: TableFile) -> list[Quarantined]:
        """Of these what tells no time."""
        return [one for one in self.set_apart_of(file) if one.time is None]


def declared_source(feature: AiFeatureSpec) -> Source:
    """The source of a feature that has one; ``MissingEvidence`` else."""
    if feature.source is None:
        raise MissingEvidence(f"{feature.name}: source is not declared: it logs for itself")
    return feature.source


def told_members(source: Source) -> set[str]:
    """The members of a record that a source tells, the time of its labels among them."""
    told = set(source.columns.model_dump(exclude_none=True))
    members = told if source.kind == "table" else set(MEMBERS)
    return members | {"available_at"} if "label" in told else members


def declaration_of(feature: AiFeatureSpec) -> str:
    """The digest of all in the YAML that says how a source is read."""
    parts: Any = {
        "source": True,
        "inputs": True,
        "outputs": True,
        "privacy": {"fields"},
        "ground_truth": {"mature_after_hours"},
    }
    told = json.dumps([FORM, feature.model_dump(mode="json", include=parts)], sort_keys=True)
    return sha256(told.encode()).hexdigest()


def depend_on_each_other(feature: AiFeatureSpec) -> bool:
    """Whether what a file tells follows from others: from those before it in a synthetic calendar,
    or from the one that holds the other half of a prediction."""
    source = declared_source(feature)
    return source.calendar is not None or source.kind in TOGETHER


def source_files(root: Root, feature: AiFeatureSpec, days: Sequence[str]) -> list[TableFile]:
    """The files that the YAML names; ``MissingEvidence`` when there are none."""
    source = declared_source(feature)
    if source.kind == "table":
        return table_files(root, source.files, FIELD)
    return files_of_events(root, feature, days, root.clock.now())


def open_rows(
    root: Root,
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    files: Sequence[TableFile],
) -> Opened:
    """Show the rows of these files as ``ROWS``; what cannot be read is told, the rest goes on."""
    if declared_source(feature).kind != "table":
        copies = copies_of(root, feature, files, declaration_of(feature))
        tables, cut_off = view_events(connection, copies)
        apart: dict[str, list[Quarantined]] = defaultdict(list)
        for one in (one for copy in copies for one in copy.set_apart):
            if one.reason != UNREADABLE_FILE:
                apart[one.segment].append(one)
        return Opened(tables, cut_off, apart)
    opened, refused = [], []
    for file in files:
        try:
            opened.append(open_table(root, connection, file))
        except UnreadableTable as error:
            refused.append(error)
    mapped = map_tables(connection, feature, opened)
    return Opened(mapped.tables, [*refused, *mapped.refused])


def damaged_inside(
    root: Root, feature: AiFeatureSpec, files: Sequence[TableFile]
) -> list[UnreadableTable]:
    """Those of the files that cannot be read to their end, read one by one."""
    broken = []
    for file in files:
        with tables_engine(root) as connection:
            opened = open_rows(root, connection, feature, [file])
            try:
                if opened.tables:
                    connection.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {ROWS}").fetchall()
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                problem = f"damaged inside: {first_line(error)}"
                broken.append(UnreadableTable(file.name, problem))
    return broken
