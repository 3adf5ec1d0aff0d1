"""``benchmarks/gate.py`` at a small scale: in which direction its numbers point."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    described = importlib.util.spec_from_file_location("gate_benchmark", FOLDER / "gate.py")
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    monkeypatch.setitem(sys.modules, "gate_benchmark", module)
    described.loader.exec_module(module)
    return module


@pytest.mark.requirement("PB-15", "PB-34")
def test_the_wrong_candidate_passes_less_often_than_by_a_threshold_and_the_right_one_passes(
    gate: Any, tmp_path: Path
) -> None:
    made, inherited = gate.Made(gate.WORLDS[0], seed=3, large=20_000), mlflow_variables()
    with gate.tracked(tmp_path):
        cases = gate.simulate([made], (200, 2000), 25, seed=3, mlflow_asked=1)
    assert mlflow_variables() == inherited, "a root that is opened later reads its own registry"
    told = gate.pooled(cases)
    for size in (200, 2000):
        for kind in ("worse", "equal"):
            passed = told[size, kind].passed
            assert passed["ours"] <= passed["mlflow"]
    assert told[2000, "equal"].passed["mlflow"] > 3, "a threshold lets luck through"
    assert told[2000, "better"].passed["ours"] >= 12
    assert told[200, "better"].passed["ours"] == 0, "too few rows are no evidence"
    assert sum(one.asked for one in cases.values()) == 6
    assert not any(one.disagreed for one in cases.values())
    shown = gate.result_of(cases | _others(gate, cases), [made])
    assert shown["name"] == "gate" and shown["measured"]["mlflow_disagreed_count"] == 0


def mlflow_variables() -> dict[str, str]:
    """Where this process, and those that it starts, look for MLflow's store and experiment."""
    named = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")
    return {name: os.environ[name] for name in named if name in os.environ}


def _others(gate: Any, cases: Any) -> Any:
    """The size that was left out here, as nothing said."""
    name = gate.WORLDS[0].name
    return {(name, 1000, kind): gate.Told(times=1) for kind in gate.POINTS}
