"""The stages of a retraining in the ledger: begun, evaluated or failed, each once."""

from pathlib import Path

import pytest

from ai_ops.storage.retraining_failures import Asked, Failure, failure_in_words, record_failure
from ai_ops.storage.retrainings import (
    go_on,
    of_run,
    record_stage,
    resume_retraining,
    running,
    start_retraining,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RetrainingRefused
from ai_ops.vocabulary.failures import LikelyCause
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    NOW,
    decided,
    later,
    root_in,
    standing,
)

NO_MEMORY = LikelyCause("resource", "it was killed", "more memory", "exited with code -9")
FAILURE = Failure("tiny__candidate_model", "no memory", "training", NO_MEMORY)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return root_in(tmp_path / "root")


def started(root: Root, run: str = "run-1") -> str:
    return start_retraining(root, FEATURE, cause="accuracy", requested_by="me", run_id=run)


def test_it_runs_until_it_was_evaluated(root: Root) -> None:
    id = started(root)
    (found,) = standing(root).retrainings
    assert (found.id, found.cause, found.requested_by) == (id, "accuracy", "me")
    assert running(standing(root), root.clock.now()) == found
    record_stage(root, FEATURE, id, "evaluated", version="2", accepted=True)
    assert running(standing(root), root.clock.now()) is None
    assert standing(root).retrainings[0].stages["evaluated"]["version"] == "2"


@pytest.mark.requirement("PB-41")
def test_a_failure_names_its_step_once(root: Root) -> None:
    started(root)
    failure = Failure("tiny__candidate_model", "no memory " * 100, "training", NO_MEMORY)
    event = record_failure(root, FEATURE, "run-1", failure)
    assert event is not None
    assert event.payload["step"] == "tiny__candidate_model"
    assert len(event.payload["error"]) == 500
    assert record_failure(root, FEATURE, "run-1", failure) is None
    assert running(standing(root), root.clock.now()) is None
    assert record_failure(root, FEATURE, "another run", failure) is None
    words = failure_in_words(standing(root).retrainings[0])
    assert words.startswith("training (tiny__candidate_model): no memory")
    assert words.endswith("likely cause: resource: it was killed; mend: more memory")


def test_a_run_that_failed_before_it_began_a_retraining_is_told_too(root: Root) -> None:
    failure = Failure("tiny__training_set", "password=abc is wrong", "data pull")
    record_failure(root, FEATURE, "run-9", failure, Asked("accuracy fell", None, "ai_ops"))
    (one,) = standing(root).retrainings
    assert (one.cause, one.requested_by) == ("accuracy fell", "ai_ops")
    assert one.stages["failed"]["error"] == "password=… is wrong"
    assert record_failure(root, FEATURE, "run-9", failure, Asked()) is None


@pytest.mark.requirement("PB-43")
def test_one_that_goes_on_after_its_failure_is_the_same_retraining(root: Root) -> None:
    id = started(root)
    assert record_failure(root, FEATURE, "run-1", FAILURE) is not None
    assert resume_retraining(root, FEATURE, "run-1", "run-2") == id
    assert resume_retraining(root, FEATURE, "run-1", "run-2") == id, "each of its steps says so"
    (one,) = standing(root).retrainings
    assert set(one.stages) == {"started", "resumed"} and running(standing(root), NOW) == one
    assert record_failure(root, FEATURE, "run-1", FAILURE) is None, "that was before"
    assert record_failure(root, FEATURE, "run-2", FAILURE) is not None
    assert resume_retraining(root, FEATURE, "run-2", "run-3") == id
    resumed = standing(root).retrainings[0].stages["resumed"]
    assert (resumed["runs"], resumed["failures"]) == (["run-1", "run-2"], 2)
    for run in ("run-1", "run-2", "run-3"):
        found = of_run(standing(root), run)
        assert found is not None and found.id == id
    record_stage(root, FEATURE, id, "evaluated", version="2")
    assert resume_retraining(root, FEATURE, "run-3", "run-4") is None
    assert resume_retraining(root, FEATURE, "nobody's run", "run-4") is None


def test_none_goes_on_when_another_began_since_or_a_hold_is_open(root: Root) -> None:
    started(root)
    record_failure(root, FEATURE, "run-1", FAILURE)
    other = started(root, "other-run")
    with pytest.raises(RetrainingRefused, match=f"retraining {other} began since"):
        resume_retraining(root, FEATURE, "run-1", "run-2")
    record_failure(root, FEATURE, "other-run", FAILURE)
    decided(root, "hold", DEVOPS, reason="wait")
    with pytest.raises(RetrainingRefused, match="held by"):
        resume_retraining(root, FEATURE, "other-run", "run-3")
    assert len(standing(root).refusals) == 2


def test_a_candidate_that_the_gate_refused_is_no_failure(root: Root) -> None:
    id = started(root)
    record_stage(root, FEATURE, id, "evaluated", version="2", accepted=False)
    assert record_failure(root, FEATURE, "run-1", FAILURE) is None
    assert "failed" not in standing(root).retrainings[0].stages


def test_one_of_which_nothing_was_heard_for_a_day_runs_no_more(root: Root) -> None:
    started(root)
    later(root, hours=23.9)
    assert running(standing(root), root.clock.now()) is not None
    later(root, hours=0.2)
    assert running(standing(root), root.clock.now()) is None


def test_each_run_has_its_own_and_a_run_that_is_tried_again_keeps_it(root: Root) -> None:
    first, second = started(root), started(root, "other-run")
    assert first != second
    assert started(root) == first
    assert [one.id for one in standing(root).retrainings] == [first, second]
    found = of_run(standing(root), "other-run")
    assert found is not None and found.id == second


def test_a_hold_lets_none_begin_and_none_go_on(root: Root) -> None:
    go_on(root, FEATURE)
    decided(root, "hold", DEVOPS, reason="wait")
    for act in (lambda: started(root), lambda: go_on(root, FEATURE, run_id="run-1")):
        with pytest.raises(RetrainingRefused, match="wait"):
            act()
    assert [one.what for one in standing(root).refusals] == ["retraining", "retraining"]
    assert standing(root).retrainings == ()
