"""The log that an application writes: light, one checked write a record, honest when it fails."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.client import Prediction, PredictionLog
from ai_ops.client.lines import DamagedLine, encode, read_line, seal, unseal
from ai_ops.client.records import CloseRecord, OpenRecord, PredictionRecord, SealRecord
from ai_ops.storage.clocks import WallClock
from ai_ops.vocabulary.errors import BadInput, ClockRefused, LogWriteFailed

HEAVY = ("dagster", "torch", "mlflow", "pandas", "pydantic", "sqlalchemy", "pyarrow", "duckdb")


class TickingClock:
    """A clock that goes on by a second whenever it is asked."""

    mode = "live"

    def __init__(self) -> None:
        self.time = datetime(2021, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def open_log(folder: Path, writer: str = "web-1") -> PredictionLog:
    return PredictionLog(folder, "tiny", writer, TickingClock())


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("tiny/*/*.jsonl"))


def records(file: Path) -> list[Any]:
    return [read_line(line) for line in file.read_bytes().splitlines(keepends=True)]


def test_importing_the_client_loads_nothing_heavy() -> None:
    program = f"import ai_ops.client, sys; print([m for m in {HEAVY} if m in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.requirement("PL-03", "PL-04", "PL-05", "PL-06", "PL-07")
def test_a_record_holds_input_output_time_and_version(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.record(id="a", model_version="7", input={"x": 1, "y": None}, output={"p": 0.25})
    opened, told, closed, sealed = records(segments(tmp_path)[0])
    assert isinstance(opened, OpenRecord)
    assert isinstance(told, PredictionRecord)
    assert isinstance(closed, CloseRecord)
    assert (opened.writer, opened.pid, opened.schema) == ("web-1", os.getpid(), 2)
    assert (told.id, told.model_version, told.status, told.seq) == ("a", "7", "ok", 1)
    assert json.loads(bytes(told.input)) == {"x": 1, "y": None}
    assert json.loads(bytes(told.output)) == {"p": 0.25}
    assert opened.time < told.time < closed.time
    assert (closed.last, closed.count) == (1, 1)
    assert isinstance(sealed, SealRecord)
    assert (sealed.first, sealed.last, sealed.count, sealed.previous) == (1, 1, 1, None)


def test_raw_json_with_line_breaks_stays_one_line(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.record(id="a", model_version="1", input=msgspec.Raw(b'{\n "x": "two\\nlines"\r\n}'))
    told = records(segments(tmp_path)[0])[1]
    assert json.loads(bytes(told.input)) == {"x": "two\nlines"}


def test_numbers_that_json_has_no_word_for_are_kept_by_name(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    with open_log(tmp_path) as log:
        log.record(
            id="a",
            model_version="1",
            input={"x": float("nan"), "y": numpy.float32(0.5), "z": numpy.array([1.0, numpy.inf])},
            output=float("-inf"),
        )
    told = records(segments(tmp_path)[0])[1]
    assert json.loads(bytes(told.input)) == {"x": "nan", "y": 0.5, "z": [1.0, "inf"]}
    assert json.loads(bytes(told.output)) == "-inf"


def test_without_a_time_a_record_is_refused_counted_and_leaves_a_gap(tmp_path: Path) -> None:
    class Refusing(TickingClock):
        refuses = False

        def now(self) -> datetime:
            if self.refuses:
                raise ClockRefused("the clock is gone")
            return super().now()

    clock = Refusing()
    with PredictionLog(tmp_path, "tiny", "web-1", clock) as log:
        clock.refuses = True
        with pytest.raises(LogWriteFailed, match="the clock is gone") as failure:
            log.record(id="a", model_version="1", input={})
        assert isinstance(failure.value.__cause__, ClockRefused)
        clock.refuses = False
        log.record(id="b", model_version="1", input={})
        assert log.failures == 1
    told = records(segments(tmp_path)[0])[1]
    assert (told.id, told.seq) == ("b", 2)


def test_what_cannot_be_written_as_json_is_refused_counted_and_leaves_a_gap(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        with pytest.raises(LogWriteFailed, match="object has no form in JSON"):
            log.record(id="a", model_version="1", input={"x": object()})
        log.record(id="b", model_version="1", input={})
        assert log.failures == 1
    told = records(segments(tmp_path)[0])[1]
    assert (told.id, told.seq) == ("b", 2)


@pytest.mark.requirement("ST-06")
def test_threads_share_a_log_without_tearing_or_losing_a_line(tmp_path: Path) -> None:
    def write(name: int) -> None:
        for number in range(200):
            log.record(id=f"{name}-{number}", model_version="1", input={"x": "y" * 500})

    with open_log(tmp_path) as log:
        threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = records(segments(tmp_path)[0])
    told = [record for record in lines if isinstance(record, PredictionRecord)]
    (closed,) = (record for record in lines if isinstance(record, CloseRecord))
    assert [record.seq for record in told] == list(range(1, 1601))
    assert len({record.id for record in told}) == closed.count == 1600


def test_a_batch_is_written_as_one_and_has_one_time(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.record_many([Prediction(id=str(n), model_version="1", input={}) for n in range(3)])
        log.record_many([])
    told = records(segments(tmp_path)[0])[1:-2]
    assert [record.seq for record in told] == [1, 2, 3]
    assert len({record.time for record in told}) == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_writes_a_segment_of_its_own(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.record(id="parent-1", model_version="1", input={})
        child = os.fork()
        if child == 0:
            log.record(id="child", model_version="1", input={})
            os._exit(0)
        os.waitpid(child, 0)
        log.record(id="parent-2", model_version="1", input={})
    told = {
        file.name: [r.id for r in records(file) if isinstance(r, PredictionRecord)]
        for file in segments(tmp_path)
    }
    assert sorted(told.values()) == [["child"], ["parent-1", "parent-2"]]


def test_a_second_process_never_opens_the_first_ones_file(tmp_path: Path) -> None:
    open_log(tmp_path).close()
    open_log(tmp_path).close()
    assert len(segments(tmp_path)) == 2


def test_a_torn_line_is_cut_off_and_written_whole_in_the_next_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.write
    with open_log(tmp_path) as log:
        log.record(id="a", model_version="1", input={})
        monkeypatch.setattr(os, "write", lambda fd, line: really(fd, line[:40]))
        assert log.record(id="b", model_version="1", input={})
        monkeypatch.undo()
        assert log.record(id="c", model_version="1", input={})
        assert log.failures == 0
    first, second = (records(file) for file in segments(tmp_path))
    assert [(r.id, r.seq) for r in first if isinstance(r, PredictionRecord)] == [("a", 1)]
    assert [(r.id, r.seq) for r in second if isinstance(r, PredictionRecord)] == [
        ("b", 2),
        ("c", 3),
    ]
    assert isinstance(first[-1], SealRecord)
    assert second[-1].previous == first[-1].sha256


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.close()
    log.close()
    with pytest.raises(LogWriteFailed, match="closed"):
        log.record(id="a", model_version="1", input={})


def test_the_log_is_closed_at_the_end_of_the_process(tmp_path: Path) -> None:
    program = (
        "import sys; from ai_ops.client import PredictionLog\n"
        "from ai_ops.storage.clocks import WallClock\n"
        "log = PredictionLog(sys.argv[1], 'tiny', 'web', WallClock())\n"
        "log.record(id='a', model_version='1', input={})\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert isinstance(records(segments(tmp_path)[0])[-2], CloseRecord)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden"])
def test_a_writer_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="writer"):
        PredictionLog(tmp_path, "tiny", name, WallClock())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON.filter(lambda value: "inf" not in str(value)))
def test_what_goes_in_comes_out(value: Any) -> None:
    line = seal(encode(Prediction(id="a", model_version=None, input=value)))
    assert line.count(b"\n") == 1
    assert json.loads(unseal(line))["input"] == value


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_one_changed_byte_is_always_found(place: int, change: int) -> None:
    line = bytearray(seal(encode(Prediction(id="a", model_version="1", input={"x": 1.5}))))
    line[place % len(line)] ^= change
    with pytest.raises(DamagedLine):
        read_line(bytes(line))
