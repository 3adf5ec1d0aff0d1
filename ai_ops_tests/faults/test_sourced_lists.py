"""The lists of a model that others train and serve: what nobody here can know is never a pass."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ai_ops.ai_features.applying import judged_of
from ai_ops.ai_features.synthetic import SYNTHETIC
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.reading import ITEMS, Line, read_checklist
from ai_ops.cli.main import assemble
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Cadence
from ai_ops_tests.sourced_world import NAME, Sourced, sourced

FINE = Verdict.passing("fine", sample_size=120)
UNPROVABLE = Verdict.lacking(
    "completeness is unprovable: an existing table", "completeness", sample_size=120
)
DRIFTED = Verdict.failing(
    "1 of 4 inputs drifted",
    Finding("drift", "fail", "amount moved", columns=("amount",), tenant="bank_b", size=6.4),
    sample_size=840,
)
WEEK = Window.of_week("2021-02-01")
NEXT_MORNING = WEEK.end + timedelta(hours=9)


def judged(made: Sourced, instead: Mapping[tuple[str, str], Verdict] | None = None) -> None:
    """A week of verdicts as the feature's checks give them, ``instead`` some others."""
    changed = {("log_complete", day): UNPROVABLE for day in WEEK.days()} | dict(instead or {})
    drift = ("input_drift", "output_drift", "joint_drift", "volume_steady", "feed_alive")
    names = (*judged_of(LOG_CHECKS, made.feature), *drift)
    recorded = [
        RecordedVerdict(
            NAME,
            name,
            f"of_{name}",
            day,
            Window.of_day(day),
            made.moment(day).as_of,
            changed.get((name, day), FINE),
        )
        for day in WEEK.days()
        for name in names
    ]
    made.advance(NEXT_MORNING)
    made.root.ledger.record_verdicts(recorded, clock=made.root.clock)


def lines(made: Sourced, cadence: Cadence) -> dict[str, Line]:
    """The lines of a list on the week, as they stand the day after it."""
    window = WEEK if cadence != "monthly" else Window.of_month("2021-02-01")
    as_of = max(NEXT_MORNING, window.end)
    found = read_checklist(made.root, made.feature, cadence, window, as_of)
    return {line.item.id: line for line in found}


@pytest.fixture
def made(tmp_path: Path) -> Sourced:
    return sourced(tmp_path, days=1, rows_a_day=1)


@pytest.mark.requirement("FQ-11", "FQ-01")
def test_what_can_be_known_of_a_model_of_others_is_green(made: Sourced) -> None:
    judged(made)
    weekly = lines(made, "weekly")
    assert weekly["drift_reviewed"].verdict.status == "pass"
    retrained = weekly["retraining_verified"]
    assert retrained.verdict.status == "waived"
    assert "served_by: external" in retrained.verdict.reason
    assert "ask vendor-manager@example.com" in retrained.verdict.reason
    assert retrained.waiver is None, "the declaration waives it: nobody has to sign"
    assert lines(made, "pre_launch")["registry_ready"].verdict.status == "waived"


@pytest.mark.requirement("FQ-11")
def test_drift_of_a_providers_model_is_waived_until_a_reference_is_declared(made: Sourced) -> None:
    normal = made.feature.model_dump()["reference"]
    theirs = made.declare(served_by="provider_api", reference=None)
    weekly, ready = lines(theirs, "weekly"), lines(theirs, "pre_launch")["drift_ready"]
    for line in (weekly["drift_reviewed"], weekly["retraining_verified"], ready):
        assert line.verdict.status == "waived"
        assert "served_by: provider_api" in line.verdict.reason
    assert "declare a `reference`" in weekly["drift_reviewed"].verdict.reason
    assert weekly["logs_written"].verdict.status == "no_evidence", "its log is still required"
    known = made.declare(served_by="provider_api", reference=normal)
    judged(known)
    assert lines(known, "weekly")["drift_reviewed"].verdict.status == "pass"


@pytest.mark.fault("logs_written", "logging_ready")
@pytest.mark.requirement("FQ-01")
@pytest.mark.parametrize(
    ("cadence", "item"), [("weekly", "logs_written"), ("pre_launch", "logging_ready")]
)
def test_a_log_that_nobody_counted_is_never_proven_whole(
    made: Sourced, cadence: Cadence, item: str
) -> None:
    judged(made)
    verdict = lines(made, cadence)[item].verdict
    assert verdict.status == "no_evidence"
    assert verdict.reason.startswith("completeness is unprovable: 840 predictions of 7 days")
    assert verdict.observed["completeness"] == "unprovable"
    assert not [f for f in verdict.findings if "not judged" in f.reason]


@pytest.mark.fault("logs_written")
def test_a_file_that_could_not_be_read_fails_the_week_before_it_is_unprovable(
    made: Sourced,
) -> None:
    unread = Finding("completeness", "fail", "1 × unreadable file in loans.parquet")
    broken = Verdict.failing("1 × unreadable file", unread, sample_size=90)
    judged(made, {("log_written", "2021-02-03"): broken})
    verdict = lines(made, "weekly")["logs_written"].verdict
    assert (verdict.status, verdict.observed["completeness"]) == ("fail", "unprovable")
    assert "unreadable file" in verdict.reason


@pytest.mark.fault("retraining_verified", "drift_reviewed")
def test_what_is_seen_of_the_model_is_named_with_its_tenant_and_for_its_trainer_to_answer(
    made: Sourced,
) -> None:
    judged(made, {("input_drift", day): DRIFTED for day in list(WEEK.days())[4:]})
    weekly = lines(made, "weekly")
    reviewed = weekly["drift_reviewed"].verdict
    assert reviewed.status == "pass", "the alert is young"
    assert [(f.kind, f.columns, f.tenant) for f in reviewed.findings] == [
        ("drift", ("amount",), "bank_b")
    ]
    retrained = weekly["retraining_verified"].verdict
    assert (retrained.status, retrained.observed["alerts_open"]) == ("waived", 1)
    assert retrained.findings[0].columns == ("amount",)
    answer_alerts(made.root, made.feature, NEXT_MORNING)
    [incident] = standing_of(made.root.ledger, NAME).incidents
    assert (incident.alert, incident.begin) == ("drift", "2021-02-05")


@pytest.mark.fault("accuracy_on_held_out")
def test_answers_that_nobody_ever_learns_leave_the_accuracy_unknown(tmp_path: Path) -> None:
    unlabelled = sourced(tmp_path, days=1, rows_a_day=1, labels="none")
    judged(unlabelled)
    verdict = lines(unlabelled, "monthly")["accuracy_on_held_out"].verdict
    assert verdict.status == "no_evidence"
    assert "nobody ever learns the correct answers (ground_truth.kind: none)" in verdict.reason


@pytest.mark.parametrize("cadence", list(ITEMS))
def test_every_verdict_on_a_synthetic_calendar_says_so(made: Sourced, cadence: Cadence) -> None:
    source = made.feature.source
    assert source is not None
    columns = source.columns.model_dump(exclude_none=True, exclude={"time"})
    calendar = {"start": made.start, "rows_a_day": 100}
    undated = made.declare(source={"files": source.files, "columns": columns, "calendar": calendar})
    judged(undated)
    for line in lines(undated, cadence).values():
        assert line.verdict.reason.count(SYNTHETIC) == 1
        assert line.verdict.observed["calendar"] == "synthetic"
    [found] = undated.judge(["input_drift"], [replace(undated.moment("2021-02-03"))])
    assert found.verdict.reason.endswith(SYNTHETIC)
    assert found.verdict.observed["calendar"] == "synthetic"


@pytest.mark.requirement("FQ-11")
def test_the_commands_tell_it_and_refuse_a_launch(
    made: Sourced, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged(made)
    monkeypatch.setenv("AI_OPS_DEFS", str(made.file.parent.parent))
    monkeypatch.setenv("AI_OPS_ROOT", str(made.root.folder))
    run, app = CliRunner(), assemble()
    given = [
        "checklist",
        NAME,
        "--cadence",
        "weekly",
        "--as-of",
        NEXT_MORNING.isoformat(),
        "--json",
    ]
    told = run.invoke(app, given)
    items = {item["id"]: item for item in json.loads(told.stdout)["items"]}
    assert items["retraining_verified"]["status"] == "waived"
    assert items["retraining_verified"]["waived_by"] is None
    assert items["logs_written"]["observed"]["completeness"] == "unprovable"
    refused = run.invoke(app, ["launch", NAME, "--version", "1"])
    assert refused.exit_code == 1
    assert "served_by: external" in refused.output
    assert f"ai-ops backfill {NAME}" in " ".join(refused.output.split())
