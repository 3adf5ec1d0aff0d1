"""A sensor asked as the daemon asks it: with an instance, a cursor and the root of its test."""

from dataclasses import dataclass, field

import dagster as dg

from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.sensing import Answer, Job
from ai_ops.storage.root import Root


@dataclass
class Ticking:
    """One sensor on one root; what it asks for is kept in an instance as a run that waits."""

    sensor: dg.SensorDefinition
    root: Root
    instance: dg.DagsterInstance
    cursor: str | None = None
    skipped: str = ""
    requests: list[dg.RunRequest] = field(default_factory=list)
    evaluations: list[dg.AssetCheckEvaluation] = field(default_factory=list)

    def tick(self) -> dg.RunRequest | None:
        """The run that the sensor asks for; None when it skips, with the reason in ``skipped``."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"root": RootResource(folder=str(self.root.folder))},
        ) as context:
            answer: Answer = self.sensor(context)
            self.cursor = context.cursor
        if isinstance(answer, dg.SkipReason):
            self.skipped = answer.skip_message or ""
            return None
        if isinstance(answer, dg.SensorResult):
            self.cursor = answer.cursor
            self.skipped = answer.skip_reason.skip_message or "" if answer.skip_reason else ""
            for event in answer.asset_events:
                assert isinstance(event, dg.AssetCheckEvaluation)
                self.evaluations.append(event)
            return None
        self.requests.append(answer)
        return answer

    def launch(self, request: dg.RunRequest, job: Job) -> str:
        """What the daemon does with a request: a run under its key, which waits; its id."""
        tags = {**(job.tags or {}), **request.tags, "dagster/run_key": request.run_key or ""}
        run = dg.DagsterRun(job_name=job.name, tags=tags)
        self.instance.add_run(run)
        return run.run_id

    def end(self, run_id: str) -> None:
        """The run has ended, well or badly."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        self.instance.report_run_failed(run)
