"""A job handed to the queue of a root's Dagster instance, as `dagster job launch` does it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._cli.job import execute_launch_command
from dagster_shared.cli import WorkspaceOpts

from ai_ops.orchestration.running import open_instance

MODULE: Final = "ai_ops.definitions"
"""Where a process of its own loads the definitions from, when it runs the job."""


def submit(root: Path, job: str, config: Mapping[str, Any] | None = None) -> str:
    """Put a run of a job into the queue and return its id; a running daemon starts it.

    ``config`` is that of the job's ops, by the name of the op. Dagster has no public function for
    this but a GraphQL call to a running webserver; its own command is called instead.
    """
    ops = {name: {"config": values} for name, values in (config or {}).items()}
    with open_instance(root) as instance:
        run: dg.DagsterRun = execute_launch_command(
            instance=instance,
            workspace_opts=WorkspaceOpts(module_name=(MODULE,)),
            config_json=json.dumps({"ops": ops}),
            job_name=job,
        )
    return run.run_id
