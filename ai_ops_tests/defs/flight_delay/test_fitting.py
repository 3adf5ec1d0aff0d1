"""Fitting on small made-up rows: the same seed, the same model; calibrated; honest comparisons."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.ai_features.parts import InputColumn
from ai_ops.defs.flight_delay import fitting
from ai_ops.defs.flight_delay.comparison import compare
from ai_ops.defs.flight_delay.fitting import BASELINE, NETWORK, platt
from ai_ops.defs.flight_delay.models import Baseline, Calibrated, Dropout, Network
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.vocabulary.errors import MissingEvidence

INPUTS = (
    InputColumn(name="place", type="category"),
    InputColumn(name="wind", type="number", nullable=True),
)
SMALL = replace(NETWORK, hidden=(8,), epochs=3, batch=64)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> fitting.Trainable:
    """Four weeks in which wind makes late, and one place more than the other."""
    monkeypatch.setattr(fitting, "INPUTS", ("place", "wind"))
    rng = np.random.default_rng(4)
    n = 2_000
    time = pd.Series(
        pd.Timestamp("2021-03-01", tz="UTC") + pd.to_timedelta(rng.uniform(0, 28, n), "D")
    )
    rows = pd.DataFrame({"place": rng.choice(["A", "B"], n), "wind": rng.normal(10, 5, n)})
    rows.loc[::50, "wind"] = np.nan
    logit = rows["wind"].fillna(10) / 5 - 3 + (rows["place"] == "B")
    labels = (rng.uniform(size=n) < 1 / (1 + np.exp(-logit))).to_numpy()
    known = rng.uniform(size=n) < 0.95
    return fitting.Trainable(rows, INPUTS, labels, known, fitting.whole_weeks(time, folds=4))


@pytest.mark.parametrize("recipe", [replace(BASELINE, batch=64), SMALL])
def test_the_same_seed_gives_the_same_model(
    data: fitting.Trainable, recipe: fitting.Recipe
) -> None:
    torch.manual_seed(1)
    one = fitting.fit(recipe, data)
    torch.manual_seed(2)
    other = fitting.fit(recipe, data)
    np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)
    for name, weight in one.module.state_dict().items():
        assert torch.equal(weight, other.module.state_dict()[name]), name


def test_scores_out_of_fold_are_probabilities_that_keep_their_word(data: fitting.Trainable) -> None:
    fitted = fitting.fit(SMALL, data)
    seen = fitted.out_of_fold[data.known]
    assert seen.mean() == pytest.approx(data.labels[data.known].mean(), abs=0.03)
    high = seen > np.median(seen)
    assert data.labels[data.known][high].mean() > data.labels[data.known][~high].mean() + 0.2


def test_labels_that_are_not_known_change_nothing(data: fitting.Trainable) -> None:
    spoilt = replace(data, labels=np.where(data.known, data.labels, ~data.labels))
    one, other = (fitting.fit(SMALL, rows) for rows in (data, spoilt))
    np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)


def test_labels_of_a_fold_do_not_reach_the_network_that_scores_it(data: fitting.Trainable) -> None:
    left_out = data.fold == 2
    spoilt = replace(data, labels=np.where(left_out, ~data.labels, data.labels))
    chosen = data.known & ~left_out
    one, other = (fitting.train(SMALL, rows, chosen)[2](left_out) for rows in (data, spoilt))
    np.testing.assert_array_equal(one, other)


def test_the_baseline_is_one_linear_layer() -> None:
    encoder = TabularEncoder.fit({"place": ["A", "B"], "wind": [1.0, None]}, INPUTS)
    assert len(list(Baseline(encoder).parameters())) == 2
    network = Network(encoder, (8, 4), members=2, dropout=0.5)
    rows = torch.from_numpy(encoder.encode({"place": ["A", "Z"], "wind": [None, 5.0]}))
    for logits in (Baseline(encoder), network, Calibrated(network, 1.0, 0.0)):
        assert logits.eval()(rows).shape == (2,)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout = Dropout(0.4)
    numbers = dropout(torch.ones(999, 101))
    assert (numbers == 0).float().mean() == pytest.approx(0.4, abs=0.01)
    assert numbers.mean() == pytest.approx(1.0, abs=0.01)
    assert torch.equal(dropout.eval()(torch.ones(3)), torch.ones(3))


@settings(max_examples=25)
@given(st.floats(0.3, 3.0), st.floats(-2.0, 2.0))
def test_a_calibration_undoes_an_affine_distortion(slope: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, 4_000)
    labels = rng.uniform(size=4_000) < 1 / (1 + np.exp(-logits))
    a, b = platt(logits, labels)
    a2, b2 = platt((logits - shift) / slope, labels)
    assert a2 == pytest.approx(a * slope, rel=1e-5)
    assert b2 == pytest.approx(b + a * shift, abs=1e-5)


@pytest.mark.parametrize("labels", [[True] * 4, [False, False, True, True]])
def test_scores_that_cannot_be_calibrated_are_refused(labels: list[bool]) -> None:
    with pytest.raises(ArithmeticError):
        platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array(labels))


def reference(quality: float, days: int = 30, seed: int = 1) -> pa.Table:
    """Made-up scores of the same rows, whatever their quality."""
    rows = np.random.default_rng(0)
    n = days * 40
    label = rows.uniform(size=n) < 0.3
    noise = np.random.default_rng(seed).normal(size=n)
    score = 1 / (1 + np.exp(-(quality * label + noise - 1)))
    start = pd.Timestamp("2021-03-01", tz="UTC")
    time = start + pd.to_timedelta(np.repeat(np.arange(days), 40), "D")
    ids = [f"r{place}" for place in range(n)]
    columns = {"id": ids, "time": time, "output_probability": score, "label": label}
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)


def test_a_clearly_better_challenger_is_launched() -> None:
    found = compare("1", reference(0.2), "2", reference(2.0, seed=2), threshold=0.3)
    assert found.launched == "2"
    assert found.reason.startswith("version 2 is launched: on 1,200 out-of-fold rows of 30 days")


@pytest.mark.parametrize(("one", "other"), [(1.0, 1.0), (2.0, 0.2)])
def test_without_a_proven_gain_the_baseline_is_launched_and_it_says_so(
    one: float, other: float
) -> None:
    found = compare("1", reference(one), "2", reference(other, seed=2), threshold=0.3)
    assert found.launched == "1"
    assert "the baseline, is launched" in found.reason


def test_too_few_days_prove_nothing() -> None:
    found = compare("1", reference(0.2, days=1), "2", reference(3.0, days=1, seed=2), threshold=0.3)
    assert found.launched == "1"
    assert "too few days" in found.reason


def test_scores_of_different_rows_or_without_labels_are_not_compared() -> None:
    table = reference(1.0)
    with pytest.raises(MissingEvidence, match="different rows"):
        compare("1", table, "2", table.slice(1), threshold=0.3)
    blank = table.set_column(3, "label", pa.nulls(len(table), pa.bool_()))
    with pytest.raises(MissingEvidence, match="no labelled row"):
        compare("1", blank, "2", blank, threshold=0.3)
