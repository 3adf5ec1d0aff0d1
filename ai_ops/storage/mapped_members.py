"""The members of a record in somebody else's table, as SQL: its own, and its inputs and outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn, OutputColumn
from ai_ops.ai_features.source import Source
from ai_ops.storage.sql_text import quoted, text
from ai_ops.storage.sql_values import as_json, is_nested, missing, moment, value, word

MEMBERS: Final = (
    "id",
    "model_version",
    "status",
    "error",
    "latency_ms",
    "call_site",
    "mode",
    "tenant",
    "subject",
    "request_id",
    "cost",
    "label",
    "available_at",
)
"""What the view tells of each row besides its place, its time, its inputs and its outputs."""

TOLD_OF: Final = (
    "model_version",
    "error",
    "latency_ms",
    "call_site",
    "tenant",
    "subject",
    "request_id",
)
"""Members of which is told where a value could not be read; of the others it is told elsewhere."""

_NO_TEXT: Final = "CAST(NULL AS VARCHAR)"


@dataclass(frozen=True, slots=True)
class TypedColumns:
    """Inputs and outputs in three steps: ``raw`` as found (alias → SQL), typed, and beside them."""

    raw: Mapping[str, str]
    values: Sequence[str]
    beside: Sequence[str]


def members(feature: AiFeatureSpec, source: Source, kinds: Mapping[str, str]) -> dict[str, str]:
    """SQL of each of ``MEMBERS`` in a file whose columns have these DuckDB types."""
    named = {
        role: (quoted(column), kinds[column])
        for role, column in source.columns.model_dump().items()
        if column is not None and column in kinds
    }
    told = {
        role: word(*named[role]) if role in named and not is_nested(named[role][1]) else _NO_TEXT
        for role in MEMBERS
    }
    if "model_version" not in named:
        told["model_version"] = text(source.version)
    told["status"] = _status(*named["status"]) if "status" in named else "'ok'"
    told["mode"] = f"CASE WHEN {told['mode']} IN ('sync', 'batch') THEN {told['mode']} END"
    told["latency_ms"] = (
        value(*named["latency_ms"], "number") if "latency_ms" in named else "CAST(NULL AS DOUBLE)"
    )
    told["label"] = _label(*named["label"]) if "label" in named else _NO_TEXT
    told["cost"] = _cost(*named["cost"]) if "cost" in named else _NO_TEXT
    told["available_at"] = (
        str(moment(*named["available_at"], source.time_zone))
        if "label" in named and "available_at" in named
        else "CAST(NULL AS TIMESTAMPTZ)"
    )
    for name in ("subject", "tenant"):
        if feature.privacy.fields.get(name) == "drop":
            told[name] = _NO_TEXT
    return told


def typed_columns(feature: AiFeatureSpec, source: Source, kinds: Mapping[str, str]) -> TypedColumns:
    """The inputs and outputs of a feature in a file whose columns have these DuckDB types.

    A refused row has no typed inputs, one that was not answered no outputs: its raw JSON stays.
    """
    asked = _Role("input", "status = 'refused'", feature.inputs, source.inputs, feature, kinds)
    answered = _Role("output", "status <> 'ok'", feature.outputs, source.outputs, feature, kinds)
    roles = (asked, answered)
    unread = {f"ai_ops_{role}": sql for role, sql in _unread(feature, source, kinds).items()}
    flags = [flag for role in roles for flag in role.wrong]
    flags += [(alias.removeprefix("ai_ops_"), alias) for alias in unread]
    titles = [f"CASE WHEN {wrong} THEN {text(title)} END" for title, wrong in flags]
    anything = " OR ".join(wrong for _, wrong in flags) or "false"
    found = f"list_filter([{', '.join(titles)}], lambda one: one IS NOT NULL)"
    wrong = f"CASE WHEN {anything} THEN {found} END"
    return TypedColumns(
        raw={alias: sql for role in roles for alias, sql in role.raw.items()} | unread,
        values=[one for role in roles for one in role.values],
        beside=[f"{wrong} AS wrong", *(role.json for role in roles)],
    )


def _unread(feature: AiFeatureSpec, source: Source, kinds: Mapping[str, str]) -> dict[str, str]:
    """Whether a member stands in the file and could not be read, as bytes that are no UTF-8."""
    told = members(feature, source, kinds)
    named = {role: getattr(source.columns, role) for role in TOLD_OF}
    return {
        role: f"(({told[role]}) IS NULL AND NOT {missing(quoted(column), kinds[column])})"
        for role, column in named.items()
        if column in kinds and feature.privacy.fields.get(role) != "drop"
    }


class _Role:
    """The inputs, or the outputs: where they stand in a file, and what they become."""

    def __init__(
        self,
        name: str,
        untold: str,
        columns: Sequence[InputColumn | OutputColumn],
        mapping: Mapping[str, str],
        feature: AiFeatureSpec,
        kinds: Mapping[str, str],
    ) -> None:
        self.raw: dict[str, str] = {}
        self.values: list[str] = []
        self.wrong: list[tuple[str, str]] = []
        members, misfits = [], []
        for place, column in enumerate(columns):
            title, alias = f"{name}_{column.name}", f"ai_ops_{name}_{place}"
            found = mapping.get(column.name, column.name)
            dropped = feature.privacy.fields.get(column.name) == "drop"
            if dropped or found not in kinds:
                self.values.append(f"{value('NULL', 'NOWHERE', column.type)} AS {quoted(title)}")
                if not dropped:
                    self.wrong.append((title, f"NOT ({untold})"))
                continue
            kind = kinds[found]
            self.raw[alias] = quoted(found)
            typed = value(alias, kind, column.type)
            self.values.append(f"CASE WHEN {untold} THEN NULL ELSE {typed} END AS {quoted(title)}")
            absent = missing(alias, kind)
            misfit = f"({quoted(title)} IS NULL AND NOT ({untold}) AND NOT {absent})"
            nullable = isinstance(column, InputColumn) and column.nullable
            lacks = misfit if nullable else f"({quoted(title)} IS NULL AND NOT ({untold}))"
            self.wrong.append((title, lacks))
            misfits.append(misfit)
            members.append(f"{quoted(column.name)} := {as_json(alias, kind)}")
        packed = f"CAST(to_json(struct_pack({', '.join(members)})) AS VARCHAR)"
        kept = " OR ".join([*misfits, untold])
        raw = f"CASE WHEN {kept} THEN {packed} END" if members else _NO_TEXT
        self.json = f"{raw} AS {quoted(name)}"


def _status(column: str, kind: str) -> str:
    """The words of the log, and HTTP's numbers; another value tells no status (null)."""
    said = f"lower(trim({word(column, kind)}))"
    return (
        f"CASE WHEN {said} IN ('ok', 'failed', 'refused') THEN {said}"
        f" WHEN regexp_full_match({said}, '2\\d\\d') THEN 'ok'"
        f" WHEN regexp_full_match({said}, '4\\d\\d') THEN 'refused'"
        f" WHEN regexp_full_match({said}, '5\\d\\d') THEN 'failed' END"
    )


def _label(column: str, kind: str) -> str:
    """The label as it was found: yes or no, a number, or a text."""
    if kind == "BOOLEAN" or is_nested(kind):
        return column if kind == "BOOLEAN" else _NO_TEXT
    number = value(column, kind, "number")
    return word(column, kind) if kind == "VARCHAR" or number.startswith("CAST(NULL") else number


def _cost(column: str, kind: str) -> str:
    """Cost drivers by name, as JSON: an object as it is, a number as the only driver."""
    if kind in ("VARCHAR", "JSON"):
        object_ = f"json_valid({column}) AND json_type(CAST({column} AS JSON)) = 'OBJECT'"
        return f"CASE WHEN {object_} THEN CAST({column} AS VARCHAR) END"
    if is_nested(kind):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST(to_json(struct_pack(cost := {column})) AS VARCHAR)"
