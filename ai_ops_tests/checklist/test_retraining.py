"""Automated retraining, verified every week: each answer to what was seen, and each lack of one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.checklist.retraining import retraining_verified
from ai_ops.storage.standing import (
    Approval,
    EnvironmentLock,
    Hold,
    Incident,
    Move,
    Retraining,
    Standing,
    Taken,
)
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS
from ai_ops_tests.checklist.books import FEATURE as REHEARSING
from ai_ops_tests.checklist.books import FINE, failing, verdict_on
from ai_ops_tests.deciding import DEVOPS, FEATURE, SCIENTIST

AUTOMATED = FEATURE.model_copy(update={"retraining": REHEARSING.retraining})
WEEK = Window.of_week("2021-03-08")
AS_OF = WEEK.end + timedelta(hours=7)
LAUNCH = Move("launch", "1", None, utc("2021-02-01T09:00:00Z"), DEVOPS, {}, None, "", (1, 0))
NOTHING_KNOWN = Verdict.lacking("too few labels", "labels")


def days(first: str, last: str) -> list[str]:
    return list(Window(Window.of_day(first).start, Window.of_day(last).end).days())


def week(seen: Mapping[str, Verdict], first: str = "2021-03-01") -> list[RecordedVerdict]:
    """Each check's verdicts from a day to the end of the week: ``item`` or ``item/day`` differ."""
    return [
        verdict_on(item, seen.get(f"{item}/{day}", seen.get(item, FINE)), on=day)
        for item in ("input_drift", "output_drift", "joint_drift", "accuracy")
        for day in days(first, "2021-03-14")
    ]


def gap_since(day: str, item: str = "accuracy", version: str = "1") -> dict[str, Verdict]:
    bad = failing("AUC fell to 0.6", "accuracy", version=version)
    return {f"{item}/{one}": bad for one in days(day, "2021-03-14")}


def retraining(at: str, **stages: Any) -> Retraining:
    began = {"started": {"stage": "started", "at": utc(at).isoformat()}}
    told = {stage: {"at": utc(at).isoformat(), **said} for stage, said in stages.items()}
    return Retraining(f"{at[:10]}-a", "accuracy", None, "", utc(at), began | told)


def gated(version: str, *refusing: str) -> list[RecordedVerdict]:
    bad = failing("no better than version 1", "accuracy", version=version)
    good = replace(FINE, observed={"version": version})
    at = utc("2021-03-10T10:00:00Z")
    return [verdict_on(c, bad if c in refusing else good, at=at) for c in GATE_CHECKS]


def verify(
    verdicts: list[RecordedVerdict],
    *retrainings: Retraining,
    gates: list[RecordedVerdict] | None = None,
    as_of: datetime = AS_OF,
    **more: Any,
) -> Verdict:
    standing = Standing(**({"moves": (LAUNCH,), "retrainings": retrainings} | more))
    evidence = ChecklistEvidence(WEEK, as_of, tuple(verdicts), standing, tuple(gates or ()))
    return retraining_verified(AUTOMATED, evidence)


@pytest.mark.requirement("WK-07")
def test_a_week_in_which_nothing_was_seen_passes_on_the_days_that_were_judged() -> None:
    verdict = verify(week({}))
    assert (verdict.status, verdict.sample_size) == ("pass", 7)
    assert verdict.reason == "accuracy was judged on 7 days, no gap and no drift is open"


@pytest.mark.requirement("WK-07", "WK-08")
def test_nobody_looked_is_not_nothing_seen() -> None:
    assert verify([]).status == "no_evidence"
    verdicts = week({})
    for missing in verdicts:
        if missing.partition and missing.partition >= "2021-03-08":
            verdict = verify([v for v in verdicts if v is not missing])
            assert verdict.status == "no_evidence"
            assert f"{missing.item} was not judged on {missing.partition}" in verdict.reason
    lost = {f"accuracy/{day}": NOTHING_KNOWN for day in days("2021-03-13", "2021-03-14")}
    unknown = verify(week(lost))
    assert unknown.status == "no_evidence"
    assert unknown.reason == "accuracy on 2021-03-14: too few labels, and 1 more"
    assert verify(week({"accuracy": NOTHING_KNOWN})).status == "no_evidence"


def test_a_day_whose_labels_came_late_is_covered_by_the_next_day_s_judgement() -> None:
    verdict = verify(week({"accuracy/2021-03-13": NOTHING_KNOWN}))
    assert (verdict.status, verdict.sample_size) == ("pass", 6)


@pytest.mark.requirement("WK-07")
def test_a_version_too_young_to_be_judged_is_excused_for_the_days_that_it_takes() -> None:
    young = {f"accuracy/{day}": NOTHING_KNOWN for day in days("2021-03-12", "2021-03-14")}
    at = utc("2021-03-09T12:00:00Z")
    promoted = replace(LAUNCH, kind="promotion", version="2", at=at)
    verdict = verify(week(young), moves=(LAUNCH, promoted))
    assert (verdict.status, verdict.sample_size) == ("pass", 4)
    assert verify(week(young)).status == "no_evidence", "version 1 is not young"
    before = replace(promoted, at=at - timedelta(days=1))
    assert verify(week(young), moves=(LAUNCH, before)).status == "no_evidence"


@pytest.mark.requirement("WK-08", "FR-3")
def test_a_gap_that_no_retraining_answers_in_time_is_a_silent_failure() -> None:
    due = verify(week(gap_since("2021-03-06")))
    assert due.status == "no_evidence"
    assert due.reason == "accuracy has failed since 2021-03-06: a retraining is due by 2021-03-16"
    silent = verify(week(gap_since("2021-03-05")))
    assert silent.status == "fail"
    assert "accuracy has failed since 2021-03-05, 9 days: no retraining answered it" in (
        silent.reason
    )
    hold = Hold(DEVOPS, "the feed is being looked at", AS_OF)
    held = verify(week(gap_since("2021-03-05")), holds=(hold,))
    assert held.status == "fail" and f"held by {DEVOPS}" in held.reason


@pytest.mark.requirement("WK-07")
@pytest.mark.parametrize("refusing", [(), ("gate_improvement",)])
def test_a_gap_is_answered_by_a_retraining_that_came_to_its_gate(refusing: tuple[str, ...]) -> None:
    done = retraining("2021-03-10T09:00:00Z", evaluated={"version": "3"})
    verdict = verify(week(gap_since("2021-03-04")), done, gates=gated("3", *refusing))
    assert verdict.status == "pass"
    came_to = f"which {refusing[0]} refused" if refusing else "which passed the gate and waits for"
    assert f"made version 3, {came_to}" in verdict.reason
    assert verdict.observed["last_outcome"] == ("refused" if refusing else "accepted")
    cited = {evidence.source for evidence in verdict.evidence}
    assert cited == {f"ledger:{check}/version 3" for check in GATE_CHECKS}


def test_a_candidate_of_which_the_gate_said_nothing_is_no_answer() -> None:
    done = retraining("2021-03-10T09:00:00Z", evaluated={"version": "3"})
    for gates in ([], gated("2"), gated("3")[:3]):
        verdict = verify(week(gap_since("2021-03-04")), done, gates=gates)
        assert verdict.status == "no_evidence"
        assert "could not judge" in verdict.reason and "gate_improvement" in verdict.reason


@pytest.mark.requirement("PB-44")
def test_retrainings_that_come_to_nothing_twice_leave_a_stale_model() -> None:
    first = retraining("2021-03-03T09:00:00Z", evaluated={"version": "2"})
    second = retraining("2021-03-10T09:00:00Z", evaluated={"version": "3"})
    gates = [*gated("2", "gate_evidence"), *gated("3", "gate_improvement")]
    verdict = verify(week(gap_since("2021-03-02")), first, second, gates=gates)
    assert verdict.status == "fail"
    assert "gate_improvement refused; 2 retrainings came to nothing" in verdict.reason
    unjudged = verify(
        week(gap_since("2021-03-02")), first, second, gates=gated("2", "gate_evidence")
    )
    assert unjudged.status == "fail", "that the gate could not judge the second is no better"
    no = Approval("3", False, SCIENTIST, "h", "it is worse at JFK", AS_OF, (9, 0))
    rejected = verify(
        week(gap_since("2021-03-02")),
        first,
        second,
        gates=[*gated("2", "gate_evidence"), *gated("3")],
        approvals={"3": no},
    )
    assert rejected.status == "fail"
    assert f"and {SCIENTIST} rejected: it is worse at JFK" in rejected.reason


@pytest.mark.requirement("WK-08")
def test_a_gap_that_lasts_after_its_retraining_is_due_again() -> None:
    old = retraining("2021-03-05T09:00:00Z", evaluated={"version": "2"})
    verdict = verify(week(gap_since("2021-03-04")), old, gates=gated("2", "gate_evidence"))
    assert verdict.status == "fail"
    assert "no retraining answered it since 2021-03-05" in verdict.reason


def test_an_accepted_version_that_nobody_decides_on_is_a_stale_model() -> None:
    done = retraining("2021-03-10T09:00:00Z", evaluated={"version": "3"})
    seen = gap_since("2021-03-04", item="input_drift")
    early = verify(week(seen), done, gates=gated("3"))
    assert early.status == "pass" and "waits for an approval" in early.reason
    late = verify(week(seen), done, gates=gated("3"), as_of=AS_OF + timedelta(days=5))
    assert late.status == "fail"
    assert "waits for an approval for 10 days: the model is stale" in late.reason
    yes = Approval("3", True, SCIENTIST, "h", "", AS_OF, (9, 0))
    approved = verify(week(seen), done, gates=gated("3"), approvals={"3": yes})
    assert "waits for its promotion" in approved.reason


@pytest.mark.requirement("WK-07", "PB-41", "PB-44")
def test_a_last_run_that_failed_or_was_never_heard_of_fails_and_names_the_step() -> None:
    broken = retraining("2021-03-10T09:00:00Z", failed={"step": "training_set", "error": "schema"})
    verdict = verify(week({}), broken)
    assert verdict.status == "fail"
    assert verdict.reason == "retraining 2021-03-10-a failed at training_set: schema"
    silent = verify(week({}), retraining("2021-03-10T09:00:00Z"))
    assert silent.status == "fail"
    assert "nothing was heard of retraining 2021-03-10-a since 2021-03-10 09:00" in silent.reason
    mended = verify(
        week({}),
        broken,
        retraining("2021-03-11T09:00:00Z", evaluated={"version": "3"}),
        gates=gated("3"),
    )
    assert mended.status == "pass" and "version 3, which passed the gate" in mended.reason


@pytest.mark.parametrize(
    ("state", "item", "status"),
    [
        ("open", "retraining", "fail"),
        ("resolved", "retraining", "pass"),
        ("resolved", "registry_reconciled", "fail"),
    ],
)
def test_a_failed_run_is_mended_when_its_incident_is_resolved(
    state: Any, item: str, status: str
) -> None:
    broken = retraining("2021-03-10T09:00:00Z", failed={"step": "training_set"})
    opened = Incident(
        "pipeline_failure-2021-03-10",
        "pipeline_failure",
        item,
        "2021-03-10",
        utc("2021-03-10T10:00:00Z"),
        "it failed",
        "1",
        "critical",
        state,
    )
    assert verify(week({}), broken, incidents=(opened,)).status == status


def test_a_run_that_is_on_its_way_is_no_answer_yet() -> None:
    begun = retraining("2021-03-15T03:00:00Z")
    verdict = verify(week(gap_since("2021-03-04")), begun)
    assert verdict.status == "no_evidence" and "runs since 2021-03-15 03:00" in verdict.reason


def drift_incident(conclusion: Any = None, item: str = "input_drift") -> Incident:
    opened = Incident(
        "drift-2021-03-04",
        "drift",
        item,
        "2021-03-04",
        utc("2021-03-05T06:00:00Z"),
        "temp moved",
        "1",
        "warning",
    )
    if conclusion is None:
        return opened
    at = utc("2021-03-06T09:00:00Z")
    return replace(
        opened, state="concluded", conclusion=conclusion, concluded_by=SCIENTIST, concluded_at=at
    )


@pytest.mark.requirement("WK-08")
@pytest.mark.parametrize(
    ("conclusion", "status", "words"),
    [
        ("bad_data", "pass", f"{SCIENTIST} concluded bad_data"),
        ("false_alarm", "pass", f"{SCIENTIST} concluded false_alarm"),
        ("other", "pass", f"{SCIENTIST} concluded other"),
        ("genuine_shift", "no_evidence", "a retraining is due by 2021-03-15"),
        (None, "fail", "no retraining answered it and nobody concluded what it is"),
    ],
)
@pytest.mark.parametrize("item", ["input_drift", "output_drift"])
def test_drift_is_answered_by_what_a_person_concluded_it_to_be(
    item: str, conclusion: Any, status: str, words: str
) -> None:
    seen = week(gap_since("2021-03-04", item=item))
    verdict = verify(seen, incidents=(drift_incident(conclusion),))
    assert (verdict.status, words in verdict.reason) == (status, True), verdict.reason


@pytest.mark.requirement("WK-07", "WK-08")
def test_bad_data_excuses_what_fails_while_its_days_are_looked_back_on_and_no_longer() -> None:
    """A window of a week, at each of the four days that confirm: ten days."""
    fails = week(gap_since("2021-03-02", item="input_drift"))
    standing = drift_incident("bad_data")
    known = replace(standing, concluded_at=utc("2021-03-05T09:00:00Z"))
    assert verify(fails, incidents=(known,)).status == "pass", "the fifth is in the window still"
    before = replace(standing, concluded_at=utc("2021-03-04T09:00:00Z"))
    young = verify(fails, incidents=(before,))
    assert young.status == "pass" and "a person is to conclude what it is" in young.reason
    assert "concluded bad_data, whose days are in no window since 2021-03-14" in young.reason
    late = verify(fails, incidents=(before,), as_of=AS_OF + timedelta(days=9))
    assert late.status == "fail" and "nobody concluded what it is" in late.reason
    gap = replace(before, alert="accuracy_drop", item="accuracy")
    accuracy = verify(week(gap_since("2021-03-01")), incidents=(gap,))
    assert accuracy.status == "pass", "labels take a day, and the weeks of four days are looked at"
    old = replace(gap, concluded_at=utc("2021-03-03T09:00:00Z"))
    accuracy = verify(week(gap_since("2021-03-01")), incidents=(old,))
    assert accuracy.status == "no_evidence" and "a retraining is due by" in accuracy.reason


STALE = "2 retrainings in a row came to nothing: the model is stale"


@pytest.mark.requirement("WK-08", "PB-44")
def test_silent_failed_and_stale_are_told_apart() -> None:
    gap = week(gap_since("2021-03-04"))
    silent = verify(gap).reason
    failed = {"step": "tiny__training_set", "part": "data pull", "error": "no column label"}
    first = retraining("2021-03-06T09:00:00Z", failed=failed)
    broke = verify(gap, first).reason
    assert "no retraining answered it" in silent
    assert "failed at data pull (tiny__training_set): no column label" in broke
    opened = Incident(
        "pipeline_failure-2021-03-06",
        "pipeline_failure",
        "retraining",
        "2021-03-06",
        utc("2021-03-06T10:00:00Z"),
        "it failed",
        "1",
        "emergency",
        taken=(Taken("severity_raised", utc("2021-03-13T10:00:00Z"), "ai_ops", STALE),),
    )
    stale = verify(
        gap, first, retraining("2021-03-13T09:00:00Z", failed=failed), incidents=(opened,)
    )
    assert stale.status == "fail"
    assert (
        "is emergency: 2 retrainings in a row came to nothing: the model is stale" in stale.reason
    )


def test_drift_that_is_young_waits_for_a_person() -> None:
    verdict = verify(week(gap_since("2021-03-10", item="output_drift")))
    assert verdict.status == "pass"
    assert verdict.reason == (
        "output_drift has failed since 2021-03-10: a person is to conclude what it is"
    )


def test_a_genuine_shift_is_answered_by_a_retraining_since_it_was_seen() -> None:
    done = retraining("2021-03-07T09:00:00Z", evaluated={"version": "3"})
    verdict = verify(
        week(gap_since("2021-03-04", item="input_drift")),
        done,
        gates=gated("3", "gate_improvement"),
        incidents=(drift_incident("genuine_shift"),),
    )
    assert verdict.status == "pass" and "gate_improvement refused" in verdict.reason
    before = retraining("2021-03-03T09:00:00Z", evaluated={"version": "3"})
    verdict = verify(
        week(gap_since("2021-03-04", item="input_drift")),
        before,
        gates=gated("3"),
        as_of=AS_OF + timedelta(days=1),
        incidents=(drift_incident("genuine_shift"),),
    )
    assert verdict.status == "fail", "it was made before the shift was seen"


@pytest.mark.requirement("WK-08")
def test_what_was_seen_of_an_earlier_version_is_over_when_another_is_live() -> None:
    moved = replace(LAUNCH, kind="promotion", version="2", at=utc("2021-03-09T09:00:00Z"))
    bad = failing("AUC fell to 0.6", "accuracy")
    seen = {f"accuracy/{day}": bad for day in days("2021-03-01", "2021-03-08")}
    assert verify(week(seen)).status == "pass", "it passes again by itself"
    seen |= {f"accuracy/{day}": NOTHING_KNOWN for day in days("2021-03-09", "2021-03-13")}
    seen |= {"accuracy/2021-03-14": NOTHING_KNOWN}
    assert verify(week(seen)).status == "fail"
    young = {key: one for key, one in seen.items() if key != "accuracy/2021-03-14"}
    assert verify(week(young), moves=(LAUNCH, moved)).status == "pass"


def test_before_the_launch_nothing_is_retrained() -> None:
    verdict = verify(week(gap_since("2021-03-04")), moves=())
    assert verdict.status == "no_evidence"
    assert "nothing is retrained before the launch" in verdict.reason


LOCK = EnvironmentLock("a" * 16, DEVOPS, "the image of March", utc("2021-03-02T09:00:00Z"))
NEWER = EnvironmentLock("b" * 16, DEVOPS, "the image of April", utc("2021-03-12T09:00:00Z"))


def made_with(digest: str | None, at: str = "2021-03-10T09:00:00Z") -> Retraining:
    """A retraining that came to its gate, with packages of a digest."""
    packages = {"made_with": {"environment": digest}} if digest else {}
    return retraining(at, evaluated={"version": "2", "accepted": True, "reason": "", **packages})


def locked(one: Retraining, *locks: EnvironmentLock) -> Verdict:
    gates = gated("2")
    return verify(week({}), one, gates=gates, environment_locks=locks)


@pytest.mark.requirement("OW-08", "WK-07")
def test_a_candidate_of_other_packages_than_were_locked_fails_and_names_both() -> None:
    verdict = locked(made_with("c" * 16), LOCK)
    assert verdict.status == "fail"
    assert f"ran with packages {'c' * 16}, {DEVOPS} locked {'a' * 16} on 2021-03-02" in (
        verdict.reason
    )
    assert "ai-ops environment show flight_delay" in verdict.reason


@pytest.mark.requirement("OW-08")
def test_packages_that_are_locked_or_came_before_any_lock_are_well() -> None:
    assert locked(made_with("a" * 16), LOCK).status == "pass"
    assert locked(made_with("c" * 16)).status == "pass"
    assert locked(made_with("c" * 16), NEWER).status == "pass", "there was no lock when it began"
    assert locked(made_with("b" * 16), LOCK, NEWER).status == "pass", "a later lock puts it right"
    assert locked(made_with("a" * 16), LOCK, NEWER).status == "pass", "it was so when it began"
    assert locked(made_with("c" * 16), LOCK, NEWER).status == "fail"


@pytest.mark.requirement("OW-08", "FR-3")
def test_a_retraining_that_does_not_tell_its_packages_is_no_evidence_once_they_are_locked() -> None:
    verdict = locked(made_with(None), LOCK)
    assert verdict.status == "no_evidence"
    assert "nothing says which packages retraining 2021-03-10-a ran with" in verdict.reason
