"""What the live score expects of its own accuracy: information, never a replacement for labels."""

from collections.abc import Mapping, Sequence

import numpy as np

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.statistics import Floats, expected_by_score
from ai_ops.drift_monitoring.tallies import DayTallies, window_tally
from ai_ops.vocabulary.verdicts import Observed

WORDS = ("under", "bin", "over")


def expected_numbers(
    feature: AiFeatureSpec, reference: Reference, days: Sequence[DayTallies]
) -> Mapping[str, Observed]:
    """The accuracy and AUC that the score of a window expects of itself, named as what they are.

    Empty where nothing is judged by a probability, or nothing was answered. No verdict reads them.
    """
    score = feature.judged.score if feature.judged else None
    declared = {output.name: output.type for output in feature.outputs}
    known = {column.name: column for column in reference.columns}
    if score is None or declared.get(score) != "probability" or score not in known:
        return {}
    cells = known[score].cells
    window = window_tally(cells, days)
    words = [word for word, _ in cells.names]
    places = [place for of in WORDS for place, word in enumerate(words) if word == of]
    counts: Floats = np.asarray(window.counts, float)[places]
    found = expected_by_score(counts, window.sums[places], feature.judged.threshold)
    if not found.rows:
        return {}
    return {
        "accuracy_expected_by_score_not_by_labels": round(found.accuracy, 4),
        "auc_expected_by_score_not_by_labels": round(found.auc, 4)
        if found.auc == found.auc
        else None,
    }
