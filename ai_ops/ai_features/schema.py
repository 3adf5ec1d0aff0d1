"""An AI feature: a capability of the product that answers with a model; one YAML, one folder."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from ai_ops.ai_features.agreement import (
    NAMED_IN_LOG,
    Mistake,
    never_shadowed,
    nowhere_labelled,
    repeated_names,
    unknown_mappings,
    unknown_slices,
    unwitnessed,
    wrongly_judged,
    wrongly_served,
)
from ai_ops.ai_features.costs import Costs
from ai_ops.ai_features.drift import Drift
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.logged import Logging, Privacy
from ai_ops.ai_features.notifications import Notifications
from ai_ops.ai_features.parts import (
    FROM_LIST,
    DomainOwner,
    FieldsDisagree,
    GroundTruth,
    InputColumn,
    Judged,
    Monitoring,
    Name,
    OutputColumn,
    Owners,
    Part,
    Retraining,
    UserActions,
)
from ai_ops.ai_features.serving import Serving
from ai_ops.ai_features.source import ReferenceSource, Source
from ai_ops.vocabulary.words import Domain, OwnedDomain, ServedBy

OWNED_DOMAINS: tuple[OwnedDomain, ...] = (
    "prediction_logging",
    "drift_monitoring",
    "retraining_pipeline",
    "inference_management",
)


class AiFeatureSpec(Part):
    """What one AI feature's YAML says, checked.

    A line of a weekly or monthly list is to be signed off ``sign_off_within_days`` after its last
    day. Raises pydantic's ``ValidationError``; the loader turns it into file, line and field.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    served_by: ServedBy
    baseline_version: str | None = None
    monitoring: Monitoring
    inputs: Annotated[tuple[InputColumn, ...], Field(min_length=1), FROM_LIST]
    outputs: Annotated[tuple[OutputColumn, ...], Field(min_length=1), FROM_LIST]
    judged: Judged = Judged()
    ground_truth: GroundTruth
    user_actions: UserActions | None = None
    source: Source | None = None
    reference: ReferenceSource | None = None
    owners: Owners
    sign_off_within_days: Annotated[int, Field(ge=1)] = 7
    drift: Drift = Drift()
    gate: Gate = Gate()
    logging: Logging = Logging()
    serving: Serving = Serving()
    costs: Costs = Costs()
    retraining: Retraining = Retraining()
    notifications: Notifications = Notifications()
    privacy: Privacy = Privacy()
    slices: Annotated[tuple[str, ...], FROM_LIST] | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> "AiFeatureSpec":
        mistakes = [
            *repeated_names(self.inputs, self.outputs),
            *wrongly_judged(self.judged, self.ground_truth.kind, self.outputs),
            *nowhere_labelled(self.ground_truth, self.source),
            *unwitnessed(self.user_actions, self.source),
            *wrongly_served(
                self.served_by, self.source, self.reference, self.retraining, self.serving
            ),
            *never_shadowed(self.served_by, self.ground_truth.kind, self.judged, self.serving),
            *self._never_enough_days(),
        ]
        if self.source is not None:
            mistakes += unknown_mappings(self.source, self.inputs, self.outputs)
        columns = {column.name for column in self.inputs}
        columns |= {column.name for column in self.outputs}
        columns |= {"subject", "tenant"}
        mistakes += [
            (("privacy", "fields", name), f"names no input, output, subject or tenant: {name}")
            for name in self.privacy.fields
            if name not in columns
        ]
        mistakes += unknown_slices(self.slices or (), self.inputs)
        if mistakes:
            raise FieldsDisagree(mistakes)
        return self

    def _never_enough_days(self) -> Iterator[Mistake]:
        held, needed = self.retraining.holdout_days, self.gate.candidate.minimum_days
        if held < needed:
            words = f"the gate needs {needed} days to judge a candidate: found {held}"
            yield ("retraining", "holdout_days"), words

    @property
    def trained_here(self) -> bool:
        """Whether the team trains the model: then it has versions, a gate and retraining."""
        return self.served_by == "own_model"

    @property
    def labelled(self) -> bool:
        """Whether correct answers ever become known."""
        return self.ground_truth.kind != "none"

    @property
    def flags(self) -> tuple[str, ...]:
        """What is allowed and still wrong enough to be shown, one sentence each."""
        people = {self.owner_of(domain).accountable for domain in OWNED_DOMAINS}
        if len(people) == 1:
            return (f"{people.pop()} is accountable for all four domains: ownership is not split",)
        return ()

    def owner_of(self, domain: Domain) -> DomainOwner:
        """Who answers for a domain, following accuracy evaluation to the owner it declares."""
        if domain == "accuracy_evaluation":
            return self.owner_of(self.owners.accuracy_evaluation.follows)
        owner: DomainOwner = getattr(self.owners, domain)
        return owner

    @property
    def sliced_by(self) -> tuple[str, ...]:
        """The columns whose values are judged one by one as well: those that ``slices`` names, by
        default the tenant, the call site and every input that is a category or a boolean."""
        if self.slices is not None:
            return self.slices
        kinds = ("category", "boolean")
        return (*NAMED_IN_LOG, *(one.name for one in self.inputs if one.type in kinds))

    def input(self, name: str) -> InputColumn:
        """The input column of that name; KeyError if there is none."""
        return {column.name: column for column in self.inputs}[name]
