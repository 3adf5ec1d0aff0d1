"""What a spot check looks at, and what its result allows to say of all that it did not look at."""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Final, Literal

import numpy as np
from scipy.special import betaincinv

from ai_ops.prediction_logging.block_scan import Places

SAMPLE: Final = 300
"""So many without an error show, with 95 % confidence, that fewer than 1 % have one."""

CONFIDENCE: Final = 0.95

_STREAMS: Final = ("actions", "records")


def seed_of(feature: str, month: str) -> str:
    """What a month's sample is drawn by: whoever draws it again draws the same one.

    >>> seed_of("tiny", "2021-03-01")
    'tiny 2021-03-01'
    """
    return f"{feature} {month}"


def shares(sizes: Mapping[str, int], sample: int = SAMPLE) -> dict[str, int]:
    """How many of each day's rows are looked at: in proportion, by the largest remainder.

    The bound of a simple sample then holds for this one too: a number of errors with unequal
    chances strays less than one with equal chances (Hoeffding 1956, "On the distribution of the
    number of successes in independent trials").

    >>> shares({"2021-03-01": 500, "2021-03-02": 250, "2021-03-03": 0}, 100)
    {'2021-03-01': 67, '2021-03-02': 33, '2021-03-03': 0}
    >>> shares({"2021-03-01": 5}, 100)
    {'2021-03-01': 5}
    """
    total = sum(sizes.values())
    if total <= sample:
        return dict(sizes)
    exact = {day: sample * size / total for day, size in sizes.items()}
    given = {day: int(share) for day, share in exact.items()}
    rest = sorted(exact, key=lambda day: (given[day] - exact[day], day))
    for day in rest[: sample - sum(given.values())]:
        given[day] += 1
    return given


def drawn(seed: str, stream: Literal["actions", "records"], day: str, size: int, n: int) -> Places:
    """The places of ``n`` of a day's ``size`` rows, without repeats, in order.

    >>> drawn("tiny 2021-03-01", "actions", "2021-03-04", 1000, 3).tolist()
    [538, 678, 815]
    """
    digest = int.from_bytes(sha256(seed.encode()).digest()[:8])
    random = np.random.default_rng(
        [digest, _STREAMS.index(stream), date.fromisoformat(day).toordinal()]
    )
    places: Places = np.sort(random.choice(size, size=min(n, size), replace=False)).astype(np.int64)
    return places


def at_most(errors: int, n: int) -> float:
    """The share of errors that is exceeded by all rows with a chance of 5 % only.

    The exact one-sided bound (Clopper and Pearson 1934, "The use of confidence or fiducial limits
    illustrated in the case of the binomial"). Without an error it is near 3 / n (Hanley and
    Lippman-Hand 1983, "If nothing goes wrong, is everything all right?"):

    >>> round(at_most(0, 300), 5), round(at_most(2, 300), 5), at_most(5, 5)
    (0.00994, 0.02084, 1.0)
    """
    if n <= 0:
        raise ValueError("nothing was looked at: no share can be said of it")
    return 1.0 if errors >= n else float(betaincinv(errors + 1, n - errors, CONFIDENCE))


def at_least(errors: int, n: int) -> float:
    """The share of errors that all rows have at the least, with the same confidence.

    >>> at_least(0, 300), round(at_least(3, 300), 5)
    (0.0, 0.00273)
    """
    if n <= 0:
        raise ValueError("nothing was looked at: no share can be said of it")
    return 0.0 if errors <= 0 else float(betaincinv(errors, n - errors + 1, 1 - CONFIDENCE))
