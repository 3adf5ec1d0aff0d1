"""Any registered version on the labelled predictions of a window: on demand."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from ai_ops.accuracy_evaluation.gaps import HEADLINES
from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import (
    coverage_by_day,
    label_cutoff,
)
from ai_ops.accuracy_evaluation.metrics import difference, estimate, measured
from ai_ops.accuracy_evaluation.mlflow_runs import log_evaluation
from ai_ops.accuracy_evaluation.models import JudgedModels
from ai_ops.accuracy_evaluation.range_sums import sums_of
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.accuracy_evaluation.records import Launch
from ai_ops.accuracy_evaluation.version_judgement import (
    EXPIRES_AFTER,
    VersionEvaluation,
    judge_version,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.in_force import gate_in_force
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.verdicts import Observed, Verdict
from ai_ops.vocabulary.windows import Window


def evaluate_version(
    root: Root, feature: AiFeatureSpec, version: str, window: Window, as_of: datetime
) -> tuple[dict[str, Any], Summary]:
    """How a registered version answers the labelled predictions of a window, beside what was
    answered then; any version, whichever served."""
    _refuse_those_of_others(feature)
    registered = root.registry.version(feature.name, version)
    cutoff = label_cutoff(as_of)
    rows = read_rows(root.lake, feature, window, cutoff)
    coverage = coverage_by_day(rows, window, cutoff, feature.ground_truth)
    judged = (
        rows.mature(cutoff, feature.ground_truth.mature_after_hours)
        & rows.labelled(cutoff)
        & rows.usable
        & rows.on({day.day for day in coverage if day.judged})
    )
    days = list(window.days())
    if not judged.any():
        thin = sum(1 for day in coverage if day.mature and not day.judged)
        raise MissingEvidence(
            f"{feature.name}: no labelled prediction from {days[0]} to {days[-1]} to evaluate on "
            f"({sum(day.mature for day in coverage)} are old enough, {thin} days have too few "
            "labels); choose other days"
        )
    models, kind = JudgedModels(root, feature), kind_of(feature)
    sums = sums_of(models.asked(version, rows, judged), judged, kind)
    served = sums_of(rows, judged, kind)
    launch = models.launch(version)
    evaluation = VersionEvaluation(
        feature=feature.name,
        version=version,
        as_of=as_of,
        label_cutoff=cutoff,
        measured=measured(sums, days[0], days[-1]),
        coverage=coverage,
        dataset_digest=rows.digest(judged),
        served=estimate(served),
        difference=difference(sums, served),
        curve=sums.curve(),
        launch=launch if isinstance(launch, Launch) else None,
        no_launch="" if isinstance(launch, Launch) else launch,
        read=list(rows.read),
    )
    run = log_evaluation(root.registry, evaluation, registered.model_id)
    evaluation = replace(evaluation, mlflow_run=run)
    path = root.lake.path(feature.name, "version_evaluation", version, "json")
    data: dict[str, Any] = msgspec.to_builtins(evaluation)
    root.lake.write_json(path, data)
    root.lake.write_json(root.lake.path(feature.name, "version_evaluation", None, "json"), data)
    return data, Summary(_numbers(evaluation), files={"evaluation": path})


def _refuse_those_of_others(feature: AiFeatureSpec) -> None:
    if not feature.trained_here:
        raise BadInput(
            f"{feature.name}: somebody else trains the model (served_by: {feature.served_by}): no "
            "version of it is here to be asked; what it answered is judged by evaluation_run"
        )


def judge_version_evaluation(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """The version that was evaluated last is as good on labelled production predictions as it was
    at launch. An evaluation, and the predictions it was made on, expire after a month."""
    found = []
    for path in root.lake.glob(f"{feature.name}/version_evaluation/*.json"):
        data, evidence = root.lake.read_json(path)
        evaluation = msgspec.convert(data, VersionEvaluation)
        if evaluation.as_of <= as_of:
            found.append((evaluation.as_of, path.endswith("/latest.json"), evaluation, evidence))
    newest = max(found, key=lambda one: one[:2], default=None)
    if newest is None:
        reason = (
            f"no version of {feature.name} was evaluated on labelled predictions: materialise "
            f"version_evaluation, or run `ai-ops evaluate {feature.name}`"
        )
        return Verdict.lacking(reason, "accuracy")
    *_, evaluation, evidence = newest
    last_day = Window.of_day(evaluation.measured.last_day)
    if as_of - last_day.end > EXPIRES_AFTER:
        reason = (
            f"version {evaluation.version} was evaluated last on predictions up to "
            f"{evaluation.measured.last_day}, {(as_of - last_day.end).days} days old: evaluate it "
            "on the latest ones"
        )
        return Verdict.lacking(reason, "accuracy", window=last_day).with_evidence(evidence)
    gate = gate_in_force(root, feature, as_of).gate
    verdict = judge_version(evaluation, gate, feature.ground_truth, as_of)
    return verdict.with_evidence(evidence)


def _numbers(evaluation: VersionEvaluation) -> dict[str, Observed]:
    numbers: dict[str, Observed] = {
        "version": evaluation.version,
        "rows": evaluation.measured.rows,
        "days": evaluation.measured.days,
        "first_day": evaluation.measured.first_day,
        "last_day": evaluation.measured.last_day,
        "dataset_digest": evaluation.dataset_digest,
        "mlflow_run": evaluation.mlflow_run,
    }
    for name, value in evaluation.measured.metrics.items():
        numbers[name] = round(value.value, 4)
        if value.low is not None and value.high is not None:
            numbers[f"{name}_low"] = round(value.low, 4)
            numbers[f"{name}_high"] = round(value.high, 4)
    for name in HEADLINES[evaluation.measured.kind]:
        if name in evaluation.difference:
            numbers[f"{name}_minus_served"] = round(evaluation.difference[name].value, 4)
    return numbers
