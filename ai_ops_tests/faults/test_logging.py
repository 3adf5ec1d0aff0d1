"""Faults planted in the log: each turns its check red and is named; the clean run is green."""

import json
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.lines import seal
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import (
    compute_log_completeness,
    judge_log_complete,
    judge_log_written,
    judge_user_actions_present,
)
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.inference_management.serving_world import (
    GOOD,
    NAME,
    Server,
    registered,
    root_with,
    serving,
    write_feature,
)
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment

IDS = [f"p{number}" for number in range(40)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two writers, a day of predictions, and a user action for each of them."""
    made = World(tmp_path)
    with made.open_log("web") as web, made.open_log("batch") as batch:
        made.write(web, *IDS[:20])
        made.write(batch, *IDS[20:])
    made.act(IDS, [NOON + timedelta(minutes=n) for n in range(len(IDS))])
    return made


def verdicts(root: Root, feature: AiFeatureSpec = FEATURE) -> tuple[Verdict, Verdict]:
    """Whether the log was written, and whether it is complete, computed afresh."""
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(root, feature, [moment()])
    return judge_log_written(root, feature, moment()), judge_log_complete(root, feature, moment())


def segment_of(world: World, writer: str = "web") -> Path:
    return next(file for file in world.segments() if file.parent.name == writer)


def test_the_clean_run_is_green(world: World) -> None:
    written, complete = verdicts(world.root)
    assert (written.status, complete.status) == ("pass", "pass")
    assert (written.sample_size, complete.sample_size) == (40, 40)
    assert judge_user_actions_present(world.root, FEATURE, moment()).status == "pass"


def tear(file: Path) -> None:
    with file.open("ab") as segment:
        segment.write(b'{"kind":"prediction","id":"torn","model_ver')


def flip(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"probability":0.25', b'"probability":0.95')
    file.write_bytes(b"".join(lines))


def garble(file: Path) -> None:
    file.with_name("20210304T130000-1-garbage.jsonl").write_bytes(os.urandom(3000) + b"\n")


def tell_of_another_kind(file: Path) -> None:
    with file.open("ab") as segment:
        segment.write(seal(b'{"kind":"rumour","seq":1}'))


def leave_the_checksum_out(file: Path) -> None:
    with file.open("ab") as segment:
        segment.write(b'{"kind":"prediction","id":"x"}\n')


def tell_of_another_feature(file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    body = json.loads(lines[1])
    body.pop("crc")
    body = {**body, "feature": "other", "id": "other", "seq": 21}
    with file.open("ab") as segment:
        segment.write(seal(json.dumps(body, separators=(",", ":")).encode()))


@pytest.mark.fault("log_written")
@pytest.mark.requirement("WK-09", "MO-06", "MO-08", "PL-09")
@pytest.mark.parametrize(
    ("plant", "reason", "rows"),
    [
        (tear, "1 × torn", 40),
        (flip, "1 × wrong checksum", 39),
        (garble, "× ", 40),
        (tell_of_another_kind, "1 × unknown kind", 40),
        (leave_the_checksum_out, "1 × no checksum", 40),
        (tell_of_another_feature, "1 × record of another feature", 40),
    ],
)
def test_damage_turns_the_check_red_and_is_kept_as_found(
    world: World, plant: Callable[[Path], None], reason: str, rows: int
) -> None:
    assert verdicts(world.root)[0].status == "pass"
    plant(segment_of(world))
    written, _ = verdicts(world.root)
    assert written.status == "fail"
    assert written.findings[0].kind == "completeness"
    assert reason in written.reason
    assert "web/2021" in written.reason
    assert world.log_of().num_rows == rows
    for row in world.quarantine_of():
        raw = (world.root.segments / "tiny" / row["segment"]).read_bytes()[row["offset"] :]
        assert raw.startswith(row["raw"])


@pytest.mark.fault("log_written")
def test_a_segment_that_cannot_be_opened_is_named_and_the_rest_is_kept(world: World) -> None:
    verdicts(world.root)
    (segment_of(world).parent / "20210304T140000-9-closed.jsonl").mkdir()
    written, _ = verdicts(world.root)
    assert written.status == "fail"
    assert (
        "unreadable segment in web/20210304T140000-9-closed.jsonl: Is a directory" in written.reason
    )
    assert world.log_of().num_rows == 40


@pytest.mark.fault("log_written")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_segment_without_permission_is_named_and_nothing_is_lost(world: World) -> None:
    verdicts(world.root)
    segment_of(world).chmod(0)
    written, _ = verdicts(world.root)
    assert "Permission denied" in written.reason
    assert world.log_of().num_rows == 40


@pytest.mark.fault("log_written")
def test_a_segment_that_vanished_is_named_and_its_rows_stay(world: World) -> None:
    verdicts(world.root)
    segment_of(world).unlink()
    written, _ = verdicts(world.root)
    assert written.status == "fail"
    assert "the file is gone" in written.reason
    assert world.log_of().num_rows == 40


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("MO-06")
def test_lost_lines_leave_a_gap_that_is_counted(world: World) -> None:
    file = segment_of(world)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:4] + lines[7:]))
    written, complete = verdicts(world.root)
    assert written.status == "pass"  # what is there is whole; that some is missing, the gap tells
    assert complete.status == "fail"
    assert "3 sequence numbers of writer web are missing (4–6" in complete.reason
    assert complete.observed["actions_without_prediction"] == 3


@pytest.mark.fault("log_complete")
@pytest.mark.requirement("WK-10", "ST-02", "FR-3")
def test_a_writer_that_was_switched_off_is_found_by_the_user_actions(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.open_log() as log:
        world.write(log, *IDS[:30])
    world.act(IDS, [NOON + timedelta(minutes=n) for n in range(len(IDS))])
    written, complete = verdicts(world.root)
    assert (written.status, complete.status) == ("pass", "fail")
    assert complete.findings[0].size == 0.25
    assert complete.findings[0].begin == NOON + timedelta(minutes=30)


class Load:
    """Callers that remember every prediction that the server acknowledged."""

    def __init__(self, server: Server, name: str) -> None:
        self.acknowledged: list[str] = []
        self._server, self._name, self._wanted = server, name, 1 << 60
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(4)]
        for thread in self._threads:
            thread.start()

    def until(self, count: int) -> None:
        self._wanted = count
        assert self._enough.wait(60), "the server does not answer"

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _call(self, caller: int) -> None:
        number = 0
        with httpx.Client(base_url=self._server.url, timeout=20) as client:
            while True:
                ids = [f"{self._name}-{caller}-{number + row}" for row in range(1 + caller % 2 * 9)]
                number += len(ids)
                try:
                    if len(ids) == 1:
                        answer = client.post("/predict", json={"id": ids[0], "inputs": GOOD})
                    else:
                        rows = [{"id": id, "inputs": GOOD} for id in ids]
                        answer = client.post("/predict/batch", json={"predictions": rows})
                except httpx.TransportError:
                    return  # the server is dead
                assert answer.status_code == 200
                self.acknowledged += ids
                if len(self.acknowledged) >= self._wanted:
                    self._enough.set()


@pytest.mark.fault("log_written")
@pytest.mark.requirement("PL-03", "ST-06")
def test_a_killed_server_loses_no_acknowledged_prediction(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = root_with(registered(tmp_path_factory.getbasetemp()), tmp_path / "root")
    feature = write_feature(tmp_path / "defs")
    acknowledged: list[str] = []
    for life in ("first", "second"):
        with serving(root, tmp_path / "defs") as server:
            load = Load(server, life)
            load.until(300)
            server.kill()
            load.join()
        assert len(load.acknowledged) >= 300
        acknowledged += load.acknowledged
    files = sorted((root.segments / NAME / "serve").glob("*.jsonl"))
    assert len(files) == 2, "a restart begins a new incarnation"

    compute_prediction_log(root, feature, [moment()])
    logged = root.lake.read_table(root.lake.path(NAME, "prediction_log", DAY))[0]["id"].to_pylist()
    assert set(acknowledged) - set(logged) == set()
    assert len(logged) == len(set(logged))

    tear(files[0])
    numbers = compute_prediction_log(root, feature, [moment()])[DAY].numbers
    assert numbers["rows"] == len(logged)
    assert numbers["quarantined"] >= 1  # the kill itself may have torn another
    verdict = judge_log_written(root, feature, moment())
    assert verdict.status == "fail"
    assert "× torn in serve/" in verdict.reason


@pytest.mark.fault("log_written")
def test_a_foreign_file_without_any_date_is_named_on_every_day(world: World) -> None:
    (segment_of(world).parent / "notes.jsonl").write_bytes(b"not a segment at all\n")
    written, _ = verdicts(world.root)
    assert written.status == "fail"
    assert "web/notes.jsonl: no line of it tells its day" in written.reason
    assert world.log_of().num_rows == 40
