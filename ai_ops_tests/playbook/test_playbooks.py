"""Every alert has its playbook, every step an executable or a question, and the page says so."""

import json
import re
from pathlib import Path
from shlex import split
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import DEFS, resolve_feature
from ai_ops.cli.main import assemble
from ai_ops.component import definitions_of
from ai_ops.playbook.describing import data_of, how, whole_page
from ai_ops.playbook.playbooks import PLAYBOOKS
from ai_ops.playbook.steps import WHAT_IS_IT, Playbook, Step
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.vocabulary.words import AlertKind, Domain

PAGE = Path(__file__).parents[2] / "docs" / "playbook.md"
STEPS = [(book, step) for book in PLAYBOOKS.values() for step in book.steps]
NAMED = {
    "drift": {f"PB-{n}" for n in range(10, 17)},
    "cost_spike": {f"PB-{n}" for n in range(20, 24)},
    "accuracy_drop": {f"PB-{n}" for n in range(30, 36)},
    "pipeline_failure": {f"PB-{n}" for n in range(40, 45)},
}
"""What the checklist asks of the response to each alert."""

each = pytest.mark.parametrize(("book", "step"), STEPS, ids=lambda one: getattr(one, "name", ""))


def holes(books: dict[AlertKind, Playbook]) -> list[str]:
    """What is missing of the playbooks: an alert's own, or what a step does or asks."""
    missing = [f"{alert}: no playbook" for alert in get_args(AlertKind) if alert not in books]
    for alert, book in books.items():
        for step in book.steps:
            if (step.does is None) == (step.asks is None):
                missing.append(f"{alert}: {step.name}: neither does nor asks, or both")
            if step.does is not None and not how(step):
                missing.append(f"{alert}: {step.name}: does not say what it does")
    return missing


@pytest.mark.requirement("PB-01", "PB-02", "PB-03")
def test_every_alert_has_a_playbook_and_every_step_an_executable_or_a_question() -> None:
    assert holes(dict(PLAYBOOKS)) == []
    drift = PLAYBOOKS["drift"]
    idle = Step("looks_on", "Nobody does anything", ("PB-10",))
    broken = Playbook("drift", "", "", "warning", "drift_monitoring", (*drift.steps, idle))
    found = holes({"drift": broken})
    assert [one for one in found if "looks_on" in one] and "cost_spike: no playbook" in found


@pytest.mark.requirement("PB-04", "PB-05")
@pytest.mark.parametrize("alert", get_args(AlertKind))
def test_each_has_a_severity_a_trigger_and_carries_every_requirement(alert: AlertKind) -> None:
    book = PLAYBOOKS[alert]
    assert book.alert == alert and book.trigger and book.severity and book.title
    assert book.answered_by == ANSWERED_BY[alert]
    names = [one.name for one in book.steps]
    assert len(names) == len(set(names)) and WHAT_IS_IT in names
    assert {id for one in book.steps for id in one.requirements} >= NAMED[alert]


@each
def test_a_step_comes_after_steps_that_are_there_and_before_it(book: Playbook, step: Step) -> None:
    names = [one.name for one in book.steps]
    assert all(names.index(name) < names.index(step.name) for name in step.after)


@each
def test_a_job_that_takes_a_step_is_there(book: Playbook, step: Step) -> None:
    if step.job is None:
        return
    feature = resolve_feature("flight_delay")
    jobs = {job.name for job in definitions_of(feature).jobs or ()}
    assert f"{feature.name}__{step.job}" in jobs


@each
@pytest.mark.requirement("OW-01")
def test_a_question_is_put_to_an_owner_with_a_command_that_is_there(
    book: Playbook, step: Step
) -> None:
    asks = step.asks
    if asks is None:
        return
    assert (asks.domain or book.answered_by) in get_args(Domain) and asks.within.words
    words = asks.command.format_map(dict.fromkeys(re.findall(r"{(\w+)}", asks.command), "x"))
    for one in _each_way(words):
        known = _command(one)
        options = {name for parameter in known.params for name in parameter.opts}
        assert {word for word in one if word.startswith("--")} <= options, one


def _each_way(command: str) -> list[list[str]]:
    """The words of a command; where its name is one of two, of both."""
    first, *rest = split(command)
    return [[name, *rest] for name in first.split("|")]


def _command(words: list[str]) -> Any:
    found: Any = typer.main.get_command(assemble(words[0]))
    for word in words:
        if not hasattr(found, "commands"):
            break
        found = found.commands[word]
    return found


@pytest.mark.requirement("PB-01", "PB-02")
def test_the_page_is_what_the_definitions_say() -> None:
    written = "write it again: ai-ops playbook --markdown > docs/playbook.md"
    assert PAGE.read_text() == whole_page(), written
    for _, step in STEPS:
        assert f"**{step.name}**" in PAGE.read_text()


def test_the_command_prints_one_alert_or_all_as_data_or_as_the_page() -> None:
    def said(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(assemble("playbook"), ["playbook", *words])
        assert done.exit_code == code
        return done.stdout if code == 0 else done.stderr

    assert json.loads(said("--json"))["playbooks"] == [data_of(one) for one in PLAYBOOKS.values()]
    assert said("--markdown") == whole_page()
    told = said("drift")
    assert "1. retraining_paused: " in told and "asks drift_monitoring, within" in told
    assert "cost_spike" not in told
    assert "one of drift, cost_spike" in said("drifts", code=2)


def test_the_deadline_of_drift_is_that_of_the_feature_s_file() -> None:
    feature: AiFeatureSpec = resolve_feature("flight_delay")
    asks = PLAYBOOKS["drift"].step(WHAT_IS_IT)
    assert asks is not None and asks.asks is not None
    days = asks.asks.within.of(feature).days
    assert days == feature.drift.review_within_days and DEFS.exists()
