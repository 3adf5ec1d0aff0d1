"""Readiness: every check that is named exists, no evidence never counts, the weakest decides."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features.applying import is_judged
from ai_ops.checklist.readiness import (
    BY_A_CHECK,
    BY_A_PERSON,
    as_data,
    good_for_days,
    judged,
    read_rule,
    read_test,
    readiness_of,
    weakest,
)
from ai_ops.checklist.readiness_rules import RULES, TESTS
from ai_ops.component import CHECKS
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.checklist.books import FEATURE, FINE, failing, verdict_on
from ai_ops_tests.checklist.books import judged as recorded
from ai_ops_tests.deciding import (
    DEVOPS,
    GATE,
    NOW,
    SCIENTIST,
    STRANGER,
    decided,
    happened,
    launched,
    root_in,
)

NAMES = sorted({name for one in (*RULES, *TESTS) for name in one.checks})
LACKING = Verdict.lacking("nothing was there", "operations")
EXCUSED = Verdict("waived", "a person excused it")
BY_STATUS = {"pass": FINE, "fail": failing("bad"), "no_evidence": LACKING, "waived": EXCUSED}


def whole(root: Root) -> Root:
    """The book in which every check that is named passes, and the gate on what is live."""
    launched(root)
    root.ledger.record_verdicts([on(name) for name in NAMES], clock=root.clock)
    return root


def on(name: str, verdict: Verdict = FINE) -> RecordedVerdict:
    if name not in GATE_CHECKS:
        return verdict_on(name, verdict)
    found = verdict_on(name, verdict)
    return RecordedVerdict(
        found.feature, name, "candidate_evaluation", None, found.window, found.as_of, verdict
    )


def test_every_check_that_is_named_exists() -> None:
    assert set(NAMES) <= {check.name for check in CHECKS}


def test_there_are_nine_rules_and_four_sections_of_seven_tests() -> None:
    assert [one.number for one in RULES] == [5, 6, 8, 9, 10, 11, 24, 29, 37]
    numbers = Counter((one.section, one.number) for one in TESTS)
    sections = ("data", "model", "infrastructure", "monitoring")
    assert numbers == {(section, number): 1 for section in sections for number in range(1, 8)}


def test_what_names_no_check_and_no_signature_says_why_and_nothing_else_does() -> None:
    for rule in RULES:
        assert bool(rule.unseen) != bool(rule.checks)
    for one in TESTS:
        assert [bool(one.checks), bool(one.signed), bool(one.unseen)].count(True) == 1


@given(
    said=st.fixed_dictionaries(
        {name: st.sampled_from([None, *BY_STATUS.values()]) for name in NAMES}
    )
)
def test_only_passing_verdicts_count_and_no_evidence_never_does(
    said: dict[str, Verdict | None],
) -> None:
    known = {name: verdict and on(name, verdict) for name, verdict in said.items()}
    for rule in RULES:
        statuses = {one.status if (one := said[name]) else None for name in rule.checks}
        assert (read_rule(rule, known).status == "met") == (statuses == {"pass"})
    for one in TESTS:
        statuses = {found.status if (found := said[name]) else None for name in one.checks}
        points = read_test(one, known, {}).points
        assert points == (BY_A_CHECK if statuses == {"pass"} else 0)


def test_what_fails_outweighs_what_lacks_and_that_what_is_waived() -> None:
    said = {status: on("accuracy", verdict) for status, verdict in BY_STATUS.items()}
    assert judged(tuple(said), "", said)[0] == "not_met"
    assert judged(("pass", "waived", "no_evidence"), "", said)[0] == "no_evidence"
    assert judged(("pass", "waived"), "", said) == ("waived", "waived: waived")
    assert judged(("pass",), "", said) == ("met", "passing: pass")
    assert judged(("none",), "", said)[0] == "no_evidence", "a feature that cannot have it"


@given(points=st.lists(st.floats(0, 7), min_size=4, max_size=4))
def test_the_score_is_that_of_the_weakest_section(points: list[float]) -> None:
    assert weakest(points) in points
    assert all(weakest(points) <= one for one in points)


def test_an_empty_book_scores_nothing(tmp_path: Path) -> None:
    found = readiness_of(root_in(tmp_path), FEATURE, NOW)
    assert {one.status for one in found.rules} == {"no_evidence"}
    assert {one.points for one in found.tests} == {0}
    assert (found.score, set(found.sections.values())) == (0, {0})


def test_a_whole_book_scores_what_is_looked_at_and_no_more(tmp_path: Path) -> None:
    found = readiness_of(whole(root_in(tmp_path)), FEATURE, NOW)
    unmet = [one.rule.number for one in found.rules if one.status != "met"]
    assert unmet == [11]
    assert all(is_judged(name, FEATURE) for name in NAMES)
    scored = {(one.test.section, one.test.number) for one in found.tests if one.points}
    assert scored == {(one.section, one.number) for one in TESTS if one.checks}
    assert found.score == min(found.sections.values()) == found.sections["data"] == 1
    assert as_data(found)["ml_test_score"]["score"] == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_check_that_is_taken_away_takes_its_points(tmp_path: Path, name: str) -> None:
    root = root_in(tmp_path)
    launched(root)
    left = [on(one) for one in NAMES if one != name]
    root.ledger.record_verdicts(left, clock=root.clock)
    found = readiness_of(root, FEATURE, NOW)
    for one in found.tests:
        if name in one.test.checks:
            assert (one.points, one.status) == (0, "no_evidence")
            assert name in one.reason
    for rule in found.rules:
        if name in rule.rule.checks:
            assert (rule.status, name in rule.reason) == ("no_evidence", True)


def test_the_newest_verdict_counts_and_one_that_is_too_old_does_not(tmp_path: Path) -> None:
    root = whole(root_in(tmp_path))
    recorded(root, "rollback_drill", failing("no way back"), at=NOW - timedelta(hours=1))
    way_back = next(
        one
        for one in readiness_of(root, FEATURE, NOW).tests
        if one.test.checks == ("rollback_drill",)
    )
    assert (way_back.points, way_back.status) == (0, "not_met")
    late = NOW + timedelta(days=max(map(good_for_days, NAMES)) + 1)
    root.begin_replay(late)
    stale = readiness_of(root, FEATURE, late)
    gate = {one.test.number for one in stale.tests if one.points}
    assert gate == {4}, "what the gate said of the live version holds for as long as it is live"


def test_the_gate_counts_for_the_version_that_is_live_alone(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    launched(root, "2")
    root.ledger.record_verdicts([on(name) for name in GATE_CHECKS], clock=root.clock)
    rule = next(one for one in readiness_of(root, FEATURE, NOW).rules if one.rule.number == 9)
    assert rule.status == "no_evidence", "the gate spoke of version 1"


def test_a_signature_is_half_a_point_and_a_row_without_one_is_nothing(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    launched(root)
    lock = {"digest": "0" * 64, "reason": "as CI builds it"}
    happened(root, "environment_lock", **lock, by=STRANGER, nonce="x")
    assert not any(one.points for one in readiness_of(root, FEATURE, NOW).tests)
    decided(root, "environment_lock", DEVOPS, **lock)
    (locked,) = [one for one in readiness_of(root, FEATURE, NOW).tests if one.points]
    assert (locked.test.signed, locked.points) == ("environment_lock", BY_A_PERSON)
    assert DEVOPS in locked.reason


@pytest.mark.parametrize(
    ("version", "signed", "points"), [("1", True, 0.5), ("2", True, 0), ("1", False, 0)]
)
def test_a_signed_approval_counts_for_the_version_that_is_live(
    tmp_path: Path, version: str, signed: bool, points: float
) -> None:
    root = root_in(tmp_path)
    decided(root, "gate_freeze", SCIENTIST, **GATE)
    said = {"version": version, "reason": "better", "gate_hash": FEATURE.gate.digest}
    if signed:
        decided(root, "approval", SCIENTIST, **said)
    else:
        happened(root, "approval", by=SCIENTIST, nonce="y", **said)
    launched(root, "1")
    found = readiness_of(root, FEATURE, NOW)
    assert [one.points for one in found.tests if one.test.signed == "approval"] == [points]
    assert found.sections["model"] == points


def test_before_it_is_monitored_nobody_can_say(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="monitored from"):
        readiness_of(root_in(tmp_path), FEATURE, NOW - timedelta(days=30))
