"""An evaluation as a run in MLflow: its metrics, the model, and the digest of what it was on."""

from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation
from ai_ops.storage.model_files import mlflow_module
from ai_ops.storage.registry import Registry
from ai_ops.vocabulary.errors import RegistryUnavailable


def log_evaluation(registry: Registry, evaluation: VersionEvaluation, model_id: str) -> str:
    """Log an evaluation of a registered model; returns the run's id.

    The metrics belong to the run, not to the model: those of the model are its launch's, and an
    evaluation must not take their place. Raises ``RegistryUnavailable``.
    """
    mlflow = mlflow_module()
    from mlflow.entities import Dataset, DatasetInput, LoggedModelInput

    rows = evaluation.measured
    name = f"{evaluation.feature} {rows.first_day} to {rows.last_day}"
    dataset = Dataset(name, evaluation.dataset_digest[:36], "lake", evaluation.feature)
    client = mlflow.MlflowClient(tracking_uri=registry.uri, registry_uri=registry.uri)
    try:
        experiment = client.get_experiment_by_name(evaluation.feature)
        if experiment is None:
            raise RegistryUnavailable(f"MLflow has no experiment {evaluation.feature}")
        run = client.create_run(
            experiment.experiment_id,
            run_name=f"evaluation of version {evaluation.version}",
            tags={
                "ai_ops.version": evaluation.version,
                "ai_ops.first_day": rows.first_day,
                "ai_ops.last_day": rows.last_day,
                "ai_ops.as_of": evaluation.as_of.isoformat(),
                "ai_ops.rows": str(rows.rows),
                "ai_ops.dataset_sha256": evaluation.dataset_digest,
            },
        ).info.run_id
        client.log_inputs(
            run, datasets=[DatasetInput(dataset)], models=[LoggedModelInput(model_id)]
        )
        for key, estimate in rows.metrics.items():
            client.log_metric(run, key, estimate.value)
        client.set_terminated(run)
    except mlflow.exceptions.MlflowException as error:
        raise RegistryUnavailable(f"the evaluation could not be logged: {error}") from error
    return str(run)
