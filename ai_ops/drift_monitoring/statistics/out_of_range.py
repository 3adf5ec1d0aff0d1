"""Values beyond the lowest and highest of the reference, and how many chance puts there."""

from typing import Final, NamedTuple

from scipy.special import betainc

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

OUT_OF_RANGE: Final = Statistic(
    name="out_of_range",
    title="Out of range",
    unit="share of rows",
    meaning="the share of values below the reference's lowest or above its highest",
    source="Gumbel and von Schelling, Annals of Mathematical Statistics 21(2), 1950",
)


class OutOfRange(NamedTuple):
    """The share of values beyond the reference's extremes, and the chance of so many."""

    share: float
    chance: float


def out_of_range(hits: int, rows: int, reference_rows: int) -> OutOfRange:
    """How many of ``rows`` values lie beyond the extremes of the reference's own.

    New rows of the same distribution exceed two extremes of ``m`` rows as often as a negative
    binomial with mean ``2 n / m`` says, whatever the distribution; ties make it rarer. NaN where a
    side has no rows. Source: Gumbel and von Schelling (1950).

    >>> out_of_range(30, 1_000, 50_000).chance < 1e-12
    True
    >>> round(out_of_range(1, 1_000, 50_000).chance, 3)
    0.039
    """
    if not rows or not reference_rows:
        return OutOfRange(float("nan"), float("nan"))
    if not hits:
        return OutOfRange(0.0, 1.0)
    return OutOfRange(hits / rows, float(betainc(hits, 2, rows / (rows + reference_rows))))
