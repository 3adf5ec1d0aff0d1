"""A job handed to the queue of a root's Dagster instance, by Dagster's own command."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from ai_ops.orchestration.running import dagster_environment
from ai_ops.vocabulary.errors import RunNotSubmitted

WORKSPACE: Final = Path(__file__).parents[2] / "workspace.yaml"

_SHOWN: Final = 2000


def workspace_options() -> list[str]:
    """How Dagster's commands are told what to load.

    The same for all of them: a run is found by the name of its code location. An installation
    without the checkout has no workspace.yaml; the module is the same.
    """
    return ["-w", str(WORKSPACE)] if WORKSPACE.exists() else ["-m", "ai_ops.definitions"]


def submit(
    root: Path,
    job: str,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Put a run of a job into the queue and return its id; a running daemon starts it.

    ``config`` is that of the job's ops, by the name of the op. Raises ``RunNotSubmitted`` with
    what Dagster said.
    """
    run_id = str(uuid4())
    ops = {name: {"config": values} for name, values in (config or {}).items()}
    command = [sys.executable, "-m", "dagster", "job", "launch", *workspace_options()]
    if tags:
        command += ["--tags", json.dumps(dict(tags))]
    done = subprocess.run(
        [*command, "-j", job, "--run-id", run_id, "--config-json", json.dumps({"ops": ops})],
        env=dagster_environment(root),
        cwd=root,  # the checkout's own dagster.yaml is not the instance
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RunNotSubmitted(f"{job} was not submitted: {done.stderr[-_SHOWN:].strip()}")
    return run_id
