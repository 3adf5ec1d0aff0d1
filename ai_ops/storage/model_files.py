"""The files of a registered version: how they are written, and how each is checked when read."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ai_ops.inference_management.encoding import Matrix, TabularEncoder
from ai_ops.storage.loaded_model import SCORE, Answered
from ai_ops.vocabulary.errors import ArtifactChanged, BadInput, MissingEvidence

if TYPE_CHECKING:
    from torch.nn import Module

MODEL = "data/model.pt2"
ENCODER = "extra_files/encoder.json"
REFERENCE = "extra_files/reference.parquet"
FILES = {"sha256.model": MODEL, "sha256.encoder": ENCODER, "sha256.reference": REFERENCE}
"""Parameter of the logged model (which MLflow never lets change) → the file it fixes."""


def mlflow_module() -> Any:
    """MLflow with its PyTorch flavour: no pickles, no telemetry, no progress bars."""
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    # A poll must hear of an outage in seconds: MLflow's own defaults retry for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    with quiet():
        import mlflow
        import mlflow.pytorch

    for chatty in map(logging.getLogger, ("mlflow", "alembic")):
        # Setting a level costs milliseconds: every logger forgets what it is enabled for.
        if chatty.level != logging.WARNING:
            chatty.setLevel(logging.WARNING)
    return mlflow


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that MLflow causes in itself: nobody here can mend them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="mlflow")
        yield


def save_version(
    folder: Path,
    module: "Module",
    encoder: TabularEncoder,
    example: Matrix,
    reference: pa.Table,
    answered: Answered = SCORE,
) -> None:
    """Write a version's files, the model as ``pt2`` with its signature.

    ``example`` is two encoded rows or more: an export from one row fixes every batch at one.
    """
    if len(example) < 2 or example.shape[1] != encoder.width:
        raise BadInput(f"example: two rows or more of width {encoder.width}, not {example.shape}")
    import torch

    mlflow = mlflow_module()
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    with torch.no_grad():
        answer = module.eval()(torch.from_numpy(example))
    answered.checked(answer.numpy(), "the module to register")
    shape = (-1, *answer.shape[1:])
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, encoder.width))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), shape)]),
    )
    beside = folder.parent
    (beside / "encoder.json").write_text(encoder.to_json(), encoding="utf-8")
    pq.write_table(reference, beside / "reference.parquet", compression="zstd")
    with quiet():
        mlflow.pytorch.save_model(
            module,
            str(folder),
            signature=signature,
            input_example=example,
            extra_files=[str(beside / "encoder.json"), str(beside / "reference.parquet")],
            pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}"],
            serialization_format="pt2",
        )


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file, by the name under which it is kept."""
    return {key: sha256((folder / file).read_bytes()).hexdigest() for key, file in FILES.items()}


def checked_content(folder: Path, file: str, params: Mapping[str, str], what: str) -> bytes:
    """A file's bytes, as they were registered.

    Raises ``MissingEvidence`` when the file is gone and ``ArtifactChanged`` when it is not what
    was registered; ``BadInput`` when the version was not registered by ai_ops.
    """
    key = next(key for key, name in FILES.items() if name == file)
    if key not in params:
        raise BadInput(f"{what}: registered without its {file}; register it with ai_ops")
    try:
        content = (folder / file).read_bytes()
    except FileNotFoundError:
        raise MissingEvidence(f"{what}: {folder / file} is gone; restore it") from None
    if sha256(content).hexdigest() != params[key]:
        raise ArtifactChanged(f"{what}: {folder / file} is not the file that was registered")
    return content
