"""k of the last n days and the latest; and everything that is no evidence."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from ai_ops.ai_features.drift import Drift
from ai_ops.drift_monitoring.comparison import ColumnDrift, as_table, from_table
from ai_ops.drift_monitoring.judgement import History, Report, judge_drift
from ai_ops.vocabulary.verdicts import Verdict

RULE = Drift(window_days=7, k=3, n=4, minimum_rows=500)
DAY = "2021-03-20"
CALM = ColumnDrift(
    column="temp",
    role="input",
    kind="number",
    psi=0.2,
    threshold=0.4,
    basis="spread",
    ratio=0.5,
    beyond_since=None,
    season=0.3,
    n_current=6_000,
    n_reference=80_000,
    missing=False,
    null_share=0.0,
    null_share_reference=0.0,
    outside_share=0.0,
    unseen_share=0.0,
    unseen_categories=0,
    mean=20.0,
    mean_reference=10.0,
    days_with_rows=7,
    days_needed=7,
    latest_rows=900,
    reference_version="1",
    reference_digest="digest",
)
FAR = replace(CALM, psi=1.0, ratio=2.5, beyond_since="2021-03-18")
OTHER = replace(CALM, column="wind")


def judged(
    last: Report, before: Mapping[int, Report] | None = None, start: date = date(2021, 1, 1)
) -> Verdict:
    """The verdict on a day, from its report and those of days of the month before it."""
    days = {17: [CALM], 18: [CALM], 19: [CALM]} if before is None else before
    reports = {f"2021-03-{day:02}": report for day, report in days.items()}
    return judge_drift(History(DAY, start, reports | {DAY: last}), RULE, "input")


def test_calm_columns_pass_with_their_sample_size() -> None:
    verdict = judged([CALM, OTHER])
    assert verdict.status == "pass"
    assert verdict.sample_size == 6_000
    assert verdict.observed["max_ratio"] == 0.5


def test_one_day_beyond_the_threshold_is_no_alert_and_says_so() -> None:
    verdict = judged([FAR])
    assert verdict.status == "pass"
    assert "not sustained for 3 of 4 days: temp" in verdict.reason


@pytest.mark.requirement("PB-04", "WK-01")
def test_three_of_four_days_and_the_latest_are_an_alert_that_names_column_size_and_begin() -> None:
    verdict = judged([FAR, OTHER], {17: [FAR], 18: [CALM], 19: [FAR]})
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert (finding.kind, finding.columns, finding.size) == ("drift", ("temp",), 2.5)
    assert finding.begin is not None
    assert finding.begin.date() == date(2021, 3, 18)
    assert "unseen season" in finding.reason or "cannot tell" in finding.reason


def test_three_days_without_the_latest_are_no_alert() -> None:
    assert judged([CALM], {17: [FAR], 18: [FAR], 19: [FAR]}).status == "pass"


@pytest.mark.requirement("FR-1")
@pytest.mark.parametrize(
    ("unknown", "words"),
    [
        ({"reference_digest": "the old one"}, "2021-03-18 is against another reference"),
        ({"days_with_rows": 6}, "the window up to 2021-03-18 is not full"),
        ({"ratio": None}, "it has no distance on 2021-03-18"),
        ({"column": "wind"}, "the report of 2021-03-18 does not name it"),
    ],
)
def test_days_that_nobody_knows_are_not_counted_as_quiet(
    unknown: dict[str, object], words: str
) -> None:
    lost = replace(FAR, **unknown)  # type: ignore[arg-type]
    verdict = judged([FAR], {17: [CALM], 18: [lost], 19: [lost]})
    assert verdict.status == "no_evidence"
    assert words in verdict.findings[0].reason
    decided = judged([FAR], {17: [CALM], 18: [lost], 19: [CALM]})
    assert decided.status == "pass"  # even had the unknown day been beyond, two are no three
    assert judged([CALM], {17: [lost], 18: [lost], 19: [lost]}).status == "pass"


def test_a_missing_report_with_which_the_rule_could_fire_is_no_evidence() -> None:
    verdict = judged([FAR], {17: [CALM], 19: [FAR]})
    assert verdict.status == "no_evidence"
    assert "2021-03-18" in verdict.reason or "2021-03-18" in verdict.findings[0].reason


def test_days_before_monitoring_began_are_not_missed() -> None:
    assert judged([FAR], {19: [FAR]}, start=date(2021, 3, 19)).status == "pass"


@pytest.mark.requirement("FR-1")
@pytest.mark.parametrize(
    ("change", "words", "kind"),
    [
        ({"n_current": 0}, "hold no row", "volume"),
        ({"latest_rows": 0}, "no rows", "volume"),
        ({"days_with_rows": 6}, "6 of its 7 days", "volume"),
        ({"n_current": 499}, "fewer than the 500", "volume"),
        ({"threshold": None, "ratio": None}, "too short", "drift"),
        ({"missing": True}, "missing from the log", "drift"),
        ({"n_reference": 0}, "missing from the reference", "drift"),
    ],
)
def test_what_is_missing_is_never_health(change: dict[str, object], words: str, kind: str) -> None:
    verdict = judged([replace(CALM, **change)])  # type: ignore[arg-type]
    assert verdict.status == "no_evidence"
    assert words in verdict.findings[0].reason
    assert verdict.findings[0].kind == kind


def test_no_report_and_no_column_of_the_role_are_no_evidence() -> None:
    history = History(DAY, date(2021, 1, 1), {})
    assert judge_drift(history, RULE, "input").status == "no_evidence"
    assert judged([replace(CALM, role="output")]).status == "no_evidence"


def test_a_drifted_column_fails_although_another_cannot_be_judged() -> None:
    verdict = judged([FAR, replace(OTHER, missing=True)], {17: [FAR], 18: [FAR], 19: [FAR]})
    assert verdict.status == "fail"
    assert [finding.status for finding in verdict.findings] == ["fail", "no_evidence"]


def test_a_run_goes_on_over_as_many_quiet_days_as_the_rule_bears() -> None:
    reports = {"2021-03-19": [CALM], "2021-03-18": [FAR]}
    assert History(DAY, date(2021, 1, 1), reports).runs(RULE, "digest") == {"temp": "2021-03-18"}
    assert History(DAY, date(2021, 1, 1), reports).runs(RULE, "the next version's") == {}
    longer = {"2021-03-19": [CALM], "2021-03-18": [CALM], "2021-03-17": [FAR]}
    assert History(DAY, date(2021, 1, 1), longer).runs(RULE, "digest") == {}


def test_a_report_survives_its_table() -> None:
    assert from_table(as_table([CALM, FAR])) == (CALM, FAR)


def test_a_report_stored_before_a_field_was_there_still_reads() -> None:
    older = as_table([CALM]).drop_columns(["test", "severity", "allowance", "location"])
    assert from_table(older) == (CALM,)


def test_a_finding_says_by_which_test_how_far_and_how_severe() -> None:
    moved = replace(
        FAR, test="location", value=-0.4, limit=0.16, severity="marked", null_share_reference=0.1
    )
    (finding,) = judged([moved], {17: [moved], 18: [moved], 19: [moved]}).findings
    assert "marked drift: its values lie -0.40 σ from where they lay" in finding.reason
    assert "2.5 times the 0.16 that its reference lets expect, over 6,000 rows" in finding.reason
    unseen = replace(moved, test="unseen", value=0.02, limit=0.005, ratio=4.0)
    (finding,) = judged([unseen], {17: [unseen], 18: [unseen], 19: [unseen]}).findings
    assert "2.0% more of its rows have unseen categories" in finding.reason
    assert "4.0 times the 0.5%" in finding.reason
