"""What a playbook asks of Dagster: cancel retrainings that wait or run, read what a run wrote."""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.failed_runs import failed_run
from ai_ops.orchestration.sensing import UNFINISHED

TRAINS = "training_set"
"""The step that every retraining begins with; its config says who asked for it."""

MACHINE = "ai_ops"


@dataclass(frozen=True)
class DagsterActs:
    """Acts on the runs of one Dagster instance."""

    instance: dg.DagsterInstance

    def cancel_retrainings(self, feature: AiFeatureSpec) -> tuple[str, ...]:
        """Cancel the automated retrainings of a feature that wait in the queue or run; the ids of
        their runs. One that a person asked for goes on."""
        op = f"{feature.name}__{TRAINS}"
        going = self.instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)))
        cancelled = []
        for run in going:
            ops: Any = run.run_config.get("ops", {})
            if ops.get(op, {}).get("config", {}).get("requested_by") != MACHINE:
                continue
            if self.instance.run_coordinator.cancel_run(run.run_id):
                cancelled.append(run.run_id)
        return tuple(cancelled)

    def log_of(self, run_id: str) -> tuple[str, ...]:
        """The error and the last lines of a run that failed, without secrets."""
        told = failed_run(self.instance, run_id)
        if told is None:
            return ()
        return (*told.lines, told.error) if told.error not in told.lines else told.lines
