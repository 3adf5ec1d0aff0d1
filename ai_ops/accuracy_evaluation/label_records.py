"""What an evaluation run holds of its labels: are they there for everyone, and plausible?"""

from dataclasses import dataclass, field

from ai_ops.accuracy_evaluation.intervals import Estimate


@dataclass(frozen=True)
class DayLabels:
    """The labels of one day's predictions: how many rows have one, how many say the most common
    one, and which that is."""

    day: str
    rows: int
    most: int
    label: str


@dataclass(frozen=True)
class OneLabel:
    """A day whose labels are all the same, and how rarely rows say something else otherwise."""

    day: str
    rows: int
    label: str
    others: float


@dataclass(frozen=True)
class Flips:
    """What share of the labels looks flipped since a day.

    ``contrast`` is how far the observed rates tell the score's cells apart, as a share of launch:
    1 as then, 0 not at all, below 0 the other way round. ``telling`` groups of rows would be surely
    rarer (or commoner) than flips allow, if labels were right; ``refuting`` ones are.
    """

    since: str
    days: int
    rows: int
    share: Estimate
    contrast: Estimate
    telling: int = 0
    refuting: int = 0
    refuted_by: str = ""


@dataclass(frozen=True)
class Rescaled:
    """Labels that are a multiple of what they were: the factor, and the mean absolute error with
    them as they are, divided by it, and at launch."""

    since: str
    days: int
    rows: int
    factor: float
    error: float
    divided: float
    launch: float


@dataclass(frozen=True)
class Exchanged:
    """Classes whose names look exchanged: accuracy as it is, with them renamed, and at launch."""

    since: str
    days: int
    rows: int
    names: list[tuple[str, str]]
    accuracy: float
    renamed: float
    launch: float


@dataclass(frozen=True)
class SliceCoverage:
    """A slice whose labels are missing while those of others are there."""

    column: str
    value: str
    mature: int
    labelled: int
    other_mature: int
    other_labelled: int
    since: str

    def __str__(self) -> str:
        return f"{self.column} {self.value}"


@dataclass(frozen=True)
class SlicesCovered:
    """Coverage slice by slice over some days: which lack labels, how many could be judged."""

    days: list[str] = field(default_factory=list)
    judged: int = 0
    small: int = 0
    mature: int = 0
    lacking: list[SliceCoverage] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class LabelSigns:
    """What speaks for or against the labels of the trailing week.

    ``problem`` says why they cannot be held against a launch. ``expected`` is the rate of positive
    labels that the launch had at the same scores, ``observed`` that of the labels, ``apart`` how
    far they differ.
    """

    rows: int
    days: list[DayLabels] = field(default_factory=list)
    one_label: list[OneLabel] = field(default_factory=list)
    flips: Flips | None = None
    rescaled: Rescaled | None = None
    exchanged: Exchanged | None = None
    expected: float | None = None
    observed: float | None = None
    apart: Estimate | None = None
    problem: str = ""


@dataclass(frozen=True)
class LabelQuality:
    """Coverage by slice, and the signs that labels are wrong."""

    slices: SlicesCovered = field(default_factory=SlicesCovered)
    signs: LabelSigns | None = None
