"""What every test may use, and the rule for tests that need a system package."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from ai_ops_tests.made_once import share
from ai_ops_tests.mlflow_tables import migrated_once
from ai_ops_tests.replayed import Replayed, replay_with_a_kill
from ai_ops_tests.s3_server import serve_s3

# A Celery worker's module: it belongs to the world that its process finds in the environment.
collect_ignore = ["client/celery_world.py"]

NO_SKIPS = bool(os.environ.get("AI_OPS_NO_SKIPS"))

NEEDS = {
    "postgres": ("Postgres 15", Path("/usr/lib/postgresql/15/bin/initdb").exists()),
    "chromium": ("Chromium", shutil.which("chromium") is not None),
}

# Telemetry of the libraries is off by default, in tests too.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


# What runs in the background of a shell inherits an ignored Ctrl-C, and so would every process that
# a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = (
    "cli/test_demo.py",
    "accuracy_evaluation/test_gate_real_year.py",
    "test_daemon.py",
    "playbook/test_end_to_end.py",
    "test_tables_of_others.py",
    "drift_monitoring/test_real_year.py",
    "cli/test_drill_rollback.py",
    "faults/test_machinery.py",
    "faults/test_alerts_under_daemon.py",
)
"""What replays weeks, judges a year or waits for real processes for a minute: `make test-long`.
So does whatever reads the short replay, which takes minutes to make."""

FIRST = (*LONG, "flight_delay/test_training.py", "faults/test_gate.py")
"""What takes long and is begun first, so that no worker has the longest left when others end."""

MADE_BY = 0.6
"""By this share of the files the short replay is made, and whoever reads it waits for nothing."""


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The file that makes the short replay comes first; the others that read it come when it is
    made (a worker that waits for it does nothing else), and not last: one of them takes minutes."""
    files = list(dict.fromkeys(item.path for item in items))
    waiting = {item.path for item in items if "replayed" in getattr(item, "fixturenames", ())}

    def place(file: Path) -> float:
        for number, name in enumerate(FIRST):
            if file.as_posix().endswith(name):
                return number - len(FIRST)
        return len(files) * MADE_BY if file in waiting else files.index(file)

    places = {file: place(file) for file in files}
    items.sort(key=lambda item: places[item.path])
    for item in items:
        if item.path in waiting or item.path.as_posix().endswith(LONG):
            item.add_marker(pytest.mark.long)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, (name, installed) in NEEDS.items():
        if item.get_closest_marker(marker) and not installed:
            if NO_SKIPS:
                pytest.fail(f"{name} is not installed, and no test may be skipped here")
            pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="session", autouse=True)
def shared_among_workers(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[None]:
    """What the tests make once (flights, fitted models, MLflow's empty tables) lies where all
    workers of a run find it."""
    base = tmp_path_factory.getbasetemp()
    share((base if worker_id == "master" else base.parent) / "made_once")
    with migrated_once():
        yield


@pytest.fixture(autouse=True)
def root_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout's ``data/`` by forgetting its root."""
    monkeypatch.setenv("AI_OPS_ROOT", str(tmp_path / "root"))


INHERITED = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")
"""What MLflow writes into the environment of whoever calls it."""


@pytest.fixture(scope="module", autouse=True)
def registry_of_its_own() -> Iterator[None]:
    """No file leaves its registry in the environment: every root that others open would read it."""
    before = {name: os.environ[name] for name in INHERITED if name in os.environ}
    yield
    after = {name: os.environ.pop(name) for name in INHERITED if name in os.environ}
    os.environ.update(before)
    assert after == before, "a test of this file left MLflow's address in the environment"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 server on a free port of this machine."""
    yield from serve_s3()


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Replayed:
    """Five weeks of the demo, with a kill of server and replay: made once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "replayed"
    folder.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if done := Replayed.read(folder):
            return done
        # Torch takes seconds to import; most files need neither it nor the replay.
        from ai_ops_tests.trained import set_up_once

        set_up_once(folder.parent).leave_versions(folder)
        return replay_with_a_kill(folder)
