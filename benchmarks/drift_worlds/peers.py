"""What Evidently and NannyML say of a week, from counts on a fine grid: their arithmetic.

Evidently compares a week with the whole reference, NannyML with the reference's own weeks too.
"""

import numpy as np

from drift_worlds.shapes import Floats, Grid

EVIDENTLY_LIMIT = 0.1
NANNYML_DEVIATIONS = 3.0


def evidently(grid: Grid, reference: Floats, weeks: Floats) -> Floats:
    """The drift score of each week, shape ``[weeks, fine cells]`` to ``[weeks]``: the normed
    Wasserstein distance of numbers, the Jensen-Shannon distance (nats) of categories.

    Its defaults for references of more than 1,000 rows; missing values are dropped, but counted
    among the rows of a category.
    """
    if grid.cells.column.kind == "category":
        known = np.s_[..., :-1]
        a, b = reference[known] / reference.sum(), weeks[known] / weeks.sum(-1, keepdims=True)
        return jensen_shannon(a, b)
    a, b = shares(reference[:-1]), shares(weeks[:, :-1])
    apart = np.abs(np.cumsum(a)[:-1] - np.cumsum(b, axis=1)[:, :-1])
    widths = np.diff(grid.edges)
    middle = np.concatenate(
        [grid.edges[:1], (grid.edges[1:] + grid.edges[:-1]) / 2, grid.edges[-1:]]
    )
    between = (apart[:, 1:] + apart[:, :-1]) / 2
    if np.array_equal(grid.edges, np.round(grid.edges)):  # whole numbers: each cell is one value
        middle, between = np.concatenate([[-1.0], grid.edges]), apart[:, 1:]
    std = np.sqrt(a @ middle**2 - (a @ middle) ** 2)
    distance: Floats = between @ widths / std
    return distance


def nannyml(grid: Grid, reference_weeks: Floats, weeks: Floats) -> Floats:
    """How many standard deviations of the reference's weeks each week lies above their mean, in
    the Jensen-Shannon distance (bits) from the reference over Doane's bins."""
    size = grid.doane.max() + 1
    binned = [np.zeros((len(side), size)) for side in (reference_weeks, weeks)]
    for side, counts in zip(binned, (reference_weeks, weeks), strict=True):
        for place, of_place in zip(grid.doane, counts.T, strict=True):
            if place >= 0 and not (grid.cells.column.kind == "category" and place == size - 1):
                side[:, place] += of_place
    whole = shares(binned[0].sum(axis=0))
    own, now = (jensen_shannon(whole, shares(side)) / np.sqrt(np.log(2)) for side in binned)
    deviations: Floats = (now - own.mean()) / max(own.std(), 1e-12)
    return deviations


def jensen_shannon(a: Floats, b: Floats) -> Floats:
    """The distance in nats, as scipy has it: shares are normed first."""
    a, b = np.broadcast_arrays(shares(a), shares(b))
    middle = (a + b) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(a > 0, a * np.log(a / middle), 0.0).sum(-1)
        right = np.where(b > 0, b * np.log(b / middle), 0.0).sum(-1)
    distance: Floats = np.sqrt(np.maximum(left + right, 0.0) / 2)
    return distance


def shares(counts: Floats) -> Floats:
    """Counts over their sum, along the last axis."""
    found: Floats = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-12)
    return found
