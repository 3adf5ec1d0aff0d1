"""An evaluation as a run in MLflow: its metrics, the models, and the digest of what it was on."""

from collections.abc import Mapping, Sequence
from time import time

from ai_ops.accuracy_evaluation.set_records import EvaluationSet
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation
from ai_ops.storage.model_files import mlflow_module
from ai_ops.storage.registry import Registry
from ai_ops.vocabulary.errors import RegistryUnavailable, UnknownVersion


def log_evaluation(registry: Registry, evaluation: VersionEvaluation, model_id: str) -> str:
    """Log an evaluation of a registered model; returns the run's id."""
    rows = evaluation.measured
    return log_run(
        registry,
        evaluation.feature,
        f"evaluation of version {evaluation.version}",
        dataset=(f"{evaluation.feature} {rows.first_day} to {rows.last_day}"),
        digest=evaluation.dataset_digest,
        models=[model_id],
        metrics={name: estimate.value for name, estimate in rows.metrics.items()},
        tags={
            "version": evaluation.version,
            "first_day": rows.first_day,
            "last_day": rows.last_day,
            "as_of": evaluation.as_of.isoformat(),
            "rows": str(rows.rows),
        },
    )


def log_set(registry: Registry, found: EvaluationSet) -> str:
    """Log how the version in production does on a version of a month's labelled set; returns the
    run's id, or why there is none: the set is kept whether MLflow answers or not."""
    live = found.live
    if live is None or not live.measured.rows:
        return "none: nothing was measured"
    try:
        model = registry.version(found.feature, live.version).model_id
        return log_run(
            registry,
            found.feature,
            f"version {live.version} on the labelled set of {found.month}, version {found.version}",
            dataset=f"{found.feature} labelled set {found.month} v{found.version}",
            digest=found.digest,
            models=[model],
            metrics={name: estimate.value for name, estimate in live.measured.metrics.items()},
            tags={
                "version": live.version,
                "month": found.month,
                "set_version": str(found.version),
                "as_of": found.as_of.isoformat(),
                "rows": str(live.measured.rows),
            },
        )
    except (RegistryUnavailable, UnknownVersion) as error:
        return f"none: {error}"


def log_run(
    registry: Registry,
    feature: str,
    name: str,
    *,
    dataset: str,
    digest: str,
    models: Sequence[str],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> str:
    """Log a run of a feature's experiment: the models it asked, on the dataset of that sha256.

    The metrics belong to the run, not to the model: those of the model are its launch's, and an
    evaluation must not take their place. Returns the run's id; raises ``RegistryUnavailable``.
    """
    mlflow = mlflow_module()
    from mlflow.entities import Dataset, DatasetInput, LoggedModelInput, Metric

    client = mlflow.MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    try:
        experiment = client.get_experiment_by_name(feature)
        if experiment is None:
            raise RegistryUnavailable(f"MLflow has no experiment {feature}")
        told = {f"ai_ops.{tag}": value for tag, value in tags.items()}
        run = client.create_run(
            experiment.experiment_id,
            run_name=name,
            tags={**told, "ai_ops.dataset_sha256": digest},
        ).info.run_id
        client.log_inputs(
            run,
            datasets=[DatasetInput(Dataset(dataset, digest[:36], "lake", feature))],
            models=[LoggedModelInput(model) for model in models],
        )
        now = int(time() * 1000)
        client.log_batch(run, [Metric(key, value, now, 0) for key, value in metrics.items()])
        client.set_terminated(run)
    except mlflow.exceptions.MlflowException as error:
        raise RegistryUnavailable(f"the evaluation could not be logged: {error}") from error
    return str(run)
