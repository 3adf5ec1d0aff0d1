"""Kills at random moments, as ``benchmarks/kills.py`` does it by the thousand."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

KILLS = Path(__file__).parents[2] / "benchmarks" / "kills.py"


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module."""
    described = importlib.util.spec_from_file_location("kills", KILLS)
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    monkeypatch.setitem(sys.modules, "kills", module)  # where its dataclasses look for it
    described.loader.exec_module(module)
    return module


@pytest.mark.requirement("PL-03", "ST-06")
def test_processes_killed_at_random_lose_nothing_that_was_acknowledged(kills: Any) -> None:
    measured = kills.measure(kills=25, workers=4, seed=7, quiet=True)["measured"]
    assert measured["kills_count"] == 25
    assert measured["acknowledged_count"] > 1000
    assert measured["lost_count"] == 0
    assert measured["damaged_lines_count"] == 0  # a torn tail destroys no other line
    assert measured["written_count"] >= measured["acknowledged_count"]
