"""What a range run tells Dagster, stored together, is what it would have stored one by one."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import Monitoring
from ai_ops.cli.common import DEFS
from ai_ops.orchestration.building import partitioned_asset
from ai_ops.orchestration.event_log import BATCHED
from ai_ops.orchestration.judging import Check, checks_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.running import open_runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Verdict

START = date(2021, 3, 1)
FEATURE = load_feature(DEFS / "flight_delay" / "defs.yaml").model_copy(
    update={"monitoring": Monitoring(start=START)}
)
FIRST, LAST = START.isoformat(), START.replace(day=5).isoformat()
TABLES = {
    "asset_check_executions": "asset_key, check_name, partition, execution_status",
    "asset_event_tags": "asset_key, key",
    "event_logs": "dagster_event_type, step_key, asset_key, partition",
    "asset_keys": "asset_key, last_run_id IS NULL, last_materialization IS NULL",
}


def compute_prediction_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> Mapping[str, Summary]:
    """A log of nothing."""
    return {m.partition: Summary(numbers={"rows": 1}) for m in moments}


def judge_odd(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Whether the day is odd."""
    if int(moment.partition[-2:]) % 2:
        return Verdict.passing("odd", sample_size=1)
    return Verdict.lacking("even", "volume", window=moment.window)


def told(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """What the index over all runs holds after a range was run twice."""
    root = Root.open(folder, environment={})
    root.begin_replay(utc(f"{START.replace(day=15)}T00:00:00Z"))
    asset = partitioned_asset(FEATURE, compute_prediction_log, domain="prediction_logging")
    checks = [
        Check(name, "prediction_log", "prediction_logging", "volume", judge_odd)
        for name in ("odd", "also_odd")
    ]
    definitions = dg.Definitions(
        assets=[asset],
        asset_checks=checks_of(FEATURE, checks),
        jobs=[dg.define_asset_job("days", dg.AssetSelection.assets(asset.key))],
        resources={"root": RootResource(folder=str(folder))},
    )
    with open_runner(folder, definitions) as runner:
        for _ in range(2):
            assert runner.run_range("days", FIRST, LAST).success
        seen = dg.AssetKey([FEATURE.name, "prediction_log"])
        assert len(runner.instance.get_materialized_partitions(seen)) == 5
    index = folder / "dagster" / "history" / "runs" / "index.db"
    with sqlite3.connect(index) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}"), key=repr)
            for table, columns in TABLES.items()
        }


def test_a_batch_holds_what_single_events_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = told(tmp_path / "together")
    for variable in BATCHED:
        monkeypatch.setenv(variable, "0")
    assert together == told(tmp_path / "one_by_one")
    checks = together["asset_check_executions"]
    assert len(checks) == 2 * 2 * 5
    assert {row[3] for row in checks} == {"SUCCEEDED", "FAILED"}
