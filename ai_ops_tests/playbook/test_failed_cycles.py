"""More than one retraining that came to nothing: the incident is raised, and what is proposed."""

from pathlib import Path

import pytest

from ai_ops.playbook.answering import answer_alerts
from ai_ops.playbook.failed_cycles import STALE, broken_cycles, empty_cycles
from ai_ops.playbook.ways_back import Beside, newest_beside, way_back
from ai_ops.storage.retraining_failures import Failure, record_failure
from ai_ops.storage.retrainings import record_stage, resume_retraining, start_retraining
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Move, Standing, fold
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    NAME,
    NOW,
    happened,
    later,
    root_in,
    standing,
)

FAILURE = Failure("tiny__candidate_model", "ValueError: odd", "training")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Version 2 is live, after version 1."""
    root = root_in(tmp_path / "root")
    happened(root, "launch", version="1", previous=None, by=DEVOPS)
    later(root, hours=1)
    happened(root, "promotion", version="2", previous="1", by=DEVOPS)
    return root


def cycle(root: Root, run: str, *, accepted: bool | None = None) -> None:
    """A retraining that failed, or came to its gate."""
    later(root, days=7)
    id = start_retraining(root, FEATURE, cause="drift", run_id=run)
    later(root, minutes=5)
    if accepted is None:
        record_failure(root, FEATURE, run, FAILURE)
    else:
        record_stage(root, FEATURE, id, "evaluated", version="9", accepted=accepted)
    for _ in range(2):  # the sensor looks again at what it opened
        later(root, minutes=5)
        answer_alerts(root, FEATURE, root.clock.now())


def raised_in(incident: Incident) -> tuple[str, ...]:
    """The words with which an incident was raised."""
    return tuple(one.words for one in incident.taken if one.step == STALE)


def evaluated(root: Root, auc: float, brier: float, other: str = "1", *, rows: int = 700) -> None:
    """The daily run's comparison of the live version with another on the same rows."""
    day = str(root.clock.now().date())
    beside = {
        "version": other,
        "metrics": {},
        "difference": {"auc": {"value": auc}, "brier": {"value": brier}},
    }
    run = {"version": "2", "day": day, "week": {"rows": rows}, "beside": beside}
    root.lake.write_json(root.lake.path(NAME, "evaluation_run", day, "json"), run)


@pytest.mark.requirement("PB-44", "PB-41")
def test_the_first_failure_opens_an_incident_and_the_second_raises_it_once(root: Root) -> None:
    cycle(root, "run-1")
    (opened,) = standing(root).incidents
    assert (opened.severity, raised_in(opened)) == ("critical", ())
    assert "failed at training (tiny__candidate_model): ValueError: odd" in opened.reason
    cycle(root, "run-2")
    (raised,) = standing(root).incidents
    assert raised.severity == "emergency"
    (words,) = raised_in(raised)
    assert words.startswith("2 retrainings in a row came to nothing (2021-03-17-run-1, ")
    assert "the model is stale; version 2, the last good one, stays in production" in words
    assert "no rollback is proposed: ai-ops evaluate tiny --version 1" in words, "nobody knows"
    assert standing(root).live == "2", "nothing moves by itself"
    cycle(root, "run-3")
    assert len(raised_in(standing(root).incidents[0])) == 1


@pytest.mark.requirement("PB-44")
@pytest.mark.parametrize(
    ("auc", "brier", "proposed"),
    [(-0.02, 0.01, True), (0.0, 0.0, True), (0.01, 0.01, False), (-0.02, -0.01, False)],
)
def test_a_rollback_is_proposed_only_where_the_version_before_is_as_good_in_every_metric(
    root: Root, auc: float, brier: float, proposed: bool
) -> None:
    cycle(root, "run-1")
    evaluated(root, auc, brier)
    cycle(root, "run-2")
    (words,) = raised_in(standing(root).incidents[0])
    assert ("ai-ops rollback tiny --to 1" in words) == proposed
    assert "on the 700 labelled rows of the week to 2021-03-17" in words


def test_one_labelled_row_or_a_metric_that_is_no_number_proposes_no_rollback(root: Root) -> None:
    evaluated(root, -0.1, 0.1, rows=1)
    assert newest_beside(root, FEATURE) is None
    unknown = Beside("2", "1", "2021-03-09", 900, {"auc": float("nan"), "brier": 0.1})
    assert "is not known, so no rollback is proposed" in way_back(NAME, standing(root), unknown)


def test_a_version_that_was_never_live_is_no_way_back(root: Root) -> None:
    evaluated(root, -0.1, 0.1, other="7")
    words = way_back(NAME, standing(root), newest_beside(root, FEATURE))
    assert "is not known, so no rollback is proposed" in words
    alone = Beside("1", "7", "2021-03-09", 5, {"auc": -1.0, "brier": 1.0})
    launch = Move("launch", "1", None, NOW, DEVOPS, {}, None, "", (1, 0))
    assert way_back(NAME, Standing(moves=(launch,)), alone).startswith("there is no earlier")
    assert way_back(NAME, fold([]), None).startswith("there is no earlier")


def test_a_cycle_that_comes_to_its_gate_ends_the_row_and_one_that_goes_on_is_one(
    root: Root,
) -> None:
    cycle(root, "run-1")
    cycle(root, "run-2", accepted=False)
    now = root.clock.now()
    assert broken_cycles(standing(root), now) == () and len(empty_cycles(standing(root), now)) == 2
    cycle(root, "run-3")
    resume_retraining(root, FEATURE, "run-3", "run-4")
    record_failure(root, FEATURE, "run-4", FAILURE)
    now = root.clock.now()
    assert [one.id[-5:] for one in broken_cycles(standing(root), now)] == ["run-3"]
    cycle(root, "run-5", accepted=True)
    assert empty_cycles(standing(root), root.clock.now()) == ()
