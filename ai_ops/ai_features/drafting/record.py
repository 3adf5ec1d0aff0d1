"""Which columns of a log hold the members of a record: who, when, where from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ai_ops.ai_features.drafting.facts import ColumnFacts, MeasuredTable
from ai_ops.ai_features.drafting.questions import Asking
from ai_ops.ai_features.drafting.roles import (
    answered_by,
    by_value,
    candidates,
    is_nearly_id,
    ranked,
    sure,
)

PLAIN: Final = (
    "model_version", "status", "error", "latency_ms", "call_site", "mode", "tenant", "subject",
    "request_id",
)  # fmt: skip
"""The members that are only taken when a column is named like them."""

_WHICH_LABEL: Final = "which of these columns is the correct answer?"
_WHICH_KNOWN: Final = "which of these columns tells when the label became known?"
_WHICH_KEY: Final = "which of these columns of the labels names the prediction?"


@dataclass(frozen=True, slots=True)
class Label:
    """The column that holds the correct answers, in the log itself or in a table beside it."""

    column: ColumnFacts
    available_at: str | None
    id: str | None = None
    inside: bool = True


def find_time(table: MeasuredTable, asking: Asking) -> ColumnFacts | None:
    """The column that tells when a prediction was made, if there is one."""
    found = by_value(table.columns, "time")
    named = ranked(found, "available_at")[0]
    found = [c for c in found if c not in named or len(found) == 1]
    return _pick(
        table,
        asking,
        "source.columns.time",
        found,
        sure(found, "time"),
        "which of these columns tells when the prediction was made?",
    )


def find_id(
    table: MeasuredTable, labels: MeasuredTable | None, asking: Asking
) -> ColumnFacts | None:
    """The column whose value names a prediction; with labels beside, one that they share.

    A name that is repeated now and then is still the name, and the check counts its repetitions.
    """
    nearly = [c for c in table.columns if is_nearly_id(c)]
    exact, alike, other = ranked(nearly, "id")
    # What only happens to differ in every row, as an amount does, names nothing.
    found = [*exact, *(c for c in (*alike, *other) if c.unique and (c in alike or _is_text(c)))]
    certain = sure(found, "id")
    if labels is not None:
        names = {column.name for column in labels.columns}
        shared = [c for c in nearly if c.name in names]
        found, certain = (shared, sure(shared, "id")) if shared else (found, False)
    words = "which of these columns names a prediction?"
    if labels is not None:
        words = "which of these columns names a prediction (the labels' table has the same)?"
    return _pick(table, asking, "source.columns.id", found, certain, words)


def find_label(
    table: MeasuredTable,
    labels: MeasuredTable | None,
    id: ColumnFacts | None,
    taken: set[str],
    asking: Asking,
) -> Label | None:
    """The column of the correct answers, in the log or in the labels beside it."""
    if labels is None:
        free = [c for c in table.columns if c.name not in taken]
        found = candidates(free, "label")
        certain = sure(found, "label")
        # What is named like a prediction may be its truth, or what it was predicted from.
        found = found or answered_by(free)
        label = _pick(table, asking, "source.columns.label", found, certain, _WHICH_LABEL)
        if label is None:
            return None
        times = [c for c in candidates(free, "available_at") if c.name != label.name]
        field = "source.columns.available_at"
        known = _pick(table, asking, field, times, sure(times, "available_at"), _WHICH_KNOWN)
        return Label(label, known.name if known else None)
    keys = [c for c in labels.columns if is_nearly_id(c)]
    if id is not None:
        keys = [c for c in labels.columns if c.name == id.name] or keys
    key = _pick(labels, asking, "ground_truth.id_column", keys, sure(keys, "id"), _WHICH_KEY)
    free = [c for c in labels.columns if key is None or c.name != key.name]
    found = by_value(free, "label")
    field = "ground_truth.label_column"
    label = _pick(labels, asking, field, found, sure(found, "label"), _WHICH_LABEL)
    if label is None:
        return None
    times = by_value(free, "available_at")
    field = "ground_truth.available_at_column"
    known = _pick(labels, asking, field, times, sure(times, "available_at"), _WHICH_KNOWN)
    return Label(label, known.name if known else None, key.name if key else None, inside=False)


def find_plain(table: MeasuredTable, taken: set[str], asking: Asking) -> dict[str, str]:
    """The other members of a record that a column is named like."""
    members: dict[str, str] = {}
    for role in PLAIN:
        field = f"source.columns.{role}"
        free = [c for c in table.columns if c.name not in taken | set(members.values())]
        exact, _, _ = ranked(candidates(free, role), role)
        if role in ("model_version", "tenant", "call_site") and not exact:
            exact = candidates(free, role)[:1]
        certain = role != "latency_ms" or not exact or bool({"ms"} & set(exact[0].words))
        picked = _pick(
            table, asking, field, exact[:1], certain, "does this column count milliseconds?"
        )
        if picked is not None:
            members[role] = picked.name
    return members


def _pick(
    table: MeasuredTable,
    asking: Asking,
    field: str,
    found: Sequence[ColumnFacts],
    certain: bool,
    question: str,
) -> ColumnFacts | None:
    known = {column.name: column for column in table.columns}
    names = [column.name for column in found]
    name = asking.column(field, list(known), names, sure=certain, question=question)
    return known[name] if name is not None else None


def _is_text(column: ColumnFacts) -> bool:
    return column.kind == "text"
