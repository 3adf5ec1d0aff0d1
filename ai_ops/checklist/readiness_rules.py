"""What the readiness scores ask, and which checks and items of this project speak for it.

The rules are those of M. Zinkevich, "Rules of Machine Learning: Best Practices for ML Engineering";
the tests those of E. Breck and others, "The ML Test Score" (IEEE Big Data 2017). Titles are short
and in the project's own words. What nothing here looks at names no check, and says why.
"""

from dataclasses import dataclass
from typing import Final, Literal

from ai_ops.vocabulary.words import GATE_CHECKS

Section = Literal["data", "model", "infrastructure", "monitoring"]

Signature = Literal["approval", "environment_lock"]
"""What a person signed that stands for a test done by hand."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its number, what it asks, and the checks and items that speak for it.

    Without any, ``unseen`` says why nothing here can tell.
    """

    number: int
    title: str
    checks: tuple[str, ...] = ()
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """One test of a section: the checks that run it, or what a person signs who did it by hand."""

    section: Section
    number: int
    title: str
    checks: tuple[str, ...] = ()
    signed: Signature | None = None
    unseen: str = ""


RULES: Final = (
    Rule(
        5,
        "Test the infrastructure apart from the learning",
        ("load_test", "rollback_drill", "scores_reproduced"),
    ),
    Rule(
        6,
        "Mind the rows that a pipeline drops",
        ("log_complete", "witness_agrees", "log_unsampled", "training_set_sound"),
    ),
    Rule(
        8,
        "Know how fresh the model has to be",
        ("cadence_advised", "retraining_verified"),
    ),
    Rule(9, "Find what is wrong before a model goes out", GATE_CHECKS),
    Rule(
        10,
        "Watch for failures that raise no error",
        ("log_recent", "feed_alive", "labels_plausible", "drift_reviewed"),
    ),
    Rule(
        11,
        "Every input column has an owner and a description",
        unseen="owners answer for domains here, not for columns",
    ),
    Rule(
        24,
        "Measure how a new model differs from the one that is live",
        ("gate_evidence", "gate_sanity", "gate_improvement", "gate_slices"),
    ),
    Rule(
        29,
        "Train on what was logged when it was served",
        ("log_written", "log_complete", "log_unsampled", "schema_conforms", "training_set_sound"),
    ),
    Rule(
        37,
        "Measure the skew between training and serving",
        ("reference_present", "input_drift", "scores_reproduced", "held_out_accuracy"),
    ),
)

TESTS: Final = (
    ScoreTest(
        "data",
        1,
        "What is expected of the inputs stands in a schema",
        ("schema_conforms", "inputs_well_formed"),
    ),
    ScoreTest(
        "data", 2, "Every input is of use", unseen="no input is left out to see what it is worth"
    ),
    ScoreTest(
        "data",
        3,
        "No input costs more than it brings",
        unseen="the gate's budget is that of the whole model, not of one input",
    ),
    ScoreTest(
        "data",
        4,
        "The inputs keep to what is allowed as a source",
        unseen="where an input comes from before it is logged is not known here",
    ),
    ScoreTest(
        "data",
        5,
        "The data pipeline guards privacy",
        unseen="the log's policy is applied; whether it suffices is not judged",
    ),
    ScoreTest(
        "data", 6, "A new input can be added quickly", unseen="nobody measures how long it takes"
    ),
    ScoreTest(
        "data",
        7,
        "The code that makes the inputs is tested",
        unseen="that code is the feature's own, its tests run there",
    ),
    ScoreTest(
        "model", 1, "What a model is made of is reviewed before it is released", signed="approval"
    ),
    ScoreTest(
        "model",
        2,
        "Metrics offline go with what is measured online",
        unseen="what an answer is worth to users is not measured",
    ),
    ScoreTest(
        "model",
        3,
        "Every hyperparameter was tuned",
        unseen="a trainer's choices are its own; only what comes of them is judged",
    ),
    ScoreTest("model", 4, "What an old model costs is known", ("cadence_advised",)),
    ScoreTest(
        "model",
        5,
        "No simpler model is better",
        unseen="the gate holds a candidate against the first version, which need not be simpler",
    ),
    ScoreTest("model", 6, "The model is good enough on every slice that counts", ("slices_hold",)),
    ScoreTest(
        "model",
        7,
        "The model was tested for whom it leaves out",
        unseen="which groups of people there are is not known here",
    ),
    ScoreTest("infrastructure", 1, "Training can be repeated", signed="environment_lock"),
    ScoreTest(
        "infrastructure",
        2,
        "The code of the model is unit tested",
        unseen="that code is the trainer's own, its tests run there",
    ),
    ScoreTest(
        "infrastructure",
        3,
        "The whole pipeline is run as a test of it",
        ("training_set_sound", "retraining_verified"),
    ),
    ScoreTest("infrastructure", 4, "A model is judged before it serves", GATE_CHECKS),
    ScoreTest(
        "infrastructure",
        5,
        "A single answer can be computed again and looked into",
        ("scores_reproduced",),
    ),
    ScoreTest(
        "infrastructure",
        6,
        "A model serves beside the live one before it takes over",
        ("challenger_compared",),
    ),
    ScoreTest("infrastructure", 7, "A model that serves can be rolled back", ("rollback_drill",)),
    ScoreTest(
        "monitoring",
        1,
        "Somebody is told when what it depends on changes",
        unseen="announcements of others are not read; what their changes do to the data is",
    ),
    ScoreTest(
        "monitoring",
        2,
        "What must hold of the data holds in training and in serving",
        ("training_set_sound", "schema_conforms", "inputs_well_formed", "feed_alive"),
    ),
    ScoreTest(
        "monitoring",
        3,
        "Training and serving compute the same",
        ("reference_present", "scores_reproduced"),
    ),
    ScoreTest("monitoring", 4, "No model is too old", ("retraining_verified",)),
    ScoreTest(
        "monitoring",
        5,
        "The numbers stay sound: no overflow, no NaN",
        unseen="weights and losses are not watched while a trainer runs",
    ),
    ScoreTest(
        "monitoring",
        6,
        "Neither speed nor cost of computing got worse",
        ("service_healthy", "load_test", "cost_trend"),
    ),
    ScoreTest(
        "monitoring",
        7,
        "The answers did not get worse",
        ("accuracy", "slices_hold", "label_coverage"),
    ),
)
