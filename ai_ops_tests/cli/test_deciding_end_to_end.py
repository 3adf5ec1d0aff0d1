"""From the first key to the second version in production, with the command alone."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.playbook.answering import answer_alerts
from ai_ops.vocabulary.words import PRE_LAUNCH_ITEMS
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    BAD,
    BEGIN,
    DEVOPS,
    FEATURE,
    FINE,
    NOW,
    SCIENTIST,
    replay,
)

NAME = FEATURE.name
UNTIL = (NOW + timedelta(days=200)).date().isoformat()
OWNERS = {
    "logging_ready": BACKEND,
    "registry_ready": BACKEND,
    "drift_ready": SCIENTIST,
    "load_tested": DEVOPS,
    "rollback_rehearsed": DEVOPS,
    "cost_tracked": DEVOPS,
}


@pytest.mark.requirement("PL-01", "PL-02", "PL-14", "PL-15", "PL-16", "PL-17", "PL-19", "OW-07")
def test_keys_gate_launch_incident_approval_promotion_and_rollback(tmp_path: Path) -> None:
    ai_ops = replay(tmp_path / "root")
    for person in (BACKEND, SCIENTIST, DEVOPS):
        made = ai_ops("identity", "init", person)
        assert made.code == 0 and "PRIVATE" not in made.out + made.err

    # The launch is refused, with everything in the way and who answers for it.
    launch = ("launch", NAME, "--version", "1", "--reason", "go", "--by", DEVOPS)
    refused = ai_ops(*launch)
    assert refused.code == 1 and ai_ops.standing.live is None
    assert "no criteria are frozen" in refused.err and "nobody approved version 1" in refused.err
    assert set(OWNERS) == set(PRE_LAUNCH_ITEMS)
    for item, owner in OWNERS.items():
        (reason,) = [one for one in refused.err.split("; ") if f"{item}: " in one]
        assert "no_evidence" in reason and f"(owner: {owner})" in refused.err
    assert ai_ops.standing.refusals[-1].what == "launch"

    # Criteria, approval and six waivers by six owners, each signed; then it is accepted.
    approve = ("approve", NAME, "--version", "1", "--reason", "rehearsed", "--by")
    early = ai_ops(*approve, SCIENTIST)
    assert early.code == 2 and f"ai-ops freeze-gate {NAME}" in early.err
    assert ai_ops("freeze-gate", NAME, "--by", BACKEND).code == 1
    assert ai_ops("freeze-gate", NAME, "--by", SCIENTIST).code == 0
    assert "already" in ai_ops("freeze-gate", NAME, "--by", SCIENTIST).out
    wrong = ai_ops(*approve, DEVOPS)
    assert wrong.code == 1 and f"{DEVOPS} may not decide on approval" in wrong.err
    assert ai_ops.standing.refusals[-1].by == DEVOPS and ai_ops.standing.approvals == {}
    assert ai_ops(*approve, SCIENTIST).code == 0
    for item, owner in OWNERS.items():
        because = ("--reason", "not built yet", "--until", UNTIL)
        assert ai_ops("waive", NAME, item, *because, "--by", owner).code == 0
    accepted = ai_ops(*launch)
    assert accepted.code == 0, accepted.err
    assert f"launch: version 1 of {NAME} is in production since" in accepted.out
    assert ai_ops.root.registry.champion(NAME) == "1"
    again = ai_ops(*launch)
    assert again.code == 1 and "was launched on" in again.err

    # An alert opens an incident, which forbids a promotion until it is concluded.
    day = (NOW + timedelta(days=1)).date().isoformat()
    ai_ops.advance(NOW + timedelta(days=2))
    ai_ops.judged("input_drift", day, BAD)
    answer_alerts(ai_ops.root, FEATURE, ai_ops.root.clock.now())
    listed = json.loads(ai_ops("incidents", "list", NAME, "--json").out)
    assert listed["feature"] == NAME
    ((id, forbids),) = [(one["id"], one["forbids_promotion"]) for one in listed["incidents"]]
    assert (id, forbids) == (f"drift-{day}", True)
    ai_ops.gate_judged("2", champion="1", verdict=FINE)
    ai_ops.advance(NOW + timedelta(days=2, hours=1))
    approval = ("approve", NAME, "--version", "2", "--reason", "better", "--by", SCIENTIST)
    assert ai_ops(*approval).code == 0
    promote = ("promote", NAME, "--version", "2")
    in_the_way = ai_ops(*promote)
    assert (
        in_the_way.code == 1 and f"incident {id} (drift) is concluded by nobody" in in_the_way.err
    )
    concluded = ("incidents", "conclude", NAME, id, "--as", "genuine_shift", "--note", "spring")
    assert ai_ops(*concluded, "--by", DEVOPS).code == 1
    assert ai_ops(*concluded, "--by", SCIENTIST).code == 0

    # So does a hold, until it is released.
    assert ai_ops("hold", NAME, "--reason", "wait for Monday", "--by", DEVOPS).code == 0
    held = ai_ops(*promote)
    assert held.code == 1 and f"held by {DEVOPS}" in held.err and "wait for Monday" in held.err
    assert ai_ops("release", NAME, "--reason", "Monday", "--by", DEVOPS).code == 1
    assert ai_ops("release", NAME, "--reason", "Monday", "--by", BACKEND).code == 0
    assert ai_ops(*promote).code == 0
    assert ai_ops.root.registry.champion(NAME) == "2"

    # Back, by default to the version before; and a second way back has to be named.
    back = ("rollback", NAME, "--reason", "customers complain", "--by", DEVOPS)
    assert ai_ops(*back).code == 0 and ai_ops.root.registry.champion(NAME) == "1"
    assert ai_ops(*back).code == 2
    assert ai_ops(*back, "--to", "2").code == 0

    # The history tells all of it, and every signature holds.
    told = ai_ops("history", NAME, "--json")
    assert told.code == 0, told.err
    data = json.loads(told.out)
    assert data["live"] == "2"
    moves = [one for one in data["events"] if one["kind"] in ("launch", "promotion", "rollback")]
    assert [(one["kind"], one["previous"], one["version"], one["by"]) for one in moves] == [
        ("launch", None, "1", DEVOPS),
        ("promotion", "1", "2", SCIENTIST),
        ("rollback", "2", "1", DEVOPS),
        ("rollback", "1", "2", DEVOPS),
    ]
    assert [one["metrics"]["auc"] for one in moves] == [0.68, 0.71, 0.68, 0.71]
    assert {one["gate_hash"] for one in moves} == {FEATURE.gate.digest}
    assert moves[0]["at"] == NOW.isoformat() > BEGIN.isoformat()
    kinds = [one["kind"] for one in data["events"]]
    assert kinds.count("waiver") == 6 and kinds.count("refusal") == 8
    assert {one["signature"] for one in data["events"]} == {"valid", None}
    shown = ai_ops("history", NAME).out
    assert "version 2 is live" in shown and "wait for Monday" in shown and "1 → 2" in shown
    assert ai_ops("ledger", "verify").code == 0
