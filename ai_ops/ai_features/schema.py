"""An AI feature: a capability of the product that answers with a model; one YAML, one folder."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.logged import Logging, Privacy
from ai_ops.ai_features.parts import (
    FROM_LIST,
    Costs,
    DomainOwner,
    Drift,
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
    Serving,
    UserActions,
)
from ai_ops.vocabulary.words import Domain, OwnedDomain

Mistake = tuple[tuple[str | int, ...], str]
"""Where a mistake stands, and what is wrong."""

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
    inputs: Annotated[tuple[InputColumn, ...], Field(min_length=1), FROM_LIST]
    outputs: Annotated[tuple[OutputColumn, ...], Field(min_length=1), FROM_LIST]
    judged: Judged
    ground_truth: GroundTruth
    user_actions: UserActions
    owners: Owners
    drift: Drift = Drift()
    gate: Gate = Gate()
    logging: Logging = Logging()
    serving: Serving
    costs: Costs = Costs()
    retraining: Retraining = Retraining()
    privacy: Privacy = Privacy()

    @model_validator(mode="after")
    def _names_agree(self) -> "AiFeatureSpec":
        mistakes = [*self._repeated(), *self._wrongly_judged(), *self._never_enough_days()]
        columns = {column.name for column in self.inputs}
        columns |= {column.name for column in self.outputs}
        columns |= {"subject", "tenant"}
        mistakes += [
            (("privacy", "fields", name), f"names no input, output, subject or tenant: {name}")
            for name in self.privacy.fields
            if name not in columns
        ]
        if mistakes:
            raise FieldsDisagree(mistakes)
        return self

    def _repeated(self) -> Iterator[Mistake]:
        seen: set[str] = set()
        both: dict[str, Sequence[InputColumn | OutputColumn]]
        both = {"inputs": self.inputs, "outputs": self.outputs}
        for role, columns in both.items():
            for place, column in enumerate(columns):
                if column.name in seen:
                    words = f"inputs and outputs share a name or repeat it: {column.name}"
                    yield (role, place, "name"), words
                seen.add(column.name)

    def _wrongly_judged(self) -> Iterator[Mistake]:
        types = {column.name: column.type for column in self.outputs}
        allowed = {"score": ("probability",), "decision": ("boolean", "category")}
        for role, name in (("score", self.judged.score), ("decision", self.judged.decision)):
            if name not in types:
                words = f"judged.{role} names no output: {name} (have {', '.join(types)})"
                yield ("judged", role), words
            elif types[name] not in allowed[role]:
                words = f"judged.{role} is not of type {' or '.join(allowed[role])}: {name}"
                yield ("judged", role), words

    def _never_enough_days(self) -> Iterator[Mistake]:
        held, needed = self.retraining.holdout_days, self.gate.candidate.minimum_days
        if held < needed:
            words = f"the gate needs {needed} days to judge a candidate: found {held}"
            yield ("retraining", "holdout_days"), words

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
