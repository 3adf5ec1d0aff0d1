"""The component that an AI feature's YAML names: one YAML instance, one asset graph.

It stands above the domains because it collects their assets and checks; the schema and the one
loader stand at the bottom, in ``ai_ops.ai_features``.
"""

import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel

from ai_ops.accuracy_evaluation import assets as accuracy_assets
from ai_ops.accuracy_evaluation import checks as accuracy_checks
from ai_ops.accuracy_evaluation import sensors as accuracy_sensors
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.applying import is_made
from ai_ops.ai_features.loader import FILE_NAME
from ai_ops.checklist import assets as checklist_assets
from ai_ops.checklist import checks as checklist_checks
from ai_ops.checklist import jobs as checklist_jobs
from ai_ops.checklist import schedules as checklist_schedules
from ai_ops.checklist import sensors as checklist_sensors
from ai_ops.checklist.believed import believed_standing
from ai_ops.checklist.machinery import CHANNEL, machinery_of
from ai_ops.checklist.overdue import lists_since, overdue_of
from ai_ops.drift_monitoring import assets as drift_assets
from ai_ops.drift_monitoring import checks as drift_checks
from ai_ops.inference_management import assets as inference_assets
from ai_ops.inference_management import checks as inference_checks
from ai_ops.orchestration.judging import checks_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.playbook import jobs as playbook_jobs
from ai_ops.playbook import sensors as playbook_sensors
from ai_ops.playbook.notifying import checks as notifying_checks
from ai_ops.playbook.notifying import sensors as notifying_sensors
from ai_ops.playbook.notifying.other_tellings import list_tellings, machine_tellings
from ai_ops.playbook.notifying.tellings import Telling
from ai_ops.prediction_logging import assets as logging_assets
from ai_ops.prediction_logging import checks as logging_checks
from ai_ops.prediction_logging import sensors as logging_sensors
from ai_ops.retraining_pipeline import assets as retraining_assets
from ai_ops.retraining_pipeline import checks as retraining_checks
from ai_ops.retraining_pipeline import jobs as retraining_jobs
from ai_ops.retraining_pipeline import sensors as retraining_sensors
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadFeatureFile

# Dagster says so of each job whenever one is resolved; that its release is pinned is the answer.
warnings.filterwarnings("ignore", "Parameter `owners` of", dg.BetaWarning)

ASSETS = (
    logging_assets.assets,
    drift_assets.assets,
    accuracy_assets.assets,
    inference_assets.assets,
    retraining_assets.assets,
    checklist_assets.assets,
)

CHECKS = (
    *logging_checks.CHECKS,
    *drift_checks.CHECKS,
    *accuracy_checks.CHECKS,
    *inference_checks.CHECKS,
    *retraining_checks.CHECKS,
    *checklist_checks.CHECKS,
    *notifying_checks.CHECKS,
)

RESOURCES = {"root": RootResource()}
"""One object for all features: Dagster refuses two of one name."""

EXECUTOR = dg.in_process_executor
"""A process a step would cost seconds; the steps of a run are small and follow each other."""


class AiFeature(dg.Component):
    """An AI feature: its prediction log, drift, accuracy, cost, versions and checklists."""

    def __init__(self, spec: AiFeatureSpec):
        self.spec = spec

    @classmethod
    def get_model_cls(cls) -> type[BaseModel] | None:
        """None: the project's own loader checks the attributes, and names file, line and field."""
        return None

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> "AiFeature":
        """The feature of the YAML that Dagster found; ``BadFeatureFile`` when it is wrong."""
        file = Path(context.path) / FILE_NAME
        spec = load_feature(file)
        if spec.name != file.parent.name:
            raise BadFeatureFile(
                f"{file}: name: {spec.name!r} stands in the folder {file.parent.name!r}; "
                "give both one name"
            )
        return cls(spec)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The feature's assets, checks, jobs, schedules and sensors."""
        return definitions_of(self.spec)


def assets_of(spec: AiFeatureSpec) -> list[dg.AssetsDefinition]:
    """The assets that the feature has: of a model of others none is trained, for example."""
    every = (asset for assets in ASSETS for asset in assets(spec))
    return [asset for asset in every if is_made(asset.key.path[-1], spec)]


def told_besides(root: Root, spec: AiFeatureSpec, as_of: datetime) -> tuple[Telling, ...]:
    """What people are told besides incidents: lines that nobody signed, machinery that is dead."""
    standing, _ = believed_standing(root, spec, as_of)
    unsigned = overdue_of(spec, standing, as_of, known_since=lists_since(root))
    machinery = machinery_of(root, spec, as_of)
    # Over a dead channel nobody can be told that it is.
    dead = [one for one in machinery if one.state == "dead" and one.source != CHANNEL]
    return (*list_tellings(spec, unsigned, as_of), *machine_tellings(spec, dead, as_of))


def definitions_of(spec: AiFeatureSpec) -> dg.Definitions:
    """Everything that Dagster knows about one AI feature."""
    judging = {job.name: job for job in checklist_jobs.jobs(spec)}
    retraining = {job.name: job for job in retraining_jobs.jobs(spec)}
    return dg.Definitions(
        assets=assets_of(spec),
        asset_checks=checks_of(spec, CHECKS),
        jobs=[*judging.values(), *retraining.values(), *playbook_jobs.jobs(spec)],
        schedules=checklist_schedules.schedules(spec),
        sensors=[
            *logging_sensors.sensors(spec, judging[checklist_jobs.daily_job_name(spec)]),
            *checklist_sensors.sensors(spec, CHECKS, list(judging.values())),
            *accuracy_sensors.sensors(spec, judging.get(checklist_jobs.evaluation_job_name(spec))),
            *retraining_sensors.sensors(spec, retraining),
            *playbook_sensors.sensors(spec),
            *notifying_sensors.sensors(spec, told_besides),
        ],
        resources=RESOURCES,
        executor=EXECUTOR,
    )
