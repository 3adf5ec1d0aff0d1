"""What goes wrong on the way from the writers' machine to the lake, in a folder and on S3.

Each fault happens to the segments of a writer of its own; it is found when the day is compacted
next, with the numbers that are missing, and the writer without a fault stays without a finding.
"""

import json
import posixpath
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fsspec.core import url_to_fs

from ai_ops.client.lines import read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.faults.log_fleet import Fleet, feature_with, found
from ai_ops_tests.s3_server import serve_s3

ROSTER = dict.fromkeys(("clean", "twice", "middle", "tail", "partial", "flip"), 1)
ASKED = 45
SMALL_PARTS = {"segment_megabytes": 0.004}
"""Four kilobytes: some eight predictions a part."""


@dataclass
class Landed:
    """A fleet whose segments have landed, and what lies at the landing place."""

    fleet: Fleet
    before: dict[str, Verdict]
    after: dict[str, Verdict]
    numbers: dict[str, tuple[int, int]]

    def told(self, check: str, writer: str) -> str:
        assert found(self.before[check], writer) == []
        return "; ".join(found(self.after[check], writer))


@dataclass
class Place:
    """The landing place of a feature, whatever store holds it."""

    fleet: Fleet

    def objects(self, writer: str) -> list[str]:
        """The addresses of a writer's landed segments, part by part."""
        lake = self.fleet.root.lake
        pattern = f"{self.fleet.feature.name}/landing/*/{writer}/*.jsonl"
        return list(lake.glob(pattern))

    def read(self, address: str) -> bytes:
        return self.fleet.root.lake.read_bytes(address)

    def write(self, address: str, content: bytes) -> None:
        self.fleet.root.lake.write_bytes(address, content)

    def remove(self, address: str) -> None:
        """Remove a segment and its manifest, as if it had never been brought."""
        lake = self.fleet.root.lake
        fs, inner = url_to_fs(posixpath.dirname(address), **(lake.storage_options or {}))
        stem = posixpath.basename(address)
        for entry in fs.ls(inner, detail=False):
            if posixpath.basename(entry).startswith(stem):
                fs.rm(entry)


def numbers_of(content: bytes) -> tuple[int, int]:
    """The sequence numbers that a segment spans."""
    records = [read_line(line) for line in content.splitlines(keepends=True)]
    told = [record.seq for record in records if isinstance(record, PredictionRecord)]
    return told[0], told[-1]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    yield from serve_s3()


@pytest.fixture(scope="module", params=["folder", "s3"])
def landed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Landed]:
    folder = tmp_path_factory.mktemp(f"fleet-{request.param}")
    with pytest.MonkeyPatch.context() as patch:
        environment = _on_s3(request.getfixturevalue("s3"), patch) if request.param == "s3" else {}
        feature = feature_with(ROSTER, always=False, **SMALL_PARTS)
        fleet = Fleet(folder, feature, environment, ships=True)
        place = Place(fleet)
        if fleet.root.lake.is_local:
            Path(fleet.root.lake.url).mkdir(parents=True)
        try:
            for worker in fleet.begin(*ROSTER):
                worker.ask(ASKED)
                worker.end()
            [original, *_] = fleet.segments("twice")[1:]
            numbers = {"twice": numbers_of(original.read_bytes())}
            shipped = fleet.ship()
            assert shipped.returncode == 0, shipped.stderr
            before = fleet.judged_tomorrow()

            copy = original.with_name(f"copied-{original.name}")
            copy.write_bytes(original.read_bytes())
            assert fleet.ship().returncode in (0, 1)
            for writer, plant in PLANTED.items():
                parts = place.objects(writer)
                assert len(parts) >= 4
                chosen = parts[-1] if writer == "tail" else parts[1]
                numbers[writer] = numbers_of(place.read(chosen))
                plant(place, chosen)
            _forget_what_was_fetched(fleet)
            yield Landed(fleet, before, fleet.judged_tomorrow(), numbers)
        finally:
            fleet.end()


def _on_s3(address: str, patch: pytest.MonkeyPatch) -> dict[str, str]:
    import boto3

    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": address,
    }
    for name, value in variables.items():
        patch.setenv(name, value)
    boto3.client("s3").create_bucket(
        Bucket="fleet", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return {**variables, "AI_OPS_LAKE_URL": "s3://fleet/lake"}


def _forget_what_was_fetched(fleet: Fleet) -> None:
    """The next compaction runs on another machine: it has the lake, and none of the copies."""
    import shutil

    shutil.rmtree(fleet.root.folder / "landed", ignore_errors=True)


def cut(place: Place, address: str) -> None:
    place.write(address, place.read(address)[:-700])


def flip(place: Place, address: str) -> None:
    content = bytearray(place.read(address))
    content[len(content) // 2] ^= 4
    place.write(address, bytes(content))


def lose(place: Place, address: str) -> None:
    place.remove(address)


PLANTED: dict[str, Callable[[Place, str], None]] = {
    "middle": lose,
    "tail": lose,
    "partial": cut,
    "flip": flip,
}


def test_what_landed_whole_is_green(landed: Landed) -> None:
    wrong = {n: v.reason for n, v in landed.before.items() if not v.passed}
    assert wrong == {}
    for check, verdict in landed.after.items():
        assert found(verdict, "clean") == [], check


@pytest.mark.fault("log_complete")
def test_a_middle_part_that_is_lost_is_named_with_its_numbers(landed: Landed) -> None:
    first, last = landed.numbers["middle"]
    told = landed.told("log_complete", "middle")
    assert "part 2 is missing of writer middle" in told
    assert f"{first}–{last}" in told


@pytest.mark.fault("log_complete", "witness_agrees")
def test_a_last_part_that_is_lost_is_named_with_its_numbers(landed: Landed) -> None:
    first, last = landed.numbers["tail"]
    told = landed.told("log_complete", "tail")
    assert f"{first}–{last}" in told
    witness = landed.told("witness_agrees", "tail")
    assert f"{last - first + 1} of {ASKED} requests" in witness


@pytest.mark.fault("log_complete")
@pytest.mark.parametrize(
    ("writer", "words"),
    [("partial", "partial upload"), ("flip", "digest differs from its manifest")],
)
def test_a_part_that_is_not_what_its_manifest_says_is_not_read(
    landed: Landed, writer: str, words: str
) -> None:
    first, last = landed.numbers[writer]
    told = landed.told("log_complete", writer)
    assert f"{first}–{last}" in told
    everything = "; ".join(f.reason for f in landed.after["log_complete"].findings)
    assert words in everything
    assert words in landed.after["log_written"].reason or landed.after["log_written"].findings


@pytest.mark.fault("log_complete")
def test_a_part_that_came_twice_counts_once_and_is_told(landed: Landed) -> None:
    first, last = landed.numbers["twice"]
    told = landed.told("log_complete", "twice")
    log, _ = landed.fleet.root.lake.read_table(
        landed.fleet.root.lake.path(landed.fleet.feature.name, "prediction_log", landed.fleet.day)
    )
    ids = [row["id"] for row in log.to_pylist() if row["writer"] == "twice"]
    assert len(ids) == len(set(ids)) == ASKED
    assert "counted once" in told
    assert f"repeats the {last - first + 1} predictions of" in told


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("WK-09")
def test_a_landing_place_that_cannot_be_reached_is_told_by_the_shipper_and_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    fleet = Fleet(tmp_path, feature_with({"web": 1}, always=False), ships=True)
    try:
        [worker] = fleet.begin("web")
        worker.ask(5)
        worker.end()
        before = [file.read_bytes() for file in fleet.segments("web")]
        away = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AI_OPS_LAKE_URL": "s3://gone/lake",
        }
        shipped = replace(fleet, environment=away).ship()
        assert shipped.returncode == 1
        said = json.loads(shipped.stdout)
        assert "unreachable" in json.dumps(said)
        assert [file.read_bytes() for file in fleet.segments("web")] == before
        landing = Path(fleet.root.lake.url) / fleet.feature.name
        landing.mkdir(parents=True)
        (landing / "landing").write_text("a disk that is not mounted leaves something else here")
        complete: Any = fleet.judged_tomorrow()["log_complete"]
        assert complete.status in ("fail", "no_evidence")
        assert "landing place unreachable" in complete.reason
    finally:
        fleet.end()
