"""Versions that are registered here and answer classes or numbers, from one input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.loaded_model import Answered
from ai_ops_tests.accuracy_evaluation.kinds_world import SPECIES, Change, World, built


class Species(torch.nn.Module):
    """The probability of each of three classes, by the signal; ``sign`` -1 has it backwards."""

    def __init__(self, mean: float, std: float, sign: float) -> None:
        super().__init__()
        self.mean, self.std, self.sign = mean, std, sign

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        signal = (rows[:, 0] * self.std + self.mean) * self.sign
        logits = torch.stack([signal, -signal, torch.zeros_like(signal)], dim=1)
        return torch.softmax(1.6 * logits, dim=1)


class Number(Species):
    """300 and forty times the signal."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        signal: torch.Tensor = (rows[:, 0] * self.std + self.mean) * self.sign
        return 300 + 40 * signal


KINDS = {
    "classes": (Species, Answered("classes", SPECIES)),
    "numbers": (Number, Answered("number")),
}


def trained_here(folder: Path, kind: str, change: Change | None = None) -> World:
    """The world of a kind whose versions are here: 1 is the one that answered, 2 is wrong."""
    world = built(folder, kind, change)
    feature = world.feature.model_copy(update={"served_by": "own_model"})
    own = replace(world, feature=feature)
    for sign in (1.0, -1.0):
        register(own, kind, sign)
    return own


def register(world: World, kind: str, sign: float, answered: Answered | None = None) -> str:
    """Register a version of the world's feature; its reference is the first of the rows."""
    module, told = KINDS[kind]
    rows = world.rows.head(2000)
    signal = rows["signal"].tolist()
    encoder = TabularEncoder.fit({"signal": signal}, world.feature.inputs)
    (code,) = encoder.numbers
    made = world.root.registry.register(
        world.feature.name,
        module(code.mean, code.std, sign),  # type: ignore[union-attr]
        encoder,
        encoder.encode({"signal": signal[:4]}),
        metrics={"rows": 1.0},
        params={},
        dataset=rows[["id"]].head(2),
        dataset_digest="0" * 36,
        reference=_reference(rows),
        answered=told if answered is None else answered,
    )
    return made.version


def _reference(rows) -> pa.Table:  # type: ignore[no-untyped-def]
    named = {"signal": "input_signal", "answer": "output_answer", "truth": "label", "at": "time"}
    named |= {f"p_{name}": f"output_p_{name}" for name in SPECIES}
    kept = rows[[name for name in ("id", *named) if name in rows]].rename(columns=named)
    table = pa.Table.from_pandas(kept, preserve_index=False)
    assert np.all([name in table.column_names for name in ("id", "time", "label")])
    return table
