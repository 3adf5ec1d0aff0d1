"""What is recorded of a candidate that was held against the version in production."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import DayCoverage, Measured
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

Curve = list[tuple[float, float, int]]


@dataclass(frozen=True)
class Learnt:
    """What the candidate learnt from, looked through for the rows that it is judged on.

    ``rows`` are those looked through: of its training set, and of the reference registered with
    it. ``seen`` of the hold-out's rows are among them. ``problem`` says why that cannot be told.
    """

    training_set: str
    rows: int = 0
    seen: int = 0
    examples: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Compared:
    """The candidate and the champion, scored again on the same rows.

    ``difference`` is the candidate minus the champion, paired by day. ``moved`` is how far their
    scores lie apart in groups of rows alike: whatever the labels say, by no more can one of them be
    worse calibrated; None where no score is answered.
    """

    candidate: Measured
    champion: Measured
    difference: dict[str, Estimate]
    candidate_curve: Curve = field(default_factory=list)
    champion_curve: Curve = field(default_factory=list)
    moved: Estimate | None = None


@dataclass(frozen=True)
class SliceCompared:
    """Both versions on the rows of one slice.

    ``difference`` is the candidate minus the champion, paired by day, in those metrics of the
    slice that have rows enough; empty where none has.
    """

    column: str
    value: str
    rows: int
    days: int
    difference: dict[str, Estimate] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.column} {self.value}"


@dataclass(frozen=True)
class Sliced:
    """The slices of the compared rows. ``undivided`` are columns of one value, or of too many.

    ``problem`` says why the rows could not be told apart.
    """

    slices: list[SliceCompared] = field(default_factory=list)
    undivided: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Telling:
    """How well one input by itself tells the label, and how surely at least."""

    column: str
    where: str
    measure: str
    value: float
    low: float
    rows: int


@dataclass(frozen=True)
class Sameness:
    """Whether candidate and champion are two.

    ``same_files`` tells of the registered model and encoder, ``same_data`` of the digests of what
    they learnt from; ``differing`` counts the rows that they answer differently, beyond what
    float32 explains.
    """

    same_files: bool
    same_data: bool
    differing: int


@dataclass(frozen=True)
class Speed:
    """What an answer of one version costs: medians of repeats, and the size of its model."""

    one_ms: float
    batch_row_ms: float
    size_bytes: int


@dataclass(frozen=True)
class Budgeted:
    """Both versions asked in turn, for one row and for ``batch`` rows, so many times each."""

    candidate: Speed
    champion: Speed
    batch: int
    repeats: int


@dataclass(frozen=True)
class CandidateEvaluation:
    """A candidate held against the version in production, on the rows of the hold-out.

    ``no_comparison`` says why nothing was compared. ``left_out`` are rows of the hold-out's days
    that belong to the labelled evaluation set. ``dataset_digest`` is the sha256 of the ids and
    labels compared on. ``outcomes`` counts the labels that differ. ``first`` is the version that
    was launched first, ``beside_first`` the candidate against it. ``told`` says how well single
    inputs tell the label, the strongest first. What could not be found out has its reason beside
    it, in ``no_…``.
    """

    feature: str
    version: str
    champion: str | None
    retraining: str
    as_of: datetime
    label_cutoff: datetime
    first_day: str
    last_day: str
    coverage: list[DayCoverage]
    learnt: Learnt
    rows: int = 0
    days: int = 0
    positives: int = 0
    left_out: int = 0
    compared: Compared | None = None
    no_comparison: str = ""
    dataset_digest: str = ""
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    outcomes: int = 0
    first: str | None = None
    beside_first: Compared | None = None
    no_first: str = ""
    sliced: Sliced = field(default_factory=Sliced)
    sameness: Sameness | None = None
    no_sameness: str = ""
    told: list[Telling] = field(default_factory=list)
    no_told: str = ""
    budget: Budgeted | None = None
    no_budget: str = ""
    mlflow_run: str = ""

    @property
    def window(self) -> Window:
        """The days of the hold-out."""
        return Window(Window.of_day(self.first_day).start, Window.of_day(self.last_day).end)


EXPIRES_AFTER = timedelta(days=14)
"""How long after the last day of its hold-out an evaluation speaks for a candidate."""
