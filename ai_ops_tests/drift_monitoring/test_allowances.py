"""A factor that a person signed is in the drift reports from its signature on."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.drift_monitoring.references import load_reference
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.threshold_proposals import proposal_path
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.drift_monitoring.synthetic_world import DAYS, Installation, planted, without_pages

OWNER = "someone@example.com"
SIGNED_ON = DAYS[2]


def reported(made: Installation, column: str, day: str) -> Any:
    path = made.root.lake.path(made.feature.name, "drift_report", day)
    rows = made.root.lake.read_table(path)[0].to_pylist()
    return next(row for row in rows if row["column"] == column)


@pytest.mark.requirement("MO-05")
def test_a_signed_factor_is_in_force_from_the_day_of_its_signature_and_a_forged_one_never(
    tmp_path: Path,
) -> None:
    made = planted(tmp_path, days=DAYS[:4], settings={})
    root, name = made.root, made.feature.name
    before = {day: reported(made, "temp", day) for day in DAYS[1:4]}
    root.begin_replay(Window.of_day(SIGNED_ON).start + timedelta(hours=9))
    Identities(demo_identities(root)).create(OWNER)
    digest = load_reference(root, made.feature, "1").digest
    month = "2021-03-01"
    stored = {"reference": {"version": "1", "digest": digest}}
    proposal = root.lake.write_json(proposal_path(root, name, month), stored)
    content = {
        "decision": "approve",
        "month": month,
        "proposal": proposal.digest,
        "reference": digest,
        "version": "1",
        "before": {},
        "after": {"temp": 2.0},
        "back_test": "none vanish",
        "reason": "restless",
    }
    token = sign_decision(root, made.feature, "threshold_change", OWNER, content)
    record(root, made.feature, token)
    forged = content | {"before": {"temp": 2.0}, "after": {"wind": 9.0}, "by": OWNER}
    row = NewEvent("threshold_change", name, forged | {"nonce": "x", "token": "AAAA.BBBB"})
    root.ledger.append([row], clock=root.clock)
    without_pages(made, DAYS[1], DAYS[3])
    for day, known in before.items():
        now, factor = reported(made, "temp", day), 1.0 if day < SIGNED_ON else 2.0
        assert (now["allowance"], now["ratio"]) == (factor, pytest.approx(known["ratio"] / factor))
    assert reported(made, "wind", DAYS[3])["allowance"] == 1.0, "nobody signed that"
