"""What the gate compares, metric by metric, and how it is told."""

from dataclasses import dataclass, replace
from math import isfinite

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.metrics import DaySums, difference, measured
from ai_ops.ai_features.gate import CandidateGate
from ai_ops.vocabulary.verdicts import Finding, Observed
from ai_ops.vocabulary.words import Status


@dataclass(frozen=True)
class Metric:
    """A metric that the gate compares: whether more of it is better, its margin and its gain."""

    name: str
    words: str
    more_is_better: bool

    def margin(self, criteria: CandidateGate) -> float:
        """How much worse a candidate may be."""
        margin: float = getattr(criteria, f"{self.name}_margin")
        return margin

    def gain(self, criteria: CandidateGate) -> float:
        """How much better a candidate must be to count as better."""
        gain: float = getattr(criteria, f"{self.name}_gain")
        return gain

    def better_by(self, compared: Compared) -> Estimate:
        """How much better the candidate is: above zero is better, whatever the metric."""
        apart = compared.difference[self.name]
        if self.more_is_better:
            return apart
        low = None if apart.high is None else -apart.high
        high = None if apart.low is None else -apart.low
        return replace(apart, value=-apart.value, low=low, high=high)

    def usable(self, compared: Compared) -> bool:
        """Whether the difference and its interval are numbers."""
        apart = compared.difference.get(self.name)
        if apart is None or apart.low is None or apart.high is None:
            return False
        return all(isfinite(number) for number in (apart.value, apart.low, apart.high))

    def told(self, evaluation: CandidateEvaluation, compared: Compared) -> str:
        """Both versions' values, and the difference: its sign is that of the metric itself."""
        own, other = compared.candidate.metrics[self.name], compared.champion.metrics[self.name]
        apart = compared.difference[self.name]
        return (
            f"{self.words} {own.value:.4f} against {other.value:.4f} of version "
            f"{evaluation.champion}, {apart.value:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})"
        )


AUC = Metric("auc", "AUC", more_is_better=True)
ECE = Metric("ece", "calibration error (ECE)", more_is_better=False)
BRIER = Metric("brier", "Brier score", more_is_better=False)
DISCRIMINATION, CALIBRATION = (AUC,), (ECE, BRIER)
COMPARED = (*DISCRIMINATION, *CALIBRATION)


def compare(candidate: DaySums, champion: DaySums) -> Compared:
    """Both versions from the sums of their days: on the same rows, paired by day."""
    return Compared(
        candidate=measured(candidate, candidate.days[0], candidate.days[-1]),
        champion=measured(champion, champion.days[0], champion.days[-1]),
        difference=difference(candidate, champion),
        candidate_curve=candidate.curve(),
        champion_curve=champion.curve(),
    )


def rows_of(evaluation: CandidateEvaluation) -> str:
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


def numbers_of(compared: Compared) -> dict[str, Observed]:
    """Every compared metric of both versions, and the difference with its interval."""
    numbers: dict[str, Observed] = {}
    for metric in COMPARED:
        if not metric.usable(compared):
            continue
        name, apart = metric.name, compared.difference[metric.name]
        numbers |= {
            name: _rounded(compared.candidate.metrics[name].value),
            f"champion_{name}": _rounded(compared.champion.metrics[name].value),
            f"{name}_difference": _rounded(apart.value),
            f"{name}_difference_low": _rounded(apart.low),
            f"{name}_difference_high": _rounded(apart.high),
        }
    return numbers


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
