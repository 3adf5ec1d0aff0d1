"""What several playbooks ask and do: a person's conclusion, and the way from it to a new model."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from ai_ops.playbook import candidate_steps as candidates
from ai_ops.playbook.steps import WHAT_IS_IT, Deadline, Question, Scene, Step

CONCLUDE: Final = (
    "incidents conclude {feature} {incident} --as bad_data|genuine_shift|false_alarm|other "
    '--note "…"'
)
ANSWER: Final = 'incidents answer {feature} {incident} QUESTION --as yes|no --note "…"'


BY_REVIEW: Final = Deadline(
    "`drift.review_within_days` of the feature's file",
    lambda feature: timedelta(days=feature.drift.review_within_days),
)
"""The days within which an alert of drift is to be reviewed."""


def hours(count: int) -> Deadline:
    """The same deadline for every feature."""
    words = f"{count} hours" if count % 24 else f"{count // 24} days"
    return Deadline(words, lambda _: timedelta(hours=count))


def what_is_it(
    words: str,
    within: Deadline,
    after: tuple[str, ...],
    requirements: tuple[str, ...],
) -> Step:
    """The question that a conclusion answers, put to whoever answers the alert."""
    question = Question(words, CONCLUDE, within)
    title = "A person says what it is"
    return Step(WHAT_IS_IT, title, requirements, asks=question, after=after)


_RETRAINING_ASKED = Question(
    "automated retraining is off: begin one?",
    "retrain {feature} --incident {incident}",
    hours(48),
    domain="retraining_pipeline",
    seen=candidates.asked_for,
)
_CANDIDATE = Question(
    "the gate {word} version {version}: may it go live?",
    'approve|reject {feature} --version {version} --reason "…"',
    hours(72),
    domain="accuracy_evaluation",
    seen=candidates.decided,
    fills=candidates.version_to_decide,
)


def new_model(
    where: Callable[[Scene], bool], condition: str, requirements: Mapping[str, tuple[str, ...]]
) -> tuple[Step, ...]:
    """From a retraining to the release of what it made."""
    return (
        Step(
            "retraining_asked",
            "Where retraining is not automated, a person begins it",
            requirements["retrained"],
            asks=_RETRAINING_ASKED,
            after=(WHAT_IS_IT,),
            where=candidates.is_by_hand,
            condition=f"{condition}, and retraining is not automated",
        ),
        Step(
            "retrained",
            "A candidate is trained on corrected or fresher data",
            requirements["retrained"],
            does=candidates.retrain,
            where=where,
            condition=condition,
        ),
        Step(
            "judged_by_gate",
            "The candidate is judged by the gate that was defined at launch",
            requirements["judged"],
            does=candidates.judge_candidate,
            after=("retrained",),
            where=where,
            condition=condition,
        ),
        Step(
            "candidate_decided",
            "The approving role says whether it may go live",
            ("OW-07",),
            asks=_CANDIDATE,
            after=("judged_by_gate",),
            where=candidates.has_candidate,
            condition="the gate judged a candidate",
        ),
        Step(
            "released",
            "What was approved goes live; nothing does before",
            requirements["released"],
            does=candidates.release,
            after=("judged_by_gate",),
            where=where,
            condition=condition,
        ),
    )
