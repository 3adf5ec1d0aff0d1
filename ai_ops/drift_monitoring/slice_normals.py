"""What is normal for one value of a slice: its own rows, in the cells of the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.calibration import (
    MINIMUM_INDEPENDENT_WINDOWS,
    Calibration,
    Rule,
    calibrate,
)
from ai_ops.drift_monitoring.cells import ColumnCells, Role
from ai_ops.drift_monitoring.contrasts import DriftTest
from ai_ops.drift_monitoring.distances import SIZES
from ai_ops.drift_monitoring.reference import ReferenceColumn
from ai_ops.vocabulary.words import DriftSlice

ALPHA: Final = 1e-4
"""About what one test of one column is allowed; a slice among many is allowed as much less."""
UNASKED: Final[tuple[DriftTest, ...]] = ("spread",)
"""What is not asked of a part of the rows: a few rare days widen it, and the weeks of one slice do
not know how often those come. That values spread is seen by PSI."""


@dataclass(frozen=True, slots=True)
class SliceOf:
    """One value of one dimension: ``tenant acme``."""

    dimension: DriftSlice
    value: str

    def __str__(self) -> str:
        return f"{self.dimension} {self.value}"


@dataclass(frozen=True, eq=False)
class SliceNormal:
    """What is normal for a slice's columns of one role: told by its rows of ``first`` to ``last``.

    ``source`` says whether these are rows of the reference, or of the log.
    """

    of: SliceOf
    role: Role
    source: str
    first: str
    last: str
    columns: tuple[ReferenceColumn, ...]

    @property
    def known(self) -> bool:
        """Whether the days were enough to know how much its weeks differ by themselves."""
        return any(column.calibration.threshold is not None for column in self.columns)

    def as_data(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "dimension": self.of.dimension,
            "value": self.of.value,
            "role": self.role,
            "source": self.source,
            "first": self.first,
            "last": self.last,
            "columns": [
                {
                    "cells": column.cells.as_data(),
                    "counts": column.counts.tolist(),
                    "calibration": column.calibration.as_data(),
                }
                for column in self.columns
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "SliceNormal":
        """What ``as_data`` wrote."""
        columns = tuple(
            ReferenceColumn(
                ColumnCells.from_data(one["cells"]),
                np.array(one["counts"], np.int64),
                Calibration.from_data(one["calibration"]),
                None,
                0.0,
            )
            for one in data["columns"]
        )
        of = SliceOf(data["dimension"], data["value"])
        return cls(of, data["role"], data["source"], data["first"], data["last"], columns)


def normal_of(
    of: SliceOf,
    role: Role,
    source: str,
    days: Sequence[str],
    daily: Mapping[str, tuple[ColumnCells, NDArray[np.int64]]],
    rule: Drift,
    slices: int,
) -> SliceNormal:
    """From each column's counts per day, shape ``[days, cells]``; one of so many ``slices``.

    What is slight in itself (``distances.SIZES``) is not worth a person's time in a part of the
    rows: a tenant's timetable is exactly the same for months, and any change of it would be sure.
    """
    counted = list(daily.values())
    calibrations = calibrate(counted, Rule(rule.window_days, rule.k, rule.n))
    factor = stricter(slices, len(days) / rule.window_days)
    columns = []
    for (cells, counts), calibration in zip(counted, calibrations, strict=True):
        limits = tuple(
            replace(limit, quantile=limit.quantile * factor, least=SIZES[limit.test][0])
            for limit in calibration.limits
            if limit.test not in UNASKED
        )
        kept = counts[calibration.kept(len(days))]
        own = replace(calibration, limits=limits)
        columns.append(ReferenceColumn(cells, kept.sum(axis=0), own, None, 0.0))
    return SliceNormal(of, role, source, days[0], days[-1], tuple(columns))


def stricter(slices: int, weeks: float) -> float:
    """How many times as far out a threshold lies for one of so many slices: all of them together
    are allowed what the columns of the whole are.

    >>> stricter(1, 12.0)
    1.0
    >>> round(stricter(10, 12.0), 2), round(stricter(50, 12.0), 2)
    (1.3, 1.54)
    """
    if slices <= 1 or weeks < MINIMUM_INDEPENDENT_WINDOWS:
        return 1.0
    freedom = weeks - 1
    alone, among = student.isf(ALPHA, freedom), student.isf(ALPHA / slices, freedom)
    return float(among / alone)
