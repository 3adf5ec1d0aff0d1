"""The parts of an AI feature's YAML, each a frozen pydantic model that refuses unknown keys."""

import base64
import binascii
import re
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from ai_ops.vocabulary.words import LabelKind, OwnedDomain

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]

# YAML knows lists only; what becomes of their members is checked as strictly as elsewhere.
FROM_LIST = Field(strict=False)


class FieldsDisagree(ValueError):
    """Fields that are well by themselves and wrong together: where each mistake stands, and what.

    pydantic gives a validator's error the place of the whole part; the loader reads the places
    from here.
    """

    def __init__(self, mistakes: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(words for _, words in mistakes))
        self.mistakes = tuple(mistakes)


def _public_key(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != 32:
        raise ValueError("an Ed25519 public key is 32 bytes in base64")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError("write a person's mail address, as ann@example.com")
    return text


PublicKey = Annotated[str, AfterValidator(_public_key)]
Email = Annotated[str, AfterValidator(_email)]


class Part(BaseModel):
    """What every part has in common: frozen, no misspelt key, no type that YAML did not give.

    Strict, for `yes` is not 1 and `"3"` is not 3; and an infinite price is a mistake.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class InputColumn(Part):
    """One input of the model. ("Feature" alone never means an input column.)"""

    name: Name
    type: Literal["number", "category", "boolean"]
    nullable: bool = False
    description: str = ""


class OutputColumn(Part):
    """One output of the model; a ``probability`` is a number in [0, 1]."""

    name: Name
    type: Literal["probability", "number", "boolean", "category"]
    description: str = ""


class Judged(Part):
    """Which outputs are judged against the label, and where a probability becomes a decision.

    ``score`` is the probability of a binary label, or the number that was predicted;
    ``decision`` the answer itself. ``probabilities`` maps each class to the output that holds its
    probability. What is left out was not logged, and what would need it is not judged.
    """

    score: Name | None = None
    decision: Name | None = None
    threshold: Share = 0.5
    probabilities: dict[str, Name] = Field(default_factory=dict)


class Monitoring(Part):
    """From which day on the feature is monitored; a feature that retires has an end (exclusive)."""

    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> "Monitoring":
        if self.end is not None and self.end <= self.start:
            words = (
                f"monitoring ends after it starts: mend `end` or leave it out (found {self.end})"
            )
            raise FieldsDisagree([(("end",), words)])
        return self

    def holds(self, day: str) -> bool:
        """Whether a day (ISO date) is monitored.

        >>> Monitoring(start=date(2021, 3, 4), end=date(2021, 3, 6)).holds("2021-03-06")
        False
        """
        return self.start.isoformat() <= day and (self.end is None or day < self.end.isoformat())


class GroundTruth(Part):
    """Where labels come from: tables that the log has no part in.

    ``labels`` is a glob (below the root, absolute, or ``s3://…``) of Parquet or CSV files; the
    columns named here hold the prediction's id, the label and when the label became known. Without
    it the labels stand in the source itself (``source.columns.label``). Labels of a prediction are
    expected ``mature_after_hours`` after it. ``positive`` is the label that a binary score speaks
    of, where it is not true or 1. ``evaluation_share`` of the ids is kept out of every training,
    for the labelled evaluation set; ``precision`` is the half-width that the interval of its
    headline metric (AUC, accuracy, mean absolute error) is to have, in that metric's own unit. Of
    kind ``none`` are features whose correct answers nobody ever learns: their accuracy is unknown,
    and the lists say so.
    """

    kind: LabelKind = "binary"
    labels: str | None = None
    id_column: str = "id"
    label_column: str = "label"
    available_at_column: str | None = "available_at"
    positive: str | None = None
    mature_after_hours: Annotated[float, Field(gt=0)] = 24
    minimum_coverage: Share = 0.9
    minimum_labels: Annotated[int, Field(ge=1)] = 200
    evaluation_share: Share = 0.05
    precision: Annotated[float, Field(gt=0)] | None = None


class UserActions(Part):
    """What users did, from a source that the log had no part in: the witness of completeness."""

    table: str
    id_column: str = "id"
    time_column: str = "time"
    missing_share: Share = 0.0


class RetiredKey(Part):
    """A key that a person used ``until`` a moment: what was signed and recorded before counts."""

    person: Email
    key: PublicKey
    until: AwareDatetime


class DomainOwner(Part):
    """Who answers for a domain; ``public_keys`` maps a person to a base64 Ed25519 public key."""

    accountable: Email
    supporting: Annotated[tuple[Email, ...], FROM_LIST] = ()
    public_keys: dict[Email, PublicKey] = Field(default_factory=dict)
    retired_keys: Annotated[tuple[RetiredKey, ...], FROM_LIST] = ()


class FollowedOwner(Part):
    """Accuracy evaluation follows the owner of one of the four domains."""

    follows: OwnedDomain


class Owners(Part):
    """The owners, one entry a domain: a domain without an owner refuses to load."""

    prediction_logging: DomainOwner
    drift_monitoring: DomainOwner
    retraining_pipeline: DomainOwner
    inference_management: DomainOwner
    accuracy_evaluation: FollowedOwner


class Retraining(Part):
    """Whether a confirmed problem starts a retraining by itself, and how one is done.

    ``trainer`` is the dotted name of the module that trains. A candidate learns from the
    ``training_days`` before the hold-out, the last ``holdout_days`` with mature labels, on which
    the gate judges it. While the problem lasts, the next one is tried after ``wait_days``.
    """

    automated: bool = False
    trainer: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$")] | None = None
    training_days: Annotated[int, Field(ge=1)] = 90
    holdout_days: Annotated[int, Field(ge=2)] = 14
    wait_days: Annotated[int, Field(ge=1)] = 7
    minimum_rows: Annotated[int, Field(ge=1)] = 5000

    @model_validator(mode="after")
    def _has_a_trainer(self) -> "Retraining":
        if self.automated and self.trainer is None:
            words = "retraining is automated: name the module that trains, or set automated: false"
            raise FieldsDisagree([(("trainer",), words)])
        return self
