"""Faults round a promotion: no version is judged by what another answered, or promised.

The traffic is the reference's own weeks from January on, dated to April: nothing drifts in it but
what a test plants.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profiling import compute_prediction_profile, compute_reference_profile
from ai_ops.drift_monitoring.reports import (
    judge_input_drift,
    judge_inputs_well_formed,
    judge_output_drift,
)
from ai_ops.drift_monitoring.statistics import psi
from ai_ops.storage.ledger import NewEvent
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import EventKind
from ai_ops_tests.drift_monitoring.world import Installation, days, install, names_of, scored

FIRST, LAST = "2013-04-01", "2013-04-15"
TWELVE_WEEKS = timedelta(days=84)
PROMOTED = datetime(2013, 4, 8, 20, tzinfo=UTC)  # a Monday; most of its flights have left
SINCE = "version 2 answers since 2013-04-08 20:00 UTC"
SETTLING = days("2013-04-08", "2013-04-14")

Rows = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(autouse=True, scope="module")
def without_pages() -> "object":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "make_evidently_report", lambda *_: "")
        yield


def as_it_is(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def bolder(rows: pd.DataFrame) -> pd.DataFrame:
    """The answers of another model: the same order, higher scores."""
    score = rows["output_probability"] ** 0.5
    return rows.assign(output_probability=score, output_late=score > 0.5)


def in_kilometres(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(input_distance=rows["input_distance"] * 1.609)


def traffic(change: Rows = as_it_is) -> pd.DataFrame:
    rows = scored("logistic").reference.to_pandas()
    rows["time"] = rows["time"] + TWELVE_WEEKS
    dates = rows["time"].dt.strftime("%Y-%m-%d")
    return change(rows[(dates >= FIRST) & (dates <= LAST)].copy())


def moved(made: Installation, kind: EventKind, version: str, at: datetime) -> None:
    payload = {"version": version, "previous": None, "by": "somebody@example.com"}
    event = NewEvent(kind, made.feature.name, payload, at)
    made.root.ledger.append([event], clock=made.root.clock)


def launched(folder: Path, rows: pd.DataFrame, reference: Rows = as_it_is) -> Installation:
    """An installation with that traffic in which version 1 was launched on the first day."""
    made = install(folder, FIRST, FIRST)
    made.registry.table = pa.Table.from_pandas(
        reference(scored("logistic").reference.to_pandas()), preserve_index=False
    )
    made.registry.digest = f"the table {reference.__name__}"
    made.root.begin_replay(made.moment(LAST).as_of)
    moved(made, "launch", "1", datetime.fromisoformat(f"{FIRST}T00:00:00+00:00"))
    made.log(rows)
    return made


def promoted(
    folder: Path,
    *,
    answers: Rows = bolder,
    promised: Rows = bolder,
    before: Rows = as_it_is,
    feed: Rows = as_it_is,
    at: datetime = PROMOTED,
) -> Installation:
    """Version 2 answers from ``at`` on; it was registered with what it promised."""
    rows = feed(traffic())
    own = rows["time"] >= at
    made = launched(
        folder, pd.concat([rows[~own], answers(rows[own]).assign(model_version="2")]), before
    )
    reference = promised(scored("logistic").reference.to_pandas())
    made.registry.later["2"] = pa.Table.from_pandas(reference, preserve_index=False)
    moved(made, "promotion", "2", at)
    for version in ("1", "2"):
        compute_reference_profile(made.root, made.feature, made.moment(LAST).as_of, version)
    made.monitor(FIRST, LAST)
    return made


def judged(made: Installation, judge: Callable[..., Verdict], day: str) -> Verdict:
    return judge(made.root, made.feature, made.moment(day))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A promotion in the middle of a week, of a version whose scores lie elsewhere."""
    return promoted(tmp_path_factory.mktemp("promoted"))


@pytest.mark.requirement("PL-20", "FQ-07", "FR-1")
def test_a_promotion_within_a_week_is_no_drift_and_ends_green(made: Installation) -> None:
    assert judged(made, judge_output_drift, "2013-04-07").status == "pass"
    for day in SETTLING:
        verdict = judged(made, judge_output_drift, day)
        assert verdict.status == "no_evidence"
        assert SINCE in verdict.reason
    green = judged(made, judge_output_drift, "2013-04-15")
    assert green.status == "pass"
    assert green.sample_size == len(
        traffic()[traffic()["time"] >= pd.Timestamp(2013, 4, 9, tz=UTC)]
    )
    for day in days("2013-04-07", LAST):  # what comes in does not depend on who answers
        assert judged(made, judge_input_drift, day).status == "pass"
        assert judged(made, judge_inputs_well_formed, day).status == "pass"


def test_the_two_versions_pooled_would_have_been_an_alarm() -> None:
    rows = traffic()
    week = rows[rows["time"] >= pd.Timestamp(2013, 4, 9, tz=UTC)]["output_probability"].to_numpy()
    edges = (
        scored("logistic")
        .reference.to_pandas()["output_probability"]
        .quantile([0.1 * tenth for tenth in range(1, 10)])
    )
    counts = [
        pd.Series(values).pipe(lambda one: edges.searchsorted(one)).tolist()
        for values in (week, week**0.5)
    ]
    own, others = ([of.count(cell) for cell in range(10)] for of in counts)
    assert psi(others, own) > 1


def test_in_rehearsal_the_log_tells_since_when_a_version_answers(tmp_path: Path) -> None:
    rows = traffic()
    own = rows["time"] >= PROMOTED
    made = install(tmp_path, FIRST, FIRST)
    made.registry.version = "2"  # another version rehearses now, and nothing was launched
    made.log(pd.concat([rows[~own], rows[own].assign(model_version="2")]))
    compute_reference_profile(made.root, made.feature, made.moment(LAST).as_of)
    made.monitor("2013-04-09", "2013-04-10")
    verdict = judged(made, judge_output_drift, "2013-04-10")
    assert verdict.status == "no_evidence"
    assert "version 2 answers since 2013-04-08 20:" in verdict.reason


@pytest.mark.fault("output_drift")
@pytest.mark.requirement("FR-1", "FQ-07")
def test_a_version_that_does_not_answer_as_it_promised_drifts_from_its_own_days_on(
    tmp_path: Path,
) -> None:
    made = promoted(tmp_path, promised=as_it_is, at=datetime(2013, 4, 6, 0, tzinfo=UTC))
    statuses = {day: judged(made, judge_output_drift, day).status for day in days(FIRST, LAST)}
    assert {statuses[day] for day in days("2013-04-06", "2013-04-13")} == {"no_evidence"}
    red = judged(made, judge_output_drift, "2013-04-14")  # the third whole week of its own
    assert red.status == "fail"
    assert "probability" in names_of(red.findings)
    assert red.findings[0].begin == datetime(2013, 4, 12, tzinfo=UTC)


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1")
def test_alerts_against_the_old_reference_are_no_alerts_of_the_new_version(tmp_path: Path) -> None:
    at = datetime(2013, 4, 10, 20, tzinfo=UTC)
    made = promoted(
        tmp_path, feed=in_kilometres, promised=lambda rows: in_kilometres(bolder(rows)), at=at
    )
    old = judged(made, judge_input_drift, "2013-04-09")
    assert old.status == "fail"
    assert names_of(old.findings) == {"distance"}
    for day in days("2013-04-10", LAST):  # it was trained on what comes in now
        assert judged(made, judge_input_drift, day).status == "pass"


@pytest.mark.fault("input_drift")
@pytest.mark.requirement("FR-1")
def test_quiet_days_against_the_old_reference_are_none_of_the_new_version(tmp_path: Path) -> None:
    at = datetime(2013, 4, 10, 20, tzinfo=UTC)
    made = promoted(tmp_path, feed=in_kilometres, before=in_kilometres, at=at)
    assert judged(made, judge_input_drift, "2013-04-09").status == "pass"
    for day in ("2013-04-10", "2013-04-11"):
        verdict = judged(made, judge_input_drift, day)
        assert verdict.status == "no_evidence"
        assert "is against another reference" in verdict.findings[0].reason
    red = judged(made, judge_input_drift, "2013-04-12")
    assert red.status == "fail"
    assert red.findings[0].begin == datetime(2013, 4, 10, tzinfo=UTC)


def test_a_past_day_is_judged_again_by_the_version_of_then(made: Installation) -> None:
    day, lake, name = "2013-04-07", made.root.lake, made.feature.name
    paths = [lake.path(name, asset, day) for asset in ("prediction_profile", "drift_report")]
    before = [lake.read_bytes(path) for path in paths], judged(made, judge_output_drift, day)
    made.monitor(day, day)
    assert ([lake.read_bytes(path) for path in paths], judged(made, judge_output_drift, day)) == (
        before
    )


def test_a_range_over_a_promotion_gives_what_single_days_give(made: Installation) -> None:
    lake, name = made.root.lake, made.feature.name

    def stored() -> list[bytes]:
        return [
            lake.read_bytes(lake.path(name, asset, day))
            for day in days(FIRST, LAST)
            for asset in ("prediction_profile", "drift_report")
        ]

    at_once = stored()
    for day in days(FIRST, LAST):
        made.monitor(day, day)
    assert stored() == at_once


@pytest.mark.fault("inputs_well_formed", "input_drift", "output_drift")
@pytest.mark.requirement("FR-1", "FR-3")
def test_a_server_that_does_not_follow_the_promotion_is_found(tmp_path: Path) -> None:
    made = promoted(tmp_path)
    made.log(traffic())  # version 1 goes on answering
    made.monitor(FIRST, LAST)
    for judge in (judge_inputs_well_formed, judge_input_drift, judge_output_drift):
        verdict = judged(made, judge, LAST)
        assert verdict.status == "no_evidence"
        assert "version 1 gave the latest answers" in verdict.reason
        assert "version 2 is live; see why the server does not follow" in verdict.reason


@pytest.mark.fault("input_drift", "output_drift")
@pytest.mark.requirement("FR-3")
def test_a_report_that_was_made_before_the_promotion_was_known_says_nothing(
    tmp_path: Path,
) -> None:
    made = launched(tmp_path, traffic())
    compute_reference_profile(made.root, made.feature, made.moment(LAST).as_of, "1")
    made.monitor(FIRST, LAST)
    moved(made, "promotion", "2", PROMOTED)
    for judge in (judge_input_drift, judge_output_drift):
        verdict = judged(made, judge, LAST)
        assert verdict.status == "no_evidence"
        assert f"version 2 was live at the end of {LAST}" in verdict.reason


@pytest.mark.fault("inputs_well_formed")
@pytest.mark.requirement("PL-20", "FR-3")
def test_a_version_whose_reference_nobody_profiled_is_named_until_its_first_day_is_computed(
    tmp_path: Path,
) -> None:
    made = launched(tmp_path, traffic())
    moved(made, "promotion", "2", PROMOTED)
    with pytest.raises(MissingEvidence, match="reference_profile with the version 2"):
        judged(made, judge_inputs_well_formed, LAST)
    summaries = compute_prediction_profile(made.root, made.feature, [made.moment(LAST)])
    assert summaries[LAST].numbers["reference_version"] == "2"
    assert "nothing says" not in judged(made, judge_inputs_well_formed, LAST).reason
