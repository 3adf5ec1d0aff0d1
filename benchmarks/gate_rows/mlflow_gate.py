"""MLflow's own gate on the rows of a comparison, and its arithmetic without MLflow, for speed."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import mlflow
import pandas as pd
from mlflow.models import MetricThreshold, make_metric
from mlflow.models.evaluation.validation import ModelValidationFailedException
from sklearn.metrics import roc_auc_score

from gate_rows.worlds import Floats, Rows

CHANGES = {"mlflow": 0.003, "mlflow_stern": 0.01}
"""By how much the candidate's AUC must be above the champion's on the same rows: by what our gate
asks for, and by a whole point."""

INHERITED = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")
"""What MLflow writes into the environment, for every process and root that is opened later."""

LAUNCH = "mlflow_floor"
"""The gate that only knows a floor: the AUC that the champion had at its launch."""


def passes(candidate: float, champion: float, launch: float) -> dict[str, bool]:
    """What MLflow's gates say of two AUCs."""
    changed = {name: candidate >= champion + least for name, least in CHANGES.items()}
    return {**changed, LAUNCH: candidate >= launch}


@contextmanager
def tracked(folder: Path) -> Iterator[None]:
    """A tracking store of its own, and none of MLflow's advice on standard error."""
    before, told = mlflow.get_tracking_uri(), logging.getLogger("mlflow").level
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.set_experiment("gate")
            yield
    finally:
        mlflow.set_tracking_uri(before)
        for name in INHERITED:
            os.environ.pop(name, None)
        os.environ.update(inherited)
        logging.getLogger("mlflow").setLevel(told)


def asked(rows: Rows, launch: float) -> tuple[dict[str, bool], tuple[float, float]]:
    """The same from MLflow itself, and the AUCs that it found for candidate and champion."""
    with mlflow.start_run():
        candidate, champion = (_evaluated(rows, s) for s in (rows.candidate, rows.champion))
    thresholds = {
        name: MetricThreshold(min_absolute_change=least, greater_is_better=True)
        for name, least in CHANGES.items()
    }
    thresholds[LAUNCH] = MetricThreshold(threshold=launch, greater_is_better=True)
    said = {}
    for name, threshold in thresholds.items():
        try:
            mlflow.validate_evaluation_results({"auc": threshold}, candidate, champion)
            said[name] = True
        except ModelValidationFailedException:
            said[name] = False
    return said, (candidate.metrics["auc"], champion.metrics["auc"])


def _evaluated(rows: Rows, score: Floats) -> Any:
    auc = make_metric(eval_fn=_auc, greater_is_better=True, name="auc")
    data = pd.DataFrame({"label": rows.label.astype(float), "score": score})
    return mlflow.models.evaluate(
        data=data, targets="label", predictions="score", extra_metrics=[auc]
    )


def _auc(predictions: Any, targets: Any, metrics: Any) -> float:
    return float(roc_auc_score(targets, predictions))
