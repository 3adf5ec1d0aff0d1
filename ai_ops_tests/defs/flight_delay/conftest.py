"""The flights, built once for the tests of this folder."""

import pandas as pd
import pytest

from ai_ops.defs.flight_delay.flights import (
    Tables,
    build_flights,
    data_folder,
    flight_ids,
    read_tables,
)


@pytest.fixture(scope="session")
def tables() -> Tables:
    return read_tables(data_folder())


@pytest.fixture(scope="session")
def flights(tables: Tables) -> pd.DataFrame:
    return build_flights(tables)


@pytest.fixture(scope="session")
def raw(tables: Tables) -> pd.DataFrame:
    """The published flights by id, with the moment at which each really left."""
    rows = tables.flights.assign(id=flight_ids(tables.flights)).set_index("id")
    scheduled = pd.to_datetime(rows["time_hour"], utc=True) + pd.to_timedelta(rows["minute"], "min")
    return rows.assign(left=scheduled + pd.to_timedelta(rows["dep_delay"], unit="min"))
