"""The typed columns of a feature's log: what its YAML declares, and what its versions read besides.

A model version may read an input that the YAML does not name any more, or not yet. Such a column
stands in the log of the days on which that version answered, and is null in the rows of others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn, OutputColumn
from ai_ops.vocabulary.words import FieldRule

ColumnType = Literal["number", "probability", "category", "boolean"]

ARROW: Final[Mapping[ColumnType, pa.DataType]] = {
    "number": pa.float64(),
    "probability": pa.float64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
}
PROTECTED: Final = ("hmac:", "enc:1:")
"""What a value begins with that the privacy policy hashed or encrypted."""
PROTECTED_RULES: Final = ("hash", "encrypt")


@dataclass(frozen=True, slots=True)
class LogColumn:
    """One member of a prediction's input or output, as the log types it."""

    role: Literal["input", "output"]
    name: str
    type: ColumnType
    nullable: bool
    rule: FieldRule = "keep"

    @property
    def title(self) -> str:
        """Its name in the table."""
        return f"{self.role}_{self.name}"

    @property
    def is_number(self) -> bool:
        """Whether the typed values are floats."""
        return self.type in ("number", "probability")


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The columns of some days, and which of them each version is to tell.

    ``declared`` holds the titles for each version that is known; what no registry tells of is
    held to the YAML, and ``unknown`` says why (version → reason).
    """

    columns: tuple[LogColumn, ...]
    usual: frozenset[str]
    declared: Mapping[str, frozenset[str]]
    unknown: Mapping[str, str]

    @property
    def inputs(self) -> tuple[LogColumn, ...]:
        """Those of the input."""
        return tuple(column for column in self.columns if column.role == "input")

    @property
    def outputs(self) -> tuple[LogColumn, ...]:
        """Those of the output."""
        return tuple(column for column in self.columns if column.role == "output")

    def told_by(self, version: str | None) -> frozenset[str]:
        """The titles of what a version is to tell."""
        return self.declared.get(version, self.usual) if version is not None else self.usual

    def is_told(self, column: LogColumn, version: str | None) -> bool:
        """Whether a row of that version lacks something when it lacks this column."""
        return column.rule != "drop" and column.title in self.told_by(version)


def columns_of(
    feature: AiFeatureSpec,
    inputs: Mapping[str, Sequence[InputColumn]] | None = None,
    unknown: Mapping[str, str] | None = None,
) -> LogColumns:
    """The columns of a feature whose versions read these ``inputs`` (version → columns).

    Where the YAML and a version give one name two types, the YAML's stays; where two versions do,
    the one that comes first. A column may be null when any of them lets it.
    """
    versions = inputs or {}
    rules = feature.privacy.fields
    found = {c.name: _input(c, rules.get(c.name, "keep")) for c in feature.inputs}
    for version in versions.values():
        for column in version:
            known = found.setdefault(column.name, _input(column, rules.get(column.name, "keep")))
            found[column.name] = replace(known, nullable=known.nullable or column.nullable)
    outputs = tuple(_output(c, rules.get(c.name, "keep")) for c in feature.outputs)
    answered = frozenset(column.title for column in outputs)
    return LogColumns(
        columns=(*found.values(), *outputs),
        usual=answered | {f"input_{column.name}" for column in feature.inputs},
        declared={
            version: answered | {f"input_{column.name}" for column in columns}
            for version, columns in versions.items()
        },
        unknown=dict(unknown or {}),
    )


def only(columns: LogColumns, versions: Iterable[str]) -> LogColumns:
    """The columns of the YAML and of these versions alone."""
    kept = columns.usual.union(*(columns.told_by(version) for version in versions))
    return replace(columns, columns=tuple(c for c in columns.columns if c.title in kept))


def _input(column: InputColumn, rule: FieldRule) -> LogColumn:
    return LogColumn("input", column.name, column.type, column.nullable, rule)


def _output(column: OutputColumn, rule: FieldRule) -> LogColumn:
    return LogColumn("output", column.name, column.type, False, rule)
