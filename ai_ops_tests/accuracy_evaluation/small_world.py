"""A small feature with known truth: a carrier, an origin, and a temperature that is missing at
times. What is logged is what the registered module answers, and the labels come true by it; a fault
is planted in the rows before they are written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from ai_ops.accuracy_evaluation.evaluation import compute_evaluation_run
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import InputColumn, Monitoring
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops_tests.accuracy_evaluation.world import (
    FLIGHT_DELAY,
    Logistic,
    daily,
    open_root,
    write_labels,
    write_log,
)

BEGIN: Final = date(2021, 3, 1)
"""The first day that is logged; before it lie the days of the reference."""
REFERENCE_DAYS: Final = 40
DAYS: Final = 28
A_DAY: Final = 500
CARRIERS: Final = {"AA": 0.30, "B6": 0.25, "DL": 0.20, "EV": 0.08, "UA": 0.17}
WEIGHTS: Final = (0.0, 0.2, -0.1, 0.1, 0.3, -0.3, 0.0, 0.1, -0.1, 0.0, 1.3, -0.2)

Change = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class SmallWorld:
    """A root with a registered version 1, its log and its labels; all rows that were logged."""

    root: Root
    feature: AiFeatureSpec
    rows: pd.DataFrame
    labelled: bool = False

    @property
    def moments(self) -> list[Moment]:
        """Every logged day as the schedule judges it."""
        return daily(day_of(0), day_of(DAYS - 1))

    def planted(
        self,
        change: Change | None = None,
        *,
        served: TabularEncoder | None = None,
        relabelled: bool = False,
    ) -> "SmallWorld":
        """The same root with ``change`` planted in what was logged, and the last day evaluated.

        ``served`` is how the server read its inputs, where that is not how the registered version
        does; ``relabelled`` when the change is one of the labels too.
        """
        _, rows = small_rows()
        rows = rows.assign(score=scores_of(encoder_of() if served is None else served, rows))
        rows = rows if change is None else change(rows.copy())
        write_log(self.root, self.feature, rows, rows["score"], with_inputs=True)
        if relabelled or not self.labelled:
            write_labels(self.root, rows)
            compute_ground_truth(self.root, self.feature, self.moments)
        compute_evaluation_run(self.root, self.feature, self.moments[-1:])
        return replace(self, rows=rows, labelled=True)


def day_of(number: int) -> str:
    """A logged day, from 0 on."""
    return (BEGIN + timedelta(days=number)).isoformat()


@cache
def small_feature() -> AiFeatureSpec:
    """The feature: that of the flights, with three inputs."""
    inputs = (
        InputColumn(name="carrier", type="category"),
        InputColumn(name="origin", type="category"),
        InputColumn(name="temp", type="number", nullable=True),
    )
    monitoring = Monitoring(start=BEGIN)
    return load_feature(FLIGHT_DELAY).model_copy(
        update={"inputs": inputs, "monitoring": monitoring, "baseline_version": None}
    )


def small_world(folder: Path) -> SmallWorld:
    """The world with its registered version, before anything was logged."""
    root, feature = open_root(folder), small_feature()
    root.begin_replay(daily(day_of(DAYS - 1), day_of(DAYS - 1))[0].as_of)
    reference, rows = small_rows()
    _register(root, feature, encoder_of(), reference)
    return SmallWorld(root, feature, rows)


@cache
def encoder_of() -> TabularEncoder:
    """The encoder of the registered version."""
    reference, _ = small_rows()
    return TabularEncoder.fit(_columns(reference), small_feature().inputs)


def scores_of(encoder: TabularEncoder, rows: pd.DataFrame) -> np.ndarray:
    """What the module answers to rows, read by an encoder."""
    with torch.inference_mode():
        found: np.ndarray = _module()(torch.from_numpy(encoder.encode(_columns(rows)))).numpy()
    return found.astype(float)


@cache
def small_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of the reference, and those that are logged."""
    random = np.random.default_rng(7)
    count = (REFERENCE_DAYS + DAYS) * A_DAY
    seconds = np.sort(random.integers(0, 11 * 3600, (REFERENCE_DAYS + DAYS, A_DAY)), axis=1)
    start = pd.Timestamp(BEGIN, tz="UTC") - pd.Timedelta(days=REFERENCE_DAYS)
    days = np.arange(REFERENCE_DAYS + DAYS)[:, None] * 86_400
    time = start + pd.to_timedelta((days + seconds).ravel(), unit="s")
    temp = random.normal(size=count)
    rows = pd.DataFrame(
        {
            "id": [f"small-{number:05d}" for number in range(count)],
            "time": time.astype("datetime64[us, UTC]"),
            "carrier": random.choice(list(CARRIERS), count, p=list(CARRIERS.values())),
            "origin": random.choice(["EWR", "JFK", "LGA"], count),
            "temp": np.where(random.random(count) < 0.2, np.nan, temp),
            "tenant": "all",
            "available_at": (time + pd.Timedelta(hours=12)).astype("datetime64[us, UTC]"),
        }
    )
    past = rows["time"] < pd.Timestamp(BEGIN, tz="UTC")
    encoder = TabularEncoder.fit(_columns(rows[past]), small_feature().inputs)
    rows["score"] = scores_of(encoder, rows)
    rows["late"] = random.random(count) < rows["score"]
    return rows[past].reset_index(drop=True), rows[~past].reset_index(drop=True)


def _module() -> Logistic:
    return Logistic((6, 4), np.array(WEIGHTS), -1.2)


def _columns(rows: pd.DataFrame) -> dict[str, list[object]]:
    return {name: rows[name].tolist() for name in ("carrier", "origin", "temp")}


def _register(
    root: Root, feature: AiFeatureSpec, encoder: TabularEncoder, reference: pd.DataFrame
) -> None:
    columns = {f"input_{name}": reference[name] for name in ("carrier", "origin", "temp")}
    columns |= {"id": reference["id"], "time": reference["time"], "label": reference["late"]}
    columns |= {
        "output_probability": reference["score"],
        "output_late": reference["score"] >= feature.judged.threshold,
    }
    made = root.registry.register(
        feature.name,
        _module(),
        encoder,
        encoder.encode(_columns(reference.head(4))),
        metrics={"rows": float(len(reference))},
        params={},
        dataset=reference[["id"]].head(4),
        dataset_digest="0" * 36,
        reference=pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False),
    )
    root.registry.set_alias(feature.name, "champion", made.version)
