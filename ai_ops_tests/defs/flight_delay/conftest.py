"""The flights and both versions, made once for the tests of this folder."""

from pathlib import Path

import pandas as pd
import pytest

import ai_ops.defs.flight_delay as flight_delay
from ai_ops.ai_features.loader import load_feature
from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.defs.flight_delay.flights import (
    Tables,
    data_folder,
    flight_ids,
    load_flights,
    read_tables,
)
from ai_ops_tests.trained import SetUp, set_up_once, with_flights


@pytest.fixture(scope="session")
def feature() -> AiFeatureSpec:
    return load_feature(Path(flight_delay.__file__).with_name("defs.yaml"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that all workers of this run see."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    folder = tmp_path_factory.mktemp("root")
    with_flights(folder, shared)
    return folder


@pytest.fixture(scope="session")
def tables() -> Tables:
    return read_tables(data_folder())


@pytest.fixture(scope="session")
def flights(folder: Path) -> pd.DataFrame:
    return load_flights(folder / "cache")


@pytest.fixture(scope="session")
def raw(tables: Tables) -> pd.DataFrame:
    """The published flights by id, with the moment at which each really left."""
    rows = tables.flights.assign(id=flight_ids(tables.flights)).set_index("id")
    scheduled = pd.to_datetime(rows["time_hour"], utc=True) + pd.to_timedelta(rows["minute"], "min")
    return rows.assign(left=scheduled + pd.to_timedelta(rows["dep_delay"], unit="min"))


@pytest.fixture(scope="session")
def ready(shared: Path) -> SetUp:
    """Both versions trained on all of their rows, as the demo does: half a minute."""
    return set_up_once(shared)
