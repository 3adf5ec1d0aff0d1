"""What was promised: the metrics of the labelled rows of a reference."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.label_values import read_labels
from ai_ops.accuracy_evaluation.metrics import Answers, DaySums, measured, sum_days
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.accuracy_evaluation.slices import sliced_table
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.vocabulary.errors import MissingEvidence

BLOCKS = 20
"""A reference without times has no days: so many parts of its order stand for them."""


@dataclass(frozen=True)
class LaunchRows:
    """The labelled rows of a reference that can be judged: the columns that the feature is sliced
    by, their answers, and the day of each."""

    slices: pa.Table
    answers: Answers
    days: npt.NDArray[np.str_]


def launch_of(feature: AiFeatureSpec, rows: LaunchRows, digest: str) -> Launch:
    """The launch's metrics on the rows of a reference."""
    sums: DaySums = sum_days(kind_of(feature).summer(), rows.days, rows.answers)
    return Launch(digest, measured(sums, sums.days[0], sums.days[-1]), sums.curve())


def launch_rows(feature: AiFeatureSpec, table: pa.Table, about: str) -> LaunchRows:
    """The rows of a reference with ``time``, ``label`` and the judged outputs.

    Raises ``MissingEvidence`` naming what ``about`` lacks.
    """
    kind = kind_of(feature)
    judged = feature.judged
    names = (judged.score,) if judged.score else kind.outputs(judged)
    wanted = ("time", "label", *(f"output_{name}" for name in names))
    if absent := [name for name in wanted if name not in table.column_names]:
        raise MissingEvidence(f"{about} has no column {absent[0]}{_to_mend(feature)}")
    label = read_labels(table["label"], feature.ground_truth)
    labelled = label.is_valid()
    table, label = table.filter(labelled), label.filter(labelled)
    answers = kind.answers(kind.judged(table, feature), label, feature)
    if not len(answers) or not answers.usable.any():
        raise MissingEvidence(f"{about} has no labelled row{_to_mend(feature)}")
    usable = answers.usable
    days = _days(table["time"])[usable]
    sliced = sliced_table(feature, table.filter(pa.array(usable)))
    return LaunchRows(sliced, answers.take(usable), days)


def _to_mend(feature: AiFeatureSpec) -> str:
    if feature.trained_here:
        return ""
    if feature.reference is not None and feature.reference.files is None:
        return (
            ": what is normal is unknown until the labels of reference.first_day to "
            "reference.last_day have come; materialise ground_truth of those days and after"
        )
    return ": name reference.files whose rows hold the label (source.columns.label)"


def _days(time: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    if not time.null_count and pa.types.is_temporal(time.type):
        days: npt.NDArray[np.str_] = np.datetime_as_string(time.to_numpy().astype("datetime64[D]"))
        return days
    count = len(time)
    return np.array([f"part {place * BLOCKS // count + 1:02d}" for place in range(count)])
