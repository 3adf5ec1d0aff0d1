"""How accurate a calibrated score says it is: information, never a replacement for labels."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ai_ops.drift_monitoring.statistics.descriptor import Statistic

ESTIMATED_ACCURACY: Final = Statistic(
    name="estimated_accuracy",
    title="Accuracy as the score itself expects it (no replacement for labels)",
    unit="share of rows",
    meaning="the share of right decisions if the score were calibrated now as it was; blind where"
    " what the score means has changed",
    source="confidence-based performance estimation: NannyML; Guillory et al., ICCV 2021",
)


class ExpectedByScore(NamedTuple):
    """What a score expects of itself; no labels are in it."""

    accuracy: float
    auc: float
    rows: int


def expected_by_score(counts: ArrayLike, sums: ArrayLike, threshold: float) -> ExpectedByScore:
    """Accuracy and AUC that a calibrated score expects of itself, from its ascending cells.

    Of rows with a mean score ``s`` a share ``s`` is positive, were the score calibrated: decided
    positive they are right so often, decided negative all others. A cell is decided as its mean is;
    rows of one cell count as tied. Counts and sums of scores, shapes ``[cells]``; NaN without rows,
    and the AUC where only one class is expected.

    It sees that rows became harder to tell apart, and nothing else: when the label no longer
    follows the score as it did, it errs without a sign of it (by .121 of AUC where half of the
    signal was lost, by .695 where it was reversed). Source: NannyML's CBPE; Guillory et al. (2021).

    >>> found = expected_by_score([50, 30, 20], [5, 15, 18], threshold=0.5)
    >>> round(found.accuracy, 2), round(found.auc, 3)
    (0.78, 0.848)
    >>> expected_by_score([0, 0], [0, 0], threshold=0.5).rows
    0
    """
    rows, positive = np.asarray(counts, float), np.asarray(sums, float)
    total = rows.sum()
    if not total:
        return ExpectedByScore(float("nan"), float("nan"), 0)
    positive = np.minimum(np.maximum(positive, 0.0), rows)
    negative = rows - positive
    right = np.where(positive >= threshold * rows, positive, negative).sum() / total
    pairs = positive.sum() * negative.sum()
    below = negative.cumsum() - negative / 2
    auc = (positive * below).sum() / pairs if pairs else float("nan")
    return ExpectedByScore(float(right), float(auc), int(total))
