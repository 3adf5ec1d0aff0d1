"""The sensor that answers alerts: confirmed ones become incidents, those that are over end."""

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.acts import DagsterActs
from ai_ops.orchestration.sensing import Answer, sensor_of
from ai_ops.playbook.answering import answer_alerts
from ai_ops.storage.ledger import Event
from ai_ops.storage.root import Root


def sensors(feature: AiFeatureSpec) -> list[dg.SensorDefinition]:
    """The feature's sensor of the playbook."""

    def incidents(
        root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
    ) -> Answer:
        """Opens an incident in the ledger when an alert is confirmed, takes the steps of its
        playbook that are due and asks who is to be asked, and resolves it when its cause is gone
        after a person concluded it. Starts no run: a tick that found nothing is skipped.
        """
        now = root.clock.now()
        state = f"{root.ledger.head()} {now:%Y-%m-%d %H}h"
        if context.cursor == state:
            return dg.SkipReason("nothing was judged or decided since the last look")
        answered = answer_alerts(root, feature, now, DagsterActs(context.instance))
        if answered:
            return dg.SkipReason("recorded " + ", ".join(map(_told, answered)))
        context.update_cursor(state)
        return dg.SkipReason("no alert is without its answer")

    return [sensor_of(feature, "incidents", incidents)]


def _told(event: Event) -> str:
    step = f" ({event.payload['step']})" if "step" in event.payload else ""
    return f"{event.kind}: {event.payload['incident']}{step}"
