"""What the gate compares, metric by metric for each kind of answer, and how it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

import numpy as np

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.intervals import Estimate, jackknife
from ai_ops.accuracy_evaluation.metrics import DaySums, difference, measured, replicates, rows_of
from ai_ops.accuracy_evaluation.records import AnswerKind, Measured
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Finding, Observed
from ai_ops.vocabulary.words import Status


@dataclass(frozen=True)
class Criteria:
    """The criteria in force, and their hash in the ledger."""

    gate: CandidateGate
    hash: str


@dataclass(frozen=True)
class Metric:
    """A metric that the gate compares, and which criteria its margin and its gain are.

    ``scale`` names the champion's metric of which margin and gain are shares: a number has no
    scale of its own. ``signed`` is a metric whose size counts, whichever way it points.
    """

    name: str
    words: str
    more_is_better: bool
    criterion: str = ""
    gains: bool = True
    scale: str = ""
    signed: bool = False

    def margin(self, criteria: CandidateGate, compared: Compared) -> float:
        """How much worse a candidate may be."""
        margin: float = getattr(criteria, f"{self.criterion or self.name}_margin")
        return margin * self._unit(compared)

    def gain(self, criteria: CandidateGate, compared: Compared) -> float | None:
        """How much better a candidate must be to count as better; None: not by this metric."""
        if not self.gains:
            return None
        gain: float = getattr(criteria, f"{self.criterion or self.name}_gain")
        return gain * self._unit(compared)

    def better_by(self, found: Mapping[str, Estimate]) -> Estimate:
        """How much better the candidate is: above zero is better, whatever the metric."""
        apart = found[self.name]
        if self.more_is_better:
            return apart
        low = None if apart.high is None else -apart.high
        high = None if apart.low is None else -apart.low
        return replace(apart, value=-apart.value, low=low, high=high)

    def usable(self, compared: Compared) -> bool:
        """Whether both values, their difference and its interval are numbers."""
        apart = compared.difference.get(self.name)
        own, other = compared.candidate.metrics, compared.champion.metrics
        if apart is None or not {self.name, self.scale or self.name} <= own.keys() & other.keys():
            return False
        if apart.low is None or apart.high is None:
            return False
        values = (own[self.name].value, other[self.name].value, self._unit(compared))
        return all(isfinite(n) for n in (apart.value, apart.low, apart.high, *values))

    def told(self, compared: Compared, other_version: str | None) -> str:
        """Both versions' values, and the difference: its sign is that of the metric itself."""
        own, other = compared.candidate.metrics[self.name], compared.champion.metrics[self.name]
        return (
            f"{self.words} {own.value:.4f} against {other.value:.4f} of version "
            f"{other_version}, {told_of(compared.difference[self.name])}"
        )

    def _unit(self, compared: Compared) -> float:
        return compared.champion.metrics[self.scale].value if self.scale else 1.0


@dataclass(frozen=True)
class Metrics:
    """What is compared of one kind of answer.

    ``too_good`` is the metric by which an answer on the hold-out can be too good to be true,
    ``in_slices`` are those whose sums stay meaningful on few rows.
    """

    discrimination: tuple[Metric, ...]
    calibration: tuple[Metric, ...]
    in_slices: tuple[Metric, ...]
    too_good: str

    @property
    def all(self) -> tuple[Metric, ...]:
        """Discrimination, then calibration."""
        return (*self.discrimination, *self.calibration)


AUC = Metric("auc", "AUC", more_is_better=True)
ECE = Metric("ece", "ECE", more_is_better=False)
BRIER = Metric("brier", "Brier score", more_is_better=False)
ACCURACY = Metric("accuracy", "accuracy", more_is_better=True)
BALANCE = Metric("balanced_accuracy", "balanced accuracy", more_is_better=True, criterion="balance")
GAP = Metric(
    "decision_gap", "gap of decisions", False, criterion="gap", gains=False, signed=True
)  # fmt: skip
LARGE = Metric(
    "calibration_gap", "calibration gap", False, criterion="ece", gains=False, signed=True
)
F1 = Metric("macro_f1", "macro F1", more_is_better=True, criterion="f1")
LOG_LOSS = Metric("log_loss", "log loss", more_is_better=False)
ERROR = Metric("mae", "mean absolute error", False, criterion="error", scale="mae")
BIAS = Metric("bias", "bias", False, gains=False, scale="mae", signed=True)

METRICS: Final[Mapping[AnswerKind, Metrics]] = {
    "score": Metrics((AUC,), (ECE, BRIER), (AUC, BRIER, LARGE), "auc"),
    "decision": Metrics((ACCURACY, BALANCE), (GAP,), (ACCURACY, GAP), "balanced_accuracy"),
    "classes": Metrics((ACCURACY, F1), (LOG_LOSS, ECE), (ACCURACY, LOG_LOSS), "accuracy"),
    "number": Metrics((ERROR,), (BIAS,), (ERROR, BIAS), "r2"),
}

COMPARED: Final = METRICS["score"].all


def metrics_of(compared: Compared) -> Metrics:
    """What is compared of the kind that was answered."""
    return METRICS[compared.candidate.kind]


def compare(candidate: DaySums, champion: DaySums) -> Compared:
    """Both versions from the sums of their days: on the same rows, paired by day."""
    return Compared(
        candidate=_measured(candidate),
        champion=_measured(champion),
        difference=apart(candidate, champion, METRICS[candidate.kind].all),
        candidate_curve=candidate.curve(),
        champion_curve=champion.curve(),
    )


def apart(candidate: DaySums, champion: DaySums, metrics: Sequence[Metric]) -> dict[str, Estimate]:
    """Each difference, paired by day; of those of the metrics that are signed, of the sizes."""
    found = difference(candidate, champion)
    own, other = replicates(candidate), replicates(champion)
    for metric in metrics:
        if metric.signed and metric.name in found:
            sizes = np.abs(own[metric.name]) - np.abs(other[metric.name])
            found[metric.name] = jackknife(float(sizes[0]), sizes[1:], rows=rows_of(candidate))
    return found


def _measured(sums: DaySums) -> Measured:
    return measured(sums, sums.days[0], sums.days[-1])


def told_of(difference: Estimate) -> str:
    """A difference with its interval, in words."""
    low, high = difference.low, difference.high
    if low is None or high is None:
        return f"{difference.value:+.4f}"
    return f"{difference.value:+.4f} ({low:+.4f} to {high:+.4f})"


def rows_in_words(evaluation: CandidateEvaluation) -> str:
    """The rows that were compared on, in words."""
    return (
        f"{evaluation.rows} labelled rows of {evaluation.days} days from {evaluation.first_day} "
        f"to {evaluation.last_day}"
    )


def finding_of(
    evaluation: CandidateEvaluation, status: Status, words: str, better: Estimate
) -> Finding:
    """One metric as a finding; its size is how much better the candidate is."""
    return Finding("accuracy", status, words, window=evaluation.window, size=better.value)


def observed_of(evaluation: CandidateEvaluation, gate_hash: str) -> dict[str, Observed]:
    """What every verdict of the gate says it is about: versions, criteria, rows."""
    return {
        "version": evaluation.version,
        "champion": evaluation.champion,
        "gate_hash": gate_hash,
        "rows": evaluation.rows,
        "days": evaluation.days,
        "first_day": evaluation.first_day,
        "last_day": evaluation.last_day,
    }


def numbers_of(compared: Compared, other: str = "champion") -> dict[str, Observed]:
    """Every compared metric of both versions, and the difference with its interval."""
    numbers: dict[str, Observed] = {}
    for metric in metrics_of(compared).all:
        if not metric.usable(compared):
            continue
        name, difference = metric.name, compared.difference[metric.name]
        numbers |= {
            name: rounded(compared.candidate.metrics[name].value),
            f"{other}_{name}": rounded(compared.champion.metrics[name].value),
            f"{name}_difference": rounded(difference.value),
            f"{name}_difference_low": rounded(difference.low),
            f"{name}_difference_high": rounded(difference.high),
        }
    return numbers


def rounded(value: float | None) -> float | None:
    """Four digits behind the point."""
    return None if value is None else round(value, 4)
