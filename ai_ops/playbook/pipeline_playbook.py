"""How a failure of the pipeline is answered: the step, the log, the cause, and once more."""

from ai_ops.playbook import pipeline_steps as pipeline
from ai_ops.playbook.alert_kinds import SEVERITY
from ai_ops.playbook.asking import hours, what_is_it
from ai_ops.playbook.steps import Playbook, Question, Step
from ai_ops.storage.authority import ANSWERED_BY

PIPELINE = Playbook(
    "pipeline_failure",
    "The pipeline fails",
    "a retraining or a promotion broke or was never heard of again, nobody writes the log, or the "
    "registry says something else than the ledger",
    SEVERITY["pipeline_failure"],
    ANSWERED_BY["pipeline_failure"],
    (
        Step(
            "failed_step_named",
            "The failed step is named: data pull, training, evaluation or promotion",
            ("PB-41",),
            does=pipeline.name_step,
        ),
        Step(
            "log_read",
            "The log of the failed run is read, its last lines kept",
            ("PB-40",),
            does=pipeline.read_log,
        ),
        Step(
            "cause_found",
            "The root cause is proposed: usually a schema or a configuration",
            ("PB-42",),
            does=pipeline.find_cause,
        ),
        Step(
            "staleness_guarded",
            "No model runs stale unseen: what serves meanwhile, and how many cycles failed",
            ("PB-44",),
            does=pipeline.guard_staleness,
        ),
        what_is_it(
            "the step, the log and a likely cause are there: what was it?",
            hours(48),
            ("failed_step_named", "log_read", "cause_found"),
            ("PB-42",),
        ),
        Step(
            "triggered_again",
            "A person starts the pipeline again when the cause is mended",
            ("PB-43",),
            asks=Question(
                "when the cause is mended: start the retraining again from where it failed",
                "retrain {feature} --from-failure",
                hours(48),
                domain="retraining_pipeline",
                seen=pipeline.triggered_again,
            ),
            after=("failed_step_named", "cause_found"),
            where=pipeline.is_retraining,
            condition="a retraining failed",
        ),
    ),
)
