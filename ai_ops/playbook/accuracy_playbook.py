"""How a drop of accuracy is answered: a fresh sample, the gap, a retraining, the gate."""

from typing import Final

from ai_ops.playbook import accuracy_steps as accuracy
from ai_ops.playbook import candidate_steps as candidates
from ai_ops.playbook.alert_kinds import SEVERITY
from ai_ops.playbook.asking import hours, new_model, what_is_it
from ai_ops.playbook.steps import Playbook, Step
from ai_ops.storage.authority import ANSWERED_BY

EVALUATING_JOB: Final = "evaluate_version"
"""The job that pulls a fresh labelled sample, after the feature's name."""

ACCURACY = Playbook(
    "accuracy_drop",
    "The model answers worse",
    "the check of accuracy fails: on k of n days the live version is worse than the gate's "
    "criteria allow",
    SEVERITY["accuracy_drop"],
    ANSWERED_BY["accuracy_drop"],
    (
        Step(
            accuracy.SAMPLED,
            "A fresh labelled sample is pulled, and the live version evaluated on it",
            ("PB-30", "PB-31"),
            does=accuracy.sample_again,
            job=EVALUATING_JOB,
        ),
        Step(
            "gap_confirmed",
            "The gap to the baseline is confirmed, or not",
            ("PB-32",),
            does=accuracy.confirm_gap,
        ),
        what_is_it(
            "are the labels complete and right? What made the model worse?",
            hours(72),
            (),
            ("PB-32",),
        ),
        *new_model(
            candidates.may_be_worse,
            "not concluded as bad data or a false alarm",
            {"retrained": ("PB-33",), "judged": ("PB-34", "PB-35"), "released": ("PB-34",)},
        ),
    ),
)
