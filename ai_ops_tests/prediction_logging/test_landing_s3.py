"""Shipping, compaction and the sensor on an object store, with the whole lake on it."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import boto3
import dagster as dg
import msgspec
import pytest
import s3fs

from ai_ops.drift_monitoring.rows import answered_by
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.orchestration.sensing import JUDGING_TAG
from ai_ops.prediction_logging.checks import CHECKS
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.landing_records import UNREACHABLE
from ai_ops.prediction_logging.segment_gathering import KEPT_SECONDS
from ai_ops.prediction_logging.sensors import sensors
from ai_ops.storage.files import options_for
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import LakeUnreachable
from ai_ops_tests.orchestration.ticking import Ticking
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, LATER, moment
from ai_ops_tests.prediction_logging.shipping_world import NAME, Shipping, back_date, name_of

DAILY = dg.define_asset_job("tiny__daily", tags={JUDGING_TAG: NAME})
WRITTEN = [check for check in CHECKS if check.name == "log_written"]


class OnS3(Shipping):
    """The lake is a prefix of a bucket, named by the standard variables alone."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.bucket = "b" + sha256(str(folder).encode()).hexdigest()[:20]
        url = f"s3://{self.bucket}/lake"
        self.environment = {"AI_OPS_LAKE_URL": url, "AWS_ENDPOINT_URL": endpoint}
        self.store = s3fs.S3FileSystem(**(options_for(url, self.environment) or {}))
        self.store.mkdir(self.bucket)
        super().__init__(folder, self.environment)

    def inner(self, path: str) -> str:
        return path.removeprefix("s3://")


@pytest.fixture
def world(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> OnS3:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a-key-of-the-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    made = OnS3(tmp_path, s3_endpoint)
    for name, value in made.environment.items():  # what the processes of Dagster would read
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def daemon(world: OnS3) -> Iterator[Ticking]:
    [sensor] = [one for one in sensors(FEATURE, DAILY) if one.name.endswith("new_segments")]
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticking(sensor, world.root, instance)


@pytest.mark.requirement("PL-03")
def test_landed_compacted_confirmed_and_removed(world: OnS3) -> None:
    files = [*world.write_on("a", "b"), *world.write_on("c", writer="batch")]
    assert sorted(world.ship().landed) == sorted(name_of(file) for file in files)
    numbers = world.compact()
    assert (numbers["rows"], numbers["quarantined"]) == (3, 0)
    assert world.judged().status == "pass"
    assert len(world.ship().removed) == 2 and world.here() == []
    before = world.root.lake.read_bytes(world.path())
    for copy in world.root.landed.rglob("*.jsonl"):
        copy.unlink()
    assert world.compact()["rows"] == 3, "it is fetched again"
    assert world.root.lake.read_bytes(world.path()) == before


def test_evidence_is_named_within_the_lake_wherever_that_lies(world: OnS3) -> None:
    world.write_on("a")
    world.ship()
    world.compact()
    evidence = world.judged().evidence
    assert [one.source for one in evidence] == [
        f"tiny/prediction_log/{DAY}.parquet",
        f"tiny/prediction_log/quarantine/{DAY}.parquet",
    ]


def cut(world: OnS3, path: str) -> None:
    world.store.pipe_file(world.inner(path), world.store.cat_file(world.inner(path))[:500])


def flip(world: OnS3, path: str) -> None:
    content = bytearray(world.store.cat_file(world.inner(path)))
    content[400] ^= 1
    world.store.pipe_file(world.inner(path), bytes(content))


def lose(world: OnS3, path: str) -> None:
    world.store.rm_file(world.inner(path))


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (cut, "partial upload (500 of "),
        (flip, "digest differs from its manifest"),
        (lose, "named by a manifest, not there"),
    ],
)
@pytest.mark.requirement("MO-06")
def test_faults_of_the_store_are_named_before_and_after_a_table_was_made(
    world: OnS3, plant: Callable[[OnS3, str], None], reason: str
) -> None:
    [early] = world.write_on("a", "b")
    world.write_on("c", writer="batch")
    world.ship()
    plant(world, world.path_of(early))
    assert world.compact()["rows"] == 1
    assert reason in world.judged().reason and name_of(early) in world.judged().reason
    [late] = world.write_on("d", writer="night")
    world.ship()
    plant(world, world.path_of(late))
    assert world.compact()["earlier_table_kept"] and world.ids() == ["c"]
    assert name_of(late) in world.judged().reason


def test_a_store_that_changed_what_was_compacted_is_found(world: OnS3) -> None:
    [file] = world.write_on("a", "b")
    world.ship()
    world.compact()
    flip(world, world.path_of(file))
    assert world.compact()["earlier_table_kept"] and world.ids() == ["a", "b"]
    assert "digest differs from its manifest" in world.judged().reason


def test_a_store_that_does_not_answer_is_no_evidence_and_no_empty_day(world: OnS3) -> None:
    world.write_on("a")
    world.ship()
    world.compact()
    unreachable = {**world.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    root = Root.open(world.root.folder, unreachable)
    here, world.root = world.root, root
    with pytest.raises(LakeUnreachable, match="does not answer"):
        world.compact()
    [told] = judge_and_record(root, FEATURE, WRITTEN, [moment()], run_id=None)
    assert told.verdict.status == "no_evidence" and "does not answer" in told.verdict.reason
    world.write_on("b")
    done = world.ship()
    assert done.landed == [] and UNREACHABLE in done.warnings[0]
    world.root = here
    assert len(world.ship().landed) == 1
    assert world.compact()["rows"] == 2 and world.judged().status == "pass"


def test_a_bucket_that_is_not_there_is_no_empty_lake(world: OnS3) -> None:
    root = Root.open(world.root.folder, {**world.environment, "AI_OPS_LAKE_URL": "s3://nobody/x"})
    world.root = root
    with pytest.raises(LakeUnreachable):
        root.lake.listing(f"{root.lake.url}/tiny/landing/{DAY}")
    with pytest.raises(LakeUnreachable, match="right bucket"):
        root.lake.write_json(root.lake.path(NAME, "x", None, "json"), {})


def test_the_sensor_sees_what_landed_after_its_day_was_judged(world: OnS3, daemon: Ticking) -> None:
    replay = world.root.begin_replay(LATER)
    assert replay.now() == LATER
    world.write_on("a")
    world.ship()
    world.compact()
    judge_and_record(world.root, FEATURE, WRITTEN, [moment()], run_id=None)
    assert daemon.tick() is None
    assert daemon.tick() is None and daemon.skipped == "no segment has changed"
    world.write_on("b", writer="batch")
    assert daemon.tick() is None, "it has not landed"
    world.ship()
    asked = daemon.tick()
    assert asked is not None and DAY in (
        asked.partition_key,
        asked.tags.get("dagster/asset_partition_range_start"),
    )
    world.compact()
    judge_and_record(world.root, FEATURE, WRITTEN, [moment()], run_id=None)
    assert daemon.tick() is None and world.ids() == ["a", "b"]


def test_a_part_in_the_middle_that_got_lost_shows_in_what_is_left(world: OnS3) -> None:
    files = [world.write_on(id)[0] for id in "abc"]
    world.ship()
    lose(world, world.path_of(files[1]))
    lose(world, world.landing.manifest_path(DAY, name_of(files[1])))
    world.compact()
    assert world.ids() == ["a", "c"]
    [status] = world.opened().statuses
    lost = {f"web/{files[1].name.split('.')[0]}"}
    there = {f"{index.writer}/{index.incarnation}" for index in world.opened().indexes}
    assert set(status.reached) - there == lost, "the machine saw it, and it is nowhere"


def test_sql_over_the_log_reads_the_store(world: OnS3) -> None:
    world.write_on("a", "b")
    world.ship()
    world.compact()
    [answered] = answered_by(world.root, FEATURE, [DAY, "2021-03-05"])
    assert (answered.version, answered.first.date().isoformat()) == ("1", DAY)


def test_a_day_of_every_check_of_the_log_is_judged_on_the_store(world: OnS3) -> None:
    world.write_on("a", "b")
    world.ship()
    world.compact()
    compute_log_completeness(world.root, FEATURE, [moment()])
    told = judge_and_record(world.root, FEATURE, CHECKS, [moment()], run_id=None)
    assert len(told) == len(CHECKS)
    assert {one.item: one.verdict.status for one in told}["log_written"] == "pass"
    assert not [one for one in told if "does not answer" in one.verdict.reason]


def test_old_copies_of_days_that_no_run_needs_are_removed(world: OnS3) -> None:
    world.write_on("a")
    world.write_on("x", day="2021-03-05")
    world.ship()
    world.compact(DAY, "2021-03-05")
    copies = world.root.landed / NAME
    assert sorted(copy.name for copy in copies.iterdir()) == [DAY, "2021-03-05"]
    for copy in copies.iterdir():
        back_date(copy, KEPT_SECONDS + 60)
    world.compact("2021-03-05")
    assert [copy.name for copy in copies.iterdir()] == ["2021-03-05"]
    assert world.compact()["rows"] == 1, "it is fetched again"


@pytest.mark.parametrize("way", ["../../../../outside", "web/../../../../../outside"])
def test_a_name_that_leads_out_of_the_landing_place_is_named_and_never_written(
    world: OnS3, tmp_path: Path, way: str
) -> None:
    [file] = world.write_on("a")
    world.ship()
    name = f"{way}/{file.name}"
    manifest = world.landing.manifest(DAY, name_of(file))
    told = msgspec.json.encode(msgspec.structs.replace(manifest, segment=name))
    folder = world.inner(f"{world.root.lake.url}/{NAME}/landing/{DAY}")
    # The store's own client: others would make sense of the dots before they ask.
    client = boto3.client("s3", endpoint_url=world.environment["AWS_ENDPOINT_URL"])
    for key, content in (
        (name, file.read_bytes()),
        (name.removesuffix(".jsonl") + ".manifest.json", told),
    ):
        prefix = folder.removeprefix(f"{world.bucket}/")
        client.put_object(Bucket=world.bucket, Key=f"{prefix}/{key}", Body=content)
    numbers = world.compact()
    assert not any("outside" in path.parts for path in tmp_path.rglob("*"))
    assert numbers["rows"] == 1
    assert "a name that names no segment" in world.judged().reason
