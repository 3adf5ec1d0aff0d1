"""How far probabilities are from what came true: ten cells of equal width.

The expected calibration error is Guo et al. 2017, "On Calibration of Modern Neural Networks".
"""

import numpy as np

from ai_ops.accuracy_evaluation.metrics import Bools, Curve, Floats

CELLS = 10


def cells_of(score: Floats, hit: Bools) -> Floats:
    """[3, CELLS]: rows, sum of scores, and what came true, by score.

    >>> cells_of(np.array([0.05, 0.97, 1.0]), np.array([False, True, True]))[:, [0, 9]].tolist()
    [[1.0, 2.0], [0.05, 1.97], [0.0, 2.0]]
    """
    cell = np.minimum((score * CELLS).astype(np.intp), CELLS - 1)
    columns = (np.ones(len(score)), score, hit.astype(float))
    return np.stack([np.bincount(cell, weights=column, minlength=CELLS) for column in columns])


def calibration_error(cells: Floats, rows: Floats) -> Floats:
    """The expected calibration error of R weightings, ``cells`` [R, 3, CELLS], ``rows`` [R]."""
    error: Floats = np.abs(cells[:, 1] - cells[:, 2]).sum(axis=1) / rows
    return error


def curve_of(cells: Floats) -> Curve:
    """The calibration curve of the cells of D days, [D, 3, CELLS]."""
    rows, scores, positives = cells.sum(axis=0) if len(cells) else np.zeros((3, CELLS))
    return [
        (float(s / n), float(p / n), int(n))
        for n, s, p in zip(rows, scores, positives, strict=True)
        if n
    ]
