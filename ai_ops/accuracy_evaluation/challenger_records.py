"""What a day's comparison of champion and challenger holds."""

from dataclasses import dataclass, field

from ai_ops.accuracy_evaluation.intervals import Estimate


@dataclass(frozen=True)
class ShadowDay:
    """One day of the challenger: what the champion answered while there was one, and what of it
    the challenger answered too.

    ``other_decisions`` is a share of ``answered``; differences are the challenger's score minus
    the champion's. All three are None while nothing was answered.
    """

    day: str
    asked: int
    answered: int = 0
    failed: int = 0
    other_decisions: float | None = None
    mean_difference: float | None = None
    largest_difference: float | None = None

    @property
    def missing(self) -> int:
        """What the challenger has no record of: dropped, or never asked."""
        return self.asked - self.answered - self.failed


@dataclass(frozen=True)
class OnLabels:
    """Both on the same labelled rows: each metric, and the difference paired by day."""

    rows: int
    days: int
    first_day: str
    last_day: str
    challenger: dict[str, Estimate]
    champion: dict[str, Estimate]
    difference: dict[str, Estimate]


@dataclass(frozen=True)
class ChallengerReport:
    """One day's report. ``version`` is None on a day without a challenger; ``days`` lead up to it.

    ``no_labels`` says why there is no comparison on labels yet.
    """

    feature: str
    day: str
    champion: str | None
    version: str | None = None
    since: str | None = None
    days: list[ShadowDay] = field(default_factory=list)
    on_labels: OnLabels | None = None
    no_labels: str = ""
