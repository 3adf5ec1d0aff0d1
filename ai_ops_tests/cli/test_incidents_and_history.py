"""``ai-ops incidents`` and ``ai-ops history``: their shapes, their words, what a forger leaves."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from ai_ops.storage.identities import Identities
from ai_ops.storage.root import Root
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    NOW,
    SCIENTIST,
    World,
    replay,
)

NAME = FEATURE.name
ID = "drift-2021-03-04"
REASON = "psi of [bold]temp[/bold] is 0.4"
CODES = "\x1b[2J"
"""What a terminal would obey: a call site may be called so."""


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with the keys of its roles and one open incident."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    world.happened(
        "incident_opened",
        incident=ID,
        alert="drift",
        item="input_drift",
        begin="2021-03-04",
        reason=REASON,
        version="1",
        severity="warning",
    )
    return world


def test_incidents_as_json_are_one_object_with_their_owner(ai_ops: World) -> None:
    data = json.loads(ai_ops("incidents", "list", NAME, "--json").out)
    assert set(data) == {"feature", "incidents"}
    (one,) = data["incidents"]
    assert (one["id"], one["state"], one["owner"]) == (ID, "open", SCIENTIST)
    assert one["forbids_promotion"] and one["opened_at"] == NOW.isoformat()
    assert one["reason"] == REASON
    assert json.loads(ai_ops("incidents", "show", NAME, ID, "--json").out) == one


def test_incidents_for_a_person_are_a_table_and_words_are_no_markup(ai_ops: World) -> None:
    listed = ai_ops("incidents", "list", NAME)
    assert listed.code == 0 and REASON in listed.out and SCIENTIST in listed.out
    shown = ai_ops("incidents", "show", NAME, ID)
    assert shown.code == 0 and f"reason: {REASON}" in shown.out and "conclusion: –" in shown.out
    stranger = ai_ops("incidents", "show", NAME, "drift-1")
    assert stranger.code == 2 and f"there are: {ID}" in stranger.err


def test_a_list_of_incidents_clears_nobody_s_terminal(tmp_path: Path) -> None:
    world = replay(tmp_path, versions=0)
    told = {"item": "cost_trend", "begin": "2021-03-01", "version": "1", "severity": "warning"}
    reason = f"most of it from {CODES}web"
    world.happened("incident_opened", incident="c-1", alert="cost_spike", reason=reason, **told)
    listed = world("incidents", "list", NAME).out
    assert CODES not in listed and r"\x1b[2Jweb" in listed


def test_without_an_incident_the_list_says_so(tmp_path: Path) -> None:
    empty = replay(tmp_path, versions=0)
    assert "no incident was ever opened" in empty("incidents", "list", NAME).out
    data = json.loads(empty("incidents", "list", NAME, "--json").out)
    assert data == {"feature": NAME, "incidents": []}


def test_an_incident_is_acknowledged_concluded_and_resolved_by_its_owner(ai_ops: World) -> None:
    early = ai_ops("incidents", "resolve", NAME, ID, "--by", SCIENTIST)
    assert early.code == 1 and "conclude it first" in early.err
    assert ai_ops("incidents", "acknowledge", NAME, ID, "--by", SCIENTIST).code == 0
    unsaid = ai_ops("incidents", "conclude", NAME, ID, "--by", SCIENTIST)
    assert unsaid.code == 2 and "--as: missing" in unsaid.err
    wrong = ai_ops("incidents", "conclude", NAME, ID, "--as", "nothing", "--by", SCIENTIST)
    assert wrong.code == 2 and "one of bad_data, genuine_shift" in wrong.err
    concluded = ("incidents", "conclude", NAME, ID, "--as", "bad_data", "--note", "°C, not °F")
    assert ai_ops(*concluded, "--by", SCIENTIST).code == 0
    (one,) = json.loads(ai_ops("incidents", "list", NAME, "--json").out)["incidents"]
    assert (one["state"], one["conclusion"], one["note"]) == ("concluded", "bad_data", "°C, not °F")
    assert one["acknowledged_by"] == SCIENTIST and one["forbids_promotion"]
    resolved = ("incidents", "resolve", NAME, ID, "--note", "mended", "--by", SCIENTIST)
    assert ai_ops(*resolved).code == 0
    assert ai_ops.standing.forbidding == ()
    assert "resolved: bad_data" in ai_ops("incidents", "list", NAME).out


def test_the_history_of_nothing_is_no_evidence(tmp_path: Path) -> None:
    empty = replay(tmp_path, versions=0)
    told = empty("history", NAME, "--json")
    assert told.code == 3 and json.loads(told.out)["events"] == []
    assert "nothing was decided yet" in told.err


@pytest.mark.requirement("PL-19")
def test_the_history_is_told_as_it_was_known_at_a_moment(ai_ops: World) -> None:
    ai_ops.advance(NOW + timedelta(days=1))
    assert ai_ops("hold", NAME, "--reason", "[red]wait[/red]", "--by", DEVOPS).code == 0
    told = json.loads(ai_ops("history", NAME, "--json").out)
    assert (told["feature"], told["live"]) == (NAME, None)
    opened, held = told["events"]
    assert (opened["kind"], opened["by"], opened["signature"]) == (
        "incident_opened",
        "ai_ops",
        None,
    )
    assert (held["kind"], held["by"], held["signature"]) == ("hold", DEVOPS, "valid")
    assert held["reason"] == "[red]wait[/red]"
    assert "[red]wait[/red]" in ai_ops("history", NAME).out, "a person's words are no markup"
    then = json.loads(ai_ops("history", NAME, "--json", "--as-of", NOW.isoformat()).out)
    assert [one["kind"] for one in then["events"]] == ["incident_opened"]


def test_what_somebody_wrote_into_the_ledger_without_a_key_is_shown_as_that(ai_ops: World) -> None:
    said = {"incident": ID, "conclusion": "false_alarm", "note": "trust me", "by": SCIENTIST}
    ai_ops.happened("incident_concluded", **said)
    told = ai_ops("history", NAME, "--json")
    assert told.code == 1
    assert "incident_concluded: not a signed decision" in told.err
    assert json.loads(told.out)["events"][-1]["signature"].startswith("not a signed decision")
    assert ai_ops("ledger", "verify").code == 0, "the chain alone does not tell who said it"


def test_a_signed_event_that_somebody_copied_is_shown_as_a_copy(ai_ops: World) -> None:
    assert ai_ops("hold", NAME, "--reason", "wait", "--by", BACKEND).code == 0
    assert ai_ops("release", NAME, "--reason", "go on", "--by", BACKEND).code == 0
    assert ai_ops("history", NAME).code == 0
    assert ai_ops("hold", NAME, "--reason", "wait again", "--by", BACKEND).code == 0
    (release,) = ai_ops.root.ledger.events(NAME, kinds=["release"])
    ai_ops.happened("release", **release.payload)
    told = ai_ops("history", NAME)
    assert told.code == 1 and "release: its signature stands in the ledger before" in told.err


def test_reading_the_history_writes_nothing(ai_ops: World) -> None:
    before = Root.open(ai_ops.folder, environment={}).ledger.head()
    for command in (
        ("history", NAME),
        ("incidents", "list", NAME),
        ("incidents", "show", NAME, ID),
    ):
        assert ai_ops(*command).code == 0
    assert Root.open(ai_ops.folder, environment={}).ledger.head() == before
