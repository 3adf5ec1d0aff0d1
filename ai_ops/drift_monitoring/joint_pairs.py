"""Which pairs of columns are watched: those that surely depend, chosen from the reference.

Pure, on codes. Two spanning trees without a common edge: each column that depends on anything has
its strongest partner, and most have two, so that the one which moves apart from all is known.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from ai_ops.drift_monitoring.cells import Role
from ai_ops.drift_monitoring.joint_cells import SIZE
from ai_ops.drift_monitoring.statistics.dependence import mutual_information

CHANCE: Final = 0.001
LEAST: Final = 0.02
"""Of a weaker dependence (in nats) nobody would miss the loss, nor could see it."""
TREES: Final = 2
PARTNERS: Final = 6
TO_OUTPUT: Final = 3
"""So many inputs are watched beside each output, those it depends on most."""

Codes = NDArray[np.uint8]
Pair = tuple[int, int]


def daily_joint(first: Codes, second: Codes, day: NDArray[Any], days: int) -> NDArray[np.int64]:
    """The rows of each day by both codes, shape ``[days, SIZE, SIZE]``; rows in any order."""
    place = (day.astype(np.int64) * SIZE + first) * SIZE + second
    return np.bincount(place, minlength=days * SIZE * SIZE).reshape(days, SIZE, SIZE)


def chosen_pairs(weights: Mapping[Pair, float], roles: Sequence[Role]) -> tuple[Pair, ...]:
    """The pairs of columns (by their places) to watch, from how much each pair depends.

    Strongest first: two spanning forests without a common edge, and of each output the inputs that
    tell most of it. Source: Chow and Liu, Approximating discrete probability distributions with
    dependence trees, IEEE Transactions on Information Theory 14(3), 1968.

    >>> chosen_pairs({(0, 1): 0.5, (0, 2): 0.3, (1, 2): 0.1, (2, 3): 0.2}, ["input"] * 4)
    ((0, 1), (0, 2), (2, 3), (1, 2))
    """
    ordered = _strongest_first(weights)
    chosen: dict[Pair, None] = {}
    for _ in range(TREES):
        tree = _forest([pair for pair in ordered if pair not in chosen])
        chosen.update(dict.fromkeys(tree))
    for output in (place for place, role in enumerate(roles) if role == "output"):
        own = [p for p in ordered if output in p and roles[sum(p) - output] == "input"]
        chosen.update(dict.fromkeys(own[:TO_OUTPUT]))
    return tuple(pair for pair in ordered if pair in chosen)


def candidate_pairs(weights: Mapping[Pair, float]) -> tuple[Pair, ...]:
    """Of each column the pairs with those that it depends on most: all are not worth a look."""
    taken: dict[int, int] = defaultdict(int)
    found = []
    for a, b in _strongest_first(weights):
        if min(taken[a], taken[b]) < PARTNERS:
            found.append((a, b))
            taken[a] += 1
            taken[b] += 1
    return tuple(found)


def dependences(codes: Sequence[Codes]) -> dict[Pair, float]:
    """The mutual information of each pair of columns that surely depend, in nats.

    >>> half = np.array([1, 1, 2, 2] * 100, np.uint8)
    >>> apart = np.array([1, 2, 1, 2] * 100, np.uint8)
    >>> dependences([half, apart, half])
    {(0, 2): 0.6931471805599453}
    """
    pairs = [(a, b) for b in range(len(codes)) for a in range(b)]
    found = {}
    for a, b in pairs:
        counts = daily_joint(codes[a], codes[b], np.zeros(len(codes[a]), np.int64), 1)[0]
        information, rows = float(mutual_information(counts)), int(counts.sum())
        freedom = max(_filled(counts, 0) - 1, 0) * max(_filled(counts, 1) - 1, 0)
        by_chance = chi2.ppf(1 - CHANCE / len(pairs), freedom) / (2 * rows) if freedom else np.inf
        if information > max(LEAST, by_chance):
            found[a, b] = information
    return found


def _strongest_first(weights: Mapping[Pair, float]) -> list[Pair]:
    return sorted(weights, key=lambda pair: (-weights[pair], pair))


def _forest(ordered: Sequence[Pair]) -> Iterator[Pair]:
    """The edges of a spanning forest, taken greedily in this order (Kruskal)."""
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in ordered:
        if root(a) != root(b):
            parent[root(a)] = root(b)
            yield a, b


def _filled(counts: NDArray[np.int64], axis: int) -> int:
    return int((counts.sum(axis=axis) > 0).sum())
