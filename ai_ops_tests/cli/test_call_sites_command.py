"""``ai-ops call-sites``: the mode that the log names beside the one that was signed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ai_ops.cli.common import BAD, DONE, FAILS, NO_EVIDENCE
from ai_ops.inference_management.call_sites import SiteDay, sites_of
from ai_ops.inference_management.cost_rollup import SCHEMA
from ai_ops.storage.identities import Identities
from ai_ops_tests.cli.deciding_world import BACKEND, DEVOPS, FEATURE, NOW, World, replay

NAME = FEATURE.name
WHY = ("--reason", "nobody waits for it", "--by", BACKEND)


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """A replay with the keys of its roles, whose log saw a call site in each mode."""
    world = replay(tmp_path, versions=0)
    keys = Identities(tmp_path / "identities")
    for person in (BACKEND, DEVOPS):
        keys.create(person)
    world.happened("drill")
    for number in range(1, 8):
        day = (NOW - timedelta(days=number)).date().isoformat()
        asked(world, day, ("page", "sync", 100), ("[red]job", "batch", 900), (None, "sync", 1))
    return world


def asked(world: World, day: str, *sites: tuple[str | None, str, int]) -> None:
    """A day's rollup, of these call sites."""
    rows = [{"call_site": site, "mode": mode, "rows": rows} for site, mode, rows in sites]
    lake = world.root.lake
    lake.write_table(lake.path(NAME, "cost_rollup", day), pa.Table.from_pylist(rows, SCHEMA))


def listed(world: World, code: int = DONE) -> dict[str | None, Any]:
    """Each call site by its name."""
    done = world("call-sites", NAME, "--json")
    assert done.code == code, done.err
    return {one["call_site"]: one for one in json.loads(done.out)["call_sites"]}


@pytest.mark.requirement("OW-10")
def test_what_the_log_saw_stands_beside_what_was_signed(ai_ops: World) -> None:
    found = listed(ai_ops)
    page = found["page"]
    assert (page["sync"], page["batch"], page["signed"]) == (700, 0, None)
    assert found[None]["sync"] == 7, "what names no call site is counted too"
    assert ai_ops("call-sites", "sign", NAME, "page", "--as", "sync", *WHY).code == DONE
    page = listed(ai_ops)["page"]
    assert (page["signed"], page["signed_by"]) == ("sync", BACKEND)
    assert page["reason"] == "nobody waits for it"
    told = ai_ops("call-sites", "list", NAME).out
    assert f"sync: {BACKEND}" in told and "[red]job" in told and "by nobody" in told


@pytest.mark.requirement("OW-10")
def test_a_log_that_contradicts_the_signature_is_named_and_fails(ai_ops: World) -> None:
    assert ai_ops("call-sites", "sign", NAME, "page", "--as", "batch", *WHY).code == DONE
    assert listed(ai_ops)["page"]["contradiction"] is None, "that was before it was signed"
    ai_ops.advance(NOW + timedelta(days=3))
    later = (NOW + timedelta(days=1)).date().isoformat()
    asked(ai_ops, later, ("page", "sync", 40), ("page", "batch", 9))
    page = listed(ai_ops, FAILS)["page"]
    words = f"page was signed batch by {BACKEND} on 2013-04-01, and asked 40 times one by one since"
    assert page["contradiction"] == f"{words} {later}"
    assert page["contradiction"] in ai_ops("call-sites", NAME).out
    assert ai_ops("call-sites", "sign", NAME, "page", "--as", "sync", *WHY).code == DONE
    assert listed(ai_ops)["page"]["signed"] == "sync", "the last word counts"


@pytest.mark.requirement("OW-10", "OW-12")
def test_backend_decides_and_of_what_the_log_has_seen(ai_ops: World) -> None:
    sign = ("call-sites", "sign", NAME)
    other = ai_ops(*sign, "page", "--as", "sync", "--reason", "x", "--by", DEVOPS)
    assert other.code == FAILS and "it takes the key of prediction_logging" in other.err
    unknown = ai_ops(*sign, "pag", "--as", "sync", *WHY)
    assert unknown.code == BAD and "pag: no such call site in the log of" in unknown.err
    assert "mode: one of sync, batch" in ai_ops(*sign, "page", "--as", "async", *WHY).err
    assert "--as: missing" in ai_ops(*sign, "page", *WHY).err
    assert "--reason: missing" in ai_ops(*sign, "page", "--as", "sync", "--by", BACKEND).err
    token = ai_ops(
        "sign", NAME, "call_site_mode", *("--set", "call_site=page", "--set", "mode=sync"),
        *("--set", "reason=x", "--by", BACKEND),
    ).out.strip()  # fmt: skip
    assert ai_ops(*sign, "page", "--token", token).code == DONE
    assert ai_ops.standing.call_site_modes[-1].mode == "sync"


@pytest.mark.requirement("OW-10")
def test_a_mode_that_nobody_signed_counts_as_none_and_is_named(ai_ops: World) -> None:
    ai_ops.happened("call_site_mode", call_site="page", mode="batch", reason="x", by=BACKEND)
    done = ai_ops("call-sites", NAME, "--json")
    said = json.loads(done.out)
    assert [one["signed"] for one in said["call_sites"]] == [None] * 3
    assert len(said["void"]) == 1 and "does not hold" in said["void"][0]


def test_without_a_log_there_is_no_evidence(tmp_path: Path) -> None:
    world = replay(tmp_path / "empty", versions=0)
    done = world("call-sites", NAME, "--json")
    assert done.code == NO_EVIDENCE
    assert len(json.loads(done.out)["days_missing"]) == 7


def test_the_help_names_both_commands(ai_ops: World) -> None:
    told = ai_ops("call-sites", "--help", root=False).out
    assert "list" in told and "sign" in told


def test_the_call_sites_with_most_predictions_come_first() -> None:
    seen = [SiteDay("b", "2021-03-01", "sync", 2), SiteDay("a", "2021-03-01", "batch", 3)]
    assert [one.call_site for one in sites_of(seen, {})] == ["a", "b"]
