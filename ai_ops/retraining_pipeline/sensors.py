"""The sensors of the retraining pipeline: what is seen is answered, what is approved goes live."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import description_of
from ai_ops.orchestration.failed_runs import failed_run, show_cause
from ai_ops.orchestration.judging import evaluation_of, judge_and_record, moment_now
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.sensing import SECONDS, Answer, Job, sensor_of, unfinished
from ai_ops.retraining_pipeline.checks import REGISTRY_RECONCILED
from ai_ops.retraining_pipeline.failures import record_failed_run
from ai_ops.retraining_pipeline.jobs import (
    promotion_config,
    promotion_job_name,
    retraining_config,
    retraining_job_name,
)
from ai_ops.retraining_pipeline.promotion import obstacles
from ai_ops.retraining_pipeline.registry_watch import watch_registry
from ai_ops.retraining_pipeline.triggers import READ, due_promotion, due_retraining
from ai_ops.storage.marks import marks_of, newest_block
from ai_ops.storage.retrainings import AUTOMATED
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED, standing_of

LABELS = "labels_arrived"
"""The check on a day's labels: once it judged, they are there to be read."""


def sensors(feature: AiFeatureSpec, jobs: Mapping[str, Job]) -> list[dg.SensorDefinition]:
    """The feature's sensors of this domain; ``jobs`` are those of its jobs that
    it has, by their names."""
    retraining = jobs.get(retraining_job_name(feature))
    promotion = jobs.get(promotion_job_name(feature))
    made = []
    if retraining is not None:
        made.append(sensor_of(feature, "retraining", retraining_due, [retraining]))
    if promotion is not None:
        made.append(sensor_of(feature, "promotion", promotion_due, [promotion]))
    if watched := [job for job in (retraining, promotion) if job is not None]:
        made.append(_failures(feature, watched))
    if REGISTRY_RECONCILED.applies(feature):
        made.append(sensor_of(feature, "registry_watch", registry_watch))
    return made


def retraining_due(
    root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
) -> Answer:
    """Starts a retraining on a confirmed accuracy gap of the live version, or on drift that a
    person concluded as a genuine shift: one at a time, none while a hold is open or a drift is
    concluded by nobody, and not before yesterday's labels were read."""
    job, now = retraining_job_name(feature), root.clock.now()
    if going := unfinished(context.instance, job=job):
        return dg.SkipReason(f"run {going} of {job} is not finished")
    standing = standing_of(root.ledger, feature.name)
    verdicts = root.ledger.verdicts(feature.name, as_of=now, items=READ)
    trigger = due_retraining(feature, standing, verdicts, now)
    if trigger is None:
        return dg.SkipReason("no confirmed gap or genuine shift waits for a retraining")
    # A training set reads every label that was known by midnight: without yesterday's it fails.
    yesterday = (now - timedelta(days=1)).date().isoformat()
    if (LABELS, yesterday) not in marks_of(root.ledger, feature.name):
        return dg.SkipReason(f"the labels of {yesterday} are not judged yet ({trigger.cause})")
    config = retraining_config(
        feature, cause=trigger.cause, incident=trigger.incident, requested_by=AUTOMATED
    )
    return dg.RunRequest(run_key=trigger.key, run_config={"ops": _configured(config)})


def promotion_due(
    root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
) -> Answer:
    """Starts the promotion of a version that a person approved. Whatever is in the way is recorded
    as a refusal once; the promotion is tried again when that is gone."""
    now = root.clock.now()
    # Verdicts and files are no decisions: what they forbade is looked at again every hour.
    state = f"{newest_block(root.ledger, feature.name, FOLDED)} {now:%Y-%m-%d %H}h"
    if context.cursor == state:
        return dg.SkipReason("nothing was decided since the last look")
    job = promotion_job_name(feature)
    if going := unfinished(context.instance, job=job):
        return dg.SkipReason(f"run {going} of {job} is not finished")
    standing = standing_of(root.ledger, feature.name)

    def in_the_way(version: str) -> tuple[str, ...]:
        # What the standing forbids is told at once; the rest reads ledger and registry.
        return standing.forbidding or obstacles(root, feature, version, standing)

    champion = root.registry.champion(feature.name) if standing.moves else None
    due = due_promotion(standing, in_the_way, champion)
    if due is None:
        context.update_cursor(state)
        return dg.SkipReason("no approved version waits for its promotion")
    version, key = due
    return dg.RunRequest(
        # A run that broke before it could record anything is tried again on the next day.
        run_key=f"{key}@{now.date()}",
        run_config={"ops": _configured(promotion_config(feature, version))},
    )


def registry_watch(
    root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
) -> Answer:
    """Looks whether the registry says what the ledger says: an alias that was moved by hand, a
    version that was deleted or edited, a file that is another one, is in the ledger with the next
    tick, and an incident from there. Judged anew whenever anything changed; it starts no run."""
    look = watch_registry(root, feature)
    if context.cursor == look.digest:
        return dg.SkipReason("nothing of the registry has changed since the last look")
    moment = moment_now(root.clock.now())
    [recorded] = judge_and_record(root, feature, [REGISTRY_RECONCILED], [moment], run_id=None)
    return dg.SensorResult(
        skip_reason=f"judged anew: {recorded.verdict.reason}",
        cursor=look.digest,
        asset_events=[evaluation_of(feature, REGISTRY_RECONCILED, recorded)],
    )


def _failures(feature: AiFeatureSpec, watched: Sequence[Job]) -> dg.SensorDefinition:
    def failed(context: dg.RunFailureSensorContext, root: RootResource) -> None:
        """Records in the ledger that a retraining or a promotion broke: at which step, of what,
        and the likely cause that its log tells, which the run then shows. A run that failed is
        seen in the UI only, an incident is opened from the ledger."""
        run_id = context.dagster_run.run_id
        if told := failed_run(context.instance, run_id):
            cause = record_failed_run(root.open(), feature, told)
            show_cause(context.instance, run_id, cause.told)

    decorate = dg.run_failure_sensor(
        name=f"{feature.name}__retraining_failed",
        monitored_jobs=list(watched),
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description_of(failed),
    )
    return decorate(failed)


def _configured(config: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    return {op: {"config": dict(values)} for op, values in config.items()}
