"""What people sign about an item: a waiver excuses for a time, a sign-off says who looked."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.excuses import excused
from ai_ops.checklist.reading import as_data, window_at
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, Waiver
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.checklist.books import ALL, FEATURE, failing, judged, line, rehearsed
from ai_ops_tests.deciding import BACKEND, DEVOPS, NOW, SCIENTIST, decided

ITEM = ALL["load_tested"]
UNTIL = "2021-05-31"
WHY = "the load test is being built"
DAY = timedelta(days=1)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A rehearsal of which only the load test is missing."""
    return rehearsed(tmp_path, without={"load_test"})


def waive(root: Root, by: str = DEVOPS, **changed: str) -> None:
    content = {"item": ITEM.id, "domain": ITEM.domain, "reason": WHY, "until": UNTIL}
    decided(root, "waiver", by, **(content | changed))


@pytest.mark.requirement("PL-02", "OW-01")
def test_the_owner_s_waiver_excuses_and_says_what_who_why_and_until_when(root: Root) -> None:
    before = line(root, ITEM.id).verdict
    waive(root)
    found = line(root, ITEM.id)
    assert found.verdict.status == "waived" and found.verdict.passed
    assert found.verdict.reason == f"waived by {DEVOPS} until {UNTIL}: {WHY} (excused: " + (
        f"{before.reason})"
    )
    assert found.verdict.findings == before.findings, "what is excused is not forgotten"
    assert found.waiver is not None and found.waiver.by == DEVOPS
    (item,) = as_data(FEATURE, "pre_launch", NOW, [found])["items"]
    assert (item["waived_by"], item["waived_until"]) == (DEVOPS, UNTIL)


@pytest.mark.requirement("PL-02")
def test_a_waiver_excuses_a_failure_too_and_leaves_a_pass_a_pass(root: Root) -> None:
    waive(root)
    judged(root, "load_test", failing("p99 is 900 ms at twice the peak", "operations"))
    found = line(root, ITEM.id).verdict
    assert found.status == "waived" and "p99 is 900 ms" in found.findings[0].reason
    judged(root, "load_test")
    found_again = line(root, ITEM.id)
    assert (found_again.verdict.status, found_again.waiver) == ("pass", None)


@pytest.mark.requirement("OW-12")
def test_a_waiver_for_another_domain_than_the_item_s_excuses_nothing(root: Root) -> None:
    waive(root, BACKEND, domain="prediction_logging")
    verdict = line(root, ITEM.id).verdict
    assert verdict.status == "no_evidence"
    assert (
        f"the waiver of {BACKEND} excuses nothing: it was signed for prediction_logging, "
        "the item belongs to inference_management" in verdict.reason
    )


def test_a_waiver_that_is_over_excuses_nothing_and_is_named(root: Root) -> None:
    waive(root, until="2021-04-03")
    assert line(root, ITEM.id).verdict.status == "waived"
    last = NOW.replace(day=3, hour=23)
    root.begin_replay(last + timedelta(hours=2))
    assert line(root, ITEM.id, last).verdict.status == "waived", "its last day is included"
    over = line(root, ITEM.id, last + timedelta(hours=2))
    assert over.verdict.status == "no_evidence" and over.waiver is None
    assert f"the waiver of {DEVOPS} was good until 2021-04-03" in over.verdict.reason


def test_a_waiver_excuses_nothing_before_it_was_signed(root: Root) -> None:
    root.begin_replay(NOW + timedelta(hours=1))
    waive(root)
    assert line(root, ITEM.id, NOW).verdict.status == "no_evidence"
    assert line(root, ITEM.id, NOW + timedelta(hours=1)).verdict.status == "waived"


@pytest.mark.parametrize("by", [DEVOPS, "stranger@example.com"])
def test_a_line_in_the_database_without_a_signature_excuses_nothing(root: Root, by: str) -> None:
    waiver = {"item": ITEM.id, "domain": ITEM.domain, "reason": WHY, "until": UNTIL, "by": by}
    forged = NewEvent("waiver", FEATURE.name, waiver | {"nonce": "x", "token": "a.b"})
    root.ledger.append([forged], clock=root.clock)
    verdict = line(root, ITEM.id).verdict
    assert verdict.status == "no_evidence"
    assert f"the waiver of {by} excuses nothing: not a signed decision" in verdict.reason


@pytest.mark.requirement("OW-01")
def test_a_line_carries_who_signed_it_off_for_this_very_list(root: Root) -> None:
    signed = {"item": "logging_ready", "domain": "prediction_logging", "note": "looked at"}
    decided(root, "sign_off", BACKEND, **signed, cadence="pre_launch", partition=None)
    weekly = {"item": "logs_written", "domain": "prediction_logging", "note": ""}
    monday = window_at("weekly", NOW).start.date().isoformat()
    decided(root, "sign_off", BACKEND, **weekly, cadence="weekly", partition="2021-03-15")
    other = weekly | {"domain": "drift_monitoring"}
    decided(root, "sign_off", SCIENTIST, **other, cadence="weekly", partition=monday)
    off = line(root, "logging_ready").signed_off
    assert off is not None and (off.by, off.at) == (BACKEND, NOW)
    assert line(root, "logs_written").signed_off is None, "another week's, or another owner's"
    decided(root, "sign_off", BACKEND, **weekly, cadence="weekly", partition=monday)
    found = line(root, "logs_written")
    (item,) = as_data(FEATURE, "weekly", NOW, [found])["items"]
    assert (item["signed_off_by"], item["signed_off_at"]) == (BACKEND, NOW.isoformat())


DOMAINS = st.sampled_from(["inference_management", "prediction_logging"])
WAIVERS = st.lists(st.tuples(DOMAINS, st.integers(-5, 5), st.integers(-5, 10)), max_size=6)


@pytest.mark.requirement("PL-02")
@given(given_waivers=WAIVERS)
def test_only_the_latest_waiver_of_the_owner_counts_and_only_while_it_holds(
    given_waivers: list[tuple[str, int, int]],
) -> None:
    waivers = tuple(
        Waiver(ITEM.id, domain, "someone", WHY, NOW + since * DAY, (NOW + until * DAY).date())
        for domain, since, until in given_waivers
        if until >= since
    )
    own = [w for w in waivers if w.domain == ITEM.domain and w.since <= NOW]
    lack = Verdict.lacking("never tested", "operations")
    evidence = ChecklistEvidence(window_at("pre_launch", NOW), NOW, (), Standing(waivers=waivers))
    verdict = excused(ITEM, lack, evidence)
    holds = bool(own) and own[-1].until >= NOW.date()
    assert verdict.status == ("waived" if holds else "no_evidence")
    assert verdict.findings == lack.findings
