"""The job that takes a person's signed decision: Dagster's own UI knows no users."""

import dagster as dg
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.resources import RootResource
from ai_ops.storage.decisions import record
from ai_ops.vocabulary.errors import DecisionRefused

TOKEN = """What `ai-ops sign` printed: one line, a decision with its signature.

It may be kept with the run's config: it holds no secret, and it can be handed in once."""


class SignedDecision(dg.Config):
    """A decision that a person signed elsewhere."""

    token: str = Field(description=TOKEN)


def decide_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that records a signed decision."""
    return f"{feature.name}__decide"


def decide_op_name(feature: AiFeatureSpec) -> str:
    """The name of its one op, which takes the token."""
    return f"{feature.name}__signed_decision"


def jobs(feature: AiFeatureSpec) -> list[dg.JobDefinition]:
    """The feature's job that records what a person decided."""

    @dg.op(
        name=decide_op_name(feature),
        description="Verifies the signature, the role, the age and that it was never handed in.",
    )
    def signed_decision(
        context: dg.OpExecutionContext, config: SignedDecision, root: RootResource
    ) -> None:
        try:
            event = record(root.open(), feature, config.token, run_id=context.run_id)
        except DecisionRefused as refused:
            raise dg.Failure(f"the decision is refused: {refused}", allow_retries=False) from None
        said = {name: str(event.payload[name]) for name in event.payload if name != "token"}
        context.log.info(f"{event.kind} by {event.payload['by']} is recorded")
        context.add_output_metadata({"kind": event.kind, "block": event.block_seq, **said})

    @dg.job(
        name=decide_job_name(feature),
        description=(
            "Record a decision that a person signed with `ai-ops sign`: an approval or rejection "
            "of a version, a hold or its release, a waiver, a sign-off, a review, thresholds of "
            "drift, the criteria of the gate, an answer to an incident. Whatever is not signed by "
            "somebody who may decide it fails the run, and is recorded as refused."
        ),
    )
    def decide() -> None:
        signed_decision()

    return [decide]
