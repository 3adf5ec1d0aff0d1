"""The flights and both versions, made once for the tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import ai_ops.defs.flight_delay as flight_delay
from ai_ops.ai_features.loader import load_feature
from ai_ops.ai_features.schema import AiFeatureSpec
from ai_ops.defs.flight_delay.comparison import Comparison
from ai_ops.defs.flight_delay.flights import (
    Tables,
    data_folder,
    flight_ids,
    load_flights,
    read_tables,
)
from ai_ops.defs.flight_delay.training import set_up
from ai_ops.storage.root import Root


@dataclass(frozen=True)
class SetUp:
    """A root in which both versions are registered, and what the set-up said on the way."""

    root: Root
    comparison: Comparison
    steps: tuple[str, ...]


@pytest.fixture(scope="session")
def feature() -> AiFeatureSpec:
    return load_feature(Path(flight_delay.__file__).with_name("defs.yaml"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


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
def ready(flights: pd.DataFrame, folder: Path, feature: AiFeatureSpec) -> SetUp:
    """Both versions trained on all of their rows, as the demo does: half a minute."""
    root = Root.open(folder, {})
    steps: list[str] = []
    comparison = set_up(root, feature, steps.append)
    return SetUp(root, comparison, tuple(steps))
