"""How far two versions' scores lie apart, whatever the labels say: a bound on their calibration.

In a group of rows, the mean scores of two versions differ by so much; whichever rate of true labels
the group has, one of them is nearer to it by that at most. Summed over the groups, |mean score -
rate| of one version exceeds that of the other by no more than the sum of what their mean scores
differ by: the triangle inequality, which asks for no label. The noise of the labels, which hides a
calibration error of .02 in 2,000 rows, is not in it.

It is so in the groups that are looked at: rows with the same mean of both scores. There, scores
that changed places (.47 for .53, and the other way round) lie nowhere apart. So rows are grouped by
the candidate's own scores too, as its calibration error groups them. A candidate that knows more
spreads its scores further, as it should, and lies there about twice as far: half of it counts.
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
    rows = np.bincount(place, minlength=len(days)).astype(float)
    count = len(days)
    weights = np.vstack([np.ones((1, count)), 1 - np.eye(count)])
    sums = []
    for alike in (candidate, (candidate + champion) / 2):
        group = np.minimum((alike * cells).astype(np.intp), cells - 1)
        apart = np.zeros((count, cells))
        np.add.at(apart, (place, group), candidate - champion)
        sums.append(np.abs(weights @ apart).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.maximum(sums[0] / 2, sums[1]) / (weights @ rows)
    return jackknife(float(found[0]), found[1:], rows=len(candidate))
