"""Whether two columns still depend on each other as they did: margins are left out of it."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Floats, Statistic
from ai_ops.drift_monitoring.statistics.population import psi

ROUNDS: Final = 60
CLOSE: Final = 1e-7

DEPENDENCE: Final = Statistic(
    name="dependence",
    title="Change of the dependence between two columns",
    unit="nats",
    meaning="0 while the joint is the reference's, raked to the margins of now; grows as it is not",
    source=(
        "the population stability index against the reference raked by Deming and Stephan, "
        "Annals of Mathematical Statistics 11 (1940)"
    ),
)


def mutual_information(joint: ArrayLike) -> Floats:
    """How much one column tells of the other, from counts of shape ``[..., a, b]``, in nats.

    Source: Chow and Liu, Approximating discrete probability distributions with dependence trees,
    IEEE Transactions on Information Theory 14(3), 1968.

    >>> mutual_information([[50, 0], [0, 50]]).round(3).item()
    0.693
    >>> mutual_information([[25, 25], [25, 25]]).item()
    0.0
    """
    counts = np.asarray(joint, float)
    total = np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1.0)
    shares = counts / total
    expected = shares.sum(axis=-1, keepdims=True) * shares.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / expected), 0.0)
    information: Floats = np.maximum(terms.sum(axis=(-2, -1)), 0.0)
    return information


def raked(joint: ArrayLike, margins: ArrayLike) -> Floats:
    """A joint with the margins of another and its own dependence (odds ratios), in rows of the
    other; counts of shape ``[..., a, b]``. Iterative proportional fitting.

    Source: Deming and Stephan, On a least squares adjustment of a sampled frequency table when the
    expected marginal totals are known, Annals of Mathematical Statistics 11 (1940).

    >>> raked([[40, 10], [10, 40]], [[0, 20], [0, 80]]).round(1).tolist()
    [[0.0, 20.0], [0.0, 80.0]]
    >>> raked([[40, 10], [10, 40]], [[60, 20], [10, 10]]).round(1).tolist()
    [[65.6, 14.4], [4.4, 15.6]]
    """
    fitted, wanted = np.broadcast_arrays(np.asarray(joint, float), np.asarray(margins, float))
    rows = wanted.sum(axis=-1, keepdims=True)
    columns = wanted.sum(axis=-2, keepdims=True)
    for _ in range(ROUNDS):
        fitted = fitted * _ratio(rows, fitted.sum(axis=-1, keepdims=True))
        factors = _ratio(columns, fitted.sum(axis=-2, keepdims=True))
        fitted = fitted * factors
        if np.abs(np.where(columns > 0, factors, 1.0) - 1).max(initial=0.0) < CLOSE:
            break
    return fitted


def dependence_shift(current: ArrayLike, reference: ArrayLike) -> Floats:
    """How far the joint of now is from the reference's with the margins of now, in nats.

    Counts of shape ``[..., a, b]``. A margin that moved moves both alike and is not counted; NaN
    where a side has no rows.

    >>> then = [[400, 100], [100, 400]]
    >>> dependence_shift([[80, 20], [20, 80]], then).round(3).item()
    0.0
    >>> dependence_shift([[50, 50], [50, 50]], then).round(2).item()
    0.41
    """
    now, then = np.broadcast_arrays(np.asarray(current, float), np.asarray(reference, float))
    rows = np.maximum(now.sum(axis=(-2, -1), keepdims=True), 1.0)
    expected = raked(then, now)
    expected = expected / rows * then.sum(axis=(-2, -1), keepdims=True)
    flat = (*now.shape[:-2], now.shape[-2] * now.shape[-1])
    return psi(now.reshape(flat), expected.reshape(flat))


def _ratio(wanted: Floats, has: Floats) -> Floats:
    ratio: Floats = np.divide(
        wanted, has, out=np.zeros(np.broadcast(wanted, has).shape), where=has > 0
    )
    return ratio
