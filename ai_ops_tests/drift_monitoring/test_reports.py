"""From logs to reports, pictures and pages: real flights, a real lake."""

from pathlib import Path

import pytest

from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profile import rows_of
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.drift_monitoring.references import load_reference
from ai_ops.drift_monitoring.reports import (
    judge_input_drift,
    judge_inputs_well_formed,
    judge_output_drift,
    judge_reference_present,
)
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops_tests.drift_monitoring.world import Installation, days, install

FIRST, LAST = "2013-04-01", "2013-04-12"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The days for which Evidently was asked; it is not run, for it takes a second each."""
    asked: list[str] = []

    def ask(root: object, feature: object, day: str) -> str:
        asked.append(day)
        return f"{day}.html"

    monkeypatch.setattr(reporting, "make_evidently_report", ask)
    return asked


@pytest.fixture
def made(tmp_path: Path, pages: list[str]) -> Installation:
    return install(tmp_path, FIRST, LAST)


def stored(made: Installation, asset: str) -> dict[str, bytes]:
    lake, name = made.root.lake, made.feature.name
    return {day: lake.read_bytes(lake.path(name, asset, day)) for day in days(FIRST, LAST)}


@pytest.mark.requirement("FQ-07", "PL-20", "ST-09")
def test_a_range_in_one_call_gives_what_single_days_give(made: Installation) -> None:
    made.monitor(FIRST, LAST)
    at_once = stored(made, "prediction_profile") | stored(made, "drift_report")
    for day in days(FIRST, LAST):
        made.monitor(day, day)
    assert stored(made, "prediction_profile") | stored(made, "drift_report") == at_once


def test_every_answered_row_is_profiled_and_no_other(made: Installation) -> None:
    lake, name = made.root.lake, made.feature.name
    path = lake.path(name, "prediction_log", FIRST)
    rows = lake.read_table(path)[0].to_pandas()
    rows.loc[:9, "status"] = "refused"
    made.write_log(FIRST, rows)
    summary = compute_prediction_profile(made.root, made.feature, [made.moment(FIRST)])[FIRST]
    assert summary.numbers["rows"] == len(rows) - 10
    profile, _ = lake.read_table(lake.path(name, "prediction_profile", FIRST))
    per_column: dict[str, int] = {}
    for row in rows_of(profile):
        per_column[row["column"]] = per_column.get(row["column"], 0) + row["count"]
    assert set(per_column.values()) == {len(rows) - 10}
    assert len(per_column) == len(made.feature.inputs) + len(made.feature.outputs)


def test_a_profile_made_for_another_reference_is_made_again_from_the_log(
    made: Installation,
) -> None:
    made.monitor(FIRST, LAST)
    before = stored(made, "drift_report")[LAST]
    made.registry.digest = "another table"
    compute_reference_profile(made.root, made.feature, made.moment(LAST).as_of)
    reporting.compute_drift_report(made.root, made.feature, [made.moment(LAST)])
    lake, name = made.root.lake, made.feature.name
    report, _ = lake.read_table(lake.path(name, "drift_report", LAST))
    assert set(report["reference_digest"].to_pylist()) == {"another table"}
    assert stored(made, "drift_report")[LAST] != before
    verdict = judge_inputs_well_formed(made.root, made.feature, made.moment(LAST))
    assert verdict.status == "no_evidence"
    assert "another reference" in verdict.reason


def test_outputs_of_another_version_are_not_compared_with_this_ones(made: Installation) -> None:
    path = made.root.lake.path(made.feature.name, "prediction_log", LAST)
    rows = made.root.lake.read_table(path)[0].to_pandas()
    made.write_log(LAST, rows.assign(model_version="0", output_probability=0.99))
    made.monitor(FIRST, LAST)
    report, _ = made.root.lake.read_table(made.root.lake.path("flight_delay", "drift_report", LAST))
    by_column = {row["column"]: row for row in report.to_pylist()}
    assert by_column["temp"]["n_current"] - by_column["probability"]["n_current"] == len(rows)
    assert by_column["probability"]["latest_rows"] == 0


@pytest.mark.requirement("PL-20", "FR-1")
def test_answers_of_a_new_version_are_not_judged_by_the_old_ones_reference(
    made: Installation,
) -> None:
    rows = made.root.lake.read_table(
        made.root.lake.path(made.feature.name, "prediction_log", LAST)
    )[0].to_pandas()
    promoted = rows["time"].sort_values().iloc[len(rows) // 2]
    versions = rows["model_version"].mask(rows["time"] >= promoted, "2")
    made.write_log(LAST, rows.assign(model_version=versions))
    made.monitor(FIRST, LAST)
    for judge in (judge_inputs_well_formed, judge_input_drift, judge_output_drift):
        verdict = judge(made.root, made.feature, made.moment(LAST))
        assert verdict.status == "no_evidence"
        assert "version 2 gave the latest answers" in verdict.reason
        assert "is of version 1; materialise reference_profile" in verdict.reason
        before = judge(made.root, made.feature, made.moment("2013-04-11"))
        assert "materialise" not in before.reason


@pytest.mark.requirement("PL-20")
def test_the_reference_of_the_version_in_production_must_be_the_registered_one(
    made: Installation,
) -> None:
    moment = made.moment(LAST)
    assert judge_reference_present(made.root, made.feature, moment.as_of).status == "pass"
    made.registry.digest = "another table"
    stale = judge_reference_present(made.root, made.feature, moment.as_of)
    assert (stale.status, stale.findings[0].kind) == ("no_evidence", "drift")
    made.registry.version = None
    assert judge_reference_present(made.root, made.feature, moment.as_of).status == "no_evidence"
    with pytest.raises(MissingEvidence, match="no version is in production"):
        compute_reference_profile(made.root, made.feature, moment.as_of)


def test_another_versions_reference_does_not_become_the_live_one(made: Installation) -> None:
    compute_reference_profile(made.root, made.feature, made.moment(LAST).as_of, version="2")
    assert load_reference(made.root, made.feature).version == "1"
    assert load_reference(made.root, made.feature, "2").version == "2"


def test_a_reference_is_made_again_when_its_table_or_its_settings_are_others(
    made: Installation,
) -> None:
    as_of, lake = made.moment(LAST).as_of, made.root.lake
    path = lake.path(made.feature.name, "reference_profile", "1", "json")
    compute_reference_profile(made.root, made.feature, as_of)
    first = lake.read_bytes(path)
    lake.write_bytes(path, first.replace(b'null_share": 0.0', b'null_share": 0.9'))
    altered = lake.read_bytes(path)
    compute_reference_profile(made.root, made.feature, as_of)
    assert lake.read_bytes(path) == altered, "made from the same, it stands as it is"
    drift = made.feature.drift.model_copy(update={"bins": 7})
    compute_reference_profile(made.root, made.feature.model_copy(update={"drift": drift}), as_of)
    assert lake.read_bytes(path) not in (first, altered)
    compute_reference_profile(made.root, made.feature, as_of)
    assert lake.read_bytes(path) == first
    lake.write_bytes(path, b"{")
    compute_reference_profile(made.root, made.feature, as_of)
    assert lake.read_bytes(path) == first
