"""The promotion: what it takes, and that everything in its way is refused and recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ai_ops.ai_features.parts import DomainOwner
from ai_ops.retraining_pipeline.promotion import obstacles, promote
from ai_ops.storage.decisions import record
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import (
    PromotionRefused,
)
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.retraining_pipeline.moving import (
    candidate,
    refused_promotion,
)
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    GATE,
    METRICS,
    NAME,
    SCIENTIST,
    STRANGER,
    approved,
    champion,
    decided,
    gate_passed,
    incident,
    judged,
    later,
    launched,
    standing,
    token_of,
)

Plant = Callable[[Root], object]


@pytest.mark.requirement("PL-15", "PL-16", "PL-17", "PL-18", "PL-31")
def test_a_promotion_records_all_and_moves_the_alias(live: Root) -> None:
    candidate(live)
    assert obstacles(live, FEATURE, "2", standing(live)) == ()
    move = promote(live, FEATURE, "2")
    assert champion(live) == "2"
    assert (move.kind, move.version, move.previous, move.by) == ("promotion", "2", "1", SCIENTIST)
    assert move.metrics == METRICS["2"] and move.gate_hash == GATE["hash"]
    assert standing(live).moves[-1] == move
    event = live.ledger.events(NAME, kinds=["promotion"])[-1]
    assert tuple(event.payload["approval"]) == standing(live).approvals["2"].place


@pytest.mark.requirement("PB-15", "PB-34")
@pytest.mark.parametrize("item", GATE_CHECKS)
def test_a_run_of_the_promotion_alone_after_a_failed_gate_is_refused(live: Root, item: str) -> None:
    launched(live)
    gate_passed(live, "2", "1", **{item: "fail"})
    approved(live, "2")
    assert refused_promotion(live) == (f"{item}: fail: it is so",)


def test_a_later_judgement_of_the_gate_counts_and_that_of_another_version_does_not(
    live: Root,
) -> None:
    candidate(live)
    gate_passed(live, "3", "1", gate_improvement="fail")
    assert obstacles(live, FEATURE, "2", standing(live)) == ()
    gate_passed(live, "2", "1", gate_calibration="no_evidence")
    assert refused_promotion(live) == ("gate_calibration: no_evidence: it is so",)
    gate_passed(live, "2", "1")
    assert promote(live, FEATURE, "2").version == "2"


def of_another_asset(root: Root) -> None:
    launched(root)
    gate_passed(root, "2", "1", gate_evidence="fail")
    approved(root, "2")
    seen = {"version": "2", "champion": "1", "gate_hash": GATE["hash"]}
    judged(root, "gate_evidence", "somewhere_else", "pass", **seen)


def amended(root: Root) -> None:
    candidate(root)
    gate = FEATURE.gate.model_copy(update={"auc_drop": 0.04})
    criteria = {"gate": gate.model_dump(mode="json"), "hash": gate.digest}
    decided(root, "gate_amendment", SCIENTIST, **criteria, reason="stricter")


def not_judged(root: Root) -> None:
    launched(root)
    approved(root, "2")


def not_approved(root: Root) -> None:
    launched(root)
    gate_passed(root, "2", "1")


def rejected(root: Root) -> None:
    candidate(root)
    said = {"version": "2", "gate_hash": GATE["hash"], "reason": "too slow"}
    decided(root, "rejection", SCIENTIST, **said)


def approved_unseen(root: Root) -> None:
    launched(root)
    approved(root, "2")
    later(root, minutes=1)
    gate_passed(root, "2", "1")


def signed_unseen(root: Root) -> None:
    launched(root)
    said = {"version": "2", "gate_hash": GATE["hash"], "reason": "it will be good"}
    token = token_of(root, "approval", SCIENTIST, **said)
    later(root, minutes=1)
    gate_passed(root, "2", "1")
    record(root, FEATURE, token)


def approved_while_refused(root: Root) -> None:
    launched(root)
    gate_passed(root, "2", "1", gate_improvement="fail")
    approved(root, "2")
    later(root, minutes=1)
    gate_passed(root, "2", "1")


def judged_beside_another(root: Root) -> None:
    candidate(root)
    gate_passed(root, "3", "1")
    approved(root, "3")
    promote(root, FEATURE, "3")


def judged_long_ago(root: Root) -> None:
    candidate(root)
    later(root, days=14, minutes=1)


def unconcluded(root: Root) -> None:
    candidate(root)
    incident(root)


def concluded_as_bad_data(root: Root) -> None:
    candidate(root)
    said = {"incident": incident(root), "conclusion": "bad_data", "note": "a sensor broke"}
    decided(root, "incident_concluded", SCIENTIST, **said)


REFUSED: dict[str, tuple[Plant, str]] = {
    "never judged": (not_judged, f"{', '.join(GATE_CHECKS)}: version 2 was never judged"),
    "judged by another asset": (of_another_asset, "gate_evidence: fail"),
    "other criteria now": (amended, f"{', '.join(GATE_CHECKS)}: judged by other criteria"),
    "judged beside another": (judged_beside_another, "judged beside version 1, live is 3"),
    "judged long ago": (judged_long_ago, "more than 14 days ago"),
    "nobody approved": (not_approved, "nobody approved version 2"),
    "rejected": (rejected, "science@example.com rejected version 2: too slow"),
    "approved before it was judged": (approved_unseen, "decided before the gate had judged"),
    "signed before it was judged": (signed_unseen, "decided before the gate had judged"),
    "approved while it was refused": (
        approved_while_refused,
        "decided on version 2 while gate_improvement was fail",
    ),
    "an incident": (unconcluded, "incident drift-2021-03-09 (drift) is concluded by nobody"),
    "bad data": (concluded_as_bad_data, "was concluded as bad_data and is not resolved"),
}


@pytest.mark.requirement("PB-15", "PB-34", "PB-35", "OW-07")
@pytest.mark.parametrize("case", REFUSED)
def test_what_forbids_a_promotion_is_refused_with_its_reason_and_recorded(
    live: Root, case: str
) -> None:
    plant, words = REFUSED[case]
    plant(live)
    assert any(words in reason for reason in refused_promotion(live))


def test_a_feature_that_was_not_launched_promotes_nothing(root: Root) -> None:
    assert "tiny is not launched" in refused_promotion(root)[0]


def test_every_reason_is_named_at_once(live: Root) -> None:
    launched(live)
    gate_passed(live, "2", "1", gate_discrimination="fail", gate_calibration="fail")
    decided(live, "hold", BACKEND, reason="let us look")
    incident(live)
    assert len(refused_promotion(live)) == 5


def test_whoever_lost_the_role_since_has_approved_nothing(live: Root) -> None:
    candidate(live)
    owner = DomainOwner(accountable=STRANGER)
    owners = FEATURE.owners.model_copy(update={"drift_monitoring": owner})
    with pytest.raises(PromotionRefused, match="may not decide on approval"):
        promote(live, FEATURE.model_copy(update={"owners": owners}), "2")


def test_when_the_reason_is_gone_the_same_approval_promotes(live: Root) -> None:
    candidate(live)
    decided(live, "hold", DEVOPS, reason="the labels look odd")
    refused_promotion(live)
    decided(live, "release", SCIENTIST, reason="the labels were right")
    assert promote(live, FEATURE, "2").version == champion(live) == "2"


@pytest.mark.parametrize("name", ["model.pt2", "encoder.json"])
def test_a_version_whose_files_were_changed_is_not_promoted(
    versions: Path, live: Root, name: str
) -> None:
    candidate(live)
    found = live.registry.version(NAME, "2")
    (file,) = versions.parent.rglob(f"{found.model_id}/**/{name}")
    before = file.read_bytes()
    try:
        file.write_bytes(before + b" ")
        assert any("is not the file that was registered" in one for one in refused_promotion(live))
    finally:
        file.write_bytes(before)
