"""The four monthly items: judged on the month that is over, and on nothing older."""

from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.checklist.lists import compute_monthly_checklist
from ai_ops.checklist.monthly import MONTHLY, PLAUSIBLE
from ai_ops.checklist.reading import read_item
from ai_ops.component import ASSETS, CHECKS
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import DecisionRefused
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import ALL, FEATURE, failing, judged, line
from ai_ops_tests.deciding import BACKEND, DEVOPS, NOW, decided, happened, root_in

MARCH = Window.of_month("2021-03-01")
READ = {check: item.id for item in MONTHLY for check in item.reads if check != PLAUSIBLE}


def month(
    root: Root, check: str, verdict: Verdict | None = None, first: str = "2021-03-01"
) -> None:
    window = Window.of_month(first)
    at = min(window.end + timedelta(hours=8), NOW)
    judged(root, check, *([verdict] if verdict else []), on=first, window=window, at=at)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A month in which somebody looked each day whether the labels can be true."""
    root = root_in(tmp_path)
    for day in MARCH.days():
        judged(root, PLAUSIBLE, on=day)
    return root


@pytest.mark.requirement("MO-01", "OW-01")
def test_a_month_with_all_its_evidence_passes(root: Root) -> None:
    for check in READ:
        month(root, check)
    signed_off(root, DEVOPS)
    assert {item.id: line(root, item.id).verdict.status for item in MONTHLY} == {
        "accuracy_on_held_out": "pass",
        "thresholds_reviewed": "pass",
        "log_audited": "pass",
        "cost_opportunities_reviewed": "pass",
    }


@pytest.mark.requirement("MO-01")
@pytest.mark.parametrize("check", sorted(READ))
def test_what_nobody_did_this_month_is_no_evidence_however_well_it_was_done_before(
    root: Root, check: str
) -> None:
    for one in READ:
        month(root, one, first="2021-02-01" if one == check else "2021-03-01")
    feature = FEATURE.model_copy(
        update={"monitoring": FEATURE.monitoring.model_copy(update={"start": MARCH.start.date()})}
    )
    verdict = line(root, READ[check], feature=feature).verdict
    assert verdict.status == "no_evidence"
    assert f"{check} was not judged for 2021-03" in verdict.reason
    assert ALL[READ[check]].asset in verdict.reason, "the asset that would bring it is named"


@pytest.mark.requirement("MO-01")
@pytest.mark.parametrize("check", sorted(READ))
def test_what_fails_fails_the_item_in_its_own_words(root: Root, check: str) -> None:
    for one in READ:
        month(root, one)
    month(root, check, failing("12 ids of the set were trained on", "accuracy"))
    verdict = line(root, READ[check]).verdict
    assert (verdict.status, verdict.reason) == ("fail", "12 ids of the set were trained on")
    month(root, check, Verdict.lacking("no label has come", "labels"))
    verdict = line(root, READ[check]).verdict
    assert (verdict.status, verdict.reason) == ("no_evidence", f"{check}: no label has come")


@pytest.mark.requirement("MO-01", "MO-02")
@pytest.mark.parametrize("accuracy", ["good", "bad"])
def test_labels_that_look_wrong_call_no_version_good_or_bad(root: Root, accuracy: str) -> None:
    for one in READ:
        month(root, one)
    if accuracy == "bad":
        month(root, "held_out_accuracy", failing("AUC fell", "accuracy"))
    judged(root, PLAUSIBLE, on="2021-03-27", window=Window.of_day("2021-03-27"))
    flipped = failing("about 28% of the labels look flipped since 2021-03-26", "labels")
    judged(root, PLAUSIBLE, flipped, on="2021-03-28", window=Window.of_day("2021-03-28"))
    verdict = line(root, "accuracy_on_held_out").verdict
    assert verdict.status == "no_evidence" and "AUC" not in verdict.reason
    assert "the labels look wrong in the runs of 1 day (2021-03-28" in verdict.reason
    assert "about 28% of the labels look flipped" in verdict.reason
    month(root, "held_out", failing("12 ids of the set were trained on", "labels"))
    assert line(root, "accuracy_on_held_out").verdict.status == "fail", "that is no label's fault"
    mended = Window.of_day("2021-03-28")
    judged(root, PLAUSIBLE, on="2021-03-28", window=mended)
    month(root, "held_out")
    good = line(root, "accuracy_on_held_out").verdict.status
    assert good == ("pass" if accuracy == "good" else "fail")


def test_a_month_read_long_after_it_has_expired_evidence(root: Root) -> None:
    month(root, "log_audit")
    later = NOW + timedelta(days=29)
    root.begin_replay(later)
    assert line(root, "log_audited", later).verdict.status == "pass", "it is still the last month"
    moment = Moment("2021-03-01", MARCH, NOW + timedelta(days=60))
    root.begin_replay(moment.as_of)
    summary = compute_monthly_checklist(root, FEATURE, [moment])["2021-03-01"]
    audited = next(row for row in summary.table if row["item"] == ALL["log_audited"].title)
    assert audited["status"] == "no_evidence"
    assert "60.0 days old; it may be 45" in str(audited["reason"])
    counts = {"pass": 0, "waived": 0, "fail": 0, "no_evidence": 4}
    assert {name: summary.numbers[name] for name in counts} == counts
    assert "Nobody can say" in str(summary.numbers["May it be launched?"])


def test_every_asset_that_an_item_is_about_is_made() -> None:
    made = {key.path[-1] for build in ASSETS for one in build(FEATURE) for key in one.keys}
    assert {item.asset for item in ALL.values()} <= made
    assert {check.asset for check in CHECKS} <= made


@pytest.mark.requirement("MO-10", "OW-10")
def test_the_savings_of_a_month_are_reviewed_by_who_serves_and_batches_decided_by_backend(
    root: Root,
) -> None:
    fits = Verdict.passing("looked", sample_size=900, observed={"batch_fits": "web, app"})
    month(root, "cost_opportunities", fits)
    item = "cost_opportunities_reviewed"
    verdict = line(root, item).verdict
    assert verdict.status == "fail"
    assert "nobody who answers for serving looked at what 2021-03 could have cost" in verdict.reason
    assert f"{BACKEND} did not decide yet whether web, app should ask in batches" in verdict.reason
    signed_off(root, DEVOPS, on="2021-02-01")
    assert line(root, item).verdict.status == "fail", "that was another month"
    signed_off(root, DEVOPS)
    verdict = line(root, item).verdict
    assert verdict.status == "fail" and "nobody" not in verdict.reason
    signed_off(root, BACKEND, "prediction_logging")
    verdict = line(root, item).verdict
    assert (verdict.status, verdict.sample_size) == ("pass", 900)
    assert verdict.reason.startswith(f"{DEVOPS}, {BACKEND} looked at it")


@pytest.mark.requirement("MO-10", "OW-10")
def test_backend_decides_for_each_call_site_and_what_the_log_says_against_it_is_named(
    root: Root,
) -> None:
    item = "cost_opportunities_reviewed"
    fits = Verdict.passing("looked", sample_size=900, observed={"batch_fits": "web, app"})
    month(root, "cost_opportunities", fits)
    signed_off(root, DEVOPS)
    sites = {"mode": "sync", "reason": "people wait for it"}
    decided(root, "call_site_mode", BACKEND, call_site="web", **sites)
    verdict = line(root, item).verdict
    assert verdict.status == "fail"
    assert f"{BACKEND} did not decide yet whether app should ask in batches" in verdict.reason
    decided(root, "call_site_mode", BACKEND, call_site="app", mode="batch", reason="at night")
    verdict = line(root, item).verdict
    assert verdict.status == "pass", "it was signed after the month: the next one will show it"
    assert f"web is signed sync by {BACKEND} on 2021-04-01" in verdict.reason
    root.begin_replay(NOW + timedelta(days=40))
    later = Window.of_month("2021-04-01")
    at = NOW + timedelta(days=31)
    judged(root, "cost_opportunities", fits, on="2021-04-01", window=later, at=at)
    found = read_item(root, FEATURE, ALL[item], later, NOW + timedelta(days=40))
    assert "asks one by one" not in found.verdict.reason, "signed in the midst of that month"
    root.begin_replay(NOW + timedelta(days=70))
    later = Window.of_month("2021-05-01")
    at = NOW + timedelta(days=62)
    judged(root, "cost_opportunities", fits, on="2021-05-01", window=later, at=at)
    signed_off(root, DEVOPS, on="2021-05-01")
    found = read_item(root, FEATURE, ALL[item], later, NOW + timedelta(days=70))
    assert found.verdict.status == "fail"
    assert found.verdict.reason == (
        f"app is signed batch by {BACKEND} on 2021-04-01, and asks one by one"
    )


@pytest.mark.requirement("OW-10", "OW-12")
def test_a_mode_that_nobody_signed_who_may_decides_nothing(root: Root) -> None:
    fits = Verdict.passing("looked", sample_size=900, observed={"batch_fits": "web"})
    month(root, "cost_opportunities", fits)
    signed_off(root, DEVOPS)
    said = {"call_site": "web", "mode": "sync", "reason": "x"}
    with pytest.raises(DecisionRefused):
        decided(root, "call_site_mode", DEVOPS, **said)
    happened(root, "call_site_mode", **said, by=BACKEND)
    verdict = line(root, "cost_opportunities_reviewed").verdict
    assert verdict.status == "fail" and "whether web should ask in batches" in verdict.reason


def test_what_was_signed_before_the_month_was_judged_again_signs_nothing(root: Root) -> None:
    month(root, "cost_opportunities")
    signed_off(root, DEVOPS)
    assert line(root, "cost_opportunities_reviewed").verdict.status == "pass"
    again = NOW + timedelta(hours=1)
    root.begin_replay(again)
    judged(root, "cost_opportunities", on="2021-03-01", window=MARCH, at=again)
    assert line(root, "cost_opportunities_reviewed", again).verdict.status == "fail"


def signed_off(
    root: Root, by: str, domain: str = "inference_management", on: str = "2021-03-01"
) -> None:
    named = {"item": "cost_opportunities_reviewed", "domain": domain, "note": "looked at it"}
    decided(root, "sign_off", by, cadence="monthly", partition=on, **named)
