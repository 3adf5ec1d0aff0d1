"""A real daemon closes the loop: nobody types a command, a person only signs what is a person's."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg
import httpx
import pytest

from ai_ops.client.lines import read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.orchestration.running import dagster_home
from ai_ops.storage.standing import Incident, Retraining, Standing, standing_of
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops_tests.inference_management.serving_world import GOOD, NAME, Server, serving
from ai_ops_tests.orchestration.daemon_world import (
    SCIENTIST,
    SCORES,
    WEEK,
    DaemonWorld,
    build,
    daemon,
    wait_for,
)
from ai_ops_tests.retraining_pipeline.pipeline_world import gate_passed

MONDAY, SUNDAY = WEEK[0].isoformat(), WEEK[-1].isoformat()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonWorld]:
    """A feature in production whose log is missing, watched by a daemon; then the log lands."""
    world = build(tmp_path_factory.mktemp("daemon") / "installation")
    with daemon(world):
        world.land("serve", WEEK)
        yield world


@pytest.fixture(scope="module")
def instance(world: DaemonWorld) -> Iterator[dg.DagsterInstance]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(dagster_home(world.root.folder)))
        with dg.DagsterInstance.get() as instance:
            yield instance


def verdict(world: DaemonWorld, item: str, partition: str) -> RecordedVerdict:
    [found] = [
        one for one in world.root.ledger.verdicts(NAME, items={item}) if one.partition == partition
    ]
    return found


def standing(world: DaemonWorld) -> Standing:
    return standing_of(world.root.ledger, NAME)


def asked_by(instance: dg.DagsterInstance, sensor: str) -> list[str]:
    """The jobs of the runs that a sensor asked for, oldest first."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/sensor_name": f"{NAME}__{sensor}"}))
    return [run.job_name.removeprefix(f"{NAME}__") for run in reversed(runs)]


@pytest.mark.requirement("WK-09", "ST-09")
def test_a_segment_that_lands_leads_to_its_days_their_checks_and_the_weekly_list(
    world: DaemonWorld, instance: dg.DagsterInstance
) -> None:
    def judged() -> bool:
        return verdict(world, "logs_written", MONDAY).verdict.status == "pass"

    wait_for("the weekly list with the log", judged, world)
    for day in WEEK:
        table, _ = world.root.lake.read_table(
            world.root.lake.path(NAME, "prediction_log", day.isoformat())
        )
        assert table.num_rows == 40
        assert verdict(world, "log_written", day.isoformat()).verdict.status == "pass"
        assert verdict(world, "log_complete", day.isoformat()).verdict.status == "pass"
    assert asked_by(instance, "new_segments") == ["daily"], "seven days in one run"
    assert asked_by(instance, "cadences")[:2] == ["weekly", "weekly_list"]
    key = dg.AssetCheckKey(dg.AssetKey([NAME, "weekly_checklist"]), "logs_written")

    def shown() -> bool:
        [info] = instance.event_log_storage.get_asset_check_partition_info([key])
        return (info.partition_key, info.latest_execution_status.value) == (MONDAY, "SUCCEEDED")

    wait_for("the list in Dagster, which is told after the ledger", shown, world)


@pytest.mark.requirement("PB-33")
def test_a_failed_accuracy_verdict_leads_to_a_retraining(
    world: DaemonWorld, instance: dg.DagsterInstance
) -> None:
    def ended() -> Retraining | None:
        found = standing(world).retrainings
        return found[0] if found and {"evaluated", "failed"} & found[0].stages.keys() else None

    retraining = wait_for("a retraining", ended, world)
    assert verdict(world, "accuracy", SUNDAY).verdict.status == "fail"
    assert retraining.cause.startswith("accuracy: version 1 is worse than at launch")
    assert retraining.requested_by == "ai_ops"
    assert "evaluated" in retraining.stages, retraining.stages
    assert asked_by(instance, "retraining") == ["retrain"]
    assert world.root.registry.version(NAME, "3").tags["retraining"] == retraining.id
    assert standing(world).live == "1", "a retraining moves nothing"


@dataclass
class Caller:
    """An application that asks one prediction after the other, and keeps every answer."""

    url: str
    answers: list[tuple[str, int, str, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Caller":
        self._thread = threading.Thread(target=self._call)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _call(self) -> None:
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self._over.wait(0.005):
                id = f"call-{len(self.answers)}"
                answer = client.post("/predict", json={"id": id, "inputs": GOOD})
                said = answer.json()
                version = said.get("model_version", "")
                score = said.get("outputs", {}).get("probability", -1.0)
                self.answers.append((id, answer.status_code, version, score))


@pytest.mark.requirement("ST-07", "OW-07", "PL-07")
def test_an_approval_leads_to_a_promotion_and_the_server_answers_with_the_new_version(
    world: DaemonWorld, instance: dg.DagsterInstance
) -> None:
    def opened() -> Incident | None:
        return next(iter(standing(world).incidents), None)

    incident = wait_for("an incident", opened, world)
    assert incident.alert == "accuracy_drop"
    with serving(world.root, world.defs) as server, Caller(server.url) as caller:
        wait_for("an answer", lambda: caller.answers, world)
        world.decide(
            "incident_concluded",
            SCIENTIST,
            incident=incident.id,
            conclusion="genuine_shift",
            note="the model answers one number",
        )
        gate = world.feature.gate.digest
        gate_passed(world.root, "2", "1", gate_hash=gate)
        world.decide("approval", SCIENTIST, version="2", gate_hash=gate, reason="better")
        wait_for("the promotion", lambda: standing(world).live == "2", world)
        wait_for("the new version's answer", lambda: caller.answers[-1][2] == "2", world)
        reached = len(caller.answers)
        wait_for("more of them", lambda: len(caller.answers) > reached + 50, world)
    _nothing_was_lost(world, caller, server)
    assert asked_by(instance, "promotion") == ["promotion"]
    [_, promoted] = standing(world).moves
    assert (promoted.kind, promoted.previous, promoted.by) == ("promotion", "1", SCIENTIST)
    assert world.root.registry.champion(NAME) == "2"


def _nothing_was_lost(world: DaemonWorld, caller: Caller, server: Server) -> None:
    """Every call was answered, by the version that it names, and stands so in the log."""
    assert {status for _, status, _, _ in caller.answers} == {200}
    versions = [version for _, _, version, _ in caller.answers]
    assert versions == sorted(versions), "from the old version to the new one, once"
    assert all(score == SCORES[version] for _, _, version, score in caller.answers)
    logged = {}
    for segment in (world.root.segments / NAME / "serve").glob("*.jsonl"):
        for line in segment.read_bytes().splitlines(keepends=True):
            if isinstance(found := read_line(line), PredictionRecord):
                logged[found.id] = found.model_version
    asked = {id: version for id, _, version, _ in caller.answers}
    assert {id: logged.get(id) for id in asked} == asked
