"""The trainer of the story's feature, and its rows: what is asked each day, and what came true.

A parcel is late when it is cold; from the day of the shift on, when it is no express parcel.
"""

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.retraining_pipeline.trainer import Trained
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

A_DAY: Final = 160
SHIFTED: Final = date(2021, 3, 22)
"""From this Monday on lateness follows something else."""
ARCHIVE: Final = "archive/parcels.txt"
"""What a retraining needs beside the log; it is there, unless somebody moves it away."""
HALF_LIFE_DAYS: Final = 1.0
"""What is a day older counts half as much: a trainer for a world that changes."""
DAY_US: Final = 86_400 * 10**6
TITLE: Final = "a line through what was asked"


class Line(torch.nn.Module):
    """A logistic model: one weight for each encoded number."""

    def __init__(self, weights: npt.NDArray[np.float64], bias: float) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.tensor(weights[:, None], dtype=torch.float32))
        self.bias = torch.nn.Parameter(torch.tensor(bias, dtype=torch.float32))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(rows @ self.weights + self.bias)


def history(root: Root, feature: AiFeatureSpec, first: date, before: date) -> pa.Table:
    """The days before the log; like the rest of the past, it stands in the archive."""
    if not (root.folder / ARCHIVE).exists():
        raise MissingEvidence(f"{ARCHIVE}: the archive of parcels is not there; mount it again")
    return past(first, before)


def past(first: date, before: date) -> pa.Table:
    """The rows of the days [first, before)."""
    return pa.concat_tables(
        [rows_of(first + timedelta(days=n), "h") for n in range((before - first).days)]
    )


def train(feature: AiFeatureSpec, rows: pa.Table) -> Trained:
    """A line, fitted to the rows that have a label; each is answered as if it had not been seen."""
    known = rows.filter(pc.is_valid(rows["label"]))
    names = [column.name for column in feature.inputs]
    columns = {name: known[f"input_{name}"].to_pylist() for name in names}
    encoder = TabularEncoder.fit(columns, feature.inputs)
    encoded = encoder.encode(columns).astype(float)
    labels = known["label"].to_numpy(zero_copy_only=False).astype(float)
    age = pc.subtract(pc.max(known["time"]), known["time"]).cast(pa.int64()).to_numpy() / DAY_US
    weights, bias = _fitted(encoded, labels, 0.5 ** (age / HALF_LIFE_DAYS))
    module = Line(weights, bias)
    # Five numbers for hundreds of rows: out of fold they would be the same to three digits.
    score = answers(module, encoder, columns)
    reference = known.drop_columns([n for n in ("logged", "known_on") if n in known.column_names])
    reference = reference.append_column("output_probability", pa.array(score))
    reference = reference.append_column("output_late", pa.array(score >= feature.judged.threshold))
    return Trained(
        title=TITLE,
        module=module,
        encoder=encoder,
        example=encoder.encode({name: values[:4] for name, values in columns.items()}),
        reference=reference,
        metrics={"auc": _auc(score, labels), "n": float(len(labels))},
        params={},
    )


def answers(
    module: torch.nn.Module, encoder: TabularEncoder, columns: dict[str, list[object]]
) -> npt.NDArray[np.float64]:
    """What a model answers to rows."""
    with torch.no_grad():
        said = module(torch.from_numpy(encoder.encode(columns)))
    return np.asarray(said.numpy()[:, 0], dtype=float)


def rows_of(day: date, prefix: str = "p") -> pa.Table:
    """What is asked on a day, and what came true; always the same."""
    chance = np.random.default_rng(day.toordinal())
    start = datetime.combine(day, clock_time(), UTC)
    times = [start + timedelta(minutes=9 * n) for n in range(A_DAY)]
    temp, express = chance.normal(10, 8, A_DAY), chance.random(A_DAY) < 0.4
    why = (10 - temp) / 8 if day < SHIFTED else np.where(express, -1.6, 1.2)
    late = chance.random(A_DAY) < 1 / (1 + np.exp(-2.2 * why))
    return pa.table(
        {
            "id": [f"{prefix}-{day}-{n}" for n in range(A_DAY)],
            "time": pa.array(times, pa.timestamp("us", "UTC")),
            "tenant": ["t"] * A_DAY,
            "input_city": chance.choice(["Aue", "Bonn", "Celle"], A_DAY, p=[0.5, 0.3, 0.2]),
            "input_temp": pa.array(temp.round(2), mask=chance.random(A_DAY) < 0.05),
            "input_express": express,
            "label": late,
            "available_at": pa.array(
                [time + timedelta(hours=6) for time in times], pa.timestamp("us", "UTC")
            ),
        }
    )


def _fitted(
    rows: npt.NDArray[np.float64], labels: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float]:
    """The logistic regression of labels on rows that count so much, by Newton's method."""
    whole = np.column_stack([rows, np.ones(len(rows))])
    weights = np.zeros(whole.shape[1])
    for _ in range(12):
        said = 1 / (1 + np.exp(-whole @ weights))
        slope = whole.T @ (counts * (labels - said)) - weights
        curve = (whole * (counts * said * (1 - said))[:, None]).T @ whole + np.eye(len(weights))
        weights = weights + np.linalg.solve(curve, slope)
    return weights[:-1], float(weights[-1])


def _auc(score: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> float:
    above = score[labels == 1][:, None] > score[labels == 0][None, :]
    return float(above.mean())
