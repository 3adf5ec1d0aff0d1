"""The job that takes a signed decision, as the UI runs it: the token alone decides."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.orchestration.resources import RootResource
from ai_ops.playbook.jobs import (
    answer_job_name,
    answer_op_name,
    decide_job_name,
    decide_op_name,
    jobs,
)
from ai_ops.storage.root import Root
from ai_ops_tests.deciding import (
    BACKEND,
    DEVOPS,
    FEATURE,
    incident,
    launched,
    root_in,
    standing,
    token_of,
)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return root_in(tmp_path)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def run(root: Root, instance: dg.DagsterInstance, token: str) -> dg.ExecuteInProcessResult:
    job, _ = jobs(FEATURE)
    assert job.name == decide_job_name(FEATURE)
    return job.execute_in_process(
        instance=instance,
        resources={"root": RootResource(folder=str(root.folder))},
        run_config={"ops": {decide_op_name(FEATURE): {"config": {"token": token}}}},
        raise_on_error=False,
    )


def test_a_signed_decision_is_recorded_with_the_run_that_took_it(
    root: Root, instance: dg.DagsterInstance
) -> None:
    token = token_of(root, "hold", BACKEND, reason="the feed is wrong")
    done = run(root, instance, token)
    assert done.success
    assert [hold.reason for hold in standing(root).holds] == ["the feed is wrong"]
    (event,) = root.ledger.events(FEATURE.name, kinds=["hold"])
    assert event.run_id == done.run_id
    (output,) = [e for e in done.all_events if e.event_type == dg.DagsterEventType.STEP_OUTPUT]
    shown = {k: v.value for k, v in output.step_output_data.metadata.items()}
    assert (shown["kind"], shown["by"]) == ("hold", BACKEND)
    assert "token" not in shown


@pytest.mark.parametrize("text", ["", "yes, do it", "AAAA.BBBB"])
def test_what_nobody_signed_fails_the_run_and_is_recorded(
    root: Root, instance: dg.DagsterInstance, text: str
) -> None:
    done = run(root, instance, text)
    assert not done.success
    (failure,) = [event for event in done.all_events if event.is_step_failure]
    assert "the decision is refused: not a signed decision" in str(failure.step_failure_data.error)
    (refusal,) = standing(root).refusals
    assert refusal.reasons == ("not a signed decision; print one with ai-ops sign",)


@pytest.mark.requirement("OW-07")
def test_a_decision_of_the_wrong_role_fails_the_run_and_is_recorded(
    root: Root, instance: dg.DagsterInstance
) -> None:
    approved = {"version": "2", "gate_hash": FEATURE.gate.digest, "reason": "I like it"}
    assert not run(root, instance, token_of(root, "approval", DEVOPS, **approved)).success
    (refusal,) = standing(root).refusals
    assert refusal.by == DEVOPS and "may not decide on approval" in refusal.reasons[0]
    assert standing(root).approvals == {}


def test_its_config_says_to_a_person_what_to_put_in() -> None:
    job, _ = jobs(FEATURE)
    op = job.node_def_named(decide_op_name(FEATURE))
    assert isinstance(op, dg.OpDefinition)
    fields = op.config_schema.as_field().config_type.fields
    assert "ai-ops sign" in str(fields["token"].description)
    assert "no secret" in str(fields["token"].description)
    assert "recorded as refused" in str(job.description)


def answer(root: Root, instance: dg.DagsterInstance, id: str = "") -> dg.ExecuteInProcessResult:
    _, job = jobs(FEATURE)
    assert job.name == answer_job_name(FEATURE)
    return job.execute_in_process(
        instance=instance,
        resources={"root": RootResource(folder=str(root.folder))},
        run_config={"ops": {answer_op_name(FEATURE): {"config": {"incident": id}}}},
        raise_on_error=False,
    )


@pytest.mark.requirement("PB-05")
def test_a_run_takes_the_steps_of_an_incident_and_shows_how_all_of_them_stand(
    root: Root, instance: dg.DagsterInstance
) -> None:
    launched(root)
    one, other = incident(root), incident(root, id="drift-2021-03-31")
    done = answer(root, instance, one)
    assert done.success
    assert {len(found.taken) for found in standing(root).incidents} == {0, 3}
    [event] = [
        found for found in done.all_events if found.event_type == dg.DagsterEventType.STEP_OUTPUT
    ]
    told = event.step_output_data.metadata
    rows = [record.data for record in told["steps"].records]  # type: ignore[union-attr]
    assert {row["incident"] for row in rows} == {one}
    states = {row["step"]: row["state"] for row in rows}
    assert states["sample pulled"] == "failed" and states["released"] == "waiting"
    assert states["what is it"] == "asked"
    assert f"ai-ops incidents conclude {FEATURE.name} {one} --as" in rows[3]["words"]
    assert answer(root, instance).success
    assert [len(found.taken) for found in standing(root).incidents] == [3, 3], other


def test_an_incident_that_there_is_none_of_fails_the_run(
    root: Root, instance: dg.DagsterInstance
) -> None:
    head = root.ledger.head()
    assert not answer(root, instance, "drift-1").success
    assert root.ledger.head() == head
