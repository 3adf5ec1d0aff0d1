"""What a replay does about what it sees: what sensors start, and what people decide.

The sensors of a running daemon ask the same functions at the same moments.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ai_ops.accuracy_evaluation.fresh_sample import incident_to_sample
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import evaluation_job_name, pre_launch_job_name, versions_job_name
from ai_ops.cli.demo_launch import Drills
from ai_ops.cli.demo_people import People
from ai_ops.cli.server_process import ServerProcess
from ai_ops.orchestration.acts import DagsterActs
from ai_ops.orchestration.failed_runs import failed_run
from ai_ops.orchestration.running import Runner
from ai_ops.playbook.answering import answer_alerts, take_steps
from ai_ops.retraining_pipeline.failures import record_failed_run
from ai_ops.retraining_pipeline.jobs import (
    promotion_config,
    promotion_job_name,
    retraining_config,
    retraining_job_name,
)
from ai_ops.retraining_pipeline.promotion import launch, obstacles
from ai_ops.retraining_pipeline.triggers import READ, due_promotion, due_retraining
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Standing, standing_of
from ai_ops.vocabulary.errors import MissingEvidence

LAST_LOOK = timedelta(days=7)
"""In the week before they are away people sign the lists: to sign each week takes half a minute."""


@dataclass(frozen=True)
class Answers:
    """Answers what the replay's checks found; people do so until they are ``away``.

    With ``drills`` the load test and the rollback drill are run before the launch; without, their
    items are ``waived_until`` a day.
    """

    root: Root
    feature: AiFeatureSpec
    runner: Runner
    server: ServerProcess
    people: People
    away: date
    waived_until: date
    drills: Drills | None = None

    def launch(self) -> None:
        """Bring the version that rehearsed to production, unless it was done before."""
        if self._standing().launched is not None:
            return
        version = self.root.registry.serving_version(self.feature.name)
        if version is None:
            raise MissingEvidence(f"{self.feature.name}: no version rehearses")
        self.people.prepare_launch(version, None if self.drills else self.waived_until)
        if self.drills:
            self.drills.run()
        self.runner.run(pre_launch_job_name(self.feature))
        launch(self.root, self.feature, self.people.launch_token(version))
        self._look_at(version)

    def answer(self, now: datetime) -> None:
        """Open incidents, have them concluded, retrain, promote what people approve, and have
        the thresholds of drift and the month's savings reviewed."""
        acts = DagsterActs(self.runner.instance)
        answer_alerts(self.root, self.feature, now, acts)
        if self._sample_again():
            take_steps(self.root, self.feature, now, acts)
        if now.date() < self.away:
            self.people.conclude()
            self.people.answer_questions()
        self._retrain(now)
        if now.date() < self.away:
            self.people.decide_on_candidates()
            self.people.review_thresholds()
            self.people.review_costs()
        if timedelta(0) < self.away - now.date() <= LAST_LOOK:
            self.people.sign_lists()
        self._promote()

    def _sample_again(self) -> bool:
        """Evaluate a fresh labelled sample where an accuracy incident waits for one."""
        incident = incident_to_sample(self.root, self.feature)
        if incident is None:
            return False
        asked = {"incident": incident.id, "version": "", "first_day": "", "last_day": ""}
        config = {f"{self.feature.name}__version_evaluation": asked}
        self.runner.run(evaluation_job_name(self.feature), config=config, raises=False)
        return True

    def _retrain(self, now: datetime) -> None:
        verdicts = self.root.ledger.verdicts(self.feature.name, as_of=now, items=READ)
        trigger = due_retraining(self.feature, self._standing(), verdicts, now)
        if trigger is not None:
            config = retraining_config(
                self.feature,
                cause=trigger.cause,
                incident=trigger.incident,
                requested_by="ai_ops",
            )
            job = retraining_job_name(self.feature)
            result = self.runner.run(job, config=config, raises=False)
            if failed := failed_run(self.runner.instance, result.run_id):
                record_failed_run(self.root, self.feature, failed)

    def _promote(self) -> None:
        def in_the_way(version: str) -> tuple[str, ...]:
            return obstacles(self.root, self.feature, version, self._standing())

        champion = self.root.registry.champion(self.feature.name)
        due = due_promotion(self._standing(), in_the_way, champion)
        if due is None:
            return
        version, _ = due
        job, config = promotion_job_name(self.feature), promotion_config(self.feature, version)
        if self.runner.run(job, config=config, raises=False).success:
            self._look_at(version)

    def _look_at(self, version: str) -> None:
        """Profile what is normal for the new version, and wait until it is the one that answers."""
        self.runner.run(versions_job_name(self.feature))
        deadline = time.monotonic() + 60
        while self.server.get("/version")["version"] != version:
            if time.monotonic() > deadline:
                raise MissingEvidence(f"the server does not answer with version {version}")
            time.sleep(0.05)

    def _standing(self) -> Standing:
        return standing_of(self.root.ledger, self.feature.name)
