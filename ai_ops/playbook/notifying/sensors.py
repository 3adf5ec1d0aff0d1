"""The sensor that tells people what they are to answer."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.judging import evaluation_of, judge_and_record, moment_now
from ai_ops.orchestration.sensing import Answer, sensor_of
from ai_ops.playbook.notifying.checks import ALERTS_DELIVERED
from ai_ops.playbook.notifying.judging import judge_alerts_delivered
from ai_ops.playbook.notifying.notify import notify
from ai_ops.playbook.notifying.tellings import Telling
from ai_ops.storage.root import Root

LOOK_SECONDS = 30
"""How often it is looked whether people are to be told of something."""

Further = Callable[[Root, AiFeatureSpec, datetime], Iterable[Telling]]
"""What is to be told besides, at a moment, by whoever knows of it."""


def sensors(feature: AiFeatureSpec, further: Further = lambda *_: ()) -> list[dg.SensorDefinition]:
    """The feature's sensor of notifications; ``further`` says what lists and machinery tell."""

    def notifications(
        root: Root, feature: AiFeatureSpec, context: dg.SensorEvaluationContext
    ) -> Answer:
        """Tells the owners of an incident, a question or a waiver that they are to do something:
        once, the supporting roles when its time is over, all owners when it is over twice. What
        could not be delivered is tried again, and is a finding meanwhile. Nothing leaves a replay.
        """
        now = root.clock.now()
        if root.clock.mode == "replay":
            return dg.SkipReason("this root is a replay: nothing is sent from it")
        sent = notify(root, feature, now, further(root, feature, now))
        # By now: what was just recorded is known since.
        verdict = judge_alerts_delivered(root, feature, root.clock.now())
        state = json.dumps([verdict.status, verdict.reason, now.date().isoformat()])
        if context.cursor == state:
            return dg.SkipReason(f"{len(sent)} notifications recorded; {verdict.reason}")
        checks, moments = [ALERTS_DELIVERED], [moment_now(root.clock.now())]
        [recorded] = judge_and_record(root, feature, checks, moments, run_id=None)
        return dg.SensorResult(
            skip_reason=f"{len(sent)} notifications recorded; {recorded.verdict.reason}",
            cursor=state,
            asset_events=[evaluation_of(feature, ALERTS_DELIVERED, recorded)],
        )

    return [sensor_of(feature, "notifications", notifications, seconds=LOOK_SECONDS)]
