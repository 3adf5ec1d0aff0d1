"""The four weekly items, judged from verdicts: green on a whole week, and what each one misses."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.ai_features import load_feature
from ai_ops.ai_features.parts import Monitoring, Retraining
from ai_ops.checklist.evidence import FEED_CHECKS, ChecklistEvidence, gather
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.reading import read_line
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.cli.common import DEFS
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, Review, Standing
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window

DECLARED = load_feature(DEFS / "flight_delay" / "defs.yaml")
FEATURE = DECLARED.model_copy(
    update={
        "monitoring": Monitoring(start=date(2021, 1, 1)),
        "retraining": Retraining(automated=False),
    }
)
WEEK = Window.of_week("2021-03-08")
AS_OF = WEEK.end + timedelta(hours=7)
ITEMS = {item.id: item for item in WEEKLY}
DAILY = ("input_drift", "output_drift", "joint_drift", *FEED_CHECKS, *LOG_CHECKS)
FINE = Verdict.passing("fine", sample_size=900)


def on(item: str, day: str, verdict: Verdict = FINE, *, weekly: bool = False) -> RecordedVerdict:
    window = Window.of_week(day) if weekly else Window.of_day(day)
    return RecordedVerdict(
        "flight_delay", item, "asset", day, window, window.end + timedelta(hours=6), verdict
    )


def whole_week() -> list[RecordedVerdict]:
    daily = [on(item, day) for item in DAILY for day in WEEK.days()]
    return [*daily, on("cost_trend", "2021-03-08", weekly=True)]


def judge(
    item: str, verdicts: Iterable[RecordedVerdict], standing: Standing | None = None
) -> Verdict:
    evidence = ChecklistEvidence(WEEK, AS_OF, tuple(verdicts), standing or Standing())
    return ITEMS[item].judge(FEATURE, evidence)


def failing(kind: str, reason: str, column: str = "temp") -> Verdict:
    return Verdict.failing(reason, Finding(kind, "fail", reason, columns=(column,)))


@pytest.mark.requirement("WK-01", "WK-04", "WK-09")
@pytest.mark.parametrize("item", ["drift_reviewed", "cost_trend_checked", "logs_written"])
def test_a_week_with_all_its_evidence_and_no_failure_passes(item: str) -> None:
    assert judge(item, whole_week()).status == "pass"


@pytest.mark.requirement("WK-01", "WK-04", "WK-09")
@pytest.mark.parametrize("item", sorted(ITEMS))
def test_a_week_without_any_verdict_is_no_evidence(item: str) -> None:
    assert judge(item, []).status == "no_evidence"


@pytest.mark.requirement("WK-09", "WK-10")
@given(gone=st.integers(0, 5 * 7))
def test_any_single_missing_verdict_is_named_by_the_item_that_reads_it(gone: int) -> None:
    verdicts = whole_week()
    missing = verdicts.pop(gone)
    reader = next(item for item in WEEKLY if missing.item in item.reads)
    verdict = judge(reader.id, verdicts)
    assert verdict.status == "no_evidence"
    assert missing.item in verdict.reason
    assert (missing.partition or "") in verdict.reason


def drift_since(*days: str) -> list[RecordedVerdict]:
    bad = failing("drift", "temp moved")
    others = [v for v in whole_week() if not (v.item == "input_drift" and v.partition in days)]
    return [*others, *[on("input_drift", day, bad) for day in days]]


@pytest.mark.requirement("WK-01", "WK-02", "WK-03")
def test_an_alert_that_nobody_reviewed_for_a_week_fails_and_says_its_age() -> None:
    verdict = judge("drift_reviewed", [*drift_since("2021-03-08"), on("input_drift", "2021-03-05")])
    assert verdict.status == "pass", "six days old: there is a day left to review it"
    older = judge("drift_reviewed", drift_since("2021-03-06", "2021-03-07", "2021-03-08"))
    assert older.status == "fail"
    assert older.findings[0].columns == ("temp",)
    assert older.findings[0].size == pytest.approx(8 + 7 / 24)
    assert "2021-03-06" in older.findings[0].reason


@pytest.mark.requirement("WK-01", "WK-03")
@pytest.mark.parametrize("check", ["joint_drift", "slice_drift"])
def test_drift_that_no_single_column_shows_is_to_be_reviewed_as_any_other(check: str) -> None:
    bad = failing("drift", "seats moves apart from carrier", "seats")
    since = ("2021-03-06", "2021-03-07", "2021-03-08")
    others = [one for one in whole_week() if (one.item, one.partition) != (check, since[-1])]
    verdict = judge("drift_reviewed", [*others, *[on(check, day, bad) for day in since]])
    assert verdict.status == "fail"
    assert verdict.findings[0].reason.startswith(f"{check} alerts since 2021-03-06")


@pytest.mark.requirement("WK-01", "WK-03")
@pytest.mark.parametrize("check", ["volume_steady", "feed_alive"])
def test_a_feed_that_broke_is_to_be_reviewed_and_a_young_log_is_not_held_against_anybody(
    check: str,
) -> None:
    young = Verdict.lacking("the log is too young", "volume", sample_size=900)
    week = [*whole_week(), *[on(check, day, young) for day in WEEK.days()]]
    assert judge("drift_reviewed", week).status == "pass"
    bad = failing("volume", "call site app went silent")
    since = ("2021-03-06", "2021-03-07", "2021-03-08")
    verdict = judge("drift_reviewed", [*whole_week(), *[on(check, day, bad) for day in since]])
    assert verdict.status == "fail"
    assert verdict.findings[0].reason.startswith(f"{check} alerts since 2021-03-06")
    assert verdict.findings[-1].reason == "call site app went silent"


def reviewed(domain: str, begin: str = "2021-03-06") -> Standing:
    review = Review("input_drift", domain, begin, "someone@example.com", "looked at", AS_OF)
    return Standing(reviews=(review,))


def incident(**answered: str) -> Standing:
    opened = Incident(
        "drift-2021-03-07", "drift", "input_drift", "2021-03-07", AS_OF, "temp", "1", "warning"
    )
    return Standing(incidents=(replace(opened, **answered),))


@pytest.mark.requirement("WK-02")
@pytest.mark.parametrize(
    ("standing", "status"),
    [
        (reviewed("drift_monitoring"), "pass"),
        (reviewed("inference_management"), "fail"),
        (reviewed("drift_monitoring", "2021-03-05"), "fail"),
        (incident(), "fail"),
        (incident(acknowledged_by="someone@example.com"), "fail"),
        (incident(concluded_by="someone@example.com"), "pass"),
        (incident(resolved_by="ai_ops"), "fail"),
    ],
)
def test_an_alert_is_no_longer_overdue_once_its_owner_looked_at_it(
    standing: Standing, status: str
) -> None:
    verdicts = drift_since("2021-03-06", "2021-03-07", "2021-03-08")
    assert judge("drift_reviewed", verdicts, standing).status == status


@pytest.mark.requirement("WK-03")
def test_a_day_without_evidence_does_not_end_an_alert() -> None:
    silent = on("input_drift", "2021-03-07", Verdict.lacking("no rows", "volume"))
    verdicts = drift_since("2021-03-05", "2021-03-08")
    verdict = judge("drift_reviewed", [*verdicts, on("input_drift", "2021-03-06", FINE), silent])
    assert verdict.observed["alerts_without_review"] == 2
    verdict = judge("drift_reviewed", [*drift_since("2021-03-06", "2021-03-08"), silent])
    assert verdict.observed["alerts_without_review"] == 1


@pytest.mark.requirement("WK-03")
def test_judging_an_old_day_again_does_not_make_its_alert_young() -> None:
    verdicts = drift_since("2021-03-06", "2021-03-07", "2021-03-08")
    again = [
        replace(v, as_of=AS_OF) if (v.item, v.partition) == ("input_drift", "2021-03-06") else v
        for v in verdicts
    ]
    assert judge("drift_reviewed", again) == judge("drift_reviewed", verdicts)


@pytest.mark.requirement("WK-09")
def test_days_outside_monitoring_are_not_asked_for() -> None:
    retired = Monitoring(start=date(2021, 1, 1), end=date(2021, 3, 11))
    feature = FEATURE.model_copy(update={"monitoring": retired})
    verdicts = [v for v in whole_week() if (v.partition or "") < "2021-03-11"]
    evidence = ChecklistEvidence(WEEK, AS_OF, tuple(verdicts))
    assert ITEMS["logs_written"].judge(feature, evidence).status == "pass"
    later = ChecklistEvidence(Window.of_week("2021-03-15"), AS_OF, tuple(verdicts))
    line = read_line(feature, ITEMS["logs_written"], later)
    assert line.verdict.status == "no_evidence"
    assert "2021-03-11" in line.verdict.reason


def test_a_moment_before_monitoring_is_bad_input(tmp_path: Path) -> None:
    before = WEEK.start.replace(year=2020)
    with pytest.raises(BadInput, match="is monitored from 2021-01-01"):
        gather(Root.open(tmp_path, environment={}), FEATURE, WEEK, before)


@pytest.mark.requirement("WK-05", "WK-06")
def test_the_cost_item_says_what_the_week_s_trend_found() -> None:
    rise = failing("cost", "cost per 1,000 rose by 30 %")
    others = [v for v in whole_week() if v.item != "cost_trend"]
    verdict = judge(
        "cost_trend_checked", [*others, on("cost_trend", "2021-03-08", rise, weekly=True)]
    )
    assert (verdict.status, verdict.reason) == ("fail", "cost per 1,000 rose by 30 %")


@pytest.mark.requirement("WK-07", "WK-08")
def test_retraining_that_is_not_automated_says_so_and_names_drift_left_unanswered() -> None:
    quiet = judge("retraining_verified", whole_week())
    assert quiet.status == "no_evidence"
    assert "not automated" in quiet.reason
    seen = judge("retraining_verified", drift_since("2021-03-13", "2021-03-14"))
    assert "input_drift has failed since 2021-03-13" in seen.reason


@pytest.mark.requirement("WK-10")
@pytest.mark.parametrize("item", LOG_CHECKS)
def test_one_bad_day_of_the_log_fails_the_week(item: str) -> None:
    bad = failing("completeness", "7 user actions have no prediction")
    verdicts = [
        replace(v, verdict=bad) if (v.item, v.partition) == (item, "2021-03-10") else v
        for v in whole_week()
    ]
    verdict = judge("logs_written", verdicts)
    assert verdict.status == "fail"
    assert "7 user actions" in verdict.reason


@pytest.mark.requirement("OW-01")
def test_every_item_has_an_owner_a_title_and_a_docstring() -> None:
    judges: list[Callable[..., Verdict]] = [item.judge for item in WEEKLY]
    assert len({item.id for item in WEEKLY}) == len(WEEKLY) == 4
    assert all(judge.__doc__ for judge in judges)
    assert all(FEATURE.owner_of(item.domain).accountable for item in WEEKLY)
