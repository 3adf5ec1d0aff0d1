"""What an evaluation run holds: the shape of its file, written and read as JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.label_records import LabelQuality
from ai_ops.vocabulary.verdicts import Evidence

AnswerKind = Literal["score", "decision", "classes", "number"]
"""What is judged: a binary label by a score or by decisions alone, classes, or a number."""


@dataclass(frozen=True)
class DayCoverage:
    """One day of predictions: how many are mature, and how many of those have their label.

    ``judged`` says whether the labels of the day may speak for it: below the feature's minimum
    coverage they are not missing at random (a storm cancels the late flights first).
    """

    day: str
    answered: int
    mature: int
    labelled: int
    judged: bool

    @property
    def coverage(self) -> float | None:
        """The share of mature predictions that have their label; None when none is mature."""
        return self.labelled / self.mature if self.mature else None


@dataclass(frozen=True)
class UnknownLabels:
    """The labels that became known on a day, and how many are for ids that no prediction has.

    ``before_log`` are such ids in the first days of the log, when labels still arrive for
    predictions from before it began; ``examples`` are a few of the unknown ones. Of those,
    ``quarantined`` stand in the log's quarantine: predicted, and not readable.
    """

    day: str
    labels: int = 0
    unknown: int = 0
    before_log: int = 0
    examples: list[str] = field(default_factory=list)
    quarantined: int = 0


@dataclass(frozen=True)
class Measured:
    """The metrics of one version on the labelled rows of the judged days from first to last."""

    first_day: str
    last_day: str
    days: int
    rows: int
    metrics: dict[str, Estimate] = field(default_factory=dict)
    kind: AnswerKind = "score"


@dataclass(frozen=True)
class Launch:
    """What the version promised: its metrics on the reference rows registered with it, or on
    those that the feature's file declares where nobody here trains it."""

    digest: str
    measured: Measured
    curve: list[tuple[float, float, int]]


@dataclass(frozen=True)
class Beside:
    """Another registered version, scored again on the very rows of the week.

    ``difference`` is the judged version minus this one, paired by day.
    """

    version: str
    metrics: dict[str, Estimate]
    difference: dict[str, Estimate]


@dataclass(frozen=True)
class Related:
    """What holds for an input of the answers that differ, and how often it does of the others."""

    column: str
    words: str
    share: float
    of_others: float


@dataclass(frozen=True)
class Reproduced:
    """A day's answers asked again: of how many ``asked`` another came, how many are ``refused``
    now, and the ``largest`` distance; the ids of a few, and what their inputs have in common."""

    day: str
    answered: int = 0
    asked: int = 0
    differing: int = 0
    refused: int = 0
    largest: float = 0.0
    versions: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    related: list[Related] = field(default_factory=list)


@dataclass(frozen=True)
class Then:
    """A slice at launch: its rows and days, each metric, and what is known of its errors."""

    rows: int
    days: int
    values: dict[str, float]
    errors: dict[str, float]


@dataclass(frozen=True)
class SliceMeasured:
    """A slice of the month that has rows enough: each metric, its standard error, and launch."""

    column: str
    value: str
    rows: int
    days: int
    values: dict[str, float]
    errors: dict[str, float]
    launch: Then | None = None

    def __str__(self) -> str:
        return f"{self.column} {self.value}"


@dataclass(frozen=True)
class Slices:
    """The slices of a month: those that can be judged; how many are too small, and some of them;
    those that the launch did not know."""

    judged: list[SliceMeasured] = field(default_factory=list)
    small: int = 0
    some_small: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EvaluationRun:
    """What was measured of the version in production as labels became known.

    ``trailing`` holds one window of seven days for each of the last days, oldest first; the last
    of them is ``week``. ``other_versions`` counts the month's rows that other versions answered:
    they are not part of any number here. ``live_since`` is when the version came to production, by
    the ledger; ``own_answers`` is what it answered on the day itself. ``without_score`` counts
    labelled answers that cannot be judged: a score that is not a number in [0, 1], a number that is
    not finite, no class.
    """

    feature: str
    day: str
    as_of: datetime
    label_cutoff: datetime
    version: str | None
    coverage: list[DayCoverage]
    week: Measured
    month: Measured
    trailing: list[Measured]
    unknown_labels: UnknownLabels
    launch: Launch | None = None
    no_launch: str = ""
    beside: Beside | None = None
    no_beside: str = ""
    curve: list[tuple[float, float, int]] = field(default_factory=list)
    other_versions: dict[str, int] = field(default_factory=dict)
    without_score: int = 0
    contradicted: int = 0
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    live_since: datetime | None = None
    own_answers: int | None = None
    labels: LabelQuality | None = None
    slices: Slices | None = None
    no_slices: str = ""
    reproduced: Reproduced | None = None
    no_reproduced: str = ""
