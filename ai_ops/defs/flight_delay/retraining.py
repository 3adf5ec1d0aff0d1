"""The trainer of flight_delay: its flights from before the log, and how a candidate is fitted."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from datetime import time as clock_time

import numpy as np
import pandas as pd
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.defs.flight_delay.comparison import launch_metrics, sums_of
from ai_ops.defs.flight_delay.fitting import (
    NETWORK,
    Trainable,
    columns_of,
    fit,
    one_thread,
    whole_weeks,
)
from ai_ops.defs.flight_delay.flights import INPUTS, load_flights
from ai_ops.defs.flight_delay.training import reference_table
from ai_ops.storage.root import Root
from ai_ops.storage.trained import Trained

RECIPE = replace(NETWORK, title="smaller network with embeddings", members=1, epochs=4)
"""A third of the launched network's time, and over the year as good on what came after it."""

FOLDS = 3
"""Three months have too few whole weeks for the five folds of a launch."""


def history(root: Root, feature: AiFeatureSpec, first: date, before: date) -> pa.Table:
    """The flights of the days [first, before), with what came out and when that became known."""
    flights = load_flights(root.folder / "cache")
    begin, end = (datetime.combine(day, clock_time(), UTC) for day in (first, before))
    rows = flights[(flights["time"] >= begin) & (flights["time"] < end)]
    columns = {
        "id": rows["id"],
        "time": rows["time"],
        "tenant": rows["tenant"],
        **{f"input_{name}": rows[name] for name in INPUTS},
        "label": rows["late"],
        "available_at": rows["available_at"],
    }
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)


def train(feature: AiFeatureSpec, rows: pa.Table) -> Trained:
    """A candidate from the rows of a training set, by a smaller recipe of the launched network."""
    data = trainable(feature, rows)
    with one_thread():
        fitted = fit(RECIPE, data)
    reference = reference_table(data, fitted, feature)
    return Trained(
        title=RECIPE.title,
        module=fitted.module,
        encoder=fitted.encoder,
        example=fitted.encoder.encode(columns_of(data.rows.head(4))),
        reference=reference,
        metrics=launch_metrics(sums_of(reference, feature.judged.threshold)),
        params={name: str(value) for name, value in {**asdict(RECIPE), "folds": FOLDS}.items()},
    )


def trainable(feature: AiFeatureSpec, rows: pa.Table) -> Trainable:
    """The rows of a training set as the recipes read them."""
    names = {f"input_{name}": name for name in INPUTS}
    table = rows.to_pandas().rename(columns=names)
    known = table["label"].notna().to_numpy()
    labels = np.where(known, table["label"], False).astype(bool)
    return Trainable(table, feature.inputs, labels, known, whole_weeks(table["time"], FOLDS))
