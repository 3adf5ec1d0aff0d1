"""The stages of a retraining in the ledger: begun, evaluated or failed, each once."""

from pathlib import Path

import pytest

from ai_ops.storage.retrainings import (
    go_on,
    of_run,
    record_failure,
    record_stage,
    running,
    start_retraining,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RetrainingRefused
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    decided,
    later,
    root_in,
    standing,
)


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
    event = record_failure(root, FEATURE, "run-1", "tiny__candidate_model", "no memory " * 100)
    assert event is not None
    assert event.payload["step"] == "tiny__candidate_model"
    assert len(event.payload["error"]) == 500
    assert record_failure(root, FEATURE, "run-1", "tiny__candidate_model", "no memory") is None
    assert running(standing(root), root.clock.now()) is None
    assert record_failure(root, FEATURE, "another run", "x", "y") is None


def test_a_candidate_that_the_gate_refused_is_no_failure(root: Root) -> None:
    id = started(root)
    record_stage(root, FEATURE, id, "evaluated", version="2", accepted=False)
    assert record_failure(root, FEATURE, "run-1", "checks", "gate_improvement failed") is None
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
