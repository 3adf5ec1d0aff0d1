"""Retrainings that really fail, in the real job: what is recorded, and how they go on."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import dagster as dg
import pyarrow as pa
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.component import definitions_of
from ai_ops.orchestration.building import asset_key
from ai_ops.orchestration.failed_runs import failed_run
from ai_ops.orchestration.orphans import end_orphans
from ai_ops.orchestration.resuming import tags_after
from ai_ops.orchestration.running import Runner, dagster_environment, open_instance
from ai_ops.playbook.answering import answer_alerts
from ai_ops.retraining_pipeline.failures import record_failed_run
from ai_ops.retraining_pipeline.jobs import (
    promotion_config,
    promotion_job_name,
    remade,
    retraining_config,
    retraining_job_name,
)
from ai_ops.retraining_pipeline.made_with import ENVIRONMENTS, digest_of, installed, made_with
from ai_ops.retraining_pipeline.records import latest_training_set
from ai_ops.storage.retraining_failures import failure_in_words
from ai_ops.storage.retrainings import record_stage, start_retraining
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Retraining
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops.vocabulary.failures import LikelyCause
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    FEATURE,
    NAME,
    happened,
    later,
    launched,
    standing,
)

JOB = retraining_job_name(FEATURE)
TRAINER = """
    import os
    from pathlib import Path
    from ai_ops_tests.retraining_pipeline.tiny_trainer import history, train as fit

    def train(feature, rows):
        if Path({flag!r}).exists():
            {fault}
        return fit(feature, rows)
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def with_retraining(**changed: object) -> AiFeatureSpec:
    own = FEATURE.retraining.model_copy(update=changed)
    return FEATURE.model_copy(update={"retraining": own})


def faulty(folder: Path, fault: str, name: str) -> AiFeatureSpec:
    """A feature whose trainer fails as long as the file ``flag`` is there."""
    (folder / "flag").touch()
    file = folder / f"{name}.py"
    file.write_text(dedent(TRAINER).format(flag=str(folder / "flag"), fault=fault))
    return with_retraining(trainer=name)


def broken(
    root: Root, instance: dg.DagsterInstance, feature: AiFeatureSpec
) -> tuple[Retraining, LikelyCause]:
    """A retraining that fails, recorded as the sensor does."""
    config = retraining_config(feature, cause="asked for")
    done = Runner(definitions_of(feature), instance).run(JOB, config=config, raises=False)
    assert not done.success
    failed = failed_run(instance, done.run_id)
    assert failed is not None
    cause = record_failed_run(root, feature, failed)
    return standing(root).retrainings[-1], cause


@pytest.mark.requirement("PB-40", "PB-41", "PB-42")
def test_a_label_that_was_renamed_in_its_table_is_a_schema_change_at_the_data_pull(
    logged: Root, instance: dg.DagsterInstance
) -> None:
    path = logged.lake.path(NAME, "ground_truth", "2021-03-05")
    table, _ = logged.lake.read_table(path)
    logged.lake.write_table(path, table.rename_columns(["id", "late_label", "available_at"]))
    retraining, cause = broken(logged, instance, FEATURE)
    failed = retraining.stages["failed"]
    assert (failed["part"], cause.kind) == ("data pull", "schema_change")
    assert "column label is not there; late_label, which is, may be it renamed" in cause.words
    assert "data pull (tiny__training_set): MissingEvidence" in failure_in_words(retraining)


@pytest.mark.requirement("PB-42")
def test_a_label_of_another_type_is_a_schema_change(
    logged: Root, instance: dg.DagsterInstance
) -> None:
    path = logged.lake.path(NAME, "ground_truth", "2021-03-05")
    table, _ = logged.lake.read_table(path)
    words = pa.array(["delayed" for _ in range(table.num_rows)])
    logged.lake.write_table(path, table.set_column(1, "label", words))
    _, cause = broken(logged, instance, FEATURE)
    assert cause.kind == "schema_change" and "column label is string, not bool" in cause.words


@pytest.mark.requirement("PB-41", "PB-42")
def test_a_trainer_that_is_gone_is_a_configuration_fault_and_recorded_though_nothing_began(
    logged: Root, instance: dg.DagsterInstance
) -> None:
    feature = with_retraining(trainer="ai_ops_tests.moved_away")
    retraining, cause = broken(logged, instance, feature)
    assert set(retraining.stages) == {"failed"} and retraining.cause == "asked for"
    assert cause.kind == "configuration" and "no module ai_ops_tests.moved_away" in cause.words


@pytest.mark.requirement("PB-42")
def test_too_few_labels_are_a_matter_of_volume(logged: Root, instance: dg.DagsterInstance) -> None:
    retraining, cause = broken(logged, instance, with_retraining(minimum_rows=50_000))
    assert retraining.stages["failed"]["part"] == "data pull"
    assert cause.kind == "data_volume" and "at least 50000 are needed" in cause.words


@pytest.mark.requirement("PB-41", "PB-42")
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("Path('/dev/full').write_bytes(b'x')", "resource", "No space left on device"),
        ("raise ValueError('odd weather')", "code", "at raising.py:8 (odd weather)"),
        ("os.environ['WAREHOUSE_KEY']", "configuration", "variable WAREHOUSE_KEY is not set"),
    ],
)
def test_what_breaks_the_training_is_told_by_its_words(
    logged: Root,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: str,
    words: str,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "raising", raising=False)
    retraining, cause = broken(logged, instance, faulty(tmp_path, fault, "raising"))
    assert retraining.stages["failed"]["part"] == "training"
    assert (cause.kind, words in cause.words) == (kind, True), cause


KILLED = """
import sys
import dagster as dg
from ai_ops.component import definitions_of
from ai_ops.orchestration.running import Runner, open_instance
from ai_ops.retraining_pipeline.jobs import retraining_config, retraining_job_name
from ai_ops_tests.retraining_pipeline.test_failures import with_retraining
from pathlib import Path
feature = with_retraining(trainer="killing")
with open_instance(Path(sys.argv[1])) as instance:
    config = retraining_config(feature, cause="asked for")
    Runner(definitions_of(feature), instance).run(retraining_job_name(feature), config=config)
"""


@pytest.mark.requirement("PB-41", "PB-42")
def test_a_process_that_was_killed_is_told_from_the_step_that_it_was_at(
    logged: Root, tmp_path: Path
) -> None:
    faulty(tmp_path, "os.kill(os.getpid(), 9)", "killing")
    environment = dagster_environment(logged.folder)
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(logged.folder)],
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    with open_instance(logged.folder) as instance:
        (run,) = end_orphans(instance)
        failed = failed_run(instance, run)
    assert failed is not None and failed.step == f"{NAME}__candidate_model"
    cause = record_failed_run(logged, FEATURE, failed)
    assert cause.kind == "resource" and "stopped from outside" in cause.words
    assert standing(logged).retrainings[-1].stages["failed"]["part"] == "training"


@pytest.mark.requirement("OW-08", "PB-42")
def test_an_environment_that_changed_since_the_last_good_one_is_named_when_one_fails(
    logged: Root, instance: dg.DagsterInstance
) -> None:
    before = {**installed(), "torch": "1.0"}
    path = logged.lake.path(NAME, ENVIRONMENTS, digest_of(before), "json")
    logged.lake.write_json(path, before)
    made = {**made_with(logged, FEATURE).as_params(), "environment": digest_of(before)}
    good = start_retraining(logged, FEATURE, cause="x", run_id="good", made_with=made)
    record_stage(logged, FEATURE, good, "evaluated", version="7")
    later(logged, hours=1)
    _, cause = broken(logged, instance, with_retraining(minimum_rows=50_000))
    assert cause.kind == "data_volume", "what changed is named beside it, not instead"
    assert f"the environment: torch 1.0 → {installed()['torch']}" in cause.words
    assert "the feature's file" in cause.words and "the code of" not in cause.words


def the_job() -> dg.JobDefinition:
    """The job whose trainer fails first, as a process of its own would load it."""
    return definitions_of(with_retraining(trainer="mended")).resolve_job_def(JOB)


@pytest.mark.requirement("PB-43")
@pytest.mark.parametrize("way", ["command", "button"])
def test_a_retraining_goes_on_from_its_failure_and_what_had_been_made_stays(
    logged: Root,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mended", raising=False)
    feature = faulty(tmp_path, "raise RuntimeError('not yet')", "mended")
    retraining, _ = broken(logged, instance, feature)
    (failed,) = instance.get_runs()
    manifest, _ = latest_training_set(logged, feature)
    (tmp_path / "flag").unlink()
    later(logged, minutes=30)
    if way == "command":
        done = Runner(definitions_of(feature), instance).run(
            JOB,
            raises=False,
            assets=[asset_key(feature, name) for name in remade("training")],
            tags=tags_after(failed),
        )
        run, events = done.run_id, done.all_events
    else:  # the re-execution from failure that Dagster's UI starts
        again = dg.execute_job(
            dg.reconstructable(the_job),
            instance=instance,
            run_config=failed.run_config,
            reexecution_options=dg.ReexecutionOptions.from_failure(failed.run_id, instance),
        )
        run, events = again.run_id, again.all_events
    made = [e.asset_key.path[-1] for e in events if e.is_step_materialization and e.asset_key]
    assert made == ["candidate_model", "candidate_evaluation"]
    assert latest_training_set(logged, feature)[0] == manifest
    (same,) = standing(logged).retrainings
    assert same.id == retraining.id and set(same.stages) == {"started", "resumed", "evaluated"}
    assert same.stages["resumed"]["run"] == run
    assert same.stages["evaluated"]["version"] == logged.registry.versions(NAME)[-1].version


@pytest.mark.requirement("PB-41")
def test_a_promotion_that_breaks_names_itself_and_opens_an_incident_and_a_refused_one_does_not(
    live: Root, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def promoted() -> LikelyCause:
        runner = Runner(definitions_of(FEATURE), instance)
        config = promotion_config(FEATURE, "2")
        done = runner.run(promotion_job_name(FEATURE), config=config, raises=False)
        failed = failed_run(instance, done.run_id)
        assert failed is not None
        return record_failed_run(live, FEATURE, failed)

    launched(live)
    later(live, hours=1)
    assert promoted().kind == "refused"
    assert standing(live).retrainings == (), "the door recorded a refusal, nothing broke"
    happened(live, "retraining", retraining="r1", stage="evaluated", version="2")

    def unreachable(*_: object, **__: object) -> None:
        raise RegistryUnavailable("http://registry: the registry does not answer: refused")

    monkeypatch.setattr("ai_ops.retraining_pipeline.jobs.promote", unreachable)
    later(live, hours=1)
    cause = promoted()
    assert cause.kind == "resource" and "the registry does not answer" in cause.words
    failed = standing(live).retrainings[-1].stages["promotion_failed"]
    assert (failed["part"], failed["version"]) == ("promotion", "2")
    later(live, minutes=5)
    answer_alerts(live, FEATURE, live.clock.now())
    (opened,) = standing(live).incidents
    assert opened.alert == "pipeline_failure" and "promotion (tiny__promote)" in opened.reason
