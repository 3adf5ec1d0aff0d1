"""The sensor of accuracy evaluation: an accuracy incident is answered with a fresh sample."""

import dagster as dg

from ai_ops.accuracy_evaluation.fresh_sample import incident_to_sample
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.sensing import Answer, Job, sensor_of, unfinished
from ai_ops.storage.marks import newest_block
from ai_ops.storage.root import Root
from ai_ops.storage.standing import FOLDED


def sensors(feature: AiFeatureSpec, evaluating: Job | None) -> list[dg.SensorDefinition]:
    """The feature's sensor of this domain; ``evaluating`` is its job that evaluates a version,
    which a model that others train has not."""
    if evaluating is None:
        return []
    job = evaluating.name

    def fresh_sample(
        root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
    ) -> Answer:
        """Answers an accuracy incident before a person does: the newest labelled predictions are
        read anew and the live version is asked again about them. Whether the gap is confirmed is
        recorded with the incident."""
        now = root.clock.now()
        state = f"{newest_block(root.ledger, feature.name, FOLDED)} {now.date()}"
        if context.cursor == state:
            return dg.SkipReason("nothing was decided since the last look")
        if going := unfinished(context.instance, job=job):
            return dg.SkipReason(f"run {going} of {job} is not finished")
        incident = incident_to_sample(root, feature)
        context.update_cursor(state)
        if incident is None:
            return dg.SkipReason("no accuracy incident waits for a fresh sample")
        asked = {"incident": incident.id, "version": "", "first_day": "", "last_day": ""}
        return dg.RunRequest(
            # One that found no labels is tried again on the clock's next day.
            run_key=f"{incident.id}@{now.date()}",
            run_config={"ops": {f"{feature.name}__version_evaluation": {"config": asked}}},
            tags={"ai_ops/incident": incident.id},
        )

    return [sensor_of(feature, "fresh_sample", fresh_sample, [evaluating])]
