"""How a version's files, metrics and data become an entry of MLflow's registry."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ai_ops.storage.model_files import MODEL, digests, mlflow_module

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, LoggedModel

_ROWS_LOOKED_AT: Final = 1000


@dataclass(frozen=True)
class Store:
    """MLflow's store, written to: one run and one logged model for every version."""

    client: "MlflowClient"
    uri: str
    artifacts: Path

    def add(
        self,
        name: str,
        folder: Path,
        metrics: Mapping[str, float],
        params: Mapping[str, str],
        dataset: "pd.DataFrame",
        dataset_digest: str,
        tags: Mapping[str, str],
    ) -> str:
        """Register the files that ``save_version`` wrote; returns the number of the version."""
        experiment = self._experiment(name)
        run = self.client.create_run(experiment, run_name=name).info.run_id
        # Parameters of a logged model never change, tags do: the digests are parameters.
        facts = {
            **params,
            **digests(folder),
            "dataset_digest": dataset_digest,
            "size_bytes": str((folder / MODEL).stat().st_size),
        }
        model = self.client.create_logged_model(
            experiment, name=name, source_run_id=run, params=facts
        )
        self.client.log_model_artifacts(model.model_id, str(folder))
        self._log(run, model, metrics, dataset, dataset_digest)
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.set_terminated(run)
        return self._create_version(name, run, model, tags)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # A tracking server knows itself where its artifacts go; a bare database does not.
        own = None if self.uri.startswith("http") else (self.artifacts / name).absolute().as_uri()
        return str(self.client.create_experiment(name, artifact_location=own))

    def _log(
        self,
        run: str,
        model: "LoggedModel",
        metrics: Mapping[str, float],
        dataset: "pd.DataFrame",
        digest: str,
    ) -> None:
        from mlflow.entities import DatasetInput, LoggedModelInput

        for key, value in metrics.items():
            self.client.log_metric(
                run,
                key,
                value,
                model_id=model.model_id,
                dataset_name=model.name,
                dataset_digest=digest,
            )
        entity = _described(dataset, model.name, digest)
        self.client.log_inputs(
            run, datasets=[DatasetInput(entity)], models=[LoggedModelInput(model.model_id)]
        )

    def _create_version(
        self, name: str, run: str, model: "LoggedModel", tags: Mapping[str, str]
    ) -> str:
        mlflow = mlflow_module()
        try:
            self.client.create_registered_model(name)
        except mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        with _process_tracks(self.uri):
            made = self.client.create_model_version(
                name, source=f"models:/{model.model_id}", run_id=run, tags=dict(tags)
            )
        return str(made.version)


def _described(dataset: "pd.DataFrame", name: str, digest: str) -> "Dataset":
    """MLflow's words for a table: its columns from the first rows, its size from all of them.

    MLflow looks at every single value to name a column's type, seconds for a training table.
    """
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import Dataset

    known = from_pandas(dataset.head(_ROWS_LOOKED_AT), name=name, digest=digest)._to_mlflow_entity()
    size = {"num_rows": len(dataset), "num_elements": int(dataset.size)}
    return Dataset(
        known.name, known.digest, known.source_type, known.source, known.schema, json.dumps(size)
    )


@contextmanager
def _process_tracks(uri: str) -> Iterator[None]:
    """MLflow's own tracking URI for this process, for one call.

    Its SQL store resolves `models:/m-…` through that one, whatever the client was given (3.17);
    remove this when it uses its own. Setting it also sets an environment variable, which must not
    stay: a server that is started later would read its registry from there.
    """
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    variable = "MLFLOW_TRACKING_URI"
    before = os.environ.get(variable)
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        if before is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = before
