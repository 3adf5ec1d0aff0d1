"""The model registry: MLflow, as ai_ops uses it.

A version is one folder: the model as ``pt2`` (never a pickle), the encoder that reads its inputs,
and its *reference*, the rows and scores that drift and accuracy are later judged against. The
sha256 of each of them is fixed at registration and checked at every read.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoding import Matrix, TabularEncoder
from ai_ops.storage.loaded_model import SCORE, Answered, LoadedModel
from ai_ops.storage.model_files import (
    ENCODER,
    MODEL,
    REFERENCE,
    checked_content,
    mlflow_module,
    quiet,
    save_version,
)
from ai_ops.storage.model_version import ModelVersion as ModelVersion
from ai_ops.storage.registration import Store
from ai_ops.vocabulary.errors import (
    BadInput,
    MissingEvidence,
    RegistryUnavailable,
    UnknownVersion,
)

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from torch.nn import Module

CHAMPION = "champion"
REHEARSAL = "rehearsal"
"""The alias of the version that answers before the launch, to nobody who relies on it."""
STAGING = "staging"
"""The alias of the version that is tried where no user is."""
CHALLENGER = "challenger"
"""The alias of the version that is asked what the champion was asked, and answers nobody."""

_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class Registry:
    """The versions of every model: ``uri`` is MLflow's store, ``artifacts`` where the files go.

    Importing this module is cheap; MLflow itself is imported by the first call. Every method
    raises ``RegistryUnavailable`` when the store does not answer.
    """

    uri: str
    artifacts: Path

    def register(
        self,
        name: str,
        module: "Module",
        encoder: TabularEncoder,
        example: Matrix,
        *,
        metrics: Mapping[str, float],
        params: Mapping[str, str],
        dataset: "pd.DataFrame",
        dataset_digest: str,
        reference: pa.Table,
        tags: Mapping[str, str] | None = None,
        answered: Answered = SCORE,
    ) -> ModelVersion:
        """Register a module that turns encoded rows [n, width] into what ``answered`` says:
        probabilities [n], those of classes [n, C], or numbers [n].

        ``example`` is two encoded rows or more: an export from one row would fix the size of
        every batch at one. ``dataset`` is what it was trained on; its digest and schema are kept,
        its rows are not. Raises ``BadInput`` for a metric that is not finite: MLflow would keep a
        NaN as zero.
        """
        if unknown := [key for key, value in metrics.items() if not isfinite(value)]:
            raise BadInput(f"{name}: metrics: {', '.join(unknown)}: not a finite number")
        with self._answering(), tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            save_version(folder, module, encoder, example, reference, answered)
            store = Store(self._client, self.uri, self.artifacts)
            facts = {**params, **answered.params}
            version = store.add(name, folder, metrics, facts, dataset, dataset_digest, tags or {})
        return self.version(name, version)

    def adopt(self, other: "Registry", name: str, version: str, own: str) -> ModelVersion:
        """Register under the name ``own`` what another registry holds, file by file as it is."""
        import pandas as pd

        found, folder = other._found(name, version)
        with self._answering():
            store = Store(self._client, self.uri, self.artifacts)
            data, digest = pd.DataFrame({"copied": [version]}), found.dataset_digest
            made = store.add(own, folder, found.metrics, found.params, data, digest, found.tags)
        return self.version(own, made)

    def versions(self, name: str) -> list[ModelVersion]:
        """Every version of a model, oldest first; empty when there is none."""
        if not self._exists():
            return []
        with self._answering():
            found = self._client.search_model_versions(f"name = '{name}'")
            pointing = self._aliases(name) if found else {}
            versions = [self._described(one, pointing) for one in found]
        return sorted(versions, key=lambda version: int(version.version))

    def version(self, name: str, version: str) -> ModelVersion:
        """One version; ``UnknownVersion`` names those that there are."""
        known = self.versions(name)
        for one in known:
            if one.version == version:
                return one
        held = ", ".join(one.version for one in known) or "none"
        raise UnknownVersion(f"{name}: no version {version!r} in the registry (it holds: {held})")

    def champion(self, name: str) -> str | None:
        """The version that serves, or None when no version was made champion yet."""
        return self.alias(name, CHAMPION)

    def serving_version(self, name: str) -> str | None:
        """The champion, or before the launch the version in rehearsal; None when there is none."""
        return self.champion(name) or self.alias(name, REHEARSAL)

    def require_champion(self, name: str) -> str:
        """The version that serves; ``MissingEvidence`` when there is none."""
        version = self.champion(name)
        if version is None:
            raise MissingEvidence(f"{name}: no version has the alias {CHAMPION}; launch one first")
        return version

    def alias(self, name: str, alias: str) -> str | None:
        """The version that an alias points at, or None; a few milliseconds."""
        from_mlflow = mlflow_module().exceptions.MlflowException
        if not self._exists():
            return None
        with self._answering():
            try:
                return str(self._client.get_model_version_by_alias(name, alias).version)
            except from_mlflow as error:
                if error.error_code in _ABSENT:
                    return None
                raise

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version; ``UnknownVersion`` when there is no such version."""
        self.version(name, version)
        with self._answering():
            self._client.set_registered_model_alias(name, alias, version)

    def assign(self, name: str, alias: str, version: str | None) -> None:
        """Point an alias of an environment without users at a version, or (None) remove it.

        ``UnknownVersion`` when there is no such version, ``ValueError`` for the champion's: that
        one moves with ``promote`` only.
        """
        if alias not in (STAGING, CHALLENGER):
            raise ValueError(f"{alias}: not an alias of an environment without users")
        if version is not None:
            self.set_alias(name, alias, version)
        elif self.alias(name, alias) is not None:
            with self._answering():
                self._client.delete_registered_model_alias(name, alias)

    def load(self, name: str, version: str) -> LoadedModel:
        """A version, ready to answer; ``ArtifactChanged`` when its files were tampered with."""
        found, folder = self._found(name, version)
        encoder = checked_content(folder, ENCODER, found.params, f"{name} version {version}")
        checked_content(folder, MODEL, found.params, f"{name} version {version}")
        with self._answering():
            module = mlflow_module().pytorch.load_model(str(folder))
        reads, answered = TabularEncoder.from_json(encoder.decode()), Answered.of(found.params)
        return LoadedModel(name, version, reads, module, answered)

    def inputs(self, name: str, version: str) -> tuple[InputColumn, ...]:
        """The inputs that a version reads; ``ArtifactChanged`` when its encoder was altered."""
        found, folder = self._found(name, version)
        encoder = checked_content(folder, ENCODER, found.params, f"{name} version {version}")
        return TabularEncoder.from_json(encoder.decode()).columns

    def reference(self, name: str, version: str) -> tuple[pa.Table, str]:
        """A version's reference table and the sha256 of its file."""
        found, folder = self._found(name, version)
        content = checked_content(folder, REFERENCE, found.params, f"{name} version {version}")
        return pq.read_table(pa.BufferReader(content)), sha256(content).hexdigest()

    # How MLflow is reached

    @cached_property
    def _client(self) -> "MlflowClient":
        mlflow = mlflow_module()
        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        with quiet():
            client: MlflowClient = mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return client

    def _exists(self) -> bool:
        """Whether there is a store to read; one that has vanished since is an outage, not empty."""
        if not self.uri.startswith("sqlite:///"):
            return True
        if Path(self.uri.removeprefix("sqlite:///")).exists():
            return True
        if "_client" in self.__dict__:
            raise RegistryUnavailable(f"{self.uri}: the registry's file has vanished; restore it")
        return False

    @contextmanager
    def _answering(self) -> Iterator[None]:
        from requests.exceptions import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        failures = (
            mlflow_module().exceptions.MlflowException,
            SQLAlchemyError,
            RequestException,
            OSError,
        )
        try:
            yield
        except failures as error:
            text = f"{self.uri}: the registry does not answer: {error}"
            raise RegistryUnavailable(
                re.sub(r"://[^/@\s]*@", "://…@", text)
            ) from error  # passwords

    def _found(self, name: str, version: str) -> tuple[ModelVersion, Path]:
        found = self.version(name, version)
        if found.folder is not None:
            return found, found.folder
        with self._answering():
            fetched = mlflow_module().artifacts.download_artifacts(
                artifact_uri=found.location, tracking_uri=self.uri
            )
        return found, Path(fetched)

    def _aliases(self, name: str) -> dict[str, list[str]]:
        pointing: dict[str, list[str]] = {}
        for alias, version in self._client.get_registered_model(name).aliases.items():
            pointing.setdefault(str(version), []).append(alias)
        return pointing

    def _described(self, found: Any, pointing: Mapping[str, list[str]]) -> ModelVersion:
        # The registry's entry has neither metrics nor model id: its source names the logged model.
        model = self._client.get_logged_model(str(found.source).removeprefix("models:/"))
        return ModelVersion(
            name=found.name,
            version=str(found.version),
            created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
            metrics={metric.key: metric.value for metric in model.metrics or ()},
            dataset_digest=model.params.get("dataset_digest", ""),
            aliases=tuple(sorted(pointing.get(str(found.version), ()))),
            model_id=model.model_id,
            run_id=found.run_id,
            size_bytes=int(model.params.get("size_bytes", 0)),
            tags=dict(found.tags),
            params=dict(model.params),
            location=model.artifact_location,
        )
