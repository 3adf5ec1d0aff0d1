"""How drift is answered: hold, look, conclude; then retrain, or mend the feed."""

from ai_ops.playbook import candidate_steps as candidates
from ai_ops.playbook import drift_steps as drift
from ai_ops.playbook.alert_kinds import SEVERITY
from ai_ops.playbook.asking import ANSWER, BY_REVIEW, hours, new_model, what_is_it
from ai_ops.playbook.steps import WHAT_IS_IT, Playbook, Question, Step
from ai_ops.storage.authority import ANSWERED_BY

DRIFT = Playbook(
    "drift",
    "The data drifts",
    "a check of drift fails on k of n days: of inputs, outputs, columns together, a slice, or the "
    "number of rows",
    SEVERITY["drift"],
    ANSWERED_BY["drift"],
    (
        Step(
            "retraining_paused",
            "Automated retraining is held: what runs or waits is cancelled",
            ("PB-10",),
            does=drift.pause_retraining,
        ),
        Step(
            "sample_pulled",
            "A sample of the data that triggered it is pulled",
            ("PB-11",),
            does=drift.pull_sample,
        ),
        Step(
            "cause_told",
            "Bad data or a genuine shift: a cause is proposed from the signs",
            ("PB-13",),
            does=drift.tell_cause,
        ),
        what_is_it(
            "look at the sample and the signs: is it bad data coming in, or a genuine shift?",
            BY_REVIEW,
            ("retraining_paused", "sample_pulled", "cause_told"),
            ("PB-12", "PB-13"),
        ),
        Step(
            "nothing_learnt",
            "The bad days are left out of every training set",
            ("PB-16",),
            does=drift.learn_nothing,
            after=(WHAT_IS_IT,),
            where=drift.is_bad_data,
            condition="concluded as bad data",
        ),
        Step(
            "feed_mended",
            "Backend mends the feed",
            ("PB-16", "OW-04"),
            asks=Question(
                "the data of incident {incident} is bad: is the feed mended?",
                ANSWER.replace("QUESTION", "feed_mended"),
                hours(72),
                domain="prediction_logging",
                answers=("yes", "no"),
                again=("no",),
            ),
            after=(WHAT_IS_IT,),
            where=drift.is_bad_data,
            condition="concluded as bad data",
        ),
        *new_model(
            candidates.is_shift,
            "concluded as a genuine shift",
            {"retrained": ("PB-14",), "judged": ("PB-15",), "released": ("PB-15",)},
        ),
    ),
)
