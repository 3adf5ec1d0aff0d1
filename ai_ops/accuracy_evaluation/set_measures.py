"""What is counted and measured of a labelled evaluation set, stratum by stratum."""

import numpy as np

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.labels_needed import HEADLINE
from ai_ops.accuracy_evaluation.metrics import Bools, estimate
from ai_ops.accuracy_evaluation.queue_marks import queue_marks
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.set_strata import (
    THIN,
    Names,
    StratifiedRows,
    counted,
    quartile_of,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root


def drawn_for_strata(root: Root, feature: AiFeatureSpec, rows: LabelledRows, where: Bools) -> Names:
    """The stratum that each of the chosen rows was drawn for by the labelling queue."""
    marks = queue_marks(root.lake, feature.name) if where.any() else None
    found = np.full(len(rows.ids), "", dtype=object)
    if marks is not None:
        found[where] = marks.drawn_for(rows.ids[where])
    return found


def by_stratum(
    feature: AiFeatureSpec,
    rows: LabelledRows,
    strata: StratifiedRows,
    labelled: Bools,
    drawn_for: Names,
) -> dict[str, dict[str, float]]:
    """The headline metric of what was answered, in each stratum with labels enough."""
    kind, found = kind_of(feature), dict[str, dict[str, float]]()
    for column, value, where in strata.each(labelled & rows.usable, drawn_for):
        if np.count_nonzero(where & rows.usable) >= THIN:
            sums = sums_of(rows, where & rows.usable, kind)
            headline = estimate(sums).get(HEADLINE[kind.name])
            if headline is not None:
                found.setdefault(column, {})[value] = round(headline.value, 6)
    return found


def label_counts(rows: LabelledRows, where: Bools) -> dict[str, int]:
    """How often each label stands in the chosen rows; of numbers, their quartiles."""
    labels = rows.answers.labels[where]
    return counted((quartile_of(labels) if labels.dtype == float else labels).tolist())
