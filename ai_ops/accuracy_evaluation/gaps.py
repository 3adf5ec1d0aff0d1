"""How far each gated metric is from what the version promised at launch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import AnswerKind, Measured
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.verdicts import Finding
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True)
class Dimension:
    """A gated metric: its margin in the gate, how much worse one estimate is than another.

    ``share_of`` is the launch's metric of which the gap is told as a share. One that is
    ``optional`` is judged where it can be: a class with three labels a week forbids no pass.
    """

    metric: str
    margin: Callable[[Gate], float]
    worse_by: Callable[[Estimate, Estimate], Estimate]
    words: str
    share_of: str | None = None
    optional: bool = False
    of_probabilities: bool = False

    def gap(self, now: Estimate, launch: Measured) -> Estimate | None:
        """How much worse than at launch; None where that has nothing to be a share of."""
        promised = launch.metrics[self.metric]
        gap = self.worse_by(now, promised)
        if self.share_of is None:
            return gap
        whole = launch.metrics.get(self.share_of)
        return None if whole is None else gap.over(whole)


@dataclass(frozen=True)
class Gap:
    """One metric against launch: how far it fell in each trailing week, oldest first."""

    metric: str
    words: str
    margin: float
    now: Estimate
    launch: Estimate
    by_week: tuple[tuple[str, Estimate | None], ...]

    @property
    def size(self) -> Estimate | None:
        """The gap of the latest week, above zero when it is worse than at launch."""
        return self.by_week[-1][1]

    def exceeds(self, gap: Estimate | None) -> bool:
        """Whether a gap lies beyond the margin with its whole interval."""
        return gap is not None and gap.beyond(self.margin)

    def confirmed(self, k: int, n: int) -> bool:
        """Whether the latest week exceeds, and k of the last n do."""
        exceeding = [self.exceeds(gap) for _, gap in self.by_week[-n:]]
        return exceeding[-1] and sum(exceeding) >= k

    def undecided(self, k: int, n: int) -> bool:
        """Whether the latest week exceeds, and weeks that nobody can judge could confirm it."""
        weeks = [gap for _, gap in self.by_week[-n:]]
        exceeding, unknown = sum(self.exceeds(gap) for gap in weeks), weeks.count(None)
        return self.exceeds(self.size) and exceeding < k <= exceeding + unknown

    @property
    def begin(self) -> str:
        """The last day of the first week of the present run of exceeding weeks."""
        begin = self.by_week[-1][0]
        for day, gap in reversed(self.by_week):
            if not self.exceeds(gap):
                break
            begin = day
        return begin


@dataclass(frozen=True)
class Unjudged:
    """A gated metric that cannot be compared with launch, and why."""

    metric: str
    reason: str

    def finding(self, window: Window) -> Finding:
        """What is missing, as data."""
        return Finding("accuracy", "no_evidence", self.reason, window=window)


def measure_gaps(
    latest: Measured, trailing: Sequence[Measured], launch: Measured, gate: Gate
) -> tuple[list[Gap], list[Unjudged]]:
    """Every gated metric week by week, and those that cannot be compared: one of the two sides
    does not define them, or the latest gap has no interval.

    A week with fewer days than the gate's minimum has no gap: it can neither exceed nor confirm.
    """
    gaps, unjudged = [], []
    for dimension in dimensions_of(latest, launch):
        promised = launch.metrics.get(dimension.metric)
        now = latest.metrics.get(dimension.metric)
        if promised is None or now is None:
            where = "at launch" if promised is None else "on this window's labels"
            reason = f"{dimension.words} is not defined {where}: it cannot be compared"
            if not dimension.optional:
                unjudged.append(Unjudged(dimension.metric, reason))
            continue
        by_week = tuple(
            (week.last_day, dimension.gap(then, launch) if then else None)
            for week, then in ((w, _judgeable(w, dimension.metric, gate)) for w in trailing)
        )
        gap = Gap(dimension.metric, dimension.words, dimension.margin(gate), now, promised, by_week)
        if gap.size is not None and gap.size.low is not None:
            gaps.append(gap)
        elif not dimension.optional:
            reason = (
                f"{gap.words} {now.value:.3f}, at launch {promised.value:.3f}: too few days "
                "define it to say how sure the gap is"
            )
            unjudged.append(Unjudged(gap.metric, reason))
    return gaps, unjudged


def dimensions_of(latest: Measured, launch: Measured) -> tuple[Dimension, ...]:
    """What is gated of answers of this kind; of classes with it the recall of each of them."""
    found = DIMENSIONS[latest.kind]
    if latest.kind != "classes":
        return found
    if not any("log_loss" in side.metrics for side in (latest, launch)):
        found = tuple(one for one in found if not one.of_probabilities)
    recalls = [name for name in launch.metrics if name.startswith(RECALL)]
    return (*found, *(_recall_of(name) for name in recalls))


def worst_recall(rows: Measured) -> tuple[str, Estimate] | None:
    """The class that is recognised worst, among those of which enough is known for an interval."""
    recalls = {
        name.removeprefix(RECALL): estimate
        for name, estimate in rows.metrics.items()
        if name.startswith(RECALL) and estimate.low is not None
    }
    return min(recalls.items(), key=lambda one: (one[1].value, one[0]), default=None)


def _judgeable(week: Measured, metric: str, gate: Gate) -> Estimate | None:
    return week.metrics.get(metric) if week.days >= gate.minimum_days else None


def _fall(now: Estimate, launch: Estimate) -> Estimate:
    return launch.minus(now)


def _miss(now: Estimate, launch: Estimate) -> Estimate:
    gap = now.minus(launch)
    return gap if gap.value >= 0 else launch.minus(now)


def _rise(now: Estimate, launch: Estimate) -> Estimate:
    return now.minus(launch)


def _recall_of(metric: str) -> Dimension:
    name = metric.removeprefix(RECALL)
    words = f"class {name}: recall"
    return Dimension(metric, lambda gate: gate.recall_drop, _fall, words, optional=True)


def _accuracy(words: str = "decisions: accuracy", metric: str = "accuracy") -> Dimension:
    return Dimension(metric, lambda gate: gate.accuracy_drop, _fall, words)


RECALL: Final = "recall_"

DIMENSIONS: Final[Mapping[AnswerKind, tuple[Dimension, ...]]] = {
    "score": (
        Dimension("auc", lambda gate: gate.auc_drop, _fall, "discrimination: AUC"),
        Dimension("brier_skill", lambda gate: gate.brier_rise, _fall, "sharpness: Brier skill"),
        Dimension(
            "calibration_gap",
            lambda gate: gate.calibration_gap,
            _miss,
            "calibration: mean score minus observed rate",
        ),
    ),
    "decision": (
        _accuracy(),
        _accuracy("discrimination: balanced accuracy", "balanced_accuracy"),
        Dimension(
            "decision_gap",
            lambda gate: gate.calibration_gap,
            _miss,
            "calibration: share of positive decisions minus observed rate",
        ),
    ),
    "classes": (
        _accuracy(),
        Dimension(
            "log_loss_skill",
            lambda gate: gate.log_loss_rise,
            _fall,
            "sharpness: log loss skill",
            of_probabilities=True,
        ),
        Dimension(
            "confidence_gap",
            lambda gate: gate.calibration_gap,
            _miss,
            "calibration: probability of the likeliest class minus its hits",
            of_probabilities=True,
        ),
    ),
    "number": (
        Dimension("mae", lambda gate: gate.error_rise, _rise, "error: MAE", share_of="mae"),
        Dimension("bias", lambda gate: gate.bias, _miss, "bias: mean error", share_of="mae"),
    ),
}
"""What is gated. ``brier_rise`` is read as a fall of the Brier *skill*: the Brier score divided by
that of always answering the window's own rate rises by as much; ``log_loss_rise`` likewise. What
is gated of a number is a share of the launch's MAE: a margin in euros would suit one feature."""

FOLLOWED: Final[Mapping[AnswerKind, frozenset[str] | None]] = {
    "score": frozenset({"auc", "brier_skill", "calibration_gap", "ece"}),
    "decision": None,
    "classes": None,
    "number": None,
}
"""What is kept of every trailing week (None: everything)."""

HEADLINES: Final[Mapping[AnswerKind, tuple[str, ...]]] = {
    "score": ("auc", "brier"),
    "decision": ("accuracy", "balanced_accuracy"),
    "classes": ("accuracy", "macro_f1", "log_loss"),
    "number": ("mae", "rmse"),
}
"""What stands for a version where there is room for little."""
