"""An existing log opened: its files, whatever they are made of, as one view of typed rows.

Tables are read where they lie. Events are turned into rows once, and kept as a Parquet copy until
their file changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.storage.mapped_tables import map_tables
from ai_ops.storage.root import Root
from ai_ops.storage.tables import (
    ReadableTable,
    TableFile,
    UnreadableTable,
    open_table,
    table_files,
)
from ai_ops.vocabulary.errors import MissingEvidence

FIELD: Final = "source.files"


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


def source_files(root: Root, feature: AiFeatureSpec) -> list[TableFile]:
    """The files that the YAML names; ``MissingEvidence`` when there are none."""
    return table_files(root, declared_source(feature).files, FIELD)


def open_rows(
    root: Root,
    connection: duckdb.DuckDBPyConnection,
    feature: AiFeatureSpec,
    files: Sequence[TableFile],
) -> Opened:
    """Show the rows of these files as ``ROWS``; what cannot be read is told, the rest goes on."""
    tables, refused = [], []
    for file in files:
        try:
            tables.append(open_table(root, connection, file))
        except UnreadableTable as error:
            refused.append(error)
    mapped = map_tables(connection, feature, tables)
    return Opened(mapped.tables, [*refused, *mapped.refused])
