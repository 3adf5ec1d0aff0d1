"""The rows hold what was known at the prediction, and nothing that came after it."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.defs.flight_delay import flights as module
from ai_ops.defs.flight_delay.flights import INPUTS, Tables, load_flights, scheduled_arrival
from ai_ops.vocabulary.errors import MissingEvidence


def auc(score: pd.Series, label: pd.Series) -> float:
    """Mann and Whitney's U over its maximum."""
    known = score.notna() & label.notna()
    positive = label[known].astype(bool)
    ranks = score[known].rank()[positive].sum()
    n, m = int(positive.sum()), int((~positive).sum())
    return float((ranks - n * (n + 1) / 2) / (n * m))


def by_brute_force(row: pd.Series, raw: pd.DataFrame) -> float:
    """The mean delay over what had really left when ``row`` is predicted, one row at a time."""
    since = row["time"] - pd.Timedelta(hours=3)
    left = raw[(raw["left"] >= since) & (raw["left"] < row["time"])]
    seen = left[left["origin"] == row["origin"]]
    return float(seen["dep_delay"].mean())


def by_scheduled_hour(flights: pd.DataFrame, raw: pd.DataFrame) -> pd.Series:
    """The leak: the flights *scheduled* in the last 3 h, though some of them leave much later."""
    rows = flights[["id", "origin", "time"]].join(raw["dep_delay"], on="id")
    hours = rows.groupby(["origin", "time"])["dep_delay"].agg(["sum", "count"])
    total = pd.DataFrame(0.0, index=hours.index, columns=hours.columns)
    for back in (1, 2, 3):
        shifted = hours.reset_index().assign(
            time=lambda t, h=back: t["time"] + pd.Timedelta(hours=h)
        )
        earlier = shifted.set_index(["origin", "time"]).reindex(hours.index)
        total += earlier.fillna(0.0)
    mean = (total["sum"] / total["count"].where(total["count"] > 0)).rename("leaky")
    return flights[["origin", "time"]].join(mean, on=["origin", "time"])["leaky"]


def test_every_flight_has_one_row_and_an_id_that_a_person_can_read(flights: pd.DataFrame) -> None:
    assert len(flights) == 336_776
    assert flights["id"].is_unique
    readable = r"\d{4}-\d\d-\d\d-[A-Z0-9]{2}\d{1,4}-(EWR|JFK|LGA)-\d{4}$"
    assert flights["id"].str.match(readable).all()


def test_the_inputs_are_those_that_the_feature_declares(
    flights: pd.DataFrame, feature: AiFeatureSpec
) -> None:
    assert tuple(column.name for column in feature.inputs) == INPUTS
    assert set(INPUTS) <= set(flights.columns)
    for column in feature.inputs:
        numeric = pd.api.types.is_float_dtype(flights[column.name])
        assert numeric == (column.type == "number"), column.name
        assert column.nullable or flights[column.name].notna().all(), column.name


def test_nothing_that_happens_after_the_prediction_is_an_input() -> None:
    later = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert not later & set(INPUTS)
    assert not [name for name in INPUTS if name.startswith(("dep_", "arr_", "air_"))]


def test_the_recent_delay_is_what_had_really_left(flights: pd.DataFrame, raw: pd.DataFrame) -> None:
    sample = flights.sample(120, random_state=7)
    storm = flights[flights["time"].dt.date.astype(str) == "2013-03-08"].sample(30, random_state=7)
    for _, row in pd.concat([sample, storm]).iterrows():
        expected = by_brute_force(row, raw)
        assert row["recent_delay"] == pytest.approx(expected, nan_ok=True), row["id"]


def test_what_leaves_at_or_after_the_prediction_does_not_change_it(
    flights: pd.DataFrame, raw: pd.DataFrame
) -> None:
    moment = pd.Timestamp("2013-07-01T20:00Z")
    later = raw["left"] >= moment
    spoilt = raw["dep_delay"].mask(later, 10_000.0)
    time = pd.to_datetime(raw["time_hour"], utc=True)
    again = module.recent_delay(raw["origin"], time, raw["left"], spoilt)
    before = flights.set_index("id")["recent_delay"].reindex(raw.index)
    known = time <= moment
    pd.testing.assert_series_equal(again[known], before[known], check_names=False)
    assert again[time > moment].max() > 1_000


def test_the_leak_by_scheduled_hour_would_look_better_than_the_truth(
    flights: pd.DataFrame, raw: pd.DataFrame
) -> None:
    leaky = by_scheduled_hour(flights, raw)
    july = (flights["time"] >= "2013-07-01") & (flights["time"] < "2013-08-01")
    honest_auc = auc(flights["recent_delay"][july], flights["late"][july])
    leaky_auc = auc(leaky[july], flights["late"][july])
    assert leaky_auc > honest_auc + 0.005
    different = (leaky - flights["recent_delay"])[july].abs() > 1
    assert different.mean() > 0.3


def test_weather_is_the_observation_of_the_hour_before(
    flights: pd.DataFrame, tables: Tables
) -> None:
    seen = tables.weather.assign(time=pd.to_datetime(tables.weather["time_hour"], utc=True))
    by_hour = seen.set_index(["origin", "time"])["temp"]
    for _, row in flights.sample(50, random_state=3).iterrows():
        key = (row["origin"], row["time"] - pd.Timedelta(hours=1))
        assert row["temp"] == pytest.approx(by_hour.get(key, np.nan), nan_ok=True), row["id"]


def test_a_flight_is_predicted_at_the_start_of_its_local_hour_in_winter_and_summer(
    flights: pd.DataFrame,
) -> None:
    sample = flights.sample(5_000, random_state=2)
    local = sample["time"].dt.tz_convert("America/New_York")
    assert (local.dt.strftime("%H") == sample["hour"]).all()
    assert (local.dt.strftime("%a") == sample["weekday"]).all()
    # The id has the local day and minute as published: both must be one moment.
    named = pd.to_datetime(sample["id"].str[:10] + sample["id"].str[-4:], format="%Y-%m-%d%H%M")
    departure = sample["scheduled_departure"].dt.tz_convert("America/New_York")
    assert (departure.dt.tz_localize(None) == named).all()
    assert {moment.utcoffset() for moment in local} == {timedelta(hours=-5), timedelta(hours=-4)}
    wait = flights["scheduled_departure"] - flights["time"]
    assert wait.min() >= pd.Timedelta(0)
    assert wait.max() < pd.Timedelta(hours=1)


def test_every_arrival_fits_the_time_in_the_air_so_every_zone_is_right(
    flights: pd.DataFrame, raw: pd.DataFrame
) -> None:
    """A zone that is wrong by an hour leaves less than no time, or hours, for taxiing."""
    rows = flights.set_index("id").join(raw[["left", "air_time"]])
    taxiing = (rows["available_at"] - rows["left"]).dt.total_seconds() / 60 - rows["air_time"]
    assert taxiing.min() > 0
    typical = taxiing.groupby(rows["dest"]).median().dropna()
    assert typical.between(15, 50).all(), typical[~typical.between(15, 50)].to_dict()


def test_a_label_is_known_at_the_arrival_and_missing_when_there_was_none(
    flights: pd.DataFrame, raw: pd.DataFrame
) -> None:
    arrived = raw["arr_delay"].reindex(flights["id"]).set_axis(flights.index)
    assert (flights["late"].isna() == arrived.isna()).all()
    assert (flights["available_at"].isna() == arrived.isna()).all()
    known = arrived.notna()
    assert (flights["late"][known].astype(bool) == (arrived[known] > 15)).all()
    assert (flights["available_at"][known] > flights["time"][known]).all()
    day = flights[known & (flights["scheduled_departure"].dt.month == 5)]
    waited = day["available_at"] - day["scheduled_departure"]
    assert (waited <= pd.Timedelta(hours=2)).mean() < 0.4  # immature labels are mostly early ones
    assert (waited <= pd.Timedelta(hours=12)).mean() > 0.95


def test_the_cache_gives_the_same_rows_and_is_read_the_second_time(
    flights: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = flights.head(500)
    monkeypatch.setattr(module, "build_flights", lambda tables: few)
    monkeypatch.setattr(module, "read_tables", lambda folder: None)
    first = load_flights(tmp_path)
    monkeypatch.setattr(module, "read_tables", lambda folder: pytest.fail("built a second time"))
    second = load_flights(tmp_path)
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(first, few)


def test_a_destination_without_a_time_zone_is_named(tables: Tables) -> None:
    few = tables.flights.head(20)
    airports = tables.airports[tables.airports["faa"] != "MIA"]
    departure = pd.to_datetime(few["time_hour"], utc=True)
    with pytest.raises(MissingEvidence, match="MIA"):
        scheduled_arrival(few, departure, airports)


def test_a_missing_file_of_the_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingEvidence, match=r"flights\.csv\.zip"):
        module.read_tables(tmp_path)
