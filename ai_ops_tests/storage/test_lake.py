"""The lake on a local folder and on an S3 server: the same files, whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.storage.lake import Lake
from ai_ops.vocabulary.errors import MissingEvidence

WRITER = Path(__file__).with_name("lake_writer.py")
TABLE = pa.table({"day": ["2021-03-01", "2021-03-01"], "rows": [3, 4]})


@pytest.fixture(params=["local", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """An empty lake of each kind."""
    if request.param == "local":
        return Lake(str(tmp_path / "lake"))
    endpoint = request.getfixturevalue("s3_endpoint")
    options = {"key": "k", "secret": "s", "client_kwargs": {"endpoint_url": endpoint}}
    bucket = "b" + sha256(str(tmp_path).encode()).hexdigest()[:20]
    import s3fs

    s3fs.S3FileSystem(**options).mkdir(bucket)
    return Lake(f"s3://{bucket}/lake", options)


def test_a_table_comes_back_with_the_digest_of_what_was_written(lake: Lake) -> None:
    path = lake.path("parcels", "log", "2021-03-01")
    written = lake.write_table(path, TABLE)
    table, read = lake.read_table(path)
    assert table.equals(TABLE) and read == written
    assert read.source == "parcels/log/2021-03-01.parquet"
    assert read.digest == sha256(lake.read_bytes(path)).hexdigest()
    assert lake.read_table(path, columns=["rows"])[0].column_names == ["rows"]


def test_json_comes_back_and_a_file_is_replaced(lake: Lake) -> None:
    path = lake.path("parcels", "thresholds", None, "json")
    lake.write_json(path, {"psi": 0.2})
    written = lake.write_json(path, {"psi": 0.3, "n": 7})
    assert lake.read_json(path) == ({"psi": 0.3, "n": 7}, written)
    assert written.source == "parcels/thresholds/latest.json"


def test_a_file_that_is_not_there_is_missing_evidence_by_name(lake: Lake) -> None:
    path = lake.path("parcels", "log", "2021-03-09")
    with pytest.raises(MissingEvidence, match=r"2021-03-09\.parquet: no such file"):
        lake.read_table(path)
    with pytest.raises(MissingEvidence):
        lake.read_json(path)


def test_several_tables_are_one_and_the_missing_are_named(lake: Lake) -> None:
    paths = [lake.path("parcels", "log", f"2021-03-0{day}") for day in (1, 2, 3)]
    lake.write_table(paths[0], TABLE)
    lake.write_table(paths[2], TABLE.append_column("late", pa.array([True, None])))
    whole, evidence, missing = lake.read_tables(paths)
    assert whole is not None and whole.num_rows == 4
    assert whole["late"].to_pylist() == [None, None, True, None]
    assert len(evidence) == 2 and missing == [paths[1]]
    assert lake.read_tables([paths[1]]) == (None, [], [paths[1]])


def test_what_a_glob_finds_can_be_read(lake: Lake) -> None:
    for day in ("2021-03-02", "2021-03-01"):
        lake.write_table(lake.path("parcels", "log", day), TABLE)
    found = lake.glob("parcels/log/*.parquet")
    assert [path.rsplit("/", 1)[1] for path in found] == [
        "2021-03-01.parquet",
        "2021-03-02.parquet",
    ]
    assert all(lake.read_table(path)[0].num_rows == 2 for path in found)
    assert lake.read_table(found[0])[1].source == "parcels/log/2021-03-01.parquet"
    assert lake.glob("letters/*") == []


def test_a_glob_sees_what_another_process_wrote_since(lake: Lake) -> None:
    lake.write_bytes(lake.path("parcels", "log", "2021-03-01"), b"1")
    assert len(lake.glob("parcels/log/*.parquet")) == 1
    code = "import sys; from ai_ops.storage.lake import Lake; Lake(sys.argv[1], eval(sys.argv[2]))"
    code += ".write_bytes(sys.argv[3], b'2')"
    fresh = lake.path("parcels", "log", "2021-03-02")
    options = repr(lake.storage_options)
    subprocess.run([sys.executable, "-c", code, lake.url, options, fresh], check=True)
    assert len(lake.glob("parcels/log/*.parquet")) == 2


def test_a_writer_killed_at_any_moment_leaves_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    size = 2_000_000
    path = Lake(str(tmp_path)).path("parcels", "log", "2021-03-01", "bin")
    for attempt in range(6):
        command = [sys.executable, str(WRITER), str(tmp_path), str(size)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == "begun\n"
            time.sleep(0.003 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
        content = Lake(str(tmp_path)).read_bytes(path)
        assert len(content) == size and content == content[:1] * size
    assert Lake(str(tmp_path)).glob("parcels/log/*.bin") == [path], "no unfinished file is read"


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, max_size=5)
)
def test_partitions_keep_apart_and_stay_inside_their_folder(partitions: list[str]) -> None:
    lake = Lake("/lake")
    paths = {lake.path("parcels", "log", partition) for partition in partitions}
    assert len(paths) == len(partitions)
    assert all(os.path.dirname(os.path.normpath(path)) == "/lake/parcels/log" for path in paths)
