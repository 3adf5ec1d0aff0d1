"""Both versions are trained, compared and registered as the demo needs them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.defs.flight_delay import training
from ai_ops.defs.flight_delay.comparison import sums_of
from ai_ops.defs.flight_delay.fitting import NETWORK
from ai_ops.defs.flight_delay.flights import INPUTS
from ai_ops.defs.flight_delay.training import replay_scores, set_up, training_data
from ai_ops.storage.registry import REHEARSAL
from ai_ops_tests.trained import SetUp


@pytest.mark.requirement("PL-12", "PL-14", "PL-16", "PL-18", "PL-30")
def test_two_versions_are_registered_and_the_better_one_rehearses(
    ready: SetUp, feature: AiFeatureSpec
) -> None:
    registry, comparison = ready.root.registry, ready.comparison
    versions = registry.versions(feature.name)
    assert [version.version for version in versions] == ["1", "2"]
    assert registry.alias(feature.name, REHEARSAL) == comparison.launched
    assert registry.champion(feature.name) is None, "a set-up launches nothing"
    assert registry.alias(feature.name, "baseline") == feature.baseline_version == "1"
    assert versions[0].dataset_digest == versions[1].dataset_digest != ""
    for version in versions:
        assert version.metrics == pytest.approx(comparison.metrics[version.version])
        assert version.metrics["n"] == 71_166
        assert 0.69 < version.metrics["auc"] < 0.73
        assert version.metrics["ece"] < 0.02
    stored, _ = ready.root.lake.read_json(
        ready.root.lake.path(feature.name, "launch_comparison", None, "json")
    )
    assert stored == json.loads(json.dumps(comparison.as_data()))


def test_the_launch_follows_from_the_interval_of_the_difference(ready: SetUp) -> None:
    comparison = ready.comparison
    low = comparison.difference.low
    assert low is not None
    assert comparison.launched == ("2" if low > 0 else "1")
    assert comparison.reason in ready.steps
    assert f"{comparison.difference.value:+.4f}" in comparison.reason


def test_a_bootstrap_over_days_agrees_with_the_interval(
    ready: SetUp, feature: AiFeatureSpec
) -> None:
    threshold = feature.judged.threshold
    one, other = (
        sums_of(ready.root.registry.reference(feature.name, version)[0], threshold)
        for version in ("1", "2")
    )
    days = len(one.days)
    drawn = np.random.default_rng(0).multinomial(days, np.full(days, 1 / days), size=400)
    apart = other.values(drawn.astype(float))["auc"] - one.values(drawn.astype(float))["auc"]
    low, high = np.quantile(apart, [0.025, 0.975])
    found = ready.comparison.difference
    assert low == pytest.approx(found.low, abs=0.003)
    assert high == pytest.approx(found.high, abs=0.003)


def test_a_second_set_up_trains_nothing_and_sets_no_champion(
    ready: SetUp, feature: AiFeatureSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "fit", lambda *_: pytest.fail("trained a second time"))
    registry = ready.root.registry
    again = set_up(ready.root, feature, lambda step: None)
    assert again == ready.comparison
    assert registry.champion(feature.name) is None
    assert len(registry.versions(feature.name)) == 2


def test_another_recipe_is_not_taken_for_the_registered_one(
    ready: SetUp, feature: AiFeatureSpec
) -> None:
    digest = ready.root.registry.version(feature.name, "2").dataset_digest
    assert training._registered(ready.root, feature, NETWORK, digest) is not None
    assert training._registered(ready.root, feature, NETWORK, "0" * 32) is None
    assert training._registered(ready.root, feature, replace(NETWORK, seed=1), digest) is None


def test_the_reference_holds_every_flight_before_monitoring_starts(
    ready: SetUp, feature: AiFeatureSpec, flights: pd.DataFrame
) -> None:
    table, _ = ready.root.registry.reference(feature.name, "2")
    reference = table.to_pandas().set_index("id")
    cutoff = pd.Timestamp(feature.monitoring.start, tz="UTC")
    before = flights[flights["time"] < cutoff].set_index("id")
    assert sorted(reference.index) == sorted(before.index)
    assert [f"input_{name}" for name in INPUTS] == [
        name for name in table.column_names if name.startswith("input_")
    ]
    known = before["available_at"] <= cutoff
    assert (reference["label"].notna() == known.reindex(reference.index)).all()
    late = before["late"].reindex(reference.index)[reference["label"].notna()]
    assert (reference["label"].dropna().astype(bool) == late.astype(bool)).all()
    decided = reference["output_probability"] >= feature.judged.threshold
    assert (reference["output_late"] == decided).all()


def test_a_row_is_never_scored_by_a_network_that_learnt_from_its_week(
    flights: pd.DataFrame, feature: AiFeatureSpec
) -> None:
    data, _ = training_data(flights, feature)
    week = data.rows["time"].dt.strftime("%G-%V")
    assert pd.Series(data.fold).groupby(week.to_numpy()).nunique().max() == 1
    first_of = pd.Series(data.rows["time"].to_numpy()).groupby(data.fold).min()
    last_of = pd.Series(data.rows["time"].to_numpy()).groupby(data.fold).max()
    assert (last_of - first_of).min() > pd.Timedelta(weeks=5), "a fold's weeks lie scattered"
    shares = np.bincount(data.fold) / len(data.fold)
    assert len(shares) == 5
    assert shares.min() > 0.15


def test_a_label_that_becomes_known_later_is_not_learnt_from(
    flights: pd.DataFrame, feature: AiFeatureSpec
) -> None:
    cutoff = pd.Timestamp(feature.monitoring.start, tz="UTC")
    data, digest = training_data(flights, feature)
    later = flights["available_at"] > cutoff
    assert (later & (flights["time"] < cutoff)).any()  # in the air at midnight
    flipped = flights.assign(late=flights["late"].where(~later, ~flights["late"]))
    again, _ = training_data(flipped, feature)
    assert (again.known == data.known).all()
    assert (again.labels[again.known] == data.labels[data.known]).all()
    changed = flights.assign(late=flights["late"].where(flights.index != 5, ~flights["late"]))
    assert training_data(changed, feature)[1] != digest


def test_the_replay_is_scored_as_the_server_would(ready: SetUp, feature: AiFeatureSpec) -> None:
    rows = replay_scores(ready.root, feature, "2", "2013-04-01", "2013-05-06")
    assert rows["probability"].between(0, 1).all()
    model = ready.root.registry.load(feature.name, "2")
    for _, row in rows.sample(20, random_state=1).iterrows():
        inputs = {name: (None if pd.isna(row[name]) else row[name]) for name in INPUTS}
        assert model.scores([inputs])[0] == pytest.approx(row["probability"], abs=1e-5)
    arrived = rows[rows["late"].notna() & (rows["time"] >= "2013-04-22")]
    week = arrived[arrived["time"] < "2013-04-29"]
    assert week["late"].mean() > week["probability"].mean() + 0.1  # the gap of late April


def test_training_leaves_torch_as_it_was(ready: SetUp) -> None:
    with training.one_thread():
        assert torch.get_num_threads() == 1
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), training.one_thread():
        _ = 1 / 0
    assert torch.get_num_threads() == before
