"""How far two distributions are apart: every statistic is a file of its own, on counts per cell.

None reads a row. Each file holds the function, with its shapes, unit and source, and a
``Statistic`` that says what its number means.
"""

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic
from ai_ops.drift_monitoring.statistics.population import PSI, psi, psi_of_chance
from ai_ops.drift_monitoring.statistics.windows import sustained, window_counts

__all__ = ["PSI", "Floats", "Statistic", "psi", "psi_of_chance", "sustained", "window_counts"]
