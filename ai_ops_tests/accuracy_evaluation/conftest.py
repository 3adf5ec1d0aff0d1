"""Real flights and fitted models, made once for the tests of this folder."""

from pathlib import Path

import pandas as pd
import pytest

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops_tests.accuracy_evaluation.small_world import SmallWorld, small_world
from ai_ops_tests.accuracy_evaluation.world import FLIGHT_DELAY, Fitted, fit, real_flights


@pytest.fixture(scope="session")
def feature() -> AiFeatureSpec:
    return load_feature(FLIGHT_DELAY)


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return real_flights(tmp_path_factory.getbasetemp().parent)


@pytest.fixture(scope="session")
def fitted_to_march(flights: pd.DataFrame, feature: AiFeatureSpec) -> Fitted:
    return fit(flights, feature, "2013-04-01")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    """One registered version for all tests of the small world; each plants its own log."""
    return small_world(tmp_path_factory.mktemp("small"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "root"
