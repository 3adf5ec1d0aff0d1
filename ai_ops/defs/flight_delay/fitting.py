"""How a version is fitted: recipe, folds, calibration. The same seed gives the same model."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import expit
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ai_ops.ai_features.parts import InputColumn
from ai_ops.defs.flight_delay.flights import INPUTS
from ai_ops.defs.flight_delay.models import Baseline, Calibrated, Network
from ai_ops.inference_management.encoded_columns import UNSEEN
from ai_ops.inference_management.encoding import TabularEncoder

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
FOLDS = 5
SCHEME = "every fifth whole week"
FORGOTTEN = 0.01
"""Share of the codes that training makes ``UNSEEN``, so that this code too gets a meaning."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a version besides its rows. No hidden layers: the linear baseline."""

    title: str
    hidden: tuple[int, ...]
    members: int
    dropout: float
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int = 0

    def network(self, encoder: TabularEncoder) -> Baseline | Network:
        """A fresh network of this recipe."""
        if not self.hidden:
            return Baseline(encoder)
        return Network(encoder, self.hidden, self.members, self.dropout)


BASELINE = Recipe(
    "logistic baseline",
    hidden=(),
    members=0,
    dropout=0.0,
    epochs=5,
    batch=1024,
    learning_rate=0.01,
    weight_decay=0.001,
)
NETWORK = Recipe(
    "network with embeddings",
    hidden=(128, 64),
    members=2,
    dropout=0.4,
    epochs=6,
    batch=512,
    learning_rate=0.003,
    weight_decay=0.03,
)


@dataclass(frozen=True)
class Trainable:
    """The rows of a training period.

    ``labels`` is [n], false where no label is ``known``; those rows are scored, never learnt from.
    """

    rows: pd.DataFrame
    inputs: Sequence[InputColumn]
    labels: Bools
    known: Bools
    fold: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """A calibrated module with its encoder, and the probability it gives rows it has not seen."""

    encoder: TabularEncoder
    module: nn.Module
    out_of_fold: Floats


def whole_weeks(time: "pd.Series[pd.Timestamp]", folds: int = FOLDS) -> npt.NDArray[np.int64]:
    """A fold for each row: every ``folds``-th Monday week, whole, so that a day is in one of them.

    The weeks of a fold lie scattered over the period: its model has seen the season on both sides,
    and what it answers shows how far a week is from normal, not how far January is from March.

    >>> days = pd.Series(pd.date_range("2021-03-01", periods=28, tz="UTC"))
    >>> [int(fold) for fold in whole_weeks(days, folds=2)[[0, 6, 7, 14]]]
    [0, 0, 1, 0]
    """
    monday = (time - pd.to_timedelta(time.dt.weekday, unit="D")).dt.floor("D")
    weeks = np.unique(monday.to_numpy(), return_inverse=True)[1]
    return (weeks % folds).astype(np.int64)


def fit(recipe: Recipe, data: Trainable) -> Fitted:
    """Fit a recipe on all known rows, calibrated on the logits of folds that were left out."""
    logits = np.zeros(len(data.rows))
    for fold in np.unique(data.fold):
        left_out = data.fold == fold
        _, _, score = train(recipe, data, data.known & ~left_out)
        logits[left_out] = score(left_out)
    probability = np.zeros(len(data.rows))
    for fold in np.unique(data.fold):
        # The calibration of a fold is fitted to the others' logits. Its own labels enter only
        # through the networks behind those: two numbers cannot carry a row's label.
        left_out = data.fold == fold
        seen = data.known & ~left_out
        slope, shift = platt(logits[seen], data.labels[seen])
        probability[left_out] = expit(slope * logits[left_out] + shift)
    encoder, network, _ = train(recipe, data, data.known)
    slope, shift = platt(logits[data.known], data.labels[data.known])
    return Fitted(encoder, Calibrated(network, slope, shift).eval(), probability)


def train(
    recipe: Recipe, data: Trainable, chosen: Bools
) -> tuple[TabularEncoder, nn.Module, Callable[[Bools], Floats]]:
    """An encoder and a network that have seen the chosen rows only, and what scores other rows."""
    encoder = TabularEncoder.fit(columns_of(data.rows[chosen]), data.inputs)
    encoded = torch.from_numpy(encoder.encode(columns_of(data.rows)))
    labels = torch.from_numpy(data.labels.astype(np.float32))
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        network = recipe.network(encoder)
        network.train()
        _descend(recipe, network, encoded, labels, torch.from_numpy(np.flatnonzero(chosen)))
    network.eval()

    def score(where: Bools) -> Floats:
        with torch.no_grad():
            answer: Floats = network(encoded[torch.from_numpy(where)]).numpy().astype(np.float64)
        return answer

    return encoder, network, score


def _descend(
    recipe: Recipe, network: Baseline | Network, encoded: Tensor, labels: Tensor, chosen: Tensor
) -> None:
    steps = recipe.epochs * ceil(len(chosen) / recipe.batch)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,  # one pass over many small tensors
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, steps)
    for batch in _batches(chosen, recipe):
        rows = encoded[batch]
        codes = rows[:, : len(network.sizes)]
        codes[torch.rand(codes.shape) < FORGOTTEN] = UNSEEN
        loss = binary_cross_entropy_with_logits(network(rows), labels[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _batches(chosen: Tensor, recipe: Recipe) -> Iterator[Tensor]:
    for _ in range(recipe.epochs):
        shuffled = chosen[torch.randperm(len(chosen))]
        yield from torch.split(shuffled, recipe.batch)


def columns_of(rows: pd.DataFrame) -> dict[str, Sequence[Any]]:
    """The inputs of a table, as the encoder reads them."""
    return {name: rows[name].to_numpy() for name in INPUTS}  # type: ignore[misc]


def platt(logits: Floats, labels: Bools, steps: int = 50) -> tuple[float, float]:
    """The slope and the shift that make ``sigmoid(slope * logit + shift)`` likeliest, by Newton.

    Platt (1999). Raises ``ArithmeticError`` where there is no such pair: labels that are all
    alike, or that the logits tell apart without a mistake. Logits that already say what happens
    are left as they are:

    >>> logits = np.repeat(np.log([0.25, 1.0, 4.0]), 20)
    >>> labels = np.tile(np.arange(20), 3) < np.repeat([4, 10, 16], 20)
    >>> [abs(round(x, 6)) for x in platt(logits, labels)]
    [1.0, 0.0]
    """
    rate = float(labels.mean())
    if not 0 < rate < 1:
        raise ArithmeticError(f"labels that are all alike ({rate:.0%}) cannot calibrate a score")
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    # From the flat line Newton's steps stay short; from elsewhere they can run away.
    weights = np.array([0.0, np.log(rate / (1 - rate))])
    for _ in range(steps):
        probability = expit(design @ weights)
        gradient = design.T @ (probability - labels)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError as error:
            raise ArithmeticError(f"the scores cannot be calibrated: {error}") from error
        weights = weights - step
        if np.abs(step).max() < 1e-10 * max(1.0, np.abs(weights).max()):
            return float(weights[0]), float(weights[1])
    raise ArithmeticError(f"the calibration did not settle in {steps} steps: {weights}")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch: two that fight over the same cores take many times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
