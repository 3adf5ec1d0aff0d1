"""A small installation on real flights: a fitted model in a real registry, its log, its labels.

The model is a logistic regression over the encoder's columns, fitted on the flights before a day
and registered with its out-of-fold scores as reference, as the project does it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from filelock import FileLock
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

import ai_ops.defs.flight_delay as flight_delay
from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.defs.flight_delay.flights import load_flights
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

FOLDS = 3
SCHEDULE = timedelta(hours=6)
"""How long after the end of its day a daily partition is judged."""

FLIGHT_DELAY = Path(flight_delay.__file__).with_name("defs.yaml")

Change = Callable[[pd.DataFrame], pd.DataFrame]


class Logistic(torch.nn.Module):
    """Encoded rows [n, width] → probability [n], one weight a category and a number."""

    def __init__(self, sizes: tuple[int, ...], weights: np.ndarray, bias: float) -> None:
        super().__init__()
        self.sizes = sizes
        self.categories = torch.nn.ParameterList()
        start = 0
        for size in sizes:
            self.categories.append(_fixed(weights[start : start + size]))
            start += size
        self.numbers = _fixed(weights[start:])
        self.bias = bias

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        codes = rows[:, : len(self.sizes)].long()
        logit = rows[:, len(self.sizes) :] @ self.numbers + self.bias
        for place, weight in enumerate(self.categories):
            logit = logit + weight[codes[:, place]]
        return torch.sigmoid(logit)


@dataclass(frozen=True)
class Fitted:
    """A model of the flights before ``until``: all scores, and the reference's out-of-fold ones."""

    encoder: TabularEncoder
    module: Logistic
    scores: pd.Series
    reference: pd.DataFrame


def real_flights(cache: Path) -> pd.DataFrame:
    """All flights, built once and kept in a folder that the tests share."""
    with FileLock(cache / "flights.lock"):
        return load_flights(cache / "flights")


def fit(flights: pd.DataFrame, feature: AiFeatureSpec, until: str) -> Fitted:
    """The logistic model of the flights before a day."""
    end = pd.Timestamp(until, tz="UTC")
    past = flights[(flights["time"] < end) & (flights["available_at"] < end)]
    encoder = TabularEncoder.fit(_columns(past, feature), feature.inputs)
    matrix, label = _one_hot(encoder, past, feature), past["late"].to_numpy(bool)
    week = ((past["time"] - past["time"].min()).dt.days // 7).to_numpy() % FOLDS
    out_of_fold = np.empty(len(past))
    for fold in range(FOLDS):
        model = _regression().fit(matrix[week != fold], label[week != fold])
        out_of_fold[week == fold] = model.predict_proba(matrix[week == fold])[:, 1]
    model = _regression().fit(matrix, label)
    rest = flights[flights["time"] >= end - pd.Timedelta(days=28)]
    scores = model.predict_proba(_one_hot(encoder, rest, feature))[:, 1]
    module = Logistic(encoder.category_sizes, model.coef_[0], float(model.intercept_[0]))
    reference = past.assign(probability=out_of_fold)
    return Fitted(encoder, module, pd.Series(scores, index=rest.index), reference)


def register(
    root: Root, feature: AiFeatureSpec, fitted: Fitted, *, dataset_digest: str = "0" * 36
) -> str:
    """Register a fitted model with its reference; returns its version."""
    rows, judged = fitted.reference, feature.judged
    columns = {
        "id": rows["id"],
        "time": rows["time"],
        **{f"input_{c.name}": rows[c.name] for c in feature.inputs},
        f"output_{judged.score}": rows["probability"],
        f"output_{judged.decision}": rows["probability"] >= judged.threshold,
        "label": rows["late"].astype(bool),
    }
    reference = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    example = fitted.encoder.encode(_columns(rows.head(4), feature))
    made = root.registry.register(
        feature.name,
        fitted.module,
        fitted.encoder,
        example,
        metrics={"rows": float(len(rows))},
        params={},
        dataset=rows[["id"]].head(10),
        dataset_digest=dataset_digest,
        reference=reference,
    )
    return made.version


def write_log(
    root: Root,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    scores: pd.Series,
    *,
    version: str = "1",
    with_inputs: bool = False,
) -> None:
    """The prediction log of these flights, one file a day, as compaction writes it."""
    judged = feature.judged
    score = scores.loc[flights.index]
    columns = {
        "id": flights["id"],
        "time": flights["time"],
        "model_version": version,
        "status": "ok",
        f"output_{judged.score}": score,
        f"output_{judged.decision}": score >= judged.threshold,
    }
    if with_inputs:
        columns |= {f"input_{c.name}": flights[c.name] for c in feature.inputs}
        columns["tenant"] = flights["tenant"]
    rows = pd.DataFrame(columns)
    for day, part in rows.groupby(flights["time"].dt.strftime("%Y-%m-%d")):
        table = pa.Table.from_pandas(part, preserve_index=False)
        root.lake.write_table(root.lake.path(feature.name, "prediction_log", str(day)), table)


def write_labels(root: Root, flights: pd.DataFrame, change: Change | None = None) -> None:
    """The table of labels of these flights, ``change`` planted in it."""
    known = flights[flights["available_at"].notna()]
    labels = pd.DataFrame(
        {
            "id": known["id"],
            "label": known["late"].astype(bool),
            "available_at": known["available_at"],
        }
    )
    if change is not None:
        labels = change(labels)
    folder = root.folder / "sources" / "flight_delay" / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    labels.sort_values("available_at").to_parquet(folder / "labels.parquet", index=False)


def at_schedule(day: str) -> Moment:
    """A day as the schedule judges it, six hours after its end."""
    window = Window.of_day(day)
    return Moment(day, window, window.end + SCHEDULE)


def daily(first: str, last: str) -> list[Moment]:
    """The days from first to last, each as the schedule judges it."""
    span = Window(Window.of_day(first).start, Window.of_day(last).end)
    return [at_schedule(day) for day in span.days()]


def evaluate_days(root: Root, feature: AiFeatureSpec, first: str, last: str) -> list[Moment]:
    """Ground truth and evaluation runs of the days from first to last, as one range."""
    moments = daily(first, last)
    compute_ground_truth(root, feature, moments)
    compute_evaluation_run(root, feature, moments)
    return moments


def between(flights: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    """The flights predicted from first to last, both days included."""
    start, end = Window.of_day(first).start, Window.of_day(last).end
    return flights[(flights["time"] >= start) & (flights["time"] < end)]


def open_root(folder: Path) -> Root:
    """A fresh root without anything of the environment."""
    return Root.open(folder, environment={})


def _columns(rows: pd.DataFrame, feature: AiFeatureSpec) -> dict[str, list[object]]:
    return {
        c.name: rows[c.name].tolist() if c.type == "category" else rows[c.name].to_numpy(float)
        for c in feature.inputs
    }


def _one_hot(encoder: TabularEncoder, rows: pd.DataFrame, feature: AiFeatureSpec) -> csr_matrix:
    encoded = encoder.encode(_columns(rows, feature))
    count, sizes = len(encoded), encoder.category_sizes
    parts = [
        csr_matrix(
            (np.ones(count), (np.arange(count), encoded[:, place].astype(int))), (count, size)
        )
        for place, size in enumerate(sizes)
    ]
    return hstack([*parts, csr_matrix(encoded[:, len(sizes) :].astype(float))]).tocsr()


def _regression() -> LogisticRegression:
    return LogisticRegression(max_iter=400, tol=1e-3)


def _fixed(weights: np.ndarray) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(weights, dtype=torch.float32), requires_grad=False)
