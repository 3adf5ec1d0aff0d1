"""What an incident of cost begins with: who drives it, and the week's own numbers."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli import incidents
from ai_ops.inference_management.spike_evidence import write_spike_evidence
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.inference_management.asked_world import FIRST, Row, asked, sorting, write_logs
from ai_ops_tests.inference_management.served import open_root

WEEK = Window.of_week(FIRST)
MOMENT = Moment(FIRST.isoformat(), WEEK, WEEK.end + timedelta(hours=7))


def costly(day: int, number: int) -> Row:
    """The app asks one thing again and again, all at once at two in the morning."""
    one = asked(day, number, text="the same" if number % 2 else None)
    begin = one["time"].replace(hour=2, minute=0, second=0)
    return one | {"time": begin} if number % 2 else one


def failing(feature: AiFeatureSpec) -> RecordedVerdict:
    worth = Finding("cost", "fail", "worth 20 % of its cost", call_site="app", size=0.2)
    spike = Finding("cost", "fail", "takes 3.0 times as long", slice="mode = sync", size=0.1)
    verdict = Verdict.failing("dearer", spike, worth, sample_size=900)
    return RecordedVerdict(
        feature.name, "cost_trend", "cost_trend", MOMENT.partition, WEEK, MOMENT.as_of, verdict
    )


@pytest.fixture
def world(tmp_path: Path) -> tuple[Root, AiFeatureSpec]:
    # A model of others: it is watched from the first day on, without a launch.
    root, feature = open_root(tmp_path), sorting(served_by="provider_api")
    root.begin_replay(MOMENT.as_of)
    write_logs(root, feature, costly, rows=300)
    return root, feature


@pytest.mark.requirement("PB-20", "PB-21", "PB-22", "PB-23", "OW-10")
def test_an_incident_of_cost_names_its_source_and_answers_three_questions_with_numbers(
    world: tuple[Root, AiFeatureSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, feature = world
    write_spike_evidence(root, feature, MOMENT)
    root.ledger.record_verdicts([failing(feature)], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    (found,) = standing_of(root.ledger, feature.name).incidents
    source, batch, size, repeats = found.steps
    concluded, decided = found.pending
    assert (concluded.step, concluded.domain) == ("what_is_it", "inference_management")
    assert (decided.step, decided.domain) == ("call_site_decided", "prediction_logging")
    assert decided.words.startswith("single calls of call site app would fit into batches")
    assert decided.command.startswith(f"ai-ops call-sites sign {feature.name} app --as sync|batch")
    assert found.step_names == (
        "source_named",
        "batches_looked_at",
        "model_size_looked_at",
        "repeats_looked_at",
    )
    assert source == "what drives it: call site app; worth 20 % of its cost"
    assert "100% of 1050 single calls of call site app come eight or more within 1 s" in batch
    assert size.startswith("is the model larger than the task needs? no: somebody else trains")
    assert "are the same queries asked again? yes: " in repeats and "call site app" in repeats
    assert all(
        f"{feature.name}/cost_spike_evidence/2021-03-01.json" in one for one in found.steps[1:]
    )
    root.ledger.verify()
    backend = feature.owner_of(decided.domain).accountable
    signed = {"call_site": "app", "mode": "sync", "reason": "each caller waits", "by": backend}
    event = NewEvent("call_site_mode", feature.name, signed)
    root.ledger.append([event], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    (now,) = standing_of(root.ledger, feature.name).incidents
    answered = now.question("call_site_decided")
    assert answered is not None and answered.answer == "sync"
    assert answered.answered_by == backend
    monkeypatch.setattr(incidents, "resolve_feature", lambda _: feature)
    shown = CliRunner().invoke(
        incidents.app, ["show", feature.name, found.id, "--root", str(root.folder)]
    )
    assert shown.exit_code == 0
    words = " ".join(shown.stdout.split())
    assert "what drives it: call site app" in words
    assert "are the same queries asked again? yes: " in words


@pytest.mark.requirement("PB-21", "OW-10")
def test_what_backend_decides_about_the_call_site_ends_the_question(
    world: tuple[Root, AiFeatureSpec],
) -> None:
    root, feature = world
    write_spike_evidence(root, feature, MOMENT)
    root.ledger.record_verdicts([failing(feature)], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    said = {"call_site": "app", "mode": "batch", "reason": "nobody waits", "by": "backend@x.org"}
    other = NewEvent("call_site_mode", feature.name, {**said, "call_site": "elsewhere"})
    root.ledger.append([other], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    (asked,) = standing_of(root.ledger, feature.name).incidents
    assert "call_site_decided" in [one.step for one in asked.pending], "nobody asked about that one"
    root.ledger.append([NewEvent("call_site_mode", feature.name, said)], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    (found,) = standing_of(root.ledger, feature.name).incidents
    assert found.step_names[-1] == "call_site_decided"
    assert "backend@x.org decided that app asks batch" in found.steps[-1]
    assert [one.step for one in found.pending] == ["what_is_it"]


def test_a_week_that_nobody_looked_through_is_told_as_such(
    world: tuple[Root, AiFeatureSpec],
) -> None:
    root, feature = world
    root.ledger.record_verdicts([failing(feature)], clock=root.clock)
    answer_alerts(root, feature, root.clock.now())
    (found,) = standing_of(root.ledger, feature.name).incidents
    assert [one.state for one in found.taken] == ["done", "failed", "failed", "failed"]
    assert all("materialise cost_trend again" in words for words in found.steps[1:])
    write_spike_evidence(root, feature, MOMENT)
    answer_alerts(root, feature, root.clock.now())
    (same,) = standing_of(root.ledger, feature.name).incidents
    assert same.taken == found.taken, "it is tried again on the next day"
    root.begin_replay(MOMENT.as_of + timedelta(days=1))
    answer_alerts(root, feature, root.clock.now())
    (later,) = standing_of(root.ledger, feature.name).incidents
    assert [one.state for one in later.taken[4:]] == ["done"] * 3
