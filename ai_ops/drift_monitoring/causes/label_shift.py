"""Labels: whether the correct answers moved with the scores, or stayed where they were."""

from math import sqrt
from typing import Final

from ai_ops.drift_monitoring.causes.signs import Sign

LABELS_AT_LEAST: Final = 200
OVERDISPERSED: Final = 2.0
"""Days differ by more than chance: an error is so many times the binomial one."""
SHIFT_AT_LEAST: Final = 0.02


def label_shift(positives: int, labels: int, now: float | None, before: float | None) -> Sign:
    """Whether the rate of positives went with the mean score, from ``before`` to ``now``.

    The mean score of the reference stands for its rate: answers out of fold are calibrated.

    >>> label_shift(330, 1000, 0.31, 0.24).words
    'labels moved alike: 33% positive, scores 24% → 31%'
    >>> label_shift(240, 1000, 0.40, 0.24).direction, label_shift(3, 9, 0.4, 0.2).direction
    ('bad_data', 'neither')
    """
    name = "labels"
    if labels < LABELS_AT_LEAST:
        return Sign.unknown(name, f"{labels} labels of these days are known")
    if now is None or before is None or abs(now - before) < SHIFT_AT_LEAST:
        return Sign.unknown(name, "the mean score hardly moved")
    rate = positives / labels
    error = OVERDISPERSED * sqrt(max(rate * (1 - rate), 1e-9) / labels)
    numbers = {"rate": round(rate, 4), "labels": labels, "score": now, "score_before": before}
    told = f"{rate:.0%} positive, scores {before:.0%} → {now:.0%}"
    way = (rate - before) / (now - before)
    beyond = abs(rate - before) > 2 * error
    if beyond and way >= 0.5:
        return Sign(name, "genuine_shift", 0.6, f"labels moved alike: {told}", numbers)
    if abs(way) < 0.25 and abs(rate - now) > 2 * error:
        words = f"the scores moved and the labels did not: {told}"
        return Sign(name, "bad_data", 0.4, words, numbers)
    return Sign(name, "neither", 0.0, f"labels tell neither: {told}", numbers)
