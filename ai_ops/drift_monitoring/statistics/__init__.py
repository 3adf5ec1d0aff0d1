"""How far two distributions are apart: every statistic is a file of its own, on counts per cell.

None reads a row. Each file holds the function, with its shapes, unit and source, and a
``Statistic`` that says what its number means.
"""

from typing import Final

from ai_ops.drift_monitoring.statistics.categories import UNSEEN, VANISHED, unseen, vanished
from ai_ops.drift_monitoring.statistics.chi_square import CHI_SQUARE, chi_square
from ai_ops.drift_monitoring.statistics.constant import CONSTANT, constant
from ai_ops.drift_monitoring.statistics.dependence import DEPENDENCE
from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic
from ai_ops.drift_monitoring.statistics.estimated_accuracy import (
    ESTIMATED_ACCURACY,
    expected_by_score,
)
from ai_ops.drift_monitoring.statistics.fine import FineProfile, cells_of_grid, fine_profile
from ai_ops.drift_monitoring.statistics.jensen_shannon import JENSEN_SHANNON, jensen_shannon
from ai_ops.drift_monitoring.statistics.kolmogorov_smirnov import (
    KOLMOGOROV_SMIRNOV,
    kolmogorov_smirnov,
    kolmogorov_smirnov_chance,
)
from ai_ops.drift_monitoring.statistics.measuring import Counted, Measures, measure
from ai_ops.drift_monitoring.statistics.missingness import MISSINGNESS, missingness, wilson
from ai_ops.drift_monitoring.statistics.out_of_range import OUT_OF_RANGE, out_of_range
from ai_ops.drift_monitoring.statistics.parity import (
    Parity,
    parity_of_categories,
    parity_of_numbers,
    sturges_borders,
)
from ai_ops.drift_monitoring.statistics.population import PSI, psi, psi_of_chance
from ai_ops.drift_monitoring.statistics.volume import VOLUME, volume
from ai_ops.drift_monitoring.statistics.wasserstein import WASSERSTEIN, wasserstein
from ai_ops.drift_monitoring.statistics.windows import sustained, window_counts

STATISTICS: Final[tuple[Statistic, ...]] = (
    PSI,
    JENSEN_SHANNON,
    WASSERSTEIN,
    KOLMOGOROV_SMIRNOV,
    CHI_SQUARE,
    MISSINGNESS,
    OUT_OF_RANGE,
    UNSEEN,
    VANISHED,
    CONSTANT,
    VOLUME,
    DEPENDENCE,
    ESTIMATED_ACCURACY,
)

__all__ = [
    "CHI_SQUARE",
    "CONSTANT",
    "DEPENDENCE",
    "ESTIMATED_ACCURACY",
    "JENSEN_SHANNON",
    "KOLMOGOROV_SMIRNOV",
    "MISSINGNESS",
    "OUT_OF_RANGE",
    "PSI",
    "STATISTICS",
    "UNSEEN",
    "VANISHED",
    "VOLUME",
    "WASSERSTEIN",
    "Counted",
    "FineProfile",
    "Floats",
    "Measures",
    "Parity",
    "Statistic",
    "cells_of_grid",
    "chi_square",
    "constant",
    "expected_by_score",
    "fine_profile",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "kolmogorov_smirnov_chance",
    "measure",
    "missingness",
    "out_of_range",
    "parity_of_categories",
    "parity_of_numbers",
    "psi",
    "psi_of_chance",
    "sturges_borders",
    "sustained",
    "unseen",
    "vanished",
    "volume",
    "wasserstein",
    "wilson",
    "window_counts",
]
