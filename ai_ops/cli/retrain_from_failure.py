"""A retraining that goes on from the step at which it failed, and how one is waited for."""

from collections.abc import Mapping
from typing import Any, Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.retrainings import current_run, runs_of
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Retraining, standing_of
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.failures import FailedRun

_PREFIX: Final = 8
"""As much of a run's id as Dagster's UI shows names it."""

Ended = tuple[str, FailedRun | None]
"""The id of a run, and what its log tells if it failed."""


def retrain_from_failure(
    root: Root, spec: AiFeatureSpec, run: str | None, *, wait: bool
) -> Ended | str:
    """Execute again what failed in a run and all after it; what had been made stays.

    Without ``wait`` it is put into the queue, and the id of the new run is returned.
    """
    from ai_ops.orchestration.building import asset_key
    from ai_ops.orchestration.failed_runs import failed_run
    from ai_ops.orchestration.orphans import end_orphans
    from ai_ops.orchestration.resuming import submit_from_failure, tags_after
    from ai_ops.orchestration.running import open_instance
    from ai_ops.orchestration.submitting import submit
    from ai_ops.retraining_pipeline.failures import record_failed_run
    from ai_ops.retraining_pipeline.jobs import RETRAINED, remade, retraining_job_name
    from ai_ops.retraining_pipeline.likely_causes import part_of

    job = retraining_job_name(spec)
    with open_instance(root.folder) as instance:
        end_orphans(instance)
        parent = instance.get_run_by_id(_failed(root, spec, instance, job, run))
        failed = failed_run(instance, parent.run_id) if parent else None
    if parent is None or failed is None:
        raise BadInput(f"{run or 'the last run'}: no run of {job} that failed is known here")
    record_failed_run(root, spec, failed)  # where no daemon did so
    part = part_of(failed.step)
    assets = remade(part)
    config: dict[str, Any] = dict(failed.config) if assets == RETRAINED else {}
    if not wait:
        if assets == RETRAINED:
            # A check that found the data wanting is not asked again on the very same data.
            return submit(root.folder, job, config, tags_after(parent))
        return submit_from_failure(root.folder, parent.run_id)
    return waited(
        root,
        spec,
        job,
        config,
        assets=[asset_key(spec, name) for name in assets],
        tags=tags_after(parent),
    )


def waited(
    root: Root, spec: AiFeatureSpec, job: str, config: Mapping[str, Any], **more: Any
) -> Ended:
    """Run a job in this process; its id, and what its log tells if it failed."""
    from ai_ops.definitions import defs
    from ai_ops.orchestration.failed_runs import failed_run, show_cause
    from ai_ops.orchestration.running import open_runner
    from ai_ops.retraining_pipeline.failures import record_failed_run

    with open_runner(root.folder, defs()) as runner:
        done = runner.run(job, config=config, raises=False, **more)
        failed = failed_run(runner.instance, done.run_id)
        if failed is not None:  # the daemon's sensor does so too, where one runs: once
            cause = record_failed_run(root, spec, failed)
            show_cause(runner.instance, done.run_id, cause.told)
        return done.run_id, failed


def _failed(root: Root, spec: AiFeatureSpec, instance: Any, job: str, run: str | None) -> str:
    """The run that failed: the one that is named, or else that of the newest retraining."""
    from ai_ops.orchestration.resuming import newest_failed

    retrainings = standing_of(root.ledger, spec.name).retrainings
    if run is None:
        newest = newest_failed(instance, job)
        last = retrainings[-1] if retrainings else None
        if newest is None or (last is not None and _came_to_its_end(last)):
            raise BadInput(f"{spec.name}: the last retraining did not fail; there is none to go on")
        return str(newest.run_id)
    for one in retrainings:
        for known in runs_of(one):
            if run in (one.id, known) or (len(run) >= _PREFIX and known.startswith(run)):
                if _came_to_its_end(one):
                    raise BadInput(f"{run}: retraining {one.id} came to its evaluation")
                return current_run(one) or known
    return run


def _came_to_its_end(retraining: Retraining) -> bool:
    return "evaluated" in retraining.stages
