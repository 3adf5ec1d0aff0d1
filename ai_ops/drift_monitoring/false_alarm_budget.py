"""How the false alarms that a week may have are divided over columns and tests."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from ai_ops.drift_monitoring.cells import Kind, ProfiledColumn, Role
from ai_ops.drift_monitoring.contrasts import DIRECTED, DriftTest

FALSE_ALARMS: Final[Mapping[Role, float]] = {"input": 0.002, "output": 0.005}
"""The probability that a healthy week alarms, of all inputs together and of all outputs.

It is taken for that of one look. A week is looked at on seven days, whose windows overlap, by the
rule of k of n: at 3.5 standard deviations that makes it 0.5 times as likely where days are
independent, and 1.2 times where neighbours correlate by 0.7.
"""
PARTS: Final[Mapping[Kind, Mapping[DriftTest, float]]] = {
    "number": {"location": 0.7, "psi": 0.18, "spread": 0.08, "nulls": 0.03, "outside": 0.01},
    "category": {"psi": 0.85, "unseen": 0.1, "nulls": 0.05},
}
"""How a column's share of the false alarms is divided among its tests."""
WEIGHTS: Final[Mapping[Kind, float]] = {"number": 3.0, "category": 1.0}
"""How a role's is divided among its columns: more tests are asked of a number, and a label is
mostly cut from a score that is asked by itself."""


def alphas(columns: Sequence[ProfiledColumn]) -> list[dict[DriftTest, float]]:
    """The probability of a false alarm in one look, by column and test; of one of two sides."""
    whole: dict[Role, float] = defaultdict(float)
    for column in columns:
        whole[column.role] += WEIGHTS[column.kind]
    return [
        {
            test: FALSE_ALARMS[column.role]
            * (WEIGHTS[column.kind] / whole[column.role])
            * part
            / (2 if test in DIRECTED else 1)
            for test, part in PARTS[column.kind].items()
        }
        for column in columns
    ]
