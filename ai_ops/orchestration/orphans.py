"""Runs whose process is gone: Dagster watches neither those that its launcher starts on this
machine nor those inside somebody's process. Each would stay "started" and keep its place."""

import json
import os
import socket
from typing import Final

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

BEGUN: Final = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)
GONE: Final = "the process in which it ran is gone"

HOST_TAG, PROCESS_TAG = "ai_ops/host", "ai_ops/process"


def mine() -> dict[str, str]:
    """The tags of a run inside this process, by which it is known to be gone with it."""
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: str(os.getpid())}


def end_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs of processes of this machine that are gone as failed; returns their ids."""
    begun = instance.get_runs(dg.RunsFilter(statuses=list(BEGUN)))
    orphans = [run for run in begun if is_orphan(instance, run)]
    for run in orphans:
        instance.report_run_failed(run, GONE)
    return [run.run_id for run in orphans]


def is_orphan(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run that has begun is known to have lost its process.

    False where nobody can tell: of a run of another machine, or one that named no process yet.
    """
    if PROCESS_TAG in run.tags:
        return run.tags.get(HOST_TAG) == socket.gethostname() and not _lives(run.tags[PROCESS_TAG])
    if "socket" not in json.loads(run.tags.get(GRPC_INFO_TAG, "{}")):
        return False  # only a code server on this machine is reached through a file
    named = processes_of(instance, run)
    return bool(named) and not any(_lives(process) for process in named)


def processes_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    """The processes that a launched run has named in its log."""
    named = set()
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for event in events:
        said = event.get_dagster_event().engine_event_data.metadata.get("pid")
        if said is not None:
            named.add(str(said.value))
    return named


def _lives(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's: it is there
    return True
