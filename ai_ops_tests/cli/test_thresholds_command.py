"""``ai-ops drift thresholds``: shown, tested, and decided by whoever answers for drift."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ai_ops.drift_monitoring.allowances import threshold_changes
from ai_ops.drift_monitoring.thresholds import compute_drift_thresholds
from ai_ops.storage.threshold_changes import in_force
from ai_ops_tests.cli.deciding_world import BACKEND, SCIENTIST, World
from ai_ops_tests.deciding import FEATURE
from ai_ops_tests.drift_monitoring.threshold_world import (
    DIGEST,
    MOMENT,
    MORNING,
    answered,
    installed,
    quiet_but,
)

NAME = FEATURE.name
COMMAND = ("drift", "thresholds", NAME)
BY = ("--reason", "looked at each", "--by", SCIENTIST)


@pytest.fixture
def ai_ops(tmp_path: Path) -> World:
    """March's proposal: temp's alert was none, wind_speed's was confirmed."""
    far = {"temp": quiet_but(1.3, 5, 6, 7, 8), "wind_speed": quiet_but(3.0, 18, 19, 20, 21)}
    root = installed(tmp_path, far)
    answered(root, "2021-03-07", "false_alarm")
    answered(root, "2021-03-20", "genuine_shift")
    root.begin_replay(MORNING)
    compute_drift_thresholds(root, FEATURE, [MOMENT])
    return World(tmp_path)


def factors(ai_ops: World) -> dict[str, float]:
    changes, _ = threshold_changes(ai_ops.root, FEATURE)
    return in_force(changes, DIGEST, MORNING)


def shown(ai_ops: World, *arguments: str) -> dict[str, Any]:
    done = ai_ops(*COMMAND, "--json", *arguments)
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads(done.out)
    return told


@pytest.mark.requirement("MO-04", "MO-05")
def test_what_is_proposed_is_shown_tested_and_approved_by_a_signature(
    ai_ops: World, tmp_path: Path
) -> None:
    before = shown(ai_ops, "--picture", str(tmp_path / "thresholds.png"))
    assert (before["in_force"], before["would_be"]) == ({}, {"temp": 1.43})
    assert (tmp_path / "thresholds.png").read_bytes().startswith(b"\x89PNG")
    assert [one["column"] for one in before["back_test"]["vanished"]] == ["temp"]
    done = ai_ops(*COMMAND, "--approve", *BY)
    assert done.code == 0 and f"threshold_change of {NAME} by {SCIENTIST} is recorded" in done.out
    assert "1 of 2 alerts vanish and no confirmed incident is missed" in done.out
    assert factors(ai_ops) == {"temp": 1.43}
    (entry,) = shown(ai_ops)["history"]
    assert (entry["before"], entry["after"], entry["in_force"]) == ({}, {"temp": 1.43}, True)
    assert "no confirmed incident is missed" in entry["back_test"]
    again = ai_ops(*COMMAND, "--approve", *BY)
    assert again.code == 2 and "nothing changes; keep the thresholds instead" in again.err
    assert ai_ops(*COMMAND, "--keep", *BY).code == 0
    assert factors(ai_ops) == {"temp": 1.43}


@pytest.mark.requirement("MO-04")
def test_a_factor_of_ones_own_that_hides_an_incident_says_so_before_it_is_signed(
    ai_ops: World,
) -> None:
    done = ai_ops(*COMMAND, "--set", "wind_speed=3.5")
    assert "CONFIRMED INCIDENTS ARE MISSED: drift-2021-03-20" in done.out
    assert factors(ai_ops) == {}, "nothing was decided"
    done = ai_ops(*COMMAND, "--approve", "--set", "wind_speed=3.5", "--set", "temp=1", *BY)
    assert done.code == 0 and "MISSED" in done.out
    (entry,) = shown(ai_ops)["history"]
    assert entry["after"] == {"wind_speed": 3.5} and "MISSED" in entry["back_test"]


@pytest.mark.requirement("MO-04", "OW-03")
def test_only_the_owner_of_drift_decides_and_only_on_the_proposal_that_lies_there(
    ai_ops: World,
) -> None:
    signed = ("sign", NAME, "threshold_change", "--set", "decision=approve")
    reason = ("--set", "reason=fine")
    stranger = ai_ops(*signed, *reason, "--by", BACKEND).out.strip()
    done = ai_ops(*COMMAND, "--approve", "--token", stranger)
    assert done.code == 1 and f"{BACKEND} may not decide on threshold_change" in done.err
    token = ai_ops(*signed, *reason, "--set", "set=temp=1.6", "--by", SCIENTIST).out.strip()
    differs = ai_ops(*COMMAND, "--keep", "--token", token)
    assert differs.code == 2 and "signed for decision 'approve'" in differs.err
    earlier = replace(MOMENT, as_of=MORNING.replace(hour=8))
    compute_drift_thresholds(ai_ops.root, FEATURE, [earlier])
    anew = ai_ops(*COMMAND, "--approve", "--token", token)
    assert anew.code == 1 and "the proposal of 2021-03 was made anew since" in anew.err
    compute_drift_thresholds(ai_ops.root, FEATURE, [MOMENT])
    done = ai_ops(*COMMAND, "--approve", "--token", token)
    assert done.code == 0 and factors(ai_ops) == {"temp": 1.6}
    assert "1 of 2 alerts vanish" in done.out, "what is handed in is tested before"
    twice = ai_ops(*COMMAND, "--approve", "--token", token)
    assert twice.code == 1 and "handed in before" in twice.err
    assert [one.by for one in ai_ops.standing.refusals] == [BACKEND, SCIENTIST, SCIENTIST]


def test_what_cannot_be_decided_is_named(ai_ops: World) -> None:
    for arguments, words in (
        (("--approve", "--keep"), "--keep: either approve what is proposed or keep"),
        (("--keep", "--set", "temp=1.2"), "--set: what is kept is not set"),
        (("--approve", "--set", "temp"), "--set: write column=factor, as temp=1.4"),
        (("--approve", "--set", "lunch=2"), "after: lunch: no such column; there are: "),
        (("--approve", "--set", "temp=90"), "after: temp: a factor from 0.1 to 10"),
        (("--approve", "--set", "temp=nan"), "after: temp: a factor from 0.1 to 10"),
        (("--month", "2021-99"), "--month: write a month as YYYY-MM"),
        (("--picture", "/proc/none/p.png"), "--picture: /proc/none/p.png cannot be written"),
        (("--token", "AAAA.BBBB"), "--token: say what it decides: --approve or --keep"),
    ):
        done = ai_ops(*COMMAND, *arguments, *BY)
        assert done.code == 2 and words in done.err, done.err
    done = ai_ops(*COMMAND, "--set", "lunch=2")
    assert done.code == 2 and "--set: lunch: no such column; there are: " in done.err
    assert factors(ai_ops) == {}
    done = ai_ops(*COMMAND, "--month", "2021-01")
    assert done.code == 3 and "2021-01 has no drift report" in done.err
