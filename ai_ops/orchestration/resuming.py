"""Runs that go on from the failure of another, started here or by a button of Dagster's UI."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.storage.tags import (
    ASSET_RESUME_RETRY_TAG,
    PARENT_RUN_ID_TAG,
    RESUME_RETRY_TAG,
    ROOT_RUN_ID_TAG,
)
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget, WorkspaceFileTarget

from ai_ops.orchestration.running import open_instance
from ai_ops.orchestration.submitting import WORKSPACE
from ai_ops.vocabulary.errors import RunNotSubmitted

_GOES_ON: Final = (RESUME_RETRY_TAG, ASSET_RESUME_RETRY_TAG)


def failed_parent(run: dg.DagsterRun) -> str | None:
    """The failed run from whose failure a run goes on; None of one that begins anew."""
    parent = run.tags.get(PARENT_RUN_ID_TAG, run.parent_run_id)
    goes_on = any(run.tags.get(tag) == "true" for tag in _GOES_ON)
    # (`execute_job` from a failure sets no such tag; it chooses steps.)
    return parent if goes_on or run.step_keys_to_execute else None


def tags_after(parent: dg.DagsterRun) -> Mapping[str, str]:
    """The tags of a run that goes on from the failure of its parent, as Dagster sets them."""
    return {
        PARENT_RUN_ID_TAG: parent.run_id,
        ROOT_RUN_ID_TAG: parent.tags.get(ROOT_RUN_ID_TAG, parent.run_id),
        RESUME_RETRY_TAG: "true",
    }


def newest_failed(instance: dg.DagsterInstance, job: str) -> dg.DagsterRun | None:
    """The newest run of a job, if it failed: an older failure is answered by what came after."""
    runs = instance.get_runs(dg.RunsFilter(job_name=job), limit=1)
    return runs[0] if runs and runs[0].status == dg.DagsterRunStatus.FAILURE else None


def submit_from_failure(root: Path, run_id: str) -> str:
    """Put a run into the queue that executes what failed in another and all after it; its id.

    Dagster's own re-execution from failure: the same as the button of its UI. Raises
    ``RunNotSubmitted`` with what Dagster said.
    """
    target = WorkspaceFileTarget(paths=[str(WORKSPACE)]) if WORKSPACE.exists() else _module()
    with open_instance(root) as instance, WorkspaceProcessContext(instance, target) as process:
        workspace = process.create_request_context()
        parent = instance.get_run_by_id(run_id)
        if parent is None:
            raise RunNotSubmitted(f"{run_id}: no such run")
        for entry in workspace.get_code_location_entries().values():
            location = entry.code_location
            if location is None:
                raise RunNotSubmitted(f"the definitions do not load: {entry.load_error}")
            for repository in location.get_repositories().values():
                if repository.has_job(parent.job_name):
                    run = instance.create_reexecuted_run(
                        request_context=workspace,
                        parent_run=parent,
                        code_location=location,
                        remote_job=repository.get_full_job(parent.job_name),
                        strategy=ReexecutionStrategy.FROM_FAILURE,
                    )
                    return instance.submit_run(run.run_id, workspace).run_id
    raise RunNotSubmitted(f"{parent.job_name}: no such job")


def _module() -> ModuleTarget:
    """An installation without the checkout has no workspace.yaml; the module is the same."""
    return ModuleTarget(
        module_name="ai_ops.definitions",
        attribute=None,
        working_directory=None,
        location_name=None,
    )
