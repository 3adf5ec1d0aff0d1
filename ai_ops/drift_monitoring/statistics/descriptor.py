"""What a statistic is, for whoever reads its number."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a statistic is, for whoever reads its number: name, unit, meaning, source."""

    name: str
    title: str
    unit: str
    meaning: str
    source: str
