"""What Dagster loads: every definition, under names that do not collide, each with its owner."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features.applying import is_made
from ai_ops.checklist import jobs
from ai_ops.component import CHECKS, definitions_of
from ai_ops.definitions import defs
from ai_ops.defs.flight_delay import traffic
from ai_ops.orchestration.resources import RootResource
from ai_ops.retraining_pipeline.jobs import RETRAINED
from ai_ops_tests.deciding import FEATURE as FLIGHTS
from ai_ops_tests.prediction_logging.logging_world import FEATURE as TINY
from ai_ops_tests.sourced_world import Labels, sourced

BY_SCHEDULE = {
    *jobs.DAILY,
    *jobs.WEEKLY,
    *jobs.CHECKLIST,
    *jobs.MONTHLY,
    *jobs.MONTHLY_CHECKLIST,
    *jobs.VERSIONS,
}
SCHEDULED = {name for name in BY_SCHEDULE if is_made(name, FLIGHTS)}
DRILLED = {*jobs.LOAD_TEST, *jobs.ROLLBACK_DRILL}
ASKED_FOR = {*jobs.ON_DEMAND, *DRILLED, *jobs.PRE_LAUNCH, *RETRAINED}


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


def test_the_whole_repository_loads_as_the_webserver_loads_it(loaded: dg.Definitions) -> None:
    repository = loaded.get_repository_def()
    repository.load_all_definitions()
    assert {job for job in repository.job_names if "__" in job and "ASSET" not in job} == {
        "flight_delay__daily",
        "flight_delay__weekly",
        "flight_delay__weekly_list",
        "flight_delay__monthly",
        "flight_delay__monthly_list",
        "flight_delay__pre_launch",
        "flight_delay__versions",
        "flight_delay__evaluate_version",
        "flight_delay__test_load",
        "flight_delay__drill_rollback",
        "flight_delay__retrain",
        "flight_delay__promotion",
        "flight_delay__roll_back",
        "flight_delay__decide",
        "flight_delay__answer_incident",
    }
    assert len(repository.schedule_defs) == 6


def test_every_sensor_and_schedule_runs_from_the_start_and_says_what_it_is_for(
    loaded: dg.Definitions,
) -> None:
    repository = loaded.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} == {
        "flight_delay__new_segments",
        "flight_delay__silent_writers",
        "flight_delay__cadences",
        "flight_delay__fresh_sample",
        "flight_delay__incidents",
        "flight_delay__notifications",
        "flight_delay__retraining",
        "flight_delay__retraining_failed",
        "flight_delay__promotion",
        "flight_delay__registry_watch",
    }
    for sensor in repository.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert len(sensor.description or "") > 40
    for schedule in repository.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_two_features_stand_side_by_side() -> None:
    each = [definitions_of(FLIGHTS), definitions_of(TINY)]
    both = dg.Definitions.merge(*each)
    both.get_repository_def().load_all_definitions()
    for names in (_assets, _jobs, _sensors):
        one, other = map(names, each)
        assert one and other and not one & other
        assert names(both) == one | other


def _assets(made: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in made.resolve_asset_graph().get_all_asset_keys()}


def _jobs(made: dg.Definitions) -> set[str]:
    return {name for name in made.get_repository_def().job_names if "ASSET" not in name}


def _sensors(made: dg.Definitions) -> set[str]:
    return {sensor.name for sensor in made.get_repository_def().sensor_defs}


@pytest.mark.requirement("ST-01", "FQ-11")
@pytest.mark.parametrize("labels", ["in_source", "none"])
def test_a_model_that_others_train_has_the_assets_and_jobs_that_it_can_have(
    tmp_path: Path, labels: Labels
) -> None:
    made = definitions_of(sourced(tmp_path, days=1, rows_a_day=1, labels=labels).feature)
    repository = made.get_repository_def()
    repository.load_all_definitions()
    graph = made.resolve_asset_graph()
    assets = {key.path[-1] for key in graph.get_all_asset_keys()}
    labelled = {"ground_truth", "label_arrival", "evaluation_run", "labelled_evaluation_set"}
    trained = {*RETRAINED, "model_versions", "version_evaluation", "retraining_cadence"}
    assert "reference_set" in assets
    assert not assets & {*trained, "user_actions"}, "nobody here trains it, nobody told of users"
    assert assets & labelled == (labelled if labels == "in_source" else set())
    assert all(graph.get(key).is_executable for key in graph.get_all_asset_keys())
    jobs_of = {name.split("__", 1)[1] for name in repository.job_names if "ASSET" not in name}
    cadences = {"daily", "weekly", "weekly_list", "monthly", "monthly_list", "pre_launch"}
    assert jobs_of == {*cadences, "versions", "test_load", "decide", "answer_incident"}
    sensors = {sensor.name.split("__", 1)[1] for sensor in repository.sensor_defs}
    assert sensors == {"cadences", "incidents", "notifications"}
    checks = {key.name for key in graph.asset_check_keys}
    absent = {"writers_present", "writers_alive", "log_unsampled", "witness_agrees"}
    absent |= {"user_actions_present", "version_is_champion", "version_registered"}
    assert not checks & absent
    assert ("accuracy" in checks) == (labels == "in_source")
    assert {"log_complete", "reference_present", "input_drift", "output_drift"} <= checks


@pytest.mark.requirement("ST-01", "OW-01", "OW-12")
def test_every_asset_has_its_domain_its_owner_and_words(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    names = {key.path[-1] for key in graph.get_all_asset_keys()}
    assert names == SCHEDULED | ASKED_FOR, "an asset that no job runs is never fresh"
    for key in graph.get_all_asset_keys():
        asset = graph.get(key)
        assert key.path[0] == "flight_delay"
        assert asset.group_name not in (None, "default")
        assert asset.owners
        assert len(asset.description or "") > 40
        assert asset.kinds


@pytest.mark.requirement("OW-03", "OW-05", "OW-09")
def test_the_assets_of_a_domain_belong_to_the_role_that_answers_for_it(
    loaded: dg.Definitions,
) -> None:
    graph = loaded.resolve_asset_graph()
    assets = [graph.get(key) for key in graph.get_all_asset_keys()]
    owners = {asset.group_name: set(asset.owners) for asset in assets}
    assert all(set(asset.owners) == owners[asset.group_name] for asset in assets)
    assert owners["drift_monitoring"] == {"data-science@example.com"}
    assert owners["retraining_pipeline"] == {"backend@example.com"}
    assert owners["inference_management"] == {"devops@example.com"}


@pytest.mark.requirement("FQ-01")
def test_the_log_comes_first_and_everything_that_is_judged_descends_from_it(
    loaded: dg.Definitions,
) -> None:
    graph = loaded.resolve_asset_graph()

    def read_by(key: dg.AssetKey) -> set[str]:
        parents = graph.get(key).parent_keys
        return {parent.path[-1] for parent in parents}.union(*map(read_by, parents))

    read = {key.path[-1]: read_by(key) for key in graph.get_all_asset_keys()}
    assert read["prediction_log"] == set()
    apart = {name for name, above in read.items() if "prediction_log" not in above}
    # What bears witness beside the log, and what is found out later, must not come from it.
    assert apart == {"prediction_log", "user_actions", "ground_truth"}


@pytest.mark.requirement("OW-01")
def test_every_check_names_its_item_its_domain_and_its_owner(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    own = {check.name for check in CHECKS if check.applies(FLIGHTS)}
    assert {key.name for key in graph.asset_check_keys} == own
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert spec.metadata["item"] == key.name
        assert spec.metadata["owner"].endswith("@example.com")
        assert len(spec.description or "") > 40


@pytest.mark.requirement("FQ-09")
def test_each_asset_but_those_on_demand_is_run_by_a_schedule(loaded: dg.Definitions) -> None:
    repository = loaded.get_repository_def()
    run_by = [repository.get_job(schedule.job_name) for schedule in repository.schedule_defs]
    run = {key.path[-1] for job in run_by for key in job.asset_layer.executable_asset_keys}
    assert run == SCHEDULED
    drift = repository.get_schedule_def("flight_delay__daily_schedule")
    accuracy = repository.get_schedule_def("flight_delay__monthly_schedule")
    assert "drift_report" in jobs.DAILY and drift.cron_schedule == "0 6 * * *"
    assert "labelled_evaluation_set" in jobs.MONTHLY and accuracy.cron_schedule == "0 9 1 * *"


def test_a_live_schedule_asks_for_the_day_of_its_own_tick(
    loaded: dg.Definitions, tmp_path: Path
) -> None:
    repository = loaded.get_repository_def()
    schedule = repository.get_schedule_def("flight_delay__daily_schedule")
    start = traffic.LAUNCH
    late = datetime(start.year, start.month, 4, 6, tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=late,
        resources={"root": RootResource(folder=str(tmp_path))},
        repository_def=repository,
    ) as context:
        tick = schedule.evaluate_tick(context)
    assert [request.partition_key for request in tick.run_requests or []] == [
        start.replace(day=3).isoformat()
    ]


@pytest.mark.requirement("ST-01", "FQ-07")
def test_drift_of_slices_is_judged_of_a_feature_that_asks_for_it_only(
    loaded: dg.Definitions,
) -> None:
    drift = FLIGHTS.drift.model_copy(update={"slices": ("tenant",)})
    sliced = definitions_of(FLIGHTS.model_copy(update={"drift": drift}))
    before, after = loaded.resolve_asset_graph(), sliced.resolve_asset_graph()
    assert {key.name for key in after.asset_check_keys - before.asset_check_keys} == {"slice_drift"}
    assert "joint_drift" in {key.name for key in before.asset_check_keys}


@pytest.mark.requirement("ST-08")
def test_a_feature_with_a_shadow_has_what_compares_the_challenger_and_others_have_not(
    loaded: dg.Definitions,
) -> None:
    serving = FLIGHTS.serving.model_copy(update={"shadow": True})
    shadowed = definitions_of(FLIGHTS.model_copy(update={"serving": serving}))
    before, after = loaded.resolve_asset_graph(), shadowed.resolve_asset_graph()
    added = after.get_all_asset_keys() - before.get_all_asset_keys()
    assert {key.path[-1] for key in added} == {"challenger_log", "challenger_report"}
    checks = {key.name for key in after.asset_check_keys - before.asset_check_keys}
    assert checks == {"challenger_compared"}
    daily = shadowed.get_repository_def().get_job("flight_delay__daily")
    assert added <= daily.asset_layer.executable_asset_keys
