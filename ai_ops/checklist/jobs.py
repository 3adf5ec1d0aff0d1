"""The jobs that keep a feature's evidence fresh: every day, every week, on demand."""

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.applying import is_judged, is_made
from ai_ops.orchestration.building import asset_key, owners_of
from ai_ops.orchestration.sensing import JUDGING_TAG
from ai_ops.vocabulary.words import Domain

DAILY = (
    "prediction_log",
    "user_actions",
    "log_completeness",
    "ground_truth",
    "prediction_profile",
    "drift_report",
    "service_health",
    "cost_rollup",
    "evaluation_run",
    "challenger_log",
    "challenger_report",
)
LIVE = {"writers_alive": "log_completeness", "alerts_delivered": "drift_report"}
"""Checks that a sensor judges as it is now, and their asset: none of a day's judgement."""
WEEKLY = ("cost_trend", "label_arrival")
CHECKLIST = ("weekly_checklist",)
"""A job of its own: it reads the verdicts of the weekly job's checks, which no asset waits for."""
MONTHLY = (
    "labelled_evaluation_set",
    "log_audit",
    "drift_thresholds",
    "retraining_cadence",
    "cost_opportunities",
)
MONTHLY_CHECKLIST = ("monthly_checklist",)
"""A job of its own, for the same reason."""
PRE_LAUNCH = ("pre_launch_checklist",)
"""Judged whenever it is asked for: there is no schedule before a launch."""
VERSIONS = ("model_versions", "reference_set", "reference_profile")
ON_DEMAND = ("version_evaluation",)
ROLLBACK_DRILL = ("rollback_drill",)
LOAD_TEST = ("load_test",)


_OF: Mapping[tuple[str, ...], tuple[Domain, ...]] = {
    VERSIONS: ("retraining_pipeline",),
    ON_DEMAND: ("accuracy_evaluation",),
    ROLLBACK_DRILL: ("inference_management",),
    LOAD_TEST: ("inference_management",),
}
"""Whose a job is; the others cross the domains."""


def daily_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job of one day (or a range of days)."""
    return f"{feature.name}__daily"


def weekly_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job of one week."""
    return f"{feature.name}__weekly"


def checklist_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that judges the weekly checklist."""
    return f"{feature.name}__weekly_list"


def monthly_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job of one month."""
    return f"{feature.name}__monthly"


def monthly_checklist_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that judges the monthly checklist."""
    return f"{feature.name}__monthly_list"


def pre_launch_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that judges what must be in place before a launch."""
    return f"{feature.name}__pre_launch"


def versions_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that looks at the registry and profiles the live version's reference."""
    return f"{feature.name}__versions"


def jobs(feature: AiFeatureSpec) -> list[UnresolvedAssetJobDefinition]:
    """The feature's jobs; those that judge a feature follow each other.

    One of which the feature has no asset is none of its jobs.
    """
    judging = {JUDGING_TAG: feature.name}
    return [
        dg.define_asset_job(
            name,
            _selection(feature, assets),
            description=words,
            tags=None if asked else judging,
            owners=owners_of(feature, *_OF.get(assets, ())),
        )
        for name, assets, words, asked in _described(feature)
        if _made(feature, assets)
    ]


def _described(feature: AiFeatureSpec) -> tuple[tuple[str, tuple[str, ...], str, bool], ...]:
    """Every job: its name, its assets, what it is for, whether only a person asks for it."""
    return (
        (
            daily_job_name(feature),
            DAILY,
            "One day's log, drift, accuracy, health and cost, each with its checks.",
            False,
        ),
        (
            weekly_job_name(feature),
            WEEKLY,
            "The week's cost trend, and when its labels came.",
            False,
        ),
        (
            checklist_job_name(feature),
            CHECKLIST,
            "The weekly checklist, from the verdicts of the week.",
            False,
        ),
        (
            monthly_job_name(feature),
            MONTHLY,
            "The month's labelled set, how good the live version is, its log, thresholds, savings.",
            False,
        ),
        (
            monthly_checklist_job_name(feature),
            MONTHLY_CHECKLIST,
            "The monthly checklist, from the verdicts of the month.",
            False,
        ),
        (
            pre_launch_job_name(feature),
            PRE_LAUNCH,
            "What must be in place before a launch, as it stands now.",
            False,
        ),
        (
            versions_job_name(feature),
            VERSIONS,
            "What the registry holds, and the reference of the version in production; of a model "
            "of others, the reference that the YAML declares.",
            False,
        ),
        (
            evaluation_job_name(feature),
            ON_DEMAND,
            "Evaluate any registered version on labelled predictions, on demand. Launched as it "
            "is: the version in production, on the last four weeks of labels.",
            True,
        ),
        (
            rollback_drill_job_name(feature),
            ROLLBACK_DRILL,
            "Drill the rollback outside production; a person signs it afterwards.",
            True,
        ),
        (
            load_test_job_name(feature),
            LOAD_TEST,
            "Put the endpoint under twice its declared peak or more, and judge what it held.",
            True,
        ),
    )


def evaluation_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that evaluates a version on demand, or for an incident."""
    return f"{feature.name}__evaluate_version"


def load_test_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that puts the feature's endpoint under load."""
    return f"{feature.name}__test_load"


def rollback_drill_job_name(feature: AiFeatureSpec) -> str:
    """The name of the job that drills the rollback."""
    return f"{feature.name}__drill_rollback"


def _made(feature: AiFeatureSpec, names: tuple[str, ...]) -> list[str]:
    return [name for name in names if is_made(name, feature)]


def _selection(feature: AiFeatureSpec, names: tuple[str, ...]) -> dg.AssetSelection:
    keys = [asset_key(feature, name) for name in _made(feature, names)]
    live = [
        dg.AssetCheckKey(asset_key(feature, asset), check)
        for check, asset in LIVE.items()
        if asset in names and is_judged(check, feature)
    ]
    return dg.AssetSelection.assets(*keys) - dg.AssetSelection.checks(*live)
