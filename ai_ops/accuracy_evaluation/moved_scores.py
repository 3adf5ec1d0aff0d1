"""How far two versions' scores lie apart, whatever the labels say: a bound on their calibration.

Rows are grouped by the mean of both scores. In a group, the mean scores of two versions differ by
so much; whichever rate of true labels the group has, one of them is nearer to it by that at most.
Summed over the groups, |mean score - rate| of one version exceeds that of the other by no more than
the sum of what their mean scores differ by: the triangle inequality, which asks for no label. The
noise of the labels, which hides a calibration error of .02 in 2,000 rows, is not in it.
"""

import numpy as np
import numpy.typing as npt

from ai_ops.accuracy_evaluation.calibration import CELLS
from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife
from ai_ops.accuracy_evaluation.metrics import Floats


def moved_scores(
    day: npt.NDArray[np.str_], candidate: Floats, champion: Floats, cells: int = CELLS
) -> Estimate:
    """The mean of how far the scores of two versions lie apart in groups of rows alike.

    Scores that are higher on some rows and lower on others like them are not apart:

    >>> day = np.repeat(["a", "b", "c"], 4)
    >>> champion = np.tile([0.24, 0.22, 0.72, 0.76], 3)
    >>> candidate = np.tile([0.22, 0.24, 0.76, 0.72], 3)
    >>> [round(apart, 3) for apart in (moved_scores(day, candidate, champion).value,
    ...                                moved_scores(day, candidate + 0.02, champion).value)]
    [0.0, 0.02]
    """
    days, place = np.unique(np.asarray(day, dtype=str), return_inverse=True)
    middle = (candidate + champion) / 2
    group = np.minimum((middle * cells).astype(np.intp), cells - 1)
    apart = np.zeros((len(days), cells))
    np.add.at(apart, (place, group), candidate - champion)
    rows = np.bincount(place, minlength=len(days)).astype(float)
    count = len(days)
    weights = np.vstack([np.ones((1, count)), 1 - np.eye(count)])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.abs(weights @ apart).sum(axis=1) / (weights @ rows)
    return jackknife(float(found[0]), found[1:], rows=len(candidate))
