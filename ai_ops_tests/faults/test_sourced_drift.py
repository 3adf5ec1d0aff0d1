"""Faults in the log of a model that others train and serve: each turns its check red by name.

Clean, the same checks are green on the same days.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.reference_set import compute_reference_set
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.sourced_world import FIRST, Change, Sourced, sourced

CHECKS = ("reference_present", "inputs_well_formed", "input_drift", "output_drift")
WATCHED = 11
BROKEN_FROM = pd.Timestamp(FIRST, tz="UTC") + pd.Timedelta(days=30)


@pytest.fixture(autouse=True)
def without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    # The HTML page has a test of its own and takes a second each.
    monkeypatch.setattr(reporting, "make_evidently_report", lambda *_: "")


def watched(made: Sourced, days: int = WATCHED) -> dict[str, Verdict]:
    """The verdicts of the last of the watched days, by check."""
    moments = made.moments(made.days(days))
    made.advance(moments[-1].as_of)
    compute_reference_set(made.root, made.feature, moments[-1].as_of)
    compute_reference_profile(made.root, made.feature, moments[-1].as_of)
    compute_prediction_log(made.root, made.feature, moments)
    compute_prediction_profile(made.root, made.feature, moments)
    reporting.compute_drift_report(made.root, made.feature, moments)
    return {one.item: one.verdict for one in made.judge(CHECKS, moments[-1:])}


def planted(folder: Path, change: Change) -> dict[str, Verdict]:
    return watched(sourced(folder, days=42, change=change))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    return watched(sourced(tmp_path_factory.mktemp("clean"), days=42, normal="files"))


@pytest.mark.requirement("FQ-01")
def test_the_calm_log_of_a_vendor_is_green(clean: dict[str, Verdict]) -> None:
    assert {name: verdict.status for name, verdict in clean.items()} == dict.fromkeys(
        CHECKS, "pass"
    )
    assert clean["reference_present"].reason.startswith("the declared reference: 6 columns")


@pytest.mark.fault("reference_present", "inputs_well_formed", "input_drift", "output_drift")
def test_without_a_declared_reference_nothing_is_normal_and_the_field_is_named(
    tmp_path: Path,
) -> None:
    for verdict in watched(sourced(tmp_path, days=42, normal="nothing")).values():
        assert verdict.status == "no_evidence"
        assert "reference.first_day" in verdict.reason


@pytest.mark.fault("reference_present", "input_drift")
@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ({"first_day": FIRST, "last_day": FIRST.replace(day=17)}, "it has 14 days, 28 are needed"),
        ({"files": "sources/nowhere/*.parquet"}, "no file matches sources/nowhere/"),
    ],
)
def test_a_reference_that_tells_too_little_says_what_it_takes(
    tmp_path: Path, reference: dict[str, object], words: str
) -> None:
    made = sourced(tmp_path, days=42).declare(reference=reference)
    verdicts = watched(made)
    assert verdicts["reference_present"].status == "no_evidence"
    assert words in verdicts["reference_present"].reason
    assert verdicts["input_drift"].status == "no_evidence"


@pytest.mark.fault("reference_present", "input_drift")
def test_a_reference_set_without_times_knows_what_is_whole_and_not_what_is_usual(
    tmp_path: Path,
) -> None:
    made = sourced(tmp_path, days=42, normal="files")
    [file] = (made.root.folder / "sources" / "vendor_loans" / "reference").iterdir()
    pd.read_parquet(file).drop(columns="asked_at").to_parquet(file)
    verdicts = watched(made)
    assert "the reference tells no times" in verdicts["reference_present"].reason
    assert verdicts["input_drift"].status == "no_evidence"
    assert verdicts["inputs_well_formed"].status == "pass"


@pytest.mark.fault("inputs_well_formed")
def test_an_input_that_must_be_filled_is_broken_by_nulls_that_its_reference_had_too(
    tmp_path: Path,
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(amount=rows["amount"].mask(rows.index % 5 == 0, np.nan))

    verdict = planted(tmp_path, change)["inputs_well_formed"]
    assert verdict.status == "fail"
    [finding] = verdict.findings
    assert finding.columns == ("amount",)
    assert "amount is null in 20% of 120 rows; it is not `nullable`" in finding.reason


@pytest.mark.fault("inputs_well_formed", "input_drift")
def test_nulls_of_one_call_site_are_named_with_it(tmp_path: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        broken = (rows["asked_at"] >= BROKEN_FROM) & (rows["channel"] == "branch")
        return rows.assign(age=rows["age"].mask(broken, np.nan))

    verdicts = planted(tmp_path, change)
    for check in ("inputs_well_formed", "input_drift"):
        [finding] = verdicts[check].findings
        assert (finding.columns, finding.call_site, finding.tenant) == (("age",), "branch", None)
        assert "from call site branch alone" in finding.reason
        assert finding.window is not None
        assert finding.begin is not None
        assert finding.size is not None
    assert verdicts["output_drift"].status == "pass"


@pytest.mark.fault("input_drift")
@pytest.mark.parametrize("whose", ["bank_b", None])
def test_drift_of_one_tenant_is_named_with_it_and_drift_of_all_with_none(
    tmp_path: Path, whose: str | None
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        moved = rows["asked_at"] >= BROKEN_FROM
        if whose is not None:
            moved &= rows["customer"] == whose
        return rows.assign(amount=rows["amount"].mask(moved, rows["amount"] * 3))

    [finding] = planted(tmp_path, change)["input_drift"].findings
    assert finding.kind == "drift"
    assert (finding.columns, finding.call_site, finding.tenant) == (("amount",), None, whose)


@pytest.mark.fault("output_drift")
def test_a_new_version_of_the_vendor_that_answers_otherwise_is_output_drift(tmp_path: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        later = rows["asked_at"] >= BROKEN_FROM
        version = rows["model"].mask(later, "2021.2")
        risk = rows["risk"].mask(later, rows["risk"] ** 3)
        return rows.assign(model=version, risk=risk)

    verdicts = planted(tmp_path, change)
    assert verdicts["output_drift"].status == "fail"
    assert verdicts["output_drift"].findings[0].columns == ("risk",)
    assert verdicts["input_drift"].status == "pass"


@pytest.mark.fault("reference_present", "input_drift")
@pytest.mark.requirement("FQ-07")
def test_a_faulty_week_of_the_reference_is_named_and_the_same_fault_later_is_drift(
    tmp_path: Path,
) -> None:
    asked = pd.Timestamp(FIRST, tz="UTC")

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        day = (rows["asked_at"] - asked).dt.days
        broken = day.between(16, 22) | (day >= 59)
        return rows.assign(age=rows["age"].mask(broken, rows["age"] * 3))

    made = sourced(
        tmp_path,
        days=67,
        change=change,
        reference={"first_day": FIRST, "last_day": FIRST + timedelta(days=55)},
        monitoring={"start": FIRST + timedelta(days=56)},
    )
    verdicts = watched(made)
    reference = verdicts["reference_present"]
    assert reference.status == "fail"
    [finding] = reference.findings
    assert (finding.kind, finding.columns) == ("data_quality", ("age",))
    assert "age: the reference's days 2021-01-20 to 2021-01-26 lie" in reference.reason
    assert finding.size is not None
    assert finding.size > 1
    [drift] = verdicts["input_drift"].findings
    assert drift.columns == ("age",)
    assert "times the 0.0" in drift.reason
    assert verdicts["output_drift"].status == "pass"


def test_another_declared_reference_is_taken_up_and_the_days_are_judged_by_it(
    tmp_path: Path,
) -> None:
    made = sourced(tmp_path, days=42)
    first = watched(made)["reference_present"].evidence
    days = {"first_day": FIRST + timedelta(days=1), "last_day": FIRST + timedelta(days=28)}
    later = made.declare(reference=days)
    second = watched(later)
    assert second["input_drift"].status == "pass"
    assert second["reference_present"].evidence != first


@pytest.mark.requirement("FQ-01")
def test_five_hundred_columns_without_a_score_are_judged_and_stay_quiet(tmp_path: Path) -> None:
    made = sourced(
        tmp_path,
        days=35,
        rows_a_day=40,
        normal="files",
        more_inputs=500,
        labels="none",
        outputs=[{"name": "refused", "type": "boolean"}],
        judged={},
        drift={"minimum_rows": 200},
    )
    verdicts = watched(made, days=7)
    assert {name: verdict.status for name, verdict in verdicts.items()} == dict.fromkeys(
        CHECKS, "pass"
    )
    assert verdicts["input_drift"].observed["columns"] == 504
