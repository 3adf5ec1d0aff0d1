"""A window of profiles beside the reference: one record per column, which is the drift report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.drift_monitoring.cells import Kind, ProfiledColumn, Role
from ai_ops.drift_monitoring.distances import Severity, how_far
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn, share_of
from ai_ops.drift_monitoring.statistics import Counted, measure
from ai_ops.drift_monitoring.tallies import DayTallies, window_tally

UNCHANGED: Final[Mapping[str, float]] = {}
"""No column is allowed more than its own reference says."""

SCHEMA: Final = pa.schema(
    [
        ("column", pa.string()),
        ("role", pa.string()),
        ("kind", pa.string()),
        ("psi", pa.float64()),
        ("threshold", pa.float64()),
        ("basis", pa.string()),
        ("ratio", pa.float64()),
        ("beyond_since", pa.string()),
        ("season", pa.float64()),
        ("n_current", pa.int64()),
        ("n_reference", pa.int64()),
        ("missing", pa.bool_()),
        ("null_share", pa.float64()),
        ("null_share_reference", pa.float64()),
        ("outside_share", pa.float64()),
        ("unseen_share", pa.float64()),
        ("unseen_categories", pa.int64()),
        ("mean", pa.float64()),
        ("mean_reference", pa.float64()),
        ("days_with_rows", pa.int64()),
        ("days_needed", pa.int64()),
        ("latest_rows", pa.int64()),
        ("reference_version", pa.string()),
        ("reference_digest", pa.string()),
        ("call_site", pa.string()),
        ("tenant", pa.string()),
        ("test", pa.string()),
        ("value", pa.float64()),
        ("limit", pa.float64()),
        ("severity", pa.string()),
        ("allowance", pa.float64()),
        ("location", pa.float64()),
        ("spread", pa.float64()),
        ("js", pa.float64()),
        ("wasserstein", pa.float64()),
        ("ks", pa.float64()),
        ("chi_square", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column of a drift report: how far the trailing window is from the reference.

    ``ratio`` is how many thresholds far it is by the ``test`` that puts it furthest: that test's
    ``value`` over its ``limit``; above 1 the day counts towards an alert. All are None when the
    window has no rows, the column is missing or the reference is too short for a threshold.
    ``threshold`` is that of ``psi``; ``allowance`` the factor on every threshold that a person
    approved. ``severity`` is of the size of the change, None within the thresholds.
    ``beyond_since`` is the first day of the run of such days, as far as the stored reports reach.
    ``outside_share`` is the share beyond the reference's range, ``season`` the highest level that
    the reference's own windows sustained, ``latest_rows`` the rows of the window's last day.
    ``call_site`` and ``tenant`` are those without which it would not be beyond its threshold.
    Of an output, rows are those that the reference's version answered, and ``days_with_rows`` the
    days on which no other version answered more.

    Fields with a default may be missing from reports that were stored before there were such.
    """

    column: str
    role: Role
    kind: Kind
    psi: float | None
    threshold: float | None
    basis: str | None
    ratio: float | None
    beyond_since: str | None
    season: float | None
    n_current: int
    n_reference: int
    missing: bool
    null_share: float
    null_share_reference: float
    outside_share: float
    unseen_share: float
    unseen_categories: int
    mean: float | None
    mean_reference: float | None
    days_with_rows: int
    days_needed: int
    latest_rows: int
    reference_version: str
    reference_digest: str
    call_site: str | None = None
    tenant: str | None = None
    test: str | None = None
    value: float | None = None
    limit: float | None = None
    severity: Severity | None = None
    allowance: float = 1.0
    location: float | None = None
    spread: float | None = None
    js: float | None = None
    wasserstein: float | None = None
    ks: float | None = None
    chi_square: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the window has rows of as many days as the threshold was calibrated for."""
        return self.days_with_rows >= self.days_needed

    @property
    def beyond(self) -> bool:
        """Whether the day counts towards an alert."""
        return self.complete and self.ratio is not None and self.ratio > 1


def compare(
    declared: Iterable[ProfiledColumn],
    reference: Reference,
    days: Sequence[DayTallies],
    runs: Mapping[str, str],
    last_day: str,
    allowances: Mapping[str, float] = UNCHANGED,
) -> tuple[ColumnDrift, ...]:
    """Every declared column in a window of days, in order, against the reference.

    An empty mapping stands for a day without rows. ``runs`` tells of columns that were beyond
    their threshold just before: column → first day of that run. ``allowances`` are the factors on
    a column's thresholds that a person approved.
    """
    known = {column.name: column for column in reference.columns}
    return tuple(
        _compare(
            reference,
            known[column.name],
            days,
            runs.get(column.name, last_day),
            allowances.get(column.name, 1.0),
        )
        if column.name in known
        else _without_reference(column, reference)
        for column in declared
    )


def as_table(columns: Iterable[ColumnDrift]) -> pa.Table:
    """The report as a table of ``SCHEMA``."""
    return pa.Table.from_pylist([asdict(column) for column in columns], schema=SCHEMA)


def from_table(table: pa.Table) -> tuple[ColumnDrift, ...]:
    """What ``as_table`` made."""
    return tuple(ColumnDrift(**row) for row in table.to_pylist())


def _compare(
    reference: Reference,
    column: ReferenceColumn,
    days: Sequence[DayTallies],
    run: str,
    allowance: float,
) -> ColumnDrift:
    now = window_tally(column.cells, days)
    per_day = [day.get(column.name) for day in days]
    by_day = np.array([tally.counts for tally in per_day if tally is not None])
    far = how_far(column, now.counts, allowance, by_day if len(by_day) > 1 else None)
    measures = measure(
        column.cells,
        Counted(now.counts, now.sums),
        Counted(column.counts, column.sums),
        column.std,
    )
    days_with_rows = sum(tally is not None and tally.speaks for tally in per_day)
    latest = per_day[-1] if per_day else None
    complete = days_with_rows >= column.calibration.days_needed
    beyond = complete and far.ratio is not None and far.ratio > 1
    return ColumnDrift(
        column=column.name,
        role=column.cells.column.role,
        kind=column.cells.column.kind,
        psi=far.psi,
        threshold=far.threshold,
        basis=far.basis,
        ratio=far.ratio,
        beyond_since=run if beyond else None,
        season=column.calibration.season,
        n_current=now.rows,
        n_reference=column.rows,
        missing=now.missing,
        null_share=share_of(column.cells, now.counts, "null", "nan"),
        null_share_reference=share_of(column.cells, column.counts, "null", "nan"),
        outside_share=share_of(column.cells, now.counts, "under", "over", "far_under", "far_over"),
        unseen_share=share_of(column.cells, now.counts, "unseen"),
        unseen_categories=len(now.unseen),
        mean=now.mean,
        mean_reference=column.mean,
        days_with_rows=days_with_rows,
        days_needed=column.calibration.days_needed,
        latest_rows=latest.rows if latest else 0,
        reference_version=reference.version,
        reference_digest=reference.digest,
        test=far.test,
        value=far.value,
        limit=far.limit,
        severity=far.severity if beyond else None,
        allowance=allowance,
        location=far.location,
        spread=far.spread,
        js=measures.js,
        wasserstein=measures.wasserstein,
        ks=measures.ks,
        chi_square=measures.chi_square,
    )


def _without_reference(column: ProfiledColumn, reference: Reference) -> ColumnDrift:
    return ColumnDrift(
        column.name, column.role, column.kind, None, None, None, None, None, None, 0, 0, False,
        0.0, 0.0, 0.0, 0.0, 0, None, None, 0, 0, 0, reference.version, reference.digest,
    )  # fmt: skip
