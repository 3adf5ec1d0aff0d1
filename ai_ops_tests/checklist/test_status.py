"""How a feature stands: the light and its reasons, since when, whose, and what comes next."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.checklist.lists import compute_pre_launch_checklist
from ai_ops.checklist.next_steps import STEPS, next_step
from ai_ops.checklist.reading import ITEMS, Line, as_data, read_checklist, window_at
from ai_ops.checklist.status import LAUNCH, STAY, status_of
from ai_ops.checklist.status_items import not_green_since
from ai_ops.checklist.status_records import FeatureStatus, ItemStatus, worst
from ai_ops.cli.main import assemble
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.signs_of_life import sign
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import ALL, FEATURE, TO_COME, failing, judged, line, rehearsed
from ai_ops_tests.deciding import BACKEND, DEVOPS, NOW, SCIENTIST, decided, happened, launched
from ai_ops_tests.deciding import incident as opened

WEEK = window_at("weekly", NOW)


def item(status: FeatureStatus, id: str) -> ItemStatus:
    return next(one for one in status.items if one.id == id)


def on_list(root: Root, id: str, verdict: Verdict, at: datetime) -> None:
    """The verdict of an item as its list recorded it."""
    judged(root, id, verdict, at=at)


@pytest.mark.requirement("PL-01", "PL-02", "FR-3")
def test_before_the_launch_the_six_items_say_whether_it_may_be_launched(tmp_path: Path) -> None:
    status = status_of(rehearsed(tmp_path), FEATURE)
    assert (status.question, status.light) == (LAUNCH, "green")
    assert status.answer == "Yes: 6 items passing"
    assert [one.cadence for one in status.items] == ["pre_launch"] * 6
    assert len(status.not_due) == 2
    assert status.version is None


@pytest.mark.requirement("FR-3", "OW-01")
def test_what_lacks_makes_it_amber_with_owner_and_the_command_that_brings_it(
    tmp_path: Path,
) -> None:
    status = status_of(rehearsed(tmp_path, without=TO_COME), FEATURE)
    assert status.light == "amber"
    assert status.answer == "Nobody can say: evidence of 2 items missing"
    lacking = item(status, "load_tested")
    assert (lacking.owner, lacking.command) == (DEVOPS, "ai-ops drill load flight_delay")
    assert [one.id for one in status.not_green] == ["load_tested", "rollback_rehearsed"]


@pytest.mark.requirement("FR-3")
def test_what_fails_makes_it_red_and_comes_first(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"load_test"})
    judged(root, "version_registered", failing("there is no other version", "version"))
    status = status_of(root, FEATURE)
    assert status.light == "red"
    assert status.answer == "No: 1 item failing; evidence of 1 item missing"
    assert [one.id for one in status.not_green] == ["registry_ready", "load_tested"]


def test_an_excused_item_is_green_until_the_waiver_ends(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"load_test"})
    content = {"item": "load_tested", "domain": "inference_management", "reason": "it is built"}
    decided(root, "waiver", DEVOPS, **content, until="2021-04-02")
    status = status_of(root, FEATURE)
    assert (status.light, status.answer) == (
        "green",
        "Yes: 5 items passing, 1 item excused by a person",
    )
    root.begin_replay(NOW + timedelta(days=2))
    late = item(status_of(root, FEATURE), "load_tested")
    assert late.status == "no_evidence"
    assert "was good until 2021-04-02" in late.reason


@pytest.mark.requirement("FR-3", "WK-01", "MO-01")
def test_after_the_launch_a_list_counts_from_its_first_window(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    launched(root)
    status = status_of(root, FEATURE)
    assert (status.question, status.version) == (STAY, "1")
    assert {one.cadence for one in status.items} == {"pre_launch", "weekly", "monthly"}
    assert len(status.items) == 14
    assert status.light == "amber"  # of the month nothing was judged
    late = FEATURE.model_copy(
        update={"monitoring": FEATURE.monitoring.model_copy(update={"start": WEEK.end.date()})}
    )
    status = status_of(root, late)
    assert {one.cadence for one in status.items} == {"pre_launch", "monthly"}
    assert len(status.not_due) == 1


def test_a_feature_that_is_not_monitored_yet_is_no_green_one(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    launched(root)
    later = FEATURE.monitoring.model_copy(update={"start": NOW.date() + timedelta(days=3)})
    status = status_of(root, FEATURE.model_copy(update={"monitoring": later}))
    assert status.light == "amber"
    assert status.answer == "Nobody can say: it is monitored from 2021-04-04 on"


def test_a_model_of_others_is_in_use_without_a_launch(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    of_others = FEATURE.model_copy(update={"served_by": "provider_api"})
    assert status_of(root, of_others).question == STAY


def test_it_says_what_the_lists_say(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"load_test", "log_complete"})
    launched(root)
    status = status_of(root, FEATURE)
    for cadence in ITEMS:
        lines = read_checklist(root, FEATURE, cadence, window_at(cadence, NOW), NOW)
        told = as_data(FEATURE, cadence, NOW, lines)["items"]
        said = [one for one in status.items if one.cadence == cadence]
        for name in ("id", "title", "domain", "owner", "status", "reason"):
            assert [one[name] for one in told] == [getattr(one, name) for one in said]


FINE = Verdict.passing("fine", sample_size=9)


@given(statuses=st.lists(st.booleans(), max_size=12))
def test_an_item_is_not_green_since_it_was_last_seen_green(statuses: list[bool]) -> None:
    start = Window.of_week("2021-01-04")
    lists = [_weekly(start.start + timedelta(weeks=week), ok) for week, ok in enumerate(statuses)]
    line = Line(ALL["logs_written"], BACKEND, failing("a gap"), 1.0)
    since = not_green_since(lists, line, WEEK)
    green = [one.as_of for one in lists if one.verdict.passed]
    if green:
        assert since == green[-1]
    elif lists:
        assert since == start.start
    else:
        assert since == WEEK.start


def _weekly(monday: datetime, ok: bool) -> RecordedVerdict:
    window = Window.of_week(monday.date())
    key = monday.date().isoformat()
    verdict = FINE if ok else failing("a gap")
    as_of = window.end + timedelta(hours=7)
    return RecordedVerdict(
        "flight_delay", "logs_written", "weekly_checklist", key, window, as_of, verdict
    )


def test_since_when_is_read_from_the_lists_that_were_recorded(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, without={"load_test"})
    judged(root, "load_tested", FINE, at=NOW - timedelta(days=5))
    for days in (4, 2):
        judged(root, "load_tested", failing("too slow"), at=NOW - timedelta(days=days))
    late = item(status_of(root, FEATURE), "load_tested")
    assert (late.since, late.days) == (NOW - timedelta(days=5), 5.0)


@pytest.mark.requirement("PB-05", "WK-03")
def test_a_question_nobody_answered_in_time_is_amber_with_its_one_command(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    id = opened(root)
    command = f"ai-ops incidents conclude flight_delay {id} --as WHAT"
    asked = {"incident": id, "step": "what_is_it", "domain": "drift_monitoring", "by": "ai_ops"}
    due = (NOW + timedelta(days=7)).isoformat()
    happened(root, "incident_asked", **asked, reason="what is it?", due_at=due, command=command)
    status = status_of(root, FEATURE)
    assert status.light == "green"
    assert [(one.owner, one.overdue, one.command) for one in status.asked] == [
        (SCIENTIST, False, command)
    ]
    assert status.incidents[0].command == command
    assert status.incidents[0].forbids_promotion
    root.begin_replay(NOW + timedelta(days=8))
    status = status_of(root, FEATURE)
    assert status.asked[0].overdue
    assert "1 question overdue" in status.answer


@pytest.mark.requirement("WK-03")
def test_drift_that_nobody_answered_for_two_weeks_is_red(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    id = opened(root)
    root.begin_replay(NOW + timedelta(days=FEATURE.drift.neglected_after_days + 1))
    status = status_of(root, FEATURE)
    assert status.light == "red"
    assert f"under-performing by incident {id}" in status.answer
    assert status.incidents[0].under_performing_since == "2021-03-31"


def test_a_row_that_nobody_signed_ends_no_hold_and_no_incident(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    id = opened(root)
    decided(root, "hold", BACKEND, reason="the feed is mended")
    happened(root, "release", by=BACKEND, reason="never mind", nonce="x")
    happened(root, "incident_resolved", incident=id, by="ai_ops", reason="well again")
    unsigned = standing_of(root.ledger, FEATURE.name)
    assert not unsigned.holds and not unsigned.open_incidents
    status = status_of(root, FEATURE)
    assert [(one.by, one.reason) for one in status.holds] == [(BACKEND, "the feed is mended")]
    assert [one.id for one in status.incidents] == [id]


def test_lines_that_nobody_signed_off_in_time_are_named_with_owner_and_age(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    launched(root)
    assert status_of(root, FEATURE).overdue == ()
    root.begin_replay(NOW + timedelta(days=40))
    status = status_of(root, FEATURE)
    assert {one.item for one in status.overdue} >= {"logs_written", "drift_reviewed"}
    late = next(one for one in status.overdue if one.item == "logs_written")
    assert late.command == f"ai-ops sign-off flight_delay logs_written --by {BACKEND}"
    assert "overdue" in status.answer


@pytest.mark.requirement("FR-3", "ST-09")
def test_machinery_that_is_dead_is_named_and_a_replay_needs_none(tmp_path: Path) -> None:
    assert status_of(rehearsed(tmp_path / "replay"), FEATURE).machinery == ()
    root = Root.open(tmp_path / "live", environment={})
    root.ledger.append([NewEvent("drill", FEATURE.name, {})], clock=root.clock)
    now = root.clock.now()
    sign(root, FEATURE.name, "sensor:cadences", at=now - timedelta(days=2))
    sign(root, FEATURE.name, "daemon:SENSOR", at=now - timedelta(days=2))
    status = status_of(root, FEATURE)
    assert "sensor:cadences" in {one.source for one in status.machinery if one.state == "dead"}
    assert "no sign of life from" in status.answer
    assert status.light != "green"


def test_of_no_feature_the_light_is_amber() -> None:
    assert worst([]) == "amber"


# --- What comes next -----------------------------------------------------------------------------


def parsed(command: str) -> str:
    """The command that these words call, with what they name; raises where there is none."""
    program, *words = shlex.split(command)
    assert program == "ai-ops"
    found: Any = typer.main.get_command(assemble(words[0]))
    context = click.Context(found)
    while isinstance(found, click.Group) or hasattr(found, "commands"):
        name, found, words = found.resolve_command(context, words)
        context = click.Context(found, info_name=name, parent=context)
    found.make_context(context.info_name, list(words), resilient_parsing=False)
    return str(context.info_name)


def test_every_item_has_a_next_step() -> None:
    assert set(STEPS) == set(ALL)


@pytest.mark.parametrize("id", sorted(ALL))
@pytest.mark.parametrize(
    "verdict",
    [
        failing("something is wrong"),
        Verdict.lacking("cost_trend was not judged for the week: materialise it", "cost"),
        Verdict.lacking("too few labels", "labels"),
    ],
    ids=["fails", "not judged", "lacks"],
)
def test_every_next_step_is_a_command_that_there_is(id: str, verdict: Verdict) -> None:
    line = Line(ALL[id], BACKEND, verdict, None)
    command = next_step(FEATURE, line, window_at(ALL[id].cadence, NOW), ())
    assert parsed(command)
    assert "{" not in command


def test_what_an_incident_is_open_about_is_answered_there(tmp_path: Path) -> None:
    root = rehearsed(tmp_path)
    id = opened(root)
    incidents: Sequence[Any] = standing_of(root.ledger, FEATURE.name).open_incidents
    failed = failing("drift alert older than 7 days")
    line_of_drift = Line(ALL["drift_reviewed"], SCIENTIST, failed, 1.0)
    command = next_step(FEATURE, line_of_drift, WEEK, incidents)
    assert command == f"ai-ops incidents show flight_delay {id}"
    assert parsed(command) == "show"
    concluded = [replace(one, conclusion="genuine_shift") for one in incidents]
    command = next_step(FEATURE, line_of_drift, WEEK, concluded)
    assert command == "ai-ops drift show flight_delay 2021-03-28"


def test_criteria_that_nobody_froze_are_frozen(tmp_path: Path) -> None:
    root = rehearsed(tmp_path, frozen=False)
    lacking = line(root, "drift_ready")
    command = next_step(FEATURE, lacking, window_at("pre_launch", NOW), ())
    assert command == "ai-ops freeze-gate flight_delay"


@pytest.mark.requirement("OW-01", "FR-3")
def test_the_list_in_dagster_says_what_the_page_says_and_one_of_long_ago_nothing_of_today(
    tmp_path: Path,
) -> None:
    root = rehearsed(tmp_path, without=TO_COME)
    told = status_of(root, FEATURE)
    shown = compute_pre_launch_checklist(root, FEATURE, root.clock.now())
    assert shown.numbers["May it be launched?"] == told.answer
    assert told.answer.startswith("No")
    earlier = compute_pre_launch_checklist(root, FEATURE, root.clock.now() - timedelta(days=2))
    assert "May it be launched?" not in earlier.numbers
