"""Which rows of a large log a bounded sample holds: each day its share, several places of a day.

A sample reads whole row groups (a log is in the order of time, so one is a piece of its day) and
takes from each as many rows as it stands for. What a few groups cannot show is what happened
between them only: so they are spread over the day, by rows, and each slice has its share.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def seeded(*parts: object) -> np.random.Generator:
    """A generator whose numbers follow from what is sampled: the same rows each time.

    >>> seeded("2021-03-04", 900).integers(100) == seeded("2021-03-04", 900).integers(100)
    np.True_
    """
    digest = sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def shared(total: int, sizes: Sequence[int]) -> list[int]:
    """A total divided in proportion to sizes, whole, and to none more than it has.

    >>> shared(10, [700, 200, 100])
    [7, 2, 1]
    >>> shared(10, [3, 4]), shared(2, [1, 1, 1]), shared(5, [])
    ([3, 4], [1, 1, 0], [])
    """
    whole = sum(sizes)
    if whole <= total:
        return list(sizes)
    exact = [total * size / whole for size in sizes]
    parts = [int(one) for one in exact]
    by_rest = sorted(range(len(sizes)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_rest[: total - sum(parts)]:
        parts[place] += 1
    return parts


def groups_read(sizes: Sequence[int], most: int, generator: np.random.Generator) -> dict[int, int]:
    """The row groups of a file to read, at most ``most`` rows of them but one group at least;
    each with how many rows of the file it stands for.

    All of them where they fit, each for its own; or else those that evenly spaced rows lie in, from
    a place by chance, each for the rows around it. A group is then chosen in proportion to its
    rows, so that no part of the day counts for more than it is.

    >>> groups_read([10, 10, 5], 30, seeded("all fit"))
    {0: 10, 1: 10, 2: 5}
    >>> groups_read([10] * 100, 30, seeded("three of them"))
    {8: 333, 41: 333, 75: 333}
    >>> groups_read([0], 30, seeded("no rows"))
    {}
    """
    filled = {place: size for place, size in enumerate(sizes) if size}
    whole = sum(filled.values())
    if whole <= most:
        return filled
    wanted = max(1, int(most * len(filled) / whole))
    points = (np.arange(wanted) + generator.random()) / wanted * whole
    hit = np.searchsorted(np.cumsum(sizes), points, side="right")
    groups, times = np.unique(hit, return_counts=True)
    return dict(zip(groups.tolist(), (times * whole // wanted).tolist(), strict=True))


def spread(
    strata: Sequence[NDArray[np.int64]], rows: int, wanted: int, generator: np.random.Generator
) -> Places:
    """The places of the rows to take, in order: one by chance of each run of ``rows / wanted``.

    The runs go through one stratum after the other (codes, a vector per way of slicing) and in
    each through the rows as they lie, which is by time: every slice and every hour has its share.

    >>> tenants = np.array([0, 1] * 50)
    >>> taken = spread([tenants], 100, 10, seeded("half and half"))
    >>> len(taken), int(tenants[taken].sum())
    (10, 5)
    >>> spread([], 3, 10, seeded("all")).tolist()
    [0, 1, 2]
    """
    if wanted >= rows:
        return np.arange(rows, dtype=np.int64)
    # (lexsort leaves equal ones in their order)
    order = np.lexsort(list(strata)) if strata else np.arange(rows)
    borders = np.arange(wanted + 1) * rows // wanted
    taken = borders[:-1] + (generator.random(wanted) * np.diff(borders)).astype(np.int64)
    return np.sort(order[taken])
