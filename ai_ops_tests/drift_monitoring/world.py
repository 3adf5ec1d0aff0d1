"""A small installation on real flights: a version's reference, and the log of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.defs import flight_delay
from ai_ops.defs.flight_delay.fitting import BASELINE, NETWORK, fit
from ai_ops.defs.flight_delay.flights import load_flights
from ai_ops.defs.flight_delay.training import training_data
from ai_ops.drift_monitoring.profiling import compute_reference_profile
from ai_ops.drift_monitoring.reference import Reference
from ai_ops.drift_monitoring.reference_making import profile_reference
from ai_ops.storage.root import Root
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.drift_monitoring.installation import (
    VERSION,
    Change,
    Installation,
    Registered,
    days,
)
from ai_ops_tests.made_once import made_once

__all__ = ["VERSION", "Change", "Installation", "Registered", "days"]

RECIPES: Final = {"logistic": BASELINE, "network": NETWORK}


@dataclass(frozen=True)
class Scored:
    """A version's reference table, and the flights after its training with its scores."""

    reference: pa.Table
    later: pd.DataFrame


@cache
def spec() -> AiFeatureSpec:
    return load_feature(Path(flight_delay.__file__).with_name("defs.yaml"))


@cache
def flights() -> pd.DataFrame:
    def built() -> pd.DataFrame:
        with TemporaryDirectory() as folder:
            return load_flights(Path(folder))

    return made_once("flights", built)


@cache
def scored(recipe: str) -> Scored:
    """The flights as a version of that recipe scored them: out of fold before, then live."""
    feature, rows = spec(), flights()
    past = rows["time"] < pd.Timestamp(feature.monitoring.start, tz="UTC")
    trained, later = rows[past].reset_index(drop=True), rows[~past].reset_index(drop=True)
    data, _ = training_data(rows, feature)
    model = made_once(f"fitted_{recipe}", lambda: fit(RECIPES[recipe], data))
    names = [column.name for column in feature.inputs]
    with torch.no_grad():
        encoded = torch.from_numpy(
            model.encoder.encode({name: later[name].tolist() for name in names})
        )
        live = model.module(encoded).numpy().ravel().astype(np.float64)
    reference = pa.Table.from_pandas(_answered(trained, model.out_of_fold), preserve_index=False)
    return Scored(reference, _answered(later, live))


@cache
def reference_of(recipe: str) -> Reference:
    return profile_reference(spec(), VERSION, "digest", scored(recipe).reference)[0]


@cache
def reference_files() -> dict[str, bytes]:
    """What ``compute_reference_profile`` writes for the logistic version, by path in the lake."""
    with TemporaryDirectory() as folder:
        root = Root.open(folder, environment={})
        vars(root)["registry"] = Registered(scored("logistic").reference)
        start = Window.of_day(spec().monitoring.start).start
        compute_reference_profile(root, spec(), start)
        lake = Path(root.lake.url)
        files = [path for path in lake.rglob("*") if path.is_file()]
        return {path.relative_to(lake).as_posix(): path.read_bytes() for path in files}


def install(folder: Path, first: str, last: str, change: Change | None = None) -> Installation:
    """A root with the logs of these days, the rows changed by ``change``, and the reference."""
    known = scored("logistic")
    feature = spec()
    start = date.fromisoformat(first)
    feature = feature.model_copy(
        update={"monitoring": feature.monitoring.model_copy(update={"start": start})}
    )
    root = Root.open(folder, environment={})
    registry = Registered(known.reference)
    vars(root)["registry"] = registry
    made = Installation(root, feature, registry)
    for path, content in reference_files().items():
        root.lake.write_bytes(f"{root.lake.url}/{path}", content)
    rows = between(known.later, first, last)
    made.log(change(rows) if change else rows)
    return made


def between(rows: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    """The rows of these days, both included."""
    window = Window(Window.of_day(first).start, Window.of_day(last).end)
    return rows[(rows["time"] >= window.start) & (rows["time"] < window.end)].copy()


def with_drift(made: Installation, **changes: Any) -> Installation:
    """The installation with other settings of ``drift``."""
    drift = made.feature.drift.model_copy(update=changes)
    return replace(made, feature=made.feature.model_copy(update={"drift": drift}))


def names_of(findings: Sequence[Any]) -> set[str]:
    return {column for finding in findings for column in finding.columns}


def _answered(rows: pd.DataFrame, scores: "np.ndarray[Any, np.dtype[np.float64]]") -> pd.DataFrame:
    feature = spec()
    inputs = {f"input_{column.name}": rows[column.name] for column in feature.inputs}
    return pd.DataFrame(
        {
            "id": rows["id"],
            "time": rows["time"],
            "model_version": VERSION,
            "status": "ok",
            "call_site": "board",
            "tenant": rows["tenant"],
            **inputs,
            "output_probability": scores,
            "output_late": scores > feature.judged.threshold,
        }
    )
