"""How far each gated metric is from what the version promised at launch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import Measured
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.verdicts import Finding
from ai_ops.vocabulary.windows import Window


@dataclass(frozen=True)
class Dimension:
    """A gated metric: its margin in the gate, how much worse one estimate is than another."""

    metric: str
    margin: Callable[[Gate], float]
    worse_by: Callable[[Estimate, Estimate], Estimate]
    words: str


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
    for dimension in DIMENSIONS:
        promised = launch.metrics.get(dimension.metric)
        now = latest.metrics.get(dimension.metric)
        if promised is None or now is None:
            where = "at launch" if promised is None else "on this window's labels"
            reason = f"{dimension.words} is not defined {where}: it cannot be compared"
            unjudged.append(Unjudged(dimension.metric, reason))
            continue
        by_week = tuple(
            (week.last_day, dimension.worse_by(then, promised) if then else None)
            for week, then in ((w, _judgeable(w, dimension.metric, gate)) for w in trailing)
        )
        gap = Gap(dimension.metric, dimension.words, dimension.margin(gate), now, promised, by_week)
        if gap.size is None or gap.size.low is None:
            reason = (
                f"{gap.words} {now.value:.3f}, at launch {promised.value:.3f}: too few days "
                "define it to say how sure the gap is"
            )
            unjudged.append(Unjudged(gap.metric, reason))
        else:
            gaps.append(gap)
    return gaps, unjudged


def _judgeable(week: Measured, metric: str, gate: Gate) -> Estimate | None:
    return week.metrics.get(metric) if week.days >= gate.minimum_days else None


def _fall(now: Estimate, launch: Estimate) -> Estimate:
    return launch.minus(now)


def _miss(now: Estimate, launch: Estimate) -> Estimate:
    gap = now.minus(launch)
    return gap if gap.value >= 0 else launch.minus(now)


DIMENSIONS = (
    Dimension("auc", lambda gate: gate.auc_drop, _fall, "discrimination: AUC"),
    Dimension("brier_skill", lambda gate: gate.brier_rise, _fall, "sharpness: Brier skill"),
    Dimension(
        "calibration_gap",
        lambda gate: gate.calibration_gap,
        _miss,
        "calibration: mean score minus observed rate",
    ),
)
"""What is gated. ``brier_rise`` is read as a fall of the Brier *skill*: the Brier score divided by
that of always answering the window's own rate rises by as much."""
