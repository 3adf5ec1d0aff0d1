"""``ai-ops retrain``: what it starts, what it refuses, and how it says that it ended."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.cli.retrain import ended
from ai_ops.component import definitions_of
from ai_ops.orchestration.running import failures_of, open_instance
from ai_ops.orchestration.submitting import submit
from ai_ops.storage.identities import Identities
from ai_ops.vocabulary.errors import MissingEvidence, RunNotSubmitted
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.cli.deciding_world import BACKEND, BAD, FEATURE, FINE, NOW, World, replay
from ai_ops_tests.retraining_pipeline import pipeline_world

NAME = FEATURE.name


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay without a version, in which the backend engineer has a key."""
    world = replay(tmp_path, versions=0)
    Identities(tmp_path / "identities").create(BACKEND)
    world.happened("drill")
    return world


def test_without_waiting_a_run_stands_in_the_queue_of_the_root_s_own_daemon(
    ai_ops: World,
) -> None:
    done = ai_ops("retrain", NAME, "--reason", "the airline asked")
    assert done.code == 0, done.err
    with open_instance(ai_ops.folder) as instance:
        (run,) = instance.get_runs()
    assert run.run_id == done.out.strip()
    assert (run.job_name, run.status) == (f"{NAME}__retrain", dg.DagsterRunStatus.QUEUED)
    assert run.run_config["ops"] == {
        f"{NAME}__training_set": {
            "config": {"cause": "the airline asked", "incident": "", "requested_by": ""}
        }
    }
    origin = run.remote_job_origin
    assert origin is not None
    assert origin.repository_origin.code_location_origin.location_name == "ai_ops", (
        "the daemon finds the code by this name"
    )


def test_what_dagster_does_not_take_is_told_in_its_words(
    ai_ops: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["-w", "nowhere.yaml"]
    monkeypatch.setattr("ai_ops.orchestration.submitting.workspace_options", lambda: options)
    with pytest.raises(RunNotSubmitted, match=r"not submitted: [\s\S]*nowhere\.yaml"):
        submit(ai_ops.folder, f"{NAME}__retrain")


def test_while_a_hold_is_open_it_is_refused_and_recorded(ai_ops: World) -> None:
    assert ai_ops("hold", NAME, "--reason", "bad feed", "--by", BACKEND).code == 0
    done = ai_ops("retrain", NAME, "--wait")
    assert done.code == 1
    assert f"a retraining of {NAME} is refused: held by {BACKEND}" in done.err
    (refusal,) = ai_ops.standing.refusals
    assert refusal.what == "retraining" and "bad feed" in refusal.reasons[0]
    assert ai_ops.standing.retrainings == ()


def test_one_at_a_time_and_one_that_was_never_heard_of_again_is_not_waited_for(
    ai_ops: World,
) -> None:
    ai_ops.happened("retraining", retraining="r1", stage="started", cause="drift")
    done = ai_ops("retrain", NAME, "--wait")
    assert done.code == 1 and "retraining r1 is running since" in done.err
    assert ai_ops.standing.refusals[-1].reasons[0].startswith("retraining r1 is running")
    ai_ops.advance(NOW + timedelta(days=2))
    assert ai_ops("hold", NAME, "--reason", "stop", "--by", BACKEND).code == 0
    assert f"held by {BACKEND}" in ai_ops("retrain", NAME, "--wait").err


def test_an_incident_that_there_is_none_of_is_named(ai_ops: World) -> None:
    done = ai_ops("retrain", NAME, "--incident", "drift-1")
    assert done.code == 2 and "--incident: no such incident: drift-1; there are: none" in done.err


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Another feature's root: three weeks of a log with its labels, and a trainer of a second."""
    root = pipeline_world.logged_root(tmp_path / "tiny")
    feature = pipeline_world.FEATURE
    monkeypatch.setattr("ai_ops.cli.retrain.resolve_feature", lambda name: feature)
    monkeypatch.setattr("ai_ops.definitions.defs", lambda: definitions_of(feature))
    return World(root.folder, feature=feature)


def test_waiting_ends_with_no_evidence_where_nothing_can_be_judged(tiny: World) -> None:
    done = tiny("retrain", tiny.feature.name, "--wait", "--reason", "spring")
    assert done.code == 3, done.err
    assert (
        done.out.count(": no_evidence: ") == len(GATE_CHECKS)
        and "no criteria are frozen" in done.out
    )
    (retraining,) = tiny.standing.retrainings
    assert retraining.cause == "spring" and "evaluated" in retraining.stages


@pytest.mark.requirement("PB-40", "PB-43")
def test_one_command_goes_on_from_a_failure_when_what_failed_is_mended(
    tiny: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tiny.feature.name
    monkeypatch.setattr("ai_ops.cli.history.resolve_feature", lambda _: tiny.feature)
    none = tiny("retrain", name, "--from-failure")
    assert none.code == 2 and "the last retraining did not fail" in none.err
    log = tiny.folder / "lake" / name / "prediction_log" / "2021-02-20.parquet"
    content = log.read_bytes()
    log.unlink()
    failed = tiny("retrain", name, "--wait", "--reason", "spring")
    assert failed.code == 3
    assert "training_set_sound: no_evidence: " in failed.err
    assert "likely cause: evidence missing: " in failed.err
    assert "data pull: " in failed.err
    assert f"when it is mended: ai-ops retrain {name} --from-failure" in failed.err
    told = tiny("history", name).out
    assert "likely cause: evidence missing: " in told and "failed at the step data pull" in told
    log.write_bytes(content)
    (before,) = tiny.standing.retrainings
    other = tiny("retrain", name, "0123456789", "--from-failure", "--wait")
    assert other.code == 2 and "0123456789: no run of tiny__retrain that failed" in other.err
    done = tiny("retrain", name, before.id, "--from-failure", "--wait")
    assert done.code == 3 and "no criteria are frozen" in done.out, done.err
    (after,) = tiny.standing.retrainings
    assert (after.id, after.cause) == (before.id, "spring")
    assert set(after.stages) == {"started", "resumed", "evaluated"}
    again = tiny("retrain", name, before.id, "--from-failure")
    assert again.code == 2 and "came to its evaluation" in again.err


def test_a_run_is_named_from_its_failure_only_and_keeps_its_reason(ai_ops: World) -> None:
    assert "is named together with --from-failure" in ai_ops("retrain", NAME, "run-1").err
    done = ai_ops("retrain", NAME, "--from-failure", "--reason", "x")
    assert done.code == 2 and "leave them out" in done.err


def test_before_yesterdays_labels_are_read_it_says_what_to_wait_for(tiny: World) -> None:
    truth = tiny.folder / "lake" / tiny.feature.name / "ground_truth"
    (truth / "2021-03-09.parquet").unlink()
    tiny.root.begin_replay(tiny.root.clock.now() + timedelta(hours=15.5))  # half past midnight
    (truth / "2021-03-10.parquet").touch()
    (truth / "2021-03-10.parquet").rename(truth / "2021-03-09.parquet")
    done = tiny("retrain", tiny.feature.name, "--wait")
    assert done.code == 3
    assert "the labels of 2021-03-10 are not read yet: tiny__daily reads them at 06:00" in done.err
    tiny.root.begin_replay(tiny.root.clock.now() + timedelta(hours=8))
    late = tiny("retrain", tiny.feature.name)
    assert late.code == 3 and "was due at 06:00 UTC; wait for it, or run it for" in late.err
    assert tiny.standing.retrainings == (), "nothing began that would have failed"


@pytest.mark.requirement("PB-34")
@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("pass", 0, "the gate passed version 2: ai-ops approve flight_delay takes it on"),
        ("fail", 1, "the gate refused version 2: gate_discrimination\n"),
        ("no_evidence", 3, "the gate could not judge version 2: gate_discrimination\n"),
    ],
)
def test_it_ends_with_what_the_gate_said(
    ai_ops: World, capsys: pytest.CaptureFixture[str], status: str, code: int, words: str
) -> None:
    ai_ops.happened("retraining", retraining="r1", stage="started", run="run-1")
    ai_ops.happened("retraining", retraining="r1", stage="evaluated", version="2")
    assert ended(ai_ops.root, FEATURE, "run-1", None) == 3, "nothing was judged"
    ai_ops.gate_judged("2", champion="1", verdict=FINE)
    other = {"fail": BAD, "no_evidence": Verdict.lacking("too few rows", "accuracy")}
    if status in other:
        ai_ops.gate_judged("2", "1", other[status], items=("gate_discrimination",))
    assert ended(ai_ops.root, FEATURE, "run-1", None) == code
    assert words in capsys.readouterr().out


def test_a_step_s_failure_is_told_by_the_error_s_own_class_and_words() -> None:
    @dg.op
    def look() -> None:
        raise MissingEvidence("labels: no such file")

    @dg.job
    def job() -> None:
        look()

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert failures_of(result) == [("look", "MissingEvidence", "labels: no such file")]
