"""How a spike of cost is answered: its source, batches, the size of the model, caching."""

from ai_ops.playbook import cost_steps as cost
from ai_ops.playbook.alert_kinds import SEVERITY
from ai_ops.playbook.asking import hours, what_is_it
from ai_ops.playbook.steps import Playbook, Question, Step
from ai_ops.storage.authority import ANSWERED_BY

COST = Playbook(
    "cost_spike",
    "A prediction costs more",
    "the weekly trend of cost fails: a cost per prediction rose beyond what the mix explains",
    SEVERITY["cost_spike"],
    ANSWERED_BY["cost_spike"],
    (
        Step(
            "source_named",
            "The source that drives it is named",
            ("PB-20",),
            does=cost.name_source,
        ),
        Step(
            "batches_looked_at",
            "Is a synchronous path used where batches fit?",
            ("PB-21",),
            does=cost.look_at_batches,
        ),
        Step(
            "model_size_looked_at",
            "Is the size of the model still right for the task?",
            ("PB-22",),
            does=cost.look_at_size,
        ),
        Step(
            "repeats_looked_at",
            "Are the same queries asked again, so that a cache would answer them?",
            ("PB-23",),
            does=cost.look_at_repeats,
        ),
        what_is_it(
            "the source and the week's numbers are there: what is it, and what is done about it?",
            hours(7 * 24),
            ("source_named", "batches_looked_at", "model_size_looked_at", "repeats_looked_at"),
            ("PB-20", "OW-09"),
        ),
        Step(
            cost.SITE_DECIDED,
            "Backend decides: synchronous or batch",
            ("PB-21", "OW-10"),
            asks=Question(
                "single calls of call site {site} would fit into batches: synchronous or batch?",
                'call-sites sign {feature} {site} --as sync|batch --reason "…"',
                hours(7 * 24),
                domain="prediction_logging",
                seen=cost.site_decided,
                fills=cost.site_to_decide,
            ),
            after=("batches_looked_at",),
            where=cost.fits_batches,
            condition="the week's numbers say that batches fit",
        ),
    ),
)
