"""Which of two versions is launched: the same rows, neither has seen them, paired by day."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.metrics import difference, estimate, rows_of
from ai_ops.vocabulary.errors import MissingEvidence

LOGGED = ("auc", "brier", "brier_skill", "ece", "accuracy", "f1", "calibration_gap")


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same out-of-fold rows, which of them is launched, and why in a sentence.

    ``difference`` is the challenger's AUC minus the baseline's, with its interval over days.
    """

    baseline: str
    challenger: str
    launched: str
    reason: str
    difference: Estimate
    metrics: dict[str, dict[str, float]]

    def as_data(self) -> dict[str, Any]:
        """The comparison as JSON-ready data."""
        return asdict(self)


def compare(
    baseline: str, one: pa.Table, challenger: str, other: pa.Table, threshold: float
) -> Comparison:
    """Launch the challenger when its AUC is higher beyond its interval, else the baseline.

    ``one`` and ``other`` are the references of the two versions: ``id``, ``time``, ``label`` and
    ``output_probability`` of the same rows in the same order.
    """
    if one["id"] != other["id"]:
        raise MissingEvidence(
            f"versions {baseline} and {challenger} were scored on different rows: "
            "register both from one training period"
        )
    first, second = sums_of(one, threshold), sums_of(other, threshold)
    gained = difference(second, first)["auc"]
    better = gained.beyond(0.0)
    metrics = {baseline: launch_metrics(first), challenger: launch_metrics(second)}
    return Comparison(
        baseline=baseline,
        challenger=challenger,
        launched=challenger if better else baseline,
        reason=_sentence(baseline, challenger, metrics, gained, better),
        difference=gained,
        metrics=metrics,
    )


def sums_of(reference: pa.Table, threshold: float) -> BinarySums:
    """The sums by day of a reference's labelled rows."""
    labelled = reference.filter(pc.is_valid(reference["label"]))
    if not labelled.num_rows:
        raise MissingEvidence("the reference has no labelled row: nothing can be compared")
    score = labelled["output_probability"].to_numpy()
    label = labelled["label"].to_numpy().astype(bool)
    day: npt.NDArray[np.str_] = np.datetime_as_string(
        labelled["time"].to_numpy().astype("datetime64[D]")
    )
    return sum_by_day(day, score, label, score >= threshold)


def launch_metrics(sums: BinarySums) -> dict[str, float]:
    """The metrics that are logged with a version, and the rows and days they were measured on."""
    everything = sums.values(np.ones((1, len(sums.days))))
    found = {name: float(everything[name][0]) for name in LOGGED}
    found["late_rate"] = float(everything["observed_rate"][0])
    error = estimate(sums)["auc"].error
    if error is not None:
        found["auc_standard_error"] = error
    return {**found, "n": float(rows_of(sums)), "days": float(len(sums.days))}


def _sentence(
    baseline: str,
    challenger: str,
    metrics: dict[str, dict[str, float]],
    gained: Estimate,
    better: bool,
) -> str:
    span = (
        "without an interval, from too few days"
        if gained.low is None or gained.high is None
        else f"95 % interval {gained.low:+.4f} to {gained.high:+.4f}"
    )
    seen = (
        f"on {gained.rows:,} out-of-fold rows of {gained.days} days its AUC is "
        f"{metrics[challenger]['auc']:.4f} against {metrics[baseline]['auc']:.4f} "
        f"of version {baseline}: {gained.value:+.4f} ({span})"
    )
    if better:
        return f"version {challenger} is launched: {seen}"
    return (
        f"version {baseline}, the baseline, is launched: version {challenger} is not "
        f"shown to be better; {seen}"
    )
