"""A cadence far from what versions and alerts advise, on real flights and fitted versions."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from ai_ops.accuracy_evaluation.cadence_judging import (
    compute_retraining_cadence,
    judge_cadence_advised,
)
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.staleness import read_months
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import Monitoring
from ai_ops.cli import cadence as command
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.gate_world import forgetful, launched
from ai_ops_tests.accuracy_evaluation.world import (
    FLIGHT_DELAY,
    Fitted,
    between,
    daily,
    fit,
    open_root,
    real_flights,
    register,
    write_labels,
    write_log,
)

DAYS = (
    ("2013-03-01", "2013-03-05"),
    ("2013-04-01", "2013-04-05"),
    ("2013-05-01", "2013-05-05"),
)
OLD, NEW, LEARNT_IN_MARCH = "1", "2", "3"
ALERT_AFTER = 9

pytestmark = pytest.mark.requirement("FQ-03", "FQ-04", "FQ-05")


def month(name: str) -> Moment:
    window = Window.of_month(name)
    return Moment(name, window, window.end + timedelta(hours=9))


MARCH, APRIL, MAY = (month(first) for first, _ in DAYS)


@pytest.fixture(scope="module")
def feature() -> AiFeatureSpec:
    declared = load_feature(FLIGHT_DELAY)
    monitoring = Monitoring(start=MARCH.window.start.date())
    return declared.model_copy(update={"monitoring": monitoring})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, feature: AiFeatureSpec) -> Root:
    """Three months with versions of different age; the live one's inputs drift on its ninth day."""
    whole = real_flights(tmp_path_factory.getbasetemp().parent)
    fitted = fit(between(whole, "2013-01-11", "2013-01-31"), feature, "2013-01-28")
    root = open_root(tmp_path_factory.mktemp("cadence"))
    root.begin_replay(MARCH.window.start)
    register(root, feature, until(forgetful(fitted), "2013-01-18"))
    register(root, feature, fitted)
    later = between(whole, "2013-03-01", "2013-03-06").dropna(subset=["late"])
    seen = pd.concat([fitted.reference.head(2000), later.assign(probability=0.2)])
    register(root, feature, replace(fitted, reference=seen))
    launched(root, feature, NEW, MARCH.window.start)
    days = pd.concat([between(whole, *span) for span in DAYS])
    scores = pd.Series(0.2, index=days.index)
    write_log(root, feature, days, scores, with_inputs=True)
    write_labels(root, days)
    root.begin_replay(MAY.as_of)
    judged_until(root, feature, ALERT_AFTER)
    for first, last in DAYS:
        compute_ground_truth(root, feature, daily(first, last[:-1] + "6"))
    compute_retraining_cadence(root, feature, [MARCH, APRIL, MAY])
    return root


def until(fitted: Fitted, day: str) -> Fitted:
    """The same version as if it had been trained on what came before a day."""
    before = fitted.reference["time"] < pd.Timestamp(day, tz="UTC")
    return replace(fitted, reference=fitted.reference[before])


def judged_until(root: Root, feature: AiFeatureSpec, days: int) -> None:
    """Drift judged day by day since the launch: the last of these days is an alert."""
    recorded = []
    for number in range(days):
        window = Window.of_day((MARCH.window.start + timedelta(days=number)).date())
        drifts = Finding("drift", "fail", "temp drifts", columns=("temp",))
        verdict = Verdict.passing("as ever", sample_size=900)
        if number == days - 1:
            verdict = Verdict.failing("temp drifts", drifts, sample_size=900)
        recorded.append(
            RecordedVerdict(
                feature=feature.name,
                item="input_drift",
                asset="drift_report",
                partition=str(window.start.date()),
                window=window,
                as_of=window.end + timedelta(hours=6),
                verdict=verdict,
            )
        )
    root.ledger.record_verdicts(recorded, clock=root.clock)


def waiting(feature: AiFeatureSpec, days: int) -> AiFeatureSpec:
    retraining = feature.retraining.model_copy(update={"wait_days": days})
    return feature.model_copy(update={"retraining": retraining})


@pytest.mark.fault("cadence_advised")
def test_a_wait_of_many_months_between_alerts_of_days_is_a_finding(
    root: Root, feature: AiFeatureSpec
) -> None:
    verdict = judge_cadence_advised(root, waiting(feature, 120), MAY)
    assert verdict.status == "fail"
    assert verdict.reason.startswith("retraining.wait_days: 120 is ")
    assert "times longer than the 14 days that are advised" in verdict.reason
    assert "1 of 1 versions in production had an alert, one in 9 judged days" in verdict.reason
    [finding] = verdict.findings
    assert finding.kind == "operations" and finding.size is not None and finding.size > 8


@pytest.mark.fault("cadence_advised")
def test_a_wait_near_what_is_advised_green(root: Root, feature: AiFeatureSpec) -> None:
    verdict = judge_cadence_advised(root, feature, MAY)
    assert verdict.status == "pass" and "is near what is advised" in verdict.reason
    assert verdict.observed["rhythm"] == "every two weeks"
    assert verdict.observed["versions_with_alert"] == 1
    assert verdict.evidence and verdict.sample_size > 8000


@pytest.mark.fault("cadence_advised")
def test_too_few_months_are_no_evidence_and_says_what_is_missing(
    root: Root, feature: AiFeatureSpec
) -> None:
    verdict = judge_cadence_advised(root, feature, APRIL)
    assert verdict.status == "no_evidence"
    assert "in 2 months after their training, needed are 3" in verdict.reason
    with pytest.raises(MissingEvidence, match=r"retraining_cadence of 2013-06-01 was not there"):
        judge_cadence_advised(root, feature, month("2013-06-01"))


@pytest.mark.fault("cadence_advised")
def test_days_of_which_nothing_was_judged_are_no_days_without_an_alert(
    root: Root, feature: AiFeatureSpec, tmp_path: Path
) -> None:
    shutil.copytree(root.folder, tmp_path / "root")
    for file in ("ledger.db", "lake/clock.json"):
        (tmp_path / "root" / file).unlink()
    silent = open_root(tmp_path / "root")
    silent.begin_replay(MARCH.window.start)
    launched(silent, feature, NEW, MARCH.window.start)
    silent.begin_replay(MAY.as_of)
    verdict = judge_cadence_advised(silent, feature, MAY)
    assert verdict.status == "no_evidence"
    assert (
        "no alert in 0 days of production of which accuracy or drift was judged" in verdict.reason
    )


def test_a_version_is_asked_only_on_what_came_after_it(root: Root, feature: AiFeatureSpec) -> None:
    (march, april, _), _ = read_months(root, feature, MAY)
    assert [one.version for one in march.answered] == [OLD, NEW]
    assert [one.version for one in april.answered] == [OLD, NEW, LEARNT_IN_MARCH]
    for one in march.answered:
        assert one.learnt_until < "2013-03-01" and one.rows > 2500
        assert one.metrics["auc"].value > 0.5
    [pair] = march.older
    assert (pair.older, pair.newer) == (OLD, NEW)
    assert pair.months_apart == pytest.approx(10 / 30.44)
    assert {(one.older, one.newer) for one in april.older} == {
        (OLD, NEW),
        (OLD, LEARNT_IN_MARCH),
        (NEW, LEARNT_IN_MARCH),
    }


@pytest.mark.requirement("FQ-06")
def test_the_asset_shows_a_picture_its_reason_and_every_version_on_every_month(
    root: Root, feature: AiFeatureSpec
) -> None:
    summary = compute_retraining_cadence(root, feature, [MAY])[MAY.partition]
    assert summary.picture is not None and summary.picture.startswith(b"\x89PNG")
    assert str(summary.numbers["reason"]).startswith("retrain every two weeks: ")
    assert summary.numbers["days_per_alert"] == ALERT_AFTER
    assert [(row["month"], row["version"]) for row in summary.table] == [
        ("2013-03-01", OLD),
        ("2013-03-01", NEW),
        ("2013-04-01", OLD),
        ("2013-04-01", NEW),
        ("2013-04-01", LEARNT_IN_MARCH),
        ("2013-05-01", OLD),
        ("2013-05-01", NEW),
        ("2013-05-01", LEARNT_IN_MARCH),
    ]


@pytest.mark.parametrize(("days", "code"), [(14, 0), (120, 1)])
def test_the_command_tells_what_the_check_judges(
    root: Root, feature: AiFeatureSpec, monkeypatch: pytest.MonkeyPatch, days: int, code: int
) -> None:
    monkeypatch.setattr(command, "resolve_feature", lambda _: waiting(feature, days))
    app = typer.Typer()
    app.command()(command.cadence)
    ended = CliRunner().invoke(app, [feature.name, "--root", str(root.folder), "--json"])
    assert ended.exit_code == code, ended.output
    told = json.loads(ended.stdout)
    verdict = judge_cadence_advised(root, waiting(feature, days), MAY)
    assert (told["status"], told["reason"]) == (verdict.status, verdict.reason)
    assert (told["month"], told["declared_days"]) == ("2013-05-01", days)
