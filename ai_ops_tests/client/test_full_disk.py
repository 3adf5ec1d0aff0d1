"""A disk that is really full: a file system of 1 MiB, in a mount namespace of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WORLD = Path(__file__).with_name("full_disk_world.py")
ROOT = WORLD.parents[2]


def may_mount(folder: Path) -> bool:
    mount = f"mount -t tmpfs -o size=1m none {folder}"
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False)
    return tried.returncode == 0


def live_through(folder: Path, on_log_failure: str, emergency_bytes: int) -> dict[str, Any]:
    if not may_mount(folder):
        pytest.skip("this machine lets no one mount a file system of their own (unshare -rm)")
    command = ["unshare", "-rm", sys.executable, str(WORLD), str(folder), on_log_failure]
    told = subprocess.run(
        [*command, str(emergency_bytes)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.returncode == 0, told.stderr
    result: dict[str, Any] = json.loads(told.stdout)
    return result


@pytest.mark.requirement("PL-03", "ST-06")
def test_a_full_disk_is_survived_in_reserved_space_and_told_exactly(tmp_path: Path) -> None:
    seen = live_through(tmp_path, "count", 65536)
    assert seen["lost"] == 0
    assert seen["torn"] == 0
    assert seen["raised"] == 0  # nobody is surprised
    assert seen["on_reserve"] == 20  # all of them, with not a byte of room on the disk
    assert 0 < seen["on_nothing"] < 400
    failed = 400 - seen["on_nothing"]
    assert seen["failures"] == seen["told_while_full"] == seen["closed_failures"] == failed
    assert seen["afterwards"] == 30
    assert seen["reserved"] == [65536]  # for the next time
    assert seen["whole"] is True
    assert seen["acknowledged"] + failed == seen["asked"]


def test_who_asks_for_refusal_is_told_of_each_prediction(tmp_path: Path) -> None:
    seen = live_through(tmp_path, "refuse", 65536)
    assert seen["lost"] == 0
    assert seen["raised"] == seen["failures"] == 400 - seen["on_nothing"] > 0
    assert "full" in seen["words"][0]
    assert seen["whole"] is True


def test_without_reserved_space_a_full_disk_counts_and_loses_nothing(tmp_path: Path) -> None:
    seen = live_through(tmp_path, "count", 0)
    assert (seen["lost"], seen["torn"]) == (0, 0)
    assert seen["on_reserve"] + seen["on_nothing"] < 420
    assert seen["closed_failures"] == seen["failures"] > 0
    assert seen["afterwards"] == 30
    assert seen["whole"] is True
