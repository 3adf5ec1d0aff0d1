"""What share of binary labels looks flipped, by rows of which the version was sure.

Where a share f of the labels is the opposite of the truth, an observed rate q is no longer the true
rate r but ``q = f + (1 - 2 f) r`` (Angluin and Laird 1988, "Learning from noisy examples"): rows
that were hardly ever positive now are in f of the cases, and rows that nearly always were fail to
be so in f of theirs.
The true rate of a day may have moved besides: each day has a shift of its own in log-odds.

A model that tells less apart makes rates regress too, towards the mean rather than a half. By score
alone the two look much alike. What tells them apart are groups of rows: with a share f flipped no
group whatever has a rate below f or above 1 - f, while a world that only the model no longer
understands still has hours, places or customers in which hardly anything is positive.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, expit, logit

from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHARES: Final = np.linspace(0.0, 0.5, 26)
"""The shares that are tried. Beyond a half the contrast is reversed, and says so itself."""

SHIFT_VARIANCE: Final = 4.0
"""Of a day's own shift in log-odds: a day is more than two off in one of three cases, at most."""

LAUNCH_ROWS: Final = 50
"""A cell of fewer rows at launch has no rate to compare with."""

DAYS_AT_LEAST: Final = 3
CONTRAST_KEPT: Final = 0.8
"""Where rates tell scores apart as well as this, nothing needs an explanation."""

FLIPS_AT_LEAST: Final = 0.1
"""Fewer flips than this are not told from the ways of the world."""

DOUBT: Final = 1e-3


def launch_rates(rows: Floats, positives: Floats) -> Floats:
    """The rate of each cell at launch; NaN where too few rows tell it."""
    return np.where(rows >= LAUNCH_ROWS, (positives + 0.5) / (rows + 1), np.nan)


def profile(rows: Floats, positives: Floats, rates: Floats) -> Floats:
    """The log-likelihood of each share of ``SHARES`` on one day's cells, its shift at the best.

    >>> rates, rows = np.array([0.05, 0.2, 0.5, 0.9]), np.full(4, 500.0)
    >>> flipped = 0.3 + 0.4 * rates
    >>> round(float(SHARES[profile(rows, rows * flipped, rates).argmax()]), 2)
    0.3
    >>> float(SHARES[profile(rows, rows * rates, rates).argmax()])
    0.0
    """
    odds, shares = logit(rates), SHARES[:, None]
    slope, shift = 1 - 2 * shares, np.zeros(len(SHARES))
    for _ in range(25):
        true = expit(shift[:, None] + odds)
        q = np.clip(shares + slope * true, 1e-9, 1 - 1e-9)
        tilt = slope * true * (1 - true)
        gradient = ((positives - rows * q) / (q * (1 - q)) * tilt).sum(axis=1)
        curvature = (rows * tilt**2 / (q * (1 - q))).sum(axis=1) + 1 / SHIFT_VARIANCE
        step = np.clip((gradient - shift / SHIFT_VARIANCE) / curvature, -1, 1)
        shift = shift + step
        if np.abs(step).max() < 1e-3:
            break
    q = np.clip(shares + slope * expit(shift[:, None] + odds), 1e-9, 1 - 1e-9)
    told = positives * np.log(q) + (rows - positives) * np.log1p(-q)
    likelihood: Floats = told.sum(axis=1) - shift**2 / 2 / SHIFT_VARIANCE
    return likelihood


def contrast(rows: Floats, positives: Floats, rates: Floats) -> Estimate:
    """How far the observed rates of D days, [D, C], tell the cells apart as at launch: the slope of
    one on the other within each day, by the jackknife over days.

    >>> rates, rows = np.array([0.1, 0.3, 0.8]), np.full((7, 3), 100.0)
    >>> round(contrast(rows, rows * (0.3 + 0.4 * rates), rates).value, 3)
    0.4
    """
    whole = np.maximum(rows.sum(axis=1, keepdims=True), 1)
    apart = rates - (rows * rates).sum(axis=1, keepdims=True) / whole
    above = (positives * apart).sum(axis=1)
    spread = (rows * apart**2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        without = (above.sum() - above) / (spread.sum() - spread)
        value = above.sum() / spread.sum()
    return jackknife(float(value), without, rows=int(rows.sum()))


def flipped_share(profiles: Floats, rows: int) -> Estimate:
    """The likeliest share of D days, from their profiles [D, S], by the jackknife over days."""
    whole = profiles.sum(axis=0)
    without = np.array([_highest(whole - one) for one in profiles])
    return jackknife(_highest(whole), without, rows=rows)


def onset(profiles: Floats) -> int:
    """From which of D days on labels look flipped: before it none is, from it on one share."""
    clean = np.concatenate([[0.0], np.cumsum(profiles[:, 0])])
    after = np.cumsum(profiles[::-1], axis=0)[::-1].max(axis=1)
    last = max(len(profiles) - DAYS_AT_LEAST, 0)
    return int(np.argmax((clean[:-1] + after)[: last + 1]))


def groups_against(
    share: float, label: Bools, expected: Floats, groups: Sequence[npt.NDArray[np.int32]]
) -> tuple[int, int, int | None]:
    """How many groups would be surely outside [share, 1 - share] if the labels were as expected,
    how many are, and the place of the first of those among all groups.

    ``groups`` hold, for each column that rows are grouped by, the group of each row (-1: none).
    """
    told = [_sums(codes, label, expected) for codes in groups]
    rows, positives, likely = (np.concatenate(parts) for parts in zip(*told, strict=True))
    level = 1 - DOUBT / max(len(rows), 1)
    telling = _surely_below(likely, rows, share, level)
    telling |= _surely_below(rows - likely, rows, share, level)
    refuting = _surely_below(positives, rows, share, level)
    refuting |= _surely_below(rows - positives, rows, share, level)
    first = np.flatnonzero(refuting)
    return int(telling.sum()), int(refuting.sum()), int(first[0]) if len(first) else None


def _sums(
    codes: npt.NDArray[np.int32], label: Bools, expected: Floats
) -> tuple[Floats, Floats, Floats]:
    known, count = codes >= 0, int(codes.max(initial=-1)) + 1
    place = codes[known]
    weights = (np.ones(len(place)), label[known].astype(float), expected[known])
    rows, positives, likely = (
        np.bincount(place, one, minlength=count).astype(float) for one in weights
    )
    return rows, positives, likely


def _surely_below(hits: Floats, rows: Floats, share: float, level: float) -> Bools:
    """Whether the upper end of each rate's interval (Clopper and Pearson 1934) is below."""
    known = (rows > 0) & (hits < rows)
    high = np.ones(len(rows))
    high[known] = betaincinv(hits[known] + 1, rows[known] - hits[known], level)
    return high < share


def _highest(likelihood: Floats) -> float:
    """The share of the highest likelihood, between the shares that were tried."""
    place = int(np.clip(likelihood.argmax(), 1, len(SHARES) - 2))
    before, here, after = likelihood[place - 1 : place + 2]
    bend = before - 2 * here + after
    apart = 0.5 * (before - after) / bend if bend < 0 else 0.0
    found = SHARES[place] + np.clip(apart, -1, 1) * (SHARES[1] - SHARES[0])
    return float(np.clip(found, 0.0, 0.5))
