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

    ``difference`` is the candidate minus the champion, paired by day.
    """

    candidate: Measured
    champion: Measured
    difference: dict[str, Estimate]
    candidate_curve: Curve = field(default_factory=list)
    champion_curve: Curve = field(default_factory=list)


@dataclass(frozen=True)
class CandidateEvaluation:
    """A candidate held against the version in production, on the rows of the hold-out.

    ``no_comparison`` says why nothing was compared. ``left_out`` are rows of the hold-out's days
    that belong to the labelled evaluation set. ``dataset_digest`` is the sha256 of the ids and
    labels compared on.
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

    @property
    def window(self) -> Window:
        """The days of the hold-out."""
        return Window(Window.of_day(self.first_day).start, Window.of_day(self.last_day).end)


EXPIRES_AFTER = timedelta(days=14)
"""How long after the last day of its hold-out an evaluation speaks for a candidate."""
