"""Evaluations of candidates made up from scores: sound ones, of which a test changes a part."""

from dataclasses import replace

import numpy as np

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.candidate_records import (
    Budgeted,
    CandidateEvaluation,
    Learnt,
    Sameness,
    Sliced,
    Speed,
    Telling,
)
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate
from ai_ops.accuracy_evaluation.gate_metrics import compare
from ai_ops.accuracy_evaluation.metrics import DaySums, Floats, rows_of
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS

NOW = utc("2021-03-16T07:00:00Z")
DAYS = list(Window.trailing("2021-03-14", days=14).days())
GATE = Gate()
CRITERIA = Criteria(GATE.candidate, GATE.digest)
QUICK = Speed(one_ms=1.0, batch_row_ms=0.1, size_bytes=10_000)


def truth(rows: int = 2800, seed: int = 0) -> tuple[Floats, Floats]:
    """The true probabilities of rows, and uniform numbers that decide their labels."""
    random = np.random.default_rng(seed)
    return random.beta(1.2, 3.0, rows), random.random(rows)


def sums(score: Floats, label: Floats, days: list[str] = DAYS) -> BinarySums:
    day = [days[n % len(days)] for n in range(len(score))]
    return sum_by_day(day, score, label.astype(bool), score >= 0.3)


def evaluation(candidate: DaySums, champion: DaySums, /, **changes: object) -> CandidateEvaluation:
    """A sound evaluation of two versions; ``changes`` make it another."""
    made = CandidateEvaluation(
        feature="parcels",
        version="3",
        champion="2",
        retraining="",
        as_of=NOW,
        label_cutoff=NOW.replace(hour=0),
        first_day=DAYS[0],
        last_day=DAYS[-1],
        coverage=[DayCoverage(day, 200, 200, 200, True) for day in DAYS],
        learnt=Learnt("t", rows=9000),
        rows=rows_of(candidate),
        days=len(candidate.days),
        positives=positives_of(candidate),
        outcomes=2,
        compared=compare(candidate, champion),
        first="2",
        sliced=Sliced(undivided=["tenant"]),
        sameness=Sameness(same_files=False, same_data=False, differing=rows_of(candidate)),
        told=[Telling("weight", "the training set", "AUC", 0.7, 0.69, 9000)],
        budget=Budgeted(QUICK, QUICK, 128, 25),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def positives_of(sums: DaySums) -> int:
    return int(sums.plain[:, 1].sum()) if isinstance(sums, BinarySums) else rows_of(sums) // 2


def judged(found: CandidateEvaluation, live: str | None = "2") -> dict[str, Verdict]:
    return judge_candidate(found, CRITERIA, live, NOW)


def statuses(verdicts: dict[str, Verdict]) -> list[str]:
    assert set(verdicts) == set(GATE_CHECKS)
    return [verdicts[check].status for check in GATE_CHECKS]


def blurred(score: Floats, by: float, seed: int = 1) -> Floats:
    """The same calibration roughly, and the order of the rows spoilt."""
    noise = np.random.default_rng(seed).normal(0, by, len(score))
    return np.clip(score + noise, 0.01, 0.99)
