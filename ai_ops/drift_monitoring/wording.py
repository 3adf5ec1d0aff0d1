"""A column's drift in words: how severe, by which test, how much, and how it moved."""

from collections.abc import Callable, Mapping
from typing import Final

from ai_ops.drift_monitoring.carriers import Carriers, carried_by
from ai_ops.drift_monitoring.comparison import ColumnDrift

_OF_TEST: Final[Mapping[str, tuple[str, Callable[[float], str]]]] = {
    "psi": ("PSI {}", lambda value: f"{value:.2f}"),
    "location": ("its values lie {} from where they lay", lambda value: f"{value:+.2f} σ"),
    "spread": ("its values spread {} as far", lambda value: f"{1 + value:.2f} times"),
    "unseen": ("{} more of its rows have unseen categories", lambda value: f"{value:.1%}"),
    "nulls": ("{} more of its rows are null", lambda value: f"{value:.1%}"),
    "outside": ("{} more of its rows are far outside or no number", lambda value: f"{value:.1%}"),
}


def told_of(column: ColumnDrift) -> str:
    """How far the column went, by the test that puts it furthest, and how severe that is."""
    words, shown = _OF_TEST[column.test or "psi"]
    value = column.value if column.value is not None else column.psi or 0.0
    limit = column.limit if column.limit is not None else column.threshold or 0.0
    severity = f"{column.severity} drift: " if column.severity else ""
    usual = f"{limit:.1%}" if column.test in ("unseen", "nulls", "outside") else f"{limit:.2f}"
    return (
        f"{column.column}: {severity}{words.format(shown(value))}, {column.ratio or 0:.1f} times "
        f"the {usual} that its reference lets expect, over {column.n_current:,} rows"
    )


def where(column: ColumnDrift) -> str:
    """The call site or tenant that carries it, as a sentence; empty where none does."""
    words = carried_by(Carriers(column.call_site, column.tenant))
    return f"{words[0].upper()}{words[1:]}. " if words else ""


def how_it_moved(column: ColumnDrift) -> str:
    """Means, nulls and unknown values before and now, as a sentence."""
    parts = []
    if column.mean is not None and column.mean_reference is not None:
        parts.append(f"mean {column.mean_reference:.4g} → {column.mean:.4g}")
    if abs(column.null_share - column.null_share_reference) > 0.05 or column.test == "nulls":
        parts.append(f"nulls {column.null_share_reference:.1%} → {column.null_share:.1%}")
    if column.outside_share >= 0.01:
        parts.append(f"{column.outside_share:.0%} outside the reference's range")
    if column.unseen_categories:
        parts.append(f"{column.unseen_share:.1%} in {column.unseen_categories} unseen categories")
    return f"{'; '.join(parts)}. " if parts else ""
