"""The jobs that take a person's signed decision, and that answer an incident at once."""

import dagster as dg
from pydantic import Field

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.acts import DagsterActs
from ai_ops.orchestration.building import owners_of, records_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.playbook.answering import take_steps
from ai_ops.playbook.describing import step_rows
from ai_ops.storage.decisions import record
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import DecisionRefused

TOKEN = """What `ai-ops sign` printed: one line, a decision with its signature.

It may be kept with the run's config: it holds no secret, and it can be handed in once."""


class SignedDecision(dg.Config):
    """A decision that a person signed elsewhere."""

    token: str = Field(description=TOKEN)


class IncidentToAnswer(dg.Config):
    """Which incident is answered."""

    incident: str = Field(
        default="", description="Its id, as drift-2021-03-04; empty: every one that is open."
    )


def decide_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that records a signed decision."""
    return f"{feature.name}__decide"


def decide_op_name(feature: AiFeatureSpec) -> str:
    """The name of its one op, which takes the token."""
    return f"{feature.name}__signed_decision"


def answer_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that takes the steps of an incident."""
    return f"{feature.name}__answer_incident"


def answer_op_name(feature: AiFeatureSpec) -> str:
    """The name of its one op, which takes the incident."""
    return f"{feature.name}__take_steps"


def jobs(feature: AiFeatureSpec) -> list[dg.JobDefinition]:
    """The feature's jobs of the playbook: record what a person decided, and answer an incident."""
    return [_decide(feature), _answer(feature)]


def _decide(feature: AiFeatureSpec) -> dg.JobDefinition:

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
        owners=owners_of(feature),
    )
    def decide() -> None:
        signed_decision()

    return decide


def _answer(feature: AiFeatureSpec) -> dg.JobDefinition:
    @dg.op(
        name=answer_op_name(feature),
        description="Takes the steps that are due, and shows how all of them stand.",
    )
    def take_due_steps(
        context: dg.OpExecutionContext, config: IncidentToAnswer, root: RootResource
    ) -> None:
        opened = root.open()
        known = standing_of(opened.ledger, feature.name)
        if config.incident and known.incident(config.incident) is None:
            there = ", ".join(one.id for one in known.incidents) or "none"
            raise dg.Failure(f"{config.incident}: no such incident; there are: {there}")
        now, acts = opened.clock.now(), DagsterActs(context.instance)
        appended = take_steps(opened, feature, now, acts, only=config.incident or None)
        after = standing_of(opened.ledger, feature.name)
        asked = [one for one in after.open_incidents if config.incident in ("", one.id)]
        if config.incident and (found := after.incident(config.incident)):
            asked = [found]
        rows = [row for one in asked for row in step_rows(one)]
        context.log.info(f"{len(appended)} steps and questions are recorded")
        context.add_output_metadata(
            {
                "recorded": len(appended),
                "incidents": ", ".join(one.id for one in asked) or "none is open",
                **({"steps": dg.MetadataValue.table(records_of(rows))} if rows else {}),
            }
        )

    @dg.job(
        name=answer_job_name(feature),
        description=(
            "Take the steps of an incident's playbook that are due now, instead of with the next "
            "look of the sensor, and show how all of its steps stand: what was done on which "
            "evidence, and who is asked what until when, with the command that answers it."
        ),
        owners=owners_of(feature),
    )
    def answer_incident() -> None:
        take_due_steps()

    return answer_incident
