"""Days that are measured together are what each is alone."""

from pathlib import Path

import pytest

from ai_ops.inference_management.cost_rollup import compute_cost_rollup
from ai_ops.inference_management.service_health import compute_service_health
from ai_ops_tests.inference_management.served import (
    batch,
    declared,
    of_day,
    open_root,
    row,
    write_day,
)

pytestmark = pytest.mark.requirement("PL-21")

DAYS = ("2013-04-03", "2013-04-04", "2013-04-05", "2013-04-06")


def test_days_together_are_what_each_is_alone(tmp_path: Path) -> None:
    root, feature = open_root(tmp_path), declared()
    write_day(root, feature, DAYS[0], [row(n, ms=n) for n in range(30)] + batch(7, ms=60.0, size=9))
    # The next day has a batch of the same name, the third has no log, the fourth an empty one.
    write_day(root, feature, DAYS[1], [row(1), *batch(7, ms=90.0, size=3)])
    write_day(root, feature, DAYS[3], [])
    names = [("service_health", "json"), ("cost_rollup", "parquet")]
    paths = [root.lake.path(feature.name, name, day, end) for name, end in names for day in DAYS]
    for day in DAYS:
        compute_service_health(root, feature, [of_day(day)])
        compute_cost_rollup(root, feature, [of_day(day)])
    alone = [root.lake.read_bytes(path) for path in paths]
    compute_service_health(root, feature, [of_day(day) for day in DAYS])
    compute_cost_rollup(root, feature, [of_day(day) for day in DAYS])
    assert [root.lake.read_bytes(path) for path in paths] == alone
