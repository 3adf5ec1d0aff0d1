"""What a retraining leaves in the lake: the manifest of its training set, and its candidate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Evidence
from ai_ops.vocabulary.windows import Window

TRAINING_SET, CANDIDATE = "training_set", "candidate_model"
"""The assets, and their folders in the lake."""


@dataclass(frozen=True)
class Spans:
    """The days that a retraining learns from, and the later ones on which the gate judges it.

    Only labels that were known before ``cutoff``, a midnight, count.
    """

    learning: Window
    holdout: Window
    cutoff: datetime


def spans_of(feature: AiFeatureSpec, as_of: datetime) -> Spans:
    """The days of a retraining at a moment.

    The hold-out is the last ``holdout_days`` whole days of which every prediction is old enough
    to have its label; the ``training_days`` before them are learnt from.
    """
    cutoff = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    mature = cutoff - timedelta(hours=feature.ground_truth.mature_after_hours)
    end = datetime(mature.year, mature.month, mature.day, tzinfo=UTC)
    begin = end - timedelta(days=feature.retraining.holdout_days)
    first = begin - timedelta(days=feature.retraining.training_days)
    return Spans(Window(first, begin), Window(begin, end), cutoff)


@dataclass(frozen=True)
class TrainingSet:
    """The manifest of a training set: which rows, from where, known when, and for which retraining.

    Days are ISO dates, both ends included; ``missing`` names the files that were not there,
    ``made_with`` the environment, the code and the declaration by their digests; ``bad_days`` are
    those of which a person said that their data was bad.
    """

    id: str
    retraining: str
    as_of: str
    label_cutoff: str
    digest: str
    rows: int
    labelled: int
    positives: int
    logged: int
    first_day: str
    last_day: str
    holdout_first: str
    holdout_last: str
    excluded_held_out: int
    contradicted: int
    cause: str
    incident: str | None
    requested_by: str
    missing: list[str] = field(default_factory=list)
    read: list[dict[str, str]] = field(default_factory=list)
    made_with: dict[str, str] = field(default_factory=dict)
    excluded_bad_data: int = 0
    bad_days: list[str] = field(default_factory=list)

    @property
    def cutoff(self) -> date:
        """Labels that became known on this day or later do not count."""
        return utc(self.label_cutoff).date()

    @property
    def holdout(self) -> Window:
        """The days on which the gate judges what was learnt."""
        return Window(Window.of_day(self.holdout_first).start, Window.of_day(self.holdout_last).end)

    def as_data(self) -> dict[str, Any]:
        """The manifest as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class Candidate:
    """A version that was trained: from which training set, with what (``made_with`` and the seed),
    and what it scored out of fold."""

    version: str
    training_set: str
    retraining: str
    digest: str
    as_of: str
    title: str
    metrics: Mapping[str, float]
    made_with: Mapping[str, str] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The candidate as JSON-ready data."""
        return asdict(self)


def latest_training_set(root: Root, feature: AiFeatureSpec) -> tuple[TrainingSet, Evidence]:
    """The manifest that was written last; ``MissingEvidence`` when there is none."""
    data, evidence = root.lake.read_json(root.lake.path(feature.name, TRAINING_SET, None, "json"))
    return TrainingSet(**data), evidence


def rows_path(root: Root, feature: AiFeatureSpec, training_set: str) -> str:
    """Where the rows of a training set lie."""
    return root.lake.path(feature.name, TRAINING_SET, training_set)
