"""What an owner saw is kept with the signature, shown again, and refused when it changed."""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ai_ops.checklist.monthly import MONTHLY, REVIEWED
from ai_ops.checklist.weekly import WEEKLY
from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.cli.demo_people import People
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import (
    BACKEND,
    DEVOPS,
    FEATURE,
    FINE,
    NOW,
    SCIENTIST,
    World,
    replay,
)
from ai_ops_tests.cli.deciding_world import (
    BAD as WRONG,
)

NAME = FEATURE.name
ITEM = "logs_written"
LATER = NOW + timedelta(days=7)
LIST = ("checklist", NAME, "--cadence", "weekly")
SIGN = ("sign-off", NAME, ITEM, "--by", BACKEND)


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay after the first whole week, with the keys of its roles and one day's verdict."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, SCIENTIST, DEVOPS):
        keys.create(person)
    world.happened("drill")
    world.advance(LATER)
    world.judged("log_written", "2013-04-01", FINE)
    return world


def items(world: World, *more: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and each line by its id."""
    done = world(*LIST, "--json", *more)
    assert done.err == ""
    return done.code, {one["id"]: one for one in json.loads(done.out)["items"]}


@pytest.mark.requirement("OW-02")
def test_what_was_shown_is_kept_by_its_digest_and_shown_again(ai_ops: World) -> None:
    _, before = items(ai_ops)
    assert ai_ops(*SIGN, "--note", "quiet", "--shown", before[ITEM]["shown"]).code == DONE
    (off,) = ai_ops.standing.sign_offs
    assert off.shown == before[ITEM]["shown"]
    (file,) = (ai_ops.folder / "lake" / NAME / "signed").glob("*.json")
    assert sha256(file.read_bytes()).hexdigest() == off.shown == file.stem
    code, found = items(ai_ops, "--signed")
    one = found[ITEM]
    assert code == NO_EVIDENCE, "the other lines were signed by nobody"
    assert found["drift_reviewed"]["lacking"] == f"{SCIENTIST} did not sign it off"
    assert (one["signed_off_by"], one["note"], one["changed"]) == (BACKEND, "quiet", False)
    assert one["shown"]["reason"] == before[ITEM]["reason"]
    assert one["shown"]["status"] == before[ITEM]["status"] == one["status_now"]


@pytest.mark.requirement("OW-02")
def test_what_changed_since_it_was_signed_is_shown_beside_it(ai_ops: World) -> None:
    assert ai_ops(*SIGN).code == DONE
    ai_ops.judged("log_complete", "2013-04-02", WRONG)
    _, found = items(ai_ops, "--signed")
    one = found[ITEM]
    assert one["changed"] and one["status_now"] == "fail"
    assert one["shown"]["status"] == "no_evidence"
    told = ai_ops(*LIST, "--signed").out
    assert BACKEND in told and "temp moved" in told


@pytest.mark.requirement("OW-02")
@pytest.mark.parametrize("digits", [64, 12])
def test_a_line_that_reads_otherwise_than_it_was_shown_is_not_signed(
    ai_ops: World, digits: int
) -> None:
    _, before = items(ai_ops)
    looked_at = before[ITEM]["shown"][:digits]
    ai_ops.judged("log_complete", "2013-04-02", WRONG)
    refused = ai_ops(*SIGN, "--shown", looked_at)
    assert refused.code == BAD
    assert f"--shown: {ITEM} reads otherwise by now" in refused.err and "temp moved" in refused.err
    assert ai_ops.standing.sign_offs == ()
    _, now = items(ai_ops)
    assert ai_ops(*SIGN, "--shown", now[ITEM]["shown"][:digits]).code == DONE


def test_a_digest_is_named_by_enough_digits_and_a_token_says_its_own(ai_ops: World) -> None:
    _, before = items(ai_ops)
    assert ai_ops(*SIGN, "--shown", before[ITEM]["shown"][:4]).code == BAD
    assert "leave it out" in ai_ops(*SIGN, "--shown", "abc", "--token", "x").err


def test_a_list_that_is_not_over_is_signed_by_nobody(ai_ops: World) -> None:
    refused = ai_ops(*SIGN, "--partition", "2013-04-08")
    assert refused.code == BAD and "is over on 2013-04-15" in refused.err


@pytest.mark.requirement("OW-02", "FR-3")
@pytest.mark.parametrize("how", ["removed", "rewritten"])
def test_a_snapshot_that_is_gone_or_changed_is_told_and_fails(ai_ops: World, how: str) -> None:
    assert ai_ops(*SIGN).code == DONE
    (file,) = (ai_ops.folder / "lake" / NAME / "signed").glob("*.json")
    if how == "removed":
        file.unlink()
    else:
        file.write_text(file.read_text().replace("no_evidence", "pass"))
    code, found = items(ai_ops, "--signed")
    assert code == FAILS
    assert found[ITEM]["shown"] is None and found[ITEM]["changed"] is None
    words = "is not there" if how == "removed" else f"not what {BACKEND} signed"
    assert words in found[ITEM]["lacking"]


@pytest.mark.requirement("OW-02", "OW-14")
def test_a_late_line_is_named_with_its_age_and_its_owner_and_a_silent_owner_too(
    ai_ops: World,
) -> None:
    ai_ops.happened("launch", version="1", previous=None, metrics={}, gate_hash="", by=DEVOPS)
    ai_ops.advance(LATER + timedelta(days=20))
    _, found = items(ai_ops)
    assert found[ITEM]["overdue_since"] == "2013-04-08"
    assert found[ITEM]["overdue_days"] == 6
    told = ai_ops(*LIST).out
    assert f"overdue: not signed off by {BACKEND} since the week of 2013-04-08: 6 days late" in told
    assert f"{BACKEND} signed nothing since the week of 2013-04-08" in told
    assert ai_ops(*SIGN).code == DONE
    _, found = items(ai_ops)
    assert found[ITEM]["overdue_days"] is None
    silent = json.loads(ai_ops(*LIST, "--json").out)["silent_owners"]
    assert [words.split()[0] for words in silent] == [SCIENTIST, DEVOPS]


@pytest.mark.requirement("OW-02")
def test_the_demo_s_people_sign_each_line_of_their_lists_once(ai_ops: World) -> None:
    people = People(ai_ops.root, FEATURE)
    signed = people.sign_lists()
    monthly = [item.id for item in MONTHLY if item.id != REVIEWED]
    assert signed == [*(item.id for item in WEEKLY), *monthly]
    assert people.sign_lists() == []
    _, found = items(ai_ops, "--signed")
    assert all(one["changed"] is False for one in found.values())
    assert found["drift_reviewed"]["signed_off_by"] == SCIENTIST
