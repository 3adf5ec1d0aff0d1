"""What was tried without a run is seen in the Dagster UI, as often as it is tried."""

from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.checks import ROLLBACK_DRILL
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.orchestration.running import dagster_home, open_instance
from ai_ops.orchestration.showing import show
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Summary
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES


@pytest.mark.requirement("PL-29")
def test_a_drill_is_seen_in_the_ui_each_time_and_makes_no_instance(tmp_path: Path) -> None:
    root, feature = Root.open(tmp_path, {}), AiFeatureSpec(**ATTRIBUTES)
    now = moment_now(root.clock.now())
    recorded = judge_and_record(root, feature, [ROLLBACK_DRILL], [now], run_id=None)
    show(root, feature, [ROLLBACK_DRILL], recorded, Summary({"sent": 7}))
    assert not (tmp_path / "dagster").exists()
    dagster_home(tmp_path)
    for sent in (7, 8):
        show(root, feature, [ROLLBACK_DRILL], recorded, Summary({"sent": sent}))
    show(root, feature, [ROLLBACK_DRILL], recorded)  # signed afterwards
    key = dg.AssetKey([feature.name, "rollback_drill"])
    with open_instance(tmp_path) as instance:
        event = instance.get_latest_materialization_event(key)
        assert event is not None and event.asset_materialization is not None
        assert event.asset_materialization.metadata["sent"].value == 8
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(key, "rollback_drill"), limit=9
        )
    assert len(checks) == 3 and {one.status.value for one in checks} == {"FAILED"}
