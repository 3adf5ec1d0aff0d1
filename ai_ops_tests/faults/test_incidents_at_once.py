"""Two incidents at once, and a waiver that ran out on the way: each is held against a promotion or
a launch by itself, whatever became of the other."""

from pathlib import Path

import pytest

from ai_ops.retraining_pipeline.promotion import launch, promote
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import PromotionRefused
from ai_ops_tests.retraining_pipeline.moving import candidate, launch_token, refused_promotion
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    DEVOPS,
    FEATURE,
    SCIENTIST,
    champion,
    decided,
    incident,
    judged,
    later,
    ready_to_launch,
    registered,
    root_with,
    standing,
)

pytestmark = pytest.mark.requirement("PB-15", "PL-02")

DRIFT, DROP = "drift-2021-03-09", "accuracy_drop-2021-03-09"


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Root:
    return root_with(registered(tmp_path_factory.getbasetemp()), tmp_path / "root")


def two_at_once(root: Root) -> None:
    """Drift and a drop of accuracy begin on one day, while a candidate waits for its promotion."""
    candidate(root)
    incident(root, DRIFT, "drift")
    incident(root, DROP, "accuracy_drop")
    later(root, minutes=1)


def concluded(root: Root, id: str, conclusion: str) -> None:
    decided(root, "incident_concluded", SCIENTIST, incident=id, conclusion=conclusion, note="")


@pytest.mark.parametrize(("first", "other"), [(DRIFT, DROP), (DROP, DRIFT)])
def test_what_answers_one_of_two_incidents_answers_not_the_other(
    root: Root, first: str, other: str
) -> None:
    two_at_once(root)
    told = "; ".join(refused_promotion(root))
    assert f"incident {first} " in told and f"incident {other} " in told
    concluded(root, first, "false_alarm")
    (reason,) = refused_promotion(root)
    assert f"incident {other} " in reason and first not in reason
    concluded(root, other, "bad_data")
    (reason,) = refused_promotion(root)
    assert reason == f"incident {other} was concluded as bad_data and is not resolved"
    decided(root, "incident_resolved", SCIENTIST, incident=first, note="over")
    assert refused_promotion(root) == (reason,)


def test_two_incidents_that_were_both_answered_are_green(root: Root) -> None:
    two_at_once(root)
    for id in (DRIFT, DROP):
        concluded(root, id, "genuine_shift")
    assert promote(root, FEATURE, "2").version == champion(root) == "2"


def waived(root: Root, until: str) -> None:
    """Everything is ready; the load test is excused until a day, and was when the list was read."""
    ready_to_launch(root)
    said = {"item": "load_tested", "domain": "inference_management", "reason": "no load yet"}
    decided(root, "waiver", DEVOPS, **said, until=until)
    judged(root, "load_tested", "pre_launch_checklist", "waived")


@pytest.mark.fault("load_tested")
def test_a_waiver_that_ran_out_since_the_list_was_read_launches_nothing(root: Root) -> None:
    waived(root, "2021-03-10")
    later(root, hours=16)
    with pytest.raises(PromotionRefused) as refused:
        launch(root, FEATURE, launch_token(root))
    assert any("load_tested" in reason for reason in refused.value.reasons)
    assert standing(root).live is None


def test_a_waiver_that_holds_on_the_day_launches_green(root: Root) -> None:
    waived(root, "2021-03-11")
    later(root, hours=16)
    assert launch(root, FEATURE, launch_token(root)).version == "1"
