"""What each playbook does after its first steps: by a person's conclusion, and what came of it."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.acts import DagsterActs
from ai_ops.playbook.answering import answer_alerts, take_steps
from ai_ops.playbook.steps import Acts
from ai_ops.storage.retraining_failures import Failure, record_failure
from ai_ops.storage.retrainings import AUTOMATED, record_stage, start_retraining
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.failures import LikelyCause
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    NAME,
    SCIENTIST,
    decided,
    happened,
    later,
    root_in,
    standing,
)

BEGIN = "2021-03-08"
BY_HAND = FEATURE.model_copy(
    update={"retraining": FEATURE.retraining.model_copy(update={"automated": False})}
)
EXTERNAL = FEATURE.model_copy(update={"served_by": "provider_api"})


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = root_in(tmp_path / "root")
    gate = {"gate": FEATURE.gate.model_dump(mode="json"), "hash": FEATURE.gate.digest}
    decided(root, "gate_freeze", SCIENTIST, **gate)
    happened(root, "launch", version="1", previous=None, by=DEVOPS)
    return root


def opened(root: Root, alert: str, item: str) -> str:
    id = f"{alert}-{BEGIN}"
    said = {"begin": BEGIN, "reason": "it moved", "version": "1", "severity": "warning"}
    happened(root, "incident_opened", incident=id, alert=alert, item=item, **said)
    return id


def stepped(
    root: Root, id: str, feature: AiFeatureSpec = FEATURE, acts: Acts | None = None
) -> Incident:
    later(root, minutes=1)
    take_steps(root, feature, root.clock.now(), *([acts] if acts else []))
    found = standing(root).incident(id)
    assert found is not None
    return found


def concluded(root: Root, id: str, conclusion: str, by: str = SCIENTIST) -> None:
    later(root, minutes=1)
    decided(root, "incident_concluded", by, incident=id, conclusion=conclusion, note="looked")
    later(root, minutes=1)


def words(incident: Incident, step: str) -> str:
    return next(one.words for one in reversed(incident.taken) if one.step == step)


def pending(incident: Incident) -> dict[str, str]:
    return {one.step: one.domain for one in incident.pending}


@pytest.mark.requirement("PB-12", "PB-16", "OW-04")
def test_of_bad_data_nothing_is_learnt_and_backend_is_asked_to_mend_the_feed(root: Root) -> None:
    id = opened(root, "drift", "input_drift")
    assert pending(stepped(root, id)) == {"what_is_it": "drift_monitoring"}
    concluded(root, id, "bad_data")
    now = stepped(root, id)
    assert now.question("what_is_it").answer == "bad_data"  # type: ignore[union-attr]
    assert "every training set leaves them out" in words(now, "nothing_learnt")
    assert pending(now) == {"feed_mended": "prediction_logging"}
    assert not {"retrained", "released"} & set(now.step_names)
    said = {"incident": id, "question": "feed_mended", "answer": "yes", "note": "°F again"}
    decided(root, "incident_answered", BACKEND, **said)
    assert pending(stepped(root, id)) == {}
    (forbids,) = standing(root).forbidding
    assert "bad_data" in forbids, "that it is mended must be seen in the data"


def retrained(root: Root, *, accepted: bool = True) -> None:
    start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-1")
    later(root, minutes=1)
    id = standing(root).retrainings[-1].id
    said = {"version": "2", "accepted": accepted, "reason": "better in every slice"}
    record_stage(root, FEATURE, id, "evaluated", **said)


@pytest.mark.requirement("PB-14", "PB-15", "OW-07", "PB-34", "PB-35")
def test_a_genuine_shift_goes_from_the_retraining_over_the_gate_and_a_person_to_the_release(
    root: Root,
) -> None:
    id = opened(root, "drift", "input_drift")
    stepped(root, id)
    concluded(root, id, "genuine_shift")
    assert "retrained" not in stepped(root, id).step_names, "it waits for its trigger"
    retrained(root)
    now = stepped(root, id)
    assert now.step_names[-2:] == ("retrained", "judged_by_gate")
    assert "began on" in words(now, "retrained")
    assert f"{FEATURE.gate.digest[:12]}…, frozen by {SCIENTIST}," in words(now, "judged_by_gate")
    (asked,) = now.pending
    assert asked.words == "the gate passed version 2: may it go live?"
    assert asked.domain == "accuracy_evaluation" and f"{NAME} --version 2" in asked.command
    approved = {"version": "2", "gate_hash": FEATURE.gate.digest, "reason": "better"}
    decided(root, "approval", SCIENTIST, **approved)
    now = stepped(root, id)
    assert now.pending == () and words(now, "candidate_decided").startswith(f"{SCIENTIST} approved")
    assert "released" not in now.step_names
    happened(root, "promotion", version="2", previous="1", by=SCIENTIST)
    later(root, minutes=1)
    answer_alerts(root, FEATURE, root.clock.now())
    over = stepped(root, id)
    assert over.state == "resolved" and "version 2 went live" in words(over, "released")
    root.ledger.verify()


@pytest.mark.requirement("PB-14")
def test_where_nothing_is_retrained_by_itself_a_person_is_asked_to_begin(root: Root) -> None:
    id = opened(root, "drift", "input_drift")
    stepped(root, id, BY_HAND)
    concluded(root, id, "genuine_shift")
    (asked,) = stepped(root, id, BY_HAND).pending
    assert (asked.step, asked.domain) == ("retraining_asked", "retraining_pipeline")
    assert asked.command == f"ai-ops retrain {NAME} --incident {id}"
    start_retraining(root, BY_HAND, cause="drift", requested_by=BACKEND, run_id="run-1")
    now = stepped(root, id, BY_HAND)
    assert now.pending == () and now.question("retraining_asked").answered_by == BACKEND  # type: ignore[union-attr]


def test_of_a_model_that_others_train_nothing_is_retrained(root: Root) -> None:
    id = opened(root, "drift", "input_drift")
    stepped(root, id, EXTERNAL)
    concluded(root, id, "genuine_shift")
    now = stepped(root, id, EXTERNAL)
    states = {one.step: one.state for one in now.taken}
    assert {states[one] for one in ("retrained", "judged_by_gate", "released")} == {"not_needed"}
    assert now.pending == ()


@pytest.mark.requirement("PB-30", "PB-32", "PB-33")
@pytest.mark.parametrize(
    ("confirmed", "state", "told"),
    [
        (True, "done", "the gap is confirmed"),
        (False, "done", "the gap is not confirmed"),
        (None, "failed", "whether the gap is there cannot be said"),
    ],
)
def test_a_drop_of_accuracy_waits_for_its_fresh_sample_and_says_what_it_showed(
    root: Root, confirmed: bool | None, state: str, told: str
) -> None:
    id = opened(root, "accuracy_drop", "accuracy")
    now = stepped(root, id)
    assert now.step_names == () and pending(now) == {"what_is_it": "accuracy_evaluation"}
    sampled = {"incident": id, "step": "evaluated_again", "by": "ai_ops", "reason": "asked again"}
    numbers = {"rows": 700, "version": "1", "dataset_digest": "ab" * 32}
    happened(root, "incident_step", **sampled, **numbers, confirmed=confirmed)
    now = stepped(root, id)
    assert words(now, "gap_confirmed") == f"{told} on 700 labelled rows"
    last = now.taken[-1]
    assert (last.state, last.evidence[0][1]) == (state, "ab" * 32)
    retrained(root, accepted=False)
    now = stepped(root, id)
    assert "refused version 2" in words(now, "judged_by_gate")
    (what, candidate) = now.pending
    assert (what.step, candidate.step) == ("what_is_it", "candidate_decided")


@pytest.mark.requirement("PB-33")
@pytest.mark.parametrize("conclusion", ["bad_data", "false_alarm"])
def test_where_the_labels_were_wrong_nothing_is_retrained(root: Root, conclusion: str) -> None:
    id = opened(root, "accuracy_drop", "accuracy")
    stepped(root, id)
    concluded(root, id, conclusion)
    retrained(root)
    now = stepped(root, id)
    assert "retrained" not in now.step_names and "candidate_decided" not in pending(now)


@pytest.mark.requirement("PB-05")
def test_where_accuracy_joins_a_drift_it_is_asked_once_what_it_is_and_sampled_for_both(
    root: Root,
) -> None:
    id = opened(root, "drift", "input_drift")
    joined = {"alert": "accuracy_drop", "item": "accuracy", "begin": BEGIN, "reason": "worse"}
    happened(root, "incident_joined", incident=id, **joined, columns=[], by="ai_ops")
    (asked,) = stepped(root, id).pending
    assert asked.words.startswith("look at the sample and the signs")
    sampled = {"incident": id, "step": "evaluated_again", "by": "ai_ops", "reason": "asked again"}
    happened(root, "incident_step", **sampled, rows=700, version="1", confirmed=True)
    assert words(stepped(root, id), "gap_confirmed").startswith("the gap is confirmed")


class Logged:
    """What a run wrote, as Dagster kept it."""

    def cancel_retrainings(self, feature: AiFeatureSpec) -> tuple[str, ...]:
        return ()

    def log_of(self, run_id: str) -> tuple[str, ...]:
        return tuple(f"{run_id}: line {number}" for number in range(40))


@pytest.mark.requirement("PB-40", "PB-41", "PB-42", "PB-43", "PB-44")
def test_a_failed_retraining_is_named_with_step_log_and_cause_and_started_again_by_a_person(
    root: Root,
) -> None:
    start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-1")
    later(root, minutes=1)
    cause = LikelyCause("schema_change", "column temp is gone", "bring it back", "KeyError")
    error = "KeyError: temp"
    record_failure(root, FEATURE, "run-1", Failure("tiny__training_set", error, "data pull", cause))
    later(root, minutes=1)
    answer_alerts(root, FEATURE, root.clock.now(), Logged())
    (now,) = standing(root).incidents
    assert now.alert == "pipeline_failure"
    assert words(now, "failed_step_named").endswith("failed at: data pull (tiny__training_set)")
    log = words(now, "log_read")
    assert "run-1: line 39" in log and "run-1: line 27" not in log
    assert now.taken[1].evidence[0][0] == "log of run run-1"
    assert words(now, "cause_found").startswith("likely cause: schema change: column temp is gone")
    assert words(now, "staleness_guarded").startswith("version 1, live since 2021-03-10, stays")
    assert pending(now) == {
        "what_is_it": "retraining_pipeline",
        "triggered_again": "retraining_pipeline",
    }
    again = now.question("triggered_again")
    assert again is not None and again.command == f"ai-ops retrain {NAME} --from-failure"
    start_retraining(root, FEATURE, cause="again", requested_by=BACKEND, run_id="run-2")
    now = stepped(root, now.id)
    assert list(pending(now)) == ["what_is_it"]
    assert now.question("triggered_again").answered_by == BACKEND  # type: ignore[union-attr]


def test_without_a_dagster_instance_the_ledger_s_own_words_are_the_log(root: Root) -> None:
    start_retraining(root, FEATURE, cause="drift", requested_by=AUTOMATED, run_id="run-1")
    later(root, minutes=1)
    record_failure(root, FEATURE, "run-1", Failure("tiny__candidate_model", "ValueError: odd"))
    later(root, minutes=1)
    answer_alerts(root, FEATURE, root.clock.now())
    (now,) = standing(root).incidents
    assert words(now, "log_read") == "run run-1 ended with: ValueError: odd"
    assert {one.step: one.state for one in now.taken}["cause_found"] == "failed"


def test_what_is_amiss_without_a_retraining_asks_for_no_second_run(root: Root) -> None:
    id = opened(root, "pipeline_failure", "writers_alive")
    now = stepped(root, id)
    assert "no retraining failed" in words(now, "failed_step_named")
    assert list(pending(now)) == ["what_is_it"]


@pytest.mark.requirement("PB-10")
def test_drift_cancels_the_automated_retrainings_that_wait_and_leaves_a_person_s(
    root: Root,
) -> None:
    with dg.DagsterInstance.local_temp(
        overrides={
            "run_coordinator": {
                "module": "dagster.core.run_coordinator",
                "class": "QueuedRunCoordinator",
            }
        }
    ) as instance:
        waiting = run_in(instance, AUTOMATED)
        asked = run_in(instance, SCIENTIST)
        start_retraining(root, FEATURE, cause="accuracy", requested_by=AUTOMATED, run_id=waiting)
        now = stepped(root, opened(root, "drift", "input_drift"), acts=DagsterActs(instance))
        assert f"run {waiting[:8]} is cancelled" in words(now, "retraining_paused")
        assert instance.get_run_by_id(waiting).status == dg.DagsterRunStatus.CANCELED  # type: ignore[union-attr]
        assert instance.get_run_by_id(asked).status == dg.DagsterRunStatus.QUEUED  # type: ignore[union-attr]
    (paused,) = standing(root).retrainings
    assert paused.stages["paused"]["incidents"] == [now.id]


def run_in(instance: dg.DagsterInstance, by: str) -> str:
    """A run that waits in the queue."""
    said = {"cause": "accuracy", "incident": "", "requested_by": by}
    config = {"ops": {f"{NAME}__training_set": {"config": said}}}
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="ai_ops"))
    job = f"{NAME}__retraining"
    run = dg.DagsterRun(
        job_name=job,
        run_config=config,
        status=dg.DagsterRunStatus.QUEUED,
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "tiny"), job),
    )
    instance.add_run(run)
    return run.run_id
