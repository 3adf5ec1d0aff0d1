"""A registered version in memory, ready to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.vocabulary.errors import AiOpsError


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One version: its encoder, and the module that turns encoded rows into probabilities."""

    name: str
    version: str
    encoder: TabularEncoder
    module: Callable[..., Any]

    def scores(
        self, rows: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]
    ) -> npt.NDArray[np.float64]:
        """A probability for each row, given as columns (many rows) or as mappings (a few) → [n].

        Raises ``BadInput`` for what the encoder refuses, ``AiOpsError`` when the model's answer is
        no probability.
        """
        import torch

        encode = self.encoder.encode if isinstance(rows, Mapping) else self.encoder.encode_rows
        with torch.inference_mode():
            answer = self.module(torch.from_numpy(encode(rows)))  # type: ignore[arg-type]
        scores: npt.NDArray[np.float64] = answer.numpy().reshape(-1).astype(np.float64)
        if not ((scores >= 0) & (scores <= 1)).all():  # NaN fails this too
            raise AiOpsError(f"{self.name} version {self.version}: its answer is no probability")
        return scores
