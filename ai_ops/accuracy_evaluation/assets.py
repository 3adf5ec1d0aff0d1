"""The assets of accuracy evaluation: the labels, the daily run, and any version on demand."""

import dagster as dg
from pydantic import Field

from ai_ops.accuracy_evaluation.cadence_judging import compute_retraining_cadence
from ai_ops.accuracy_evaluation.candidate_judging import CANDIDATE, EVALUATION
from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.accuracy_evaluation.challenger import DAYS, compute_challenger_report
from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run
from ai_ops.accuracy_evaluation.evaluation_set import compute_labelled_evaluation_set
from ai_ops.accuracy_evaluation.fresh_sample import sample_for_incident
from ai_ops.accuracy_evaluation.label_arrival import compute_label_arrival
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.versions import evaluate_version
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.orchestration.building import (
    description_of,
    metadata_of,
    partitioned_asset,
    retraining_pool,
    unpartitioned_asset,
)
from ai_ops.orchestration.partitions import trailing_days
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.resuming import failed_parent
from ai_ops.orchestration.timing import timed
from ai_ops.storage.retrainings import pause_if_due, resume_retraining
from ai_ops.vocabulary.windows import Window

MONTH_DAYS = 28


class EvaluationConfig(dg.Config):
    """Which registered version to evaluate, on the labelled predictions of which days.

    Empty means the version in production, and the 28 days that ended last. An ``incident`` is
    answered with the version in production on the newest labels, and with that alone.
    """

    version: str = Field(default="", description="A registered version's number, as 3.")
    first_day: str = Field(default="", description="The first day of the labels, as 2021-03-01.")
    last_day: str = Field(default="", description="Their last day, included.")
    incident: str = Field(default="", description="The accuracy incident that this answers.")


def assets(feature: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The feature's assets of this domain."""
    return [
        partitioned_asset(
            feature,
            compute_ground_truth,
            domain="accuracy_evaluation",
            # Labels that stand in the source itself come in with its predictions.
            deps=() if feature.ground_truth.labels else ["prediction_log"],
            kinds={"parquet"},
        ),
        partitioned_asset(
            feature,
            compute_label_arrival,
            domain="accuracy_evaluation",
            rhythm="weekly",
            deps=["prediction_log", "ground_truth"],
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_evaluation_run,
            domain="accuracy_evaluation",
            deps=[
                ("prediction_log", trailing_days(MONTH_DAYS)),
                ("ground_truth", trailing_days(MONTH_DAYS)),
                "model_versions",
            ],
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_labelled_evaluation_set,
            domain="accuracy_evaluation",
            rhythm="monthly",
            deps=["prediction_log", "ground_truth"],
            kinds={"parquet"},
        ),
        partitioned_asset(
            feature,
            compute_retraining_cadence,
            domain="retraining_pipeline",
            rhythm="monthly",
            deps=["prediction_log", "ground_truth", "model_versions"],
            kinds={"json"},
        ),
        partitioned_asset(
            feature,
            compute_challenger_report,
            domain="accuracy_evaluation",
            deps=[
                (name, trailing_days(DAYS))
                for name in ("prediction_log", "challenger_log", "ground_truth")
            ],
            kinds={"json"},
        ),
        _version_evaluation(feature),
        _candidate_evaluation(feature),
    ]


def _version_evaluation(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(
        context: dg.AssetExecutionContext, config: EvaluationConfig, root: RootResource
    ) -> None:
        opened = root.open()
        if config.incident:
            summary = sample_for_incident(
                opened, feature, config.incident, run_id=context.run.run_id
            )
            context.add_asset_metadata(metadata_of(summary))
            return
        now = opened.clock.now()
        version = config.version or opened.registry.require_champion(feature.name)
        trailing = list(Window.trailing(now.date(), days=MONTH_DAYS + 1).days())
        window = Window(
            Window.of_day(config.first_day or trailing[0]).start,
            Window.of_day(config.last_day or trailing[-2]).end,
        )
        _, summary = evaluate_version(opened, feature, version, window, now)
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        "version_evaluation",
        body,
        domain="accuracy_evaluation",
        description=description_of(evaluate_version),
        deps=["prediction_log", "ground_truth", "model_versions"],
        kinds={"mlflow", "json"},
    )


def _candidate_evaluation(feature: AiFeatureSpec) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext, root: RootResource) -> None:
        opened = root.open()
        if parent := failed_parent(context.run):
            resume_retraining(opened, feature, parent, context.run.run_id)
        pause_if_due(opened, feature, context.run.run_id)
        with timed():
            summary = compute_candidate_evaluation(
                opened, feature, opened.clock.now(), run_id=context.run.run_id
            )
        context.add_asset_metadata(metadata_of(summary))

    return unpartitioned_asset(
        feature,
        EVALUATION,
        body,
        domain="retraining_pipeline",
        description=description_of(compute_candidate_evaluation),
        deps=[CANDIDATE, "prediction_log", "ground_truth"],
        kinds={"json"},
        pool=retraining_pool(feature),
    )
