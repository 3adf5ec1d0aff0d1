"""A run whose process is gone is known as such, and keeps nobody's place."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from ai_ops.orchestration.orphans import end_orphans, is_orphan
from ai_ops.orchestration.sensing import unfinished

SOCKET = {".dagster/grpc_info": json.dumps({"host": "localhost", "socket": "/tmp/code-server"})}
ELSEWHERE = {".dagster/grpc_info": json.dumps({"host": "code.example.com", "port": 4000})}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def begun(instance: dg.DagsterInstance, tags: dict[str, str], process: int | None) -> dg.DagsterRun:
    """A run that a launcher began, and that named its process."""
    run = dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED, tags=tags)
    instance.add_run(run)
    if process is not None:
        told = EngineEventData.in_process(process)
        instance.report_engine_event("Executing steps in process", run, told)
    return run


def test_a_launched_run_is_an_orphan_when_its_process_is_gone(
    instance: dg.DagsterInstance, dead: int
) -> None:
    lost, going = begun(instance, SOCKET, dead), begun(instance, SOCKET, os.getpid())
    assert is_orphan(instance, lost)
    assert not is_orphan(instance, going)
    assert end_orphans(instance) == [lost.run_id]


@pytest.mark.parametrize("tags", [SOCKET, ELSEWHERE, {}])
def test_where_nobody_can_tell_a_run_goes_on(
    instance: dg.DagsterInstance, tags: dict[str, str], dead: int
) -> None:
    process = None if tags is SOCKET else dead
    assert not is_orphan(instance, begun(instance, tags, process))


def test_a_sensor_does_not_wait_for_a_run_that_is_gone(
    instance: dg.DagsterInstance, dead: int
) -> None:
    lost = begun(instance, SOCKET, dead)
    assert unfinished(instance, job="daily") is None
    ended = instance.get_run_by_id(lost.run_id)
    assert ended is not None and ended.status == dg.DagsterRunStatus.FAILURE
    waiting = dg.DagsterRun(job_name="daily")
    instance.add_run(waiting)
    assert unfinished(instance, job="daily") == waiting.run_id
