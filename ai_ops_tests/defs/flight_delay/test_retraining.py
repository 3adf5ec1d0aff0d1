"""The trainer of flight_delay: what it knows of the time before the log, and what it trains."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.defs.flight_delay import retraining
from ai_ops.defs.flight_delay.flights import INPUTS
from ai_ops.retraining_pipeline.learning_rows import from_history, schema_of
from ai_ops.retraining_pipeline.trainer import Trained, trainer_of
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc

FIRST, BEFORE = date(2013, 2, 18), date(2013, 3, 11)
CUTOFF = utc("2013-03-10T12:00:00Z")
"""In the middle of the last day: what is in the air then has no label yet."""


@pytest.fixture(scope="module")
def rows(folder: Path, flights: pd.DataFrame, feature: AiFeatureSpec) -> pa.Table:
    """Three weeks of flights from before the log, as a training set holds them."""
    table = retraining.history(Root.open(folder, {}), feature, FIRST, BEFORE)
    return from_history(table, feature, CUTOFF).rows


@pytest.fixture(scope="module")
def trained(rows: pa.Table, feature: AiFeatureSpec) -> Trained:
    return retraining.train(feature, rows)


def test_the_yaml_names_it(feature: AiFeatureSpec) -> None:
    assert feature.retraining.automated
    assert trainer_of(feature).train is retraining.train


def test_its_history_is_the_flights_of_those_days(
    rows: pa.Table, flights: pd.DataFrame, feature: AiFeatureSpec
) -> None:
    assert rows.schema == schema_of(feature)
    begin, end = pd.Timestamp(FIRST, tz="UTC"), pd.Timestamp(BEFORE, tz="UTC")
    inside = flights[(flights["time"] >= begin) & (flights["time"] < end)].set_index("id")
    found = rows.to_pandas().set_index("id").reindex(inside.index)
    assert rows.num_rows == len(inside) > 17_000
    for name in INPUTS:
        pd.testing.assert_series_equal(
            found[f"input_{name}"], inside[name], check_names=False, check_dtype=False
        )
    known = inside["late"].notna() & (inside["available_at"] < CUTOFF)
    assert (found["label"].notna() == known).all()
    assert (found["label"][known].astype(bool) == inside["late"][known].astype(bool)).all()
    late = inside["late"].notna() & ~known
    assert late.any(), "some were in the air, and what came of them is not known yet"


@pytest.mark.requirement("PL-16", "PB-14")
def test_a_candidate_has_answered_every_row_without_having_seen_it(
    rows: pa.Table, trained: Trained, feature: AiFeatureSpec
) -> None:
    reference = trained.reference
    assert reference["id"].to_pylist() == rows["id"].to_pylist()
    assert reference["label"].is_valid().to_pylist() == rows["label"].is_valid().to_pylist()
    names = {"time", "tenant", "output_probability", "output_late"}
    assert names | {f"input_{name}" for name in INPUTS} <= set(reference.column_names)
    labelled = rows.num_rows - rows["label"].null_count
    assert trained.metrics["n"] == labelled
    assert 0.6 < trained.metrics["auc"] < 0.8
    assert trained.params["folds"] == "3" and trained.params["seed"] == "0"
    with torch.no_grad():
        answers = trained.module(torch.from_numpy(trained.example)).numpy()
    assert answers.shape == (4,) and ((answers > 0) & (answers < 1)).all()


def test_the_same_rows_give_the_same_version(
    rows: pa.Table, trained: Trained, feature: AiFeatureSpec
) -> None:
    again = retraining.train(feature, rows)
    assert again.metrics == trained.metrics
    first, second = (one.reference["output_probability"].to_numpy() for one in (trained, again))
    assert np.array_equal(first, second)
    states = zip(
        trained.module.state_dict().values(), again.module.state_dict().values(), strict=True
    )
    assert all(torch.equal(one, other) for one, other in states)
