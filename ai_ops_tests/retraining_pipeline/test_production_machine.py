"""Whatever people and machines do, in whatever order: production is what the ledger allows.

A second, plain account of the rules is kept beside the real thing, and both must always agree.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ai_ops.retraining_pipeline.promotion import obstacles, promote, rollback
from ai_ops.storage.registry import Registry
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused, PromotionRefused
from ai_ops_tests.retraining_pipeline.moving import back_token
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    FEATURE,
    GATE,
    SCIENTIST,
    approved,
    champion,
    copied_root,
    decided,
    gate_passed,
    happened,
    incident,
    standing,
)

VERSIONS = st.sampled_from(["1", "2", "3"])
CONCLUSIONS = st.sampled_from(["bad_data", "genuine_shift", "false_alarm"])


class Production(RuleBasedStateMachine):
    """A launched feature, three versions, and everything that can happen to them."""

    template: Root
    folder: Path
    count = 0

    def __init__(self) -> None:
        super().__init__()
        Production.count += 1
        self.root = copied_root(self.template, self.folder / str(Production.count))
        self.live, self.lived = "1", {"1"}
        self.held = False
        self.incidents: dict[str, str] = {}
        self.passed: dict[str, str | None] = {}
        self.approval: dict[str, str] = {"1": "used"}
        self.refusals = self.steps = 0

    @rule(version=VERSIONS, passes=st.booleans())
    def judge(self, version: str, passes: bool) -> None:
        if version == self.live:
            return
        gate_passed(self.root, version, self.live, gate_improvement="pass" if passes else "fail")
        self.passed[version] = self.live if passes else None

    @rule(version=VERSIONS)
    def approve(self, version: str) -> None:
        if version == self.live:
            return
        approved(self.root, version)
        self.approval[version] = "approved"

    @rule(version=VERSIONS)
    def judge_and_approve(self, version: str) -> None:
        self.judge(version, True)
        self.approve(version)

    @rule(version=VERSIONS)
    def judge_approve_and_promote(self, version: str) -> None:
        self.judge_and_approve(version)
        self.promote(version)

    @rule(version=VERSIONS)
    def reject(self, version: str) -> None:
        said = {"version": version, "gate_hash": GATE["hash"], "reason": "no"}
        decided(self.root, "rejection", SCIENTIST, **said)
        self.approval[version] = "rejected"

    @rule(version=VERSIONS)
    def approve_without_the_role(self, version: str) -> None:
        with pytest.raises(DecisionRefused):
            approved(self.root, version, by=BACKEND)
        self.refusals += 1

    @rule()
    def hold(self) -> None:
        decided(self.root, "hold", BACKEND, reason="wait")
        self.held = True

    @precondition(lambda self: self.held)
    @rule(conclusion=CONCLUSIONS)
    def forge_what_would_open_the_way(self, conclusion: str) -> None:
        nobody = {"by": SCIENTIST, "nonce": "0", "token": "nothing that was signed"}
        happened(self.root, "release", reason="go on", **nobody)
        for id, state in self.incidents.items():
            if state in ("open", "bad_data"):
                said = {"incident": id, "conclusion": conclusion, "note": ""}
                happened(self.root, "incident_concluded", **said, **nobody)
                happened(self.root, "incident_resolved", incident=id, note="", by="ai_ops")

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        decided(self.root, "release", SCIENTIST, reason="go on")
        self.held = False

    @precondition(lambda self: len(self.incidents) < 3)
    @rule()
    def alert(self) -> None:
        id = incident(self.root, f"drift-{len(self.incidents)}")
        self.incidents[id] = "open"

    @precondition(lambda self: "open" in self.incidents.values())
    @rule(conclusion=CONCLUSIONS)
    def conclude(self, conclusion: str) -> None:
        id = next(id for id, state in self.incidents.items() if state == "open")
        said = {"incident": id, "conclusion": conclusion, "note": ""}
        decided(self.root, "incident_concluded", SCIENTIST, **said)
        self.incidents[id] = conclusion

    @precondition(lambda self: "bad_data" in self.incidents.values())
    @rule()
    def resolve(self) -> None:
        id = next(id for id, state in self.incidents.items() if state == "bad_data")
        decided(self.root, "incident_resolved", SCIENTIST, incident=id, note="mended")
        self.incidents[id] = "resolved"

    @rule(version=VERSIONS)
    def promote(self, version: str) -> None:
        if self.may_be_promoted(version):
            assert promote(self.root, FEATURE, version).previous == self.live
            self.moved_to(version)
            self.approval[version] = "used"
        else:
            with pytest.raises(PromotionRefused):
                promote(self.root, FEATURE, version)
            self.refusals += 1

    @rule(version=VERSIONS)
    def roll_back(self, version: str) -> None:
        if version != self.live and version in self.lived:
            rollback(self.root, FEATURE, back_token(self.root, version))
            self.moved_to(version)
            # What was approved before it came to production by another way is used up too.
            self.approval[version] = "used"
        else:
            with pytest.raises(PromotionRefused):
                rollback(self.root, FEATURE, back_token(self.root, version))
            self.refusals += 1

    def may_be_promoted(self, version: str) -> bool:
        return (
            version != self.live
            and self.passed.get(version) == self.live
            and self.approval.get(version) == "approved"
            and not self.held
            and not {"open", "bad_data"} & set(self.incidents.values())
        )

    def moved_to(self, version: str) -> None:
        self.live = version
        self.lived.add(version)

    @invariant()
    def ledger_registry_and_the_plain_account_agree(self) -> None:
        now = standing(self.root)
        assert now.live == champion(self.root) == self.live
        assert len(now.refusals) == self.refusals
        # One of them after each second step: the registry is asked, and that takes its time.
        self.steps += 1
        version = str(1 + self.steps % 3)
        if self.steps % 2:
            return
        in_the_way = obstacles(self.root, FEATURE, version, now)
        assert self.may_be_promoted(version) == (not in_the_way)

    def teardown(self) -> None:
        assert self.root.ledger.verify().events


@pytest.mark.requirement("PB-34", "PL-18")
def test_production_is_only_ever_what_the_ledger_allows(
    launched_once: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Production.template, Production.folder = launched_once, tmp_path
    # The files of a version are always whole here, and each is read often.
    monkeypatch.setattr(Registry, "load", lambda *_: None)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Production,
        settings=settings(
            max_examples=5,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
