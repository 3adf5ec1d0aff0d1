"""An AI feature: a capability of the product that answers with a model; one YAML, one folder."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ai_ops.ai_features.parts import (
    Costs,
    DomainOwner,
    Drift,
    Gate,
    GroundTruth,
    InputColumn,
    Judged,
    Monitoring,
    Name,
    OutputColumn,
    Owners,
    Part,
    Privacy,
    Retraining,
    Serving,
    UserActions,
)
from ai_ops.vocabulary.words import Domain, OwnedDomain

OWNED_DOMAINS: tuple[OwnedDomain, ...] = (
    "prediction_logging",
    "drift_monitoring",
    "retraining_pipeline",
    "inference_management",
)


class AiFeatureSpec(Part):
    """What one AI feature's YAML says, checked.

    Raises pydantic's ``ValidationError``; the loader turns it into file, line and field.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    served_by: Literal["own_model", "provider_api"]
    baseline_version: str | None = None
    monitoring: Monitoring
    inputs: Annotated[tuple[InputColumn, ...], Field(min_length=1)]
    outputs: Annotated[tuple[OutputColumn, ...], Field(min_length=1)]
    judged: Judged
    ground_truth: GroundTruth
    user_actions: UserActions
    owners: Owners
    drift: Drift = Drift()
    gate: Gate = Gate()
    serving: Serving
    costs: Costs = Costs()
    retraining: Retraining = Retraining()
    privacy: Privacy = Privacy()

    @model_validator(mode="after")
    def _names_agree(self) -> "AiFeatureSpec":
        names = [column.name for column in self.inputs]
        names += [column.name for column in self.outputs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"inputs and outputs share a name or repeat it: {', '.join(twice)}")
        outputs = {column.name: column.type for column in self.outputs}
        for role, name in (("score", self.judged.score), ("decision", self.judged.decision)):
            if name not in outputs:
                raise ValueError(
                    f"judged.{role} names no output: {name} (have {', '.join(outputs)})"
                )
        if outputs[self.judged.score] != "probability":
            raise ValueError(f"judged.score is not of type probability: {self.judged.score}")
        if unknown := sorted(set(self.privacy.fields) - set(names)):
            raise ValueError(f"privacy.fields names no input or output: {', '.join(unknown)}")
        return self

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

    def input(self, name: str) -> InputColumn:
        """The input column of that name; KeyError if there is none."""
        return {column.name: column for column in self.inputs}[name]
