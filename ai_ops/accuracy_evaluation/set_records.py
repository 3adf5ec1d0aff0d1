"""What a month's labelled evaluation set is, as recorded: its versions and what each holds."""

from dataclasses import dataclass, field
from datetime import datetime

from ai_ops.accuracy_evaluation.labels_needed import LabelsNeeded, labels_needed
from ai_ops.accuracy_evaluation.records import Measured
from ai_ops.accuracy_evaluation.set_strata import Counts
from ai_ops.vocabulary.counts import plural
from ai_ops.vocabulary.verdicts import Evidence

DIGITS = 12
"""So many digits of a digest are shown."""


@dataclass(frozen=True)
class LiveOnSet:
    """The version in production on a set's rows, and what it promised at launch.

    ``answered`` of the rows it answered itself; the others were answered by other versions, and
    it was asked again, unless ``not_asked`` says why it could not be.
    """

    version: str
    answered: int
    measured: Measured
    launch: Measured | None = None
    no_launch: str = ""
    not_asked: str = ""


@dataclass(frozen=True)
class Change:
    """What a version of a set has that the one before had not: labels by what became of them.

    ``since`` is that version, None of the first and where its rows are gone.
    """

    added: int = 0
    revised: int = 0
    withdrawn: int = 0
    since: int | None = None

    @property
    def words(self) -> str:
        """The same in words.

        >>> Change(added=3, withdrawn=1, since=1).words, Change(since=2).words
        ('3 labels added, 1 withdrawn', 'the same labels, measured again')
        """
        if self.since is None:
            return "nothing before it to compare with"
        told = ((self.added, "added"), (self.revised, "revised"), (self.withdrawn, "withdrawn"))
        named = [f"{count:,} {what}" for count, what in told if count]
        if not named:
            return "the same labels, measured again"
        first, *rest = named
        count, _, what = first.partition(" ")
        return ", ".join([f"{plural(int(count.replace(',', '')), 'label')} {what}", *rest])


@dataclass(frozen=True)
class SetVersion:
    """One version of a month's set in the list of all: what tells it from the others.

    ``content`` is the sha256 of its rows with all their columns, part of the name of their file;
    ``digest`` that of ids and labels alone.
    """

    version: int
    as_of: datetime
    rows: int
    digest: str
    content: str
    rows_file: str
    record_file: str
    change: Change


@dataclass(frozen=True)
class Manifest:
    """All versions of a month's set, as they were made. None is ever taken away."""

    feature: str
    month: str
    versions: list[SetVersion] = field(default_factory=list)

    def known(self, as_of: datetime) -> SetVersion | None:
        """The latest version that a moment knew of."""
        before = [one for one in self.versions if one.as_of <= as_of]
        return max(before, key=lambda one: (one.as_of, one.version), default=None)


@dataclass(frozen=True)
class EvaluationSet:
    """What one version of a month's set holds, as recorded; its rows lie beside it in a table.

    ``digest`` is the sha256 of their ids and labels. ``strata`` counts its rows by the values of
    some columns, ``population`` all answered predictions of the month by the same, ``by_stratum``
    is the headline metric of each that is not thin. ``of_strata`` rows were drawn for a rare
    stratum: they count in that one, and in no metric of the whole. ``unlabelled`` are predictions
    of the set whose label has not come.
    """

    feature: str
    month: str
    as_of: datetime
    label_cutoff: datetime
    share: float
    rows: int
    days: int
    positives: int
    unlabelled: int
    contradicted: int
    digest: str
    strata: Counts = field(default_factory=dict)
    population: Counts = field(default_factory=dict)
    by_stratum: dict[str, dict[str, float]] = field(default_factory=dict)
    of_strata: int = 0
    needed: LabelsNeeded | None = None
    live: LiveOnSet | None = None
    read: list[Evidence] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    version: int = 1
    content: str = ""

    @property
    def of(self) -> str:
        """The month, as people write it."""
        return self.month[:7]

    @property
    def name(self) -> str:
        """How a verdict names it: month, version, digest."""
        return f"{self.of} (version {self.version}, digest {self.digest[:DIGITS]})"


def needed_for(live: LiveOnSet | None, precision: float | None, rows: int) -> LabelsNeeded | None:
    """How many labels the precision needs: planned on the set, else on what the launch promised;
    None where there is neither."""
    if live is None:
        return None
    own = labels_needed(live.measured, precision, live.measured.rows, "the set")
    if own is not None or live.launch is None:
        return own
    return labels_needed(live.launch, precision, rows, "the launch")
