"""Rows per CPU second from sealed segments to the day's Parquet file, beside polars.

Records of about 731 bytes (20 inputs), one in fifty told twice. Ours begins with segments that
nothing is known of: digests against the seals, an index of every line, sequence gaps, types, raw
JSON kept as it came, duplicates, order, zstd Parquet with a bloom filter on the id. Polars does the
comparable work with what it has: typed reading, unique ids, gaps, order, zstd Parquet with
statistics; ``polars_raw`` also keeps input and output as JSON text (written anew, not as it came).
Neither verifies a digest or a checksum, tells a contradiction from a repetition, keeps a damaged
line, or writes a bloom filter. ``duckdb`` is plain SQL over the same files. The floor reads the
bytes and writes them back.

Every round runs in a process of its own, one after the other by turns, on the same cores; CPU time
is the whole process's, all threads; a first run over a few rows, which loads what is loaded once,
is left out.

    python benchmarks/ingest.py [--rows 300000] [--rounds 3] [--json]
"""

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.lines import encode, seal
from ai_ops.client.names import segment_name
from ai_ops.client.records import SCHEMA_VERSION, OpenRecord, Prediction, SealRecord

DAY = "2021-03-04"
CATEGORIES = [f"category_{number}" for number in range(6)]
NUMBERS = [f"measure_{number:02}" for number in range(12)]
BOOLEANS = ["weekend", "returning"]
TEXTS = ["kind", "id", "model_version", "status", "error", "call_site", "mode", "tenant"]
TEXTS += ["subject", "request_id", "withheld", "time", "feature", "writer", "incarnation"]
PART_ROWS = 50_000
REPEATED = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(options.one[0], Path(options.one[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.rows, options.rounds, options.json)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:45} {value:14,.2f}")


def measure(folder: Path, rows: int, rounds: int, quiet: bool) -> dict[str, Any]:
    write_segments(folder / "few", 2_000)
    size = write_segments(folder / "all", rows)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    files: dict[str, int] = {}
    kept: dict[str, int] = {}
    peaks: dict[str, float] = {}
    for number in range(rounds):
        for name in WAYS:
            command = [sys.executable, __file__, "--one", name, str(folder)]
            answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            seconds[name].append(answer["cpu_s"])
            files[name], kept[name] = answer["bytes"], answer["rows"]
            peaks[name] = answer["peak_mb"]
            if not quiet:
                print(f"round {number + 1}: {name:12} {rows / answer['cpu_s']:12,.0f} rows/CPU-s")
    if len({count for name, count in kept.items() if name != "floor"}) != 1:
        raise SystemExit(f"the ways do not agree on the rows: {kept}")
    per_second = {name: rows / statistics.median(found) for name, found in seconds.items()}
    return {
        "name": "ingest",
        "ratios": {
            f"rows_per_cpu_second_over_{name}": per_second["ours"] / per_second[name]
            for name in WAYS
            if name != "ours"
        },
        "measured": {
            "rows": rows,
            "record_bytes": size / rows,
            **{f"{name}_rows_per_cpu_s": value for name, value in per_second.items()},
            **{f"{name}_file_bytes": value for name, value in files.items()},
            **{f"{name}_peak_mb": value for name, value in peaks.items()},
        },
    }


def write_segments(folder: Path, rows: int) -> int:
    """Sealed segments of four writers; returns how many bytes the lines take."""
    draw, size = random.Random(7), 0
    start = datetime.fromisoformat(f"{DAY}T00:00:00+00:00")
    step = timedelta(hours=23) / (rows / 4)
    for writer in range(4):
        incarnation = f"20210304T000000-{writer}-ab"
        home = folder / "segments" / "tiny" / f"web-{writer}"
        home.mkdir(parents=True)
        now, seq, part, left, previous = start, 0, 0, rows // 4, None
        body = _body(draw)
        while left:
            part += 1
            count = min(left, PART_ROWS)
            left -= count
            stamp = {"feature": "tiny", "writer": f"web-{writer}", "incarnation": incarnation}
            own = {"writer": f"web-{writer}", "incarnation": incarnation}
            opening = OpenRecord(
                schema=SCHEMA_VERSION, pid=1, time=now, part=part, last=seq, **stamp
            )
            lines = [seal(encode(opening))]
            tail = msgspec.json.encode(stamp)[1:-1]
            for _ in range(count):
                seq, now = seq + 1, now + step
                if draw.random() >= REPEATED:
                    body = _body(draw)
                told = b'%b,"time":%b,%b,"seq":%d}' % (
                    body[:-1],
                    msgspec.json.encode(now),
                    tail,
                    seq,
                )
                lines.append(seal(told))
            content = b"".join(lines)
            size += len(content)
            digest = sha256(content).hexdigest()
            ending = SealRecord(
                part=part, first=seq - count + 1, last=seq, count=count, sha256=digest,
                previous=previous, time=now, **own,
            )  # fmt: skip
            previous = digest
            (home / segment_name(incarnation, part)).write_bytes(content + seal(encode(ending)))
    return size


def _body(draw: random.Random) -> bytes:
    values: dict[str, Any] = {name: draw.choice("ABCDEFGHIJKL") * 4 for name in CATEGORIES}
    values |= {name: round(draw.gauss(50, 20), draw.choice((1, 2, 4))) for name in NUMBERS}
    values |= {name: draw.random() < 0.3 for name in BOOLEANS}
    score = draw.random()
    return encode(
        Prediction(
            id=f"{draw.getrandbits(128):032x}",
            model_version="3",
            input=values,
            output={"probability": score, "late": score > 0.5},
            latency_ms=round(9 * draw.random(), 3),
            call_site="search",
            tenant="acme",
        )
    )


def _one(name: str, folder: Path) -> dict[str, Any]:
    """One way, once, in this process: CPU seconds, rows, and the size of what it wrote."""
    prepare, run = WAYS[name]
    made = prepare()
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as out:
        run(folder / "few", Path(few), made)
        before = _cpu()
        rows, file = run(folder / "all", Path(out), made)
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_s": _cpu() - before,
            "rows": rows,
            "bytes": file.stat().st_size,
            "peak_mb": used.ru_maxrss / 1024,
        }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "segments").rglob("*.jsonl"))


def _feature() -> AiFeatureSpec:
    import ai_ops.prediction_logging.compaction  # noqa: F401

    owner = {"accountable": "someone@example.com"}
    owned = ("prediction_logging", "drift_monitoring", "retraining_pipeline")
    inputs = [{"name": name, "type": "category"} for name in CATEGORIES]
    inputs += [{"name": name, "type": "number"} for name in NUMBERS]
    inputs += [{"name": name, "type": "boolean"} for name in BOOLEANS]
    return AiFeatureSpec.model_validate(
        {
            "name": "tiny",
            "title": "Is it late?",
            "served_by": "provider_api",
            "monitoring": {"start": date(2021, 1, 1)},
            "inputs": inputs,
            "outputs": [
                {"name": "probability", "type": "probability"},
                {"name": "late", "type": "boolean"},
            ],
            "judged": {"score": "probability", "decision": "late"},
            "ground_truth": {"labels": "sources/*.parquet"},
            "user_actions": {"table": "sources/*.parquet"},
            "owners": {
                **dict.fromkeys((*owned, "inference_management"), owner),
                "accuracy_evaluation": {"follows": "drift_monitoring"},
            },
            "serving": {"expected_peak": {"requests_per_second": 50}},
        }
    )


def _ours(folder: Path, out: Path, feature: AiFeatureSpec) -> tuple[int, Path]:
    from ai_ops.prediction_logging.compaction import compute_prediction_log
    from ai_ops.prediction_logging.segments import open_segments
    from ai_ops.storage.root import Root
    from ai_ops.vocabulary.moments import Moment
    from ai_ops.vocabulary.windows import Window

    out.joinpath("segments").symlink_to(folder / "segments")
    root = Root.open(out, {})
    moment = Moment(DAY, Window.of_day(DAY), datetime(2021, 4, 1, tzinfo=UTC))
    summary = compute_prediction_log(root, feature, [moment])[DAY]
    segments = open_segments(root, feature.name, [DAY])
    if any(part.gaps for _, part in segments.spans(moment)):
        raise SystemExit("a gap where there is none")
    return int(str(summary.numbers["rows"])), Path(root.lake.path("tiny", "prediction_log", DAY))


def _polars_module() -> Any:
    import polars

    return polars


def _polars(folder: Path, out: Path, pl: Any, raw: bool = False) -> tuple[int, Path]:
    inner = dict.fromkeys(CATEGORIES, pl.String) | dict.fromkeys(NUMBERS, pl.Float64)
    inner |= dict.fromkeys(BOOLEANS, pl.Boolean)
    schema = {
        **dict.fromkeys(TEXTS, pl.String),
        "latency_ms": pl.Float64,
        "seq": pl.Int64,
        "input": pl.Struct(inner),
        "output": pl.Struct({"probability": pl.Float64, "late": pl.Boolean}),
    }
    rows = pl.concat([pl.read_ndjson(file, schema=schema) for file in _files(folder)])
    rows = rows.filter(pl.col("kind") == "prediction")
    gaps = rows.group_by("writer", "incarnation").agg(
        missing=pl.col("seq").max() - pl.col("seq").min() + 1 - pl.len().cast(pl.Int64)
    )
    if gaps["missing"].sum():
        raise SystemExit("a gap where there is none")
    rows = rows.unique("id", keep="first").with_columns(
        pl.col("time").str.to_datetime(time_unit="us", time_zone="UTC")
    )
    if raw:
        rows = rows.with_columns(
            raw_input=pl.col("input").struct.json_encode(),
            raw_output=pl.col("output").struct.json_encode(),
        )
    file = out / "polars.parquet"
    rows = rows.unnest("input", "output", separator="_").sort("time", "id")
    rows.write_parquet(file, compression="zstd", statistics=True)
    return rows.height, file


def _polars_raw(folder: Path, out: Path, pl: Any) -> tuple[int, Path]:
    return _polars(folder, out, pl, raw=True)


def _duckdb_module() -> Any:
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 2})


def _duckdb(folder: Path, out: Path, connection: Any) -> tuple[int, Path]:
    inner = [f'"{name}" VARCHAR' for name in CATEGORIES] + [f'"{name}" DOUBLE' for name in NUMBERS]
    inner += [f'"{name}" BOOLEAN' for name in BOOLEANS]
    columns = dict.fromkeys(TEXTS, "VARCHAR") | {"latency_ms": "DOUBLE", "seq": "BIGINT"}
    columns |= {
        "input": f"STRUCT({', '.join(inner)})",
        "output": "STRUCT(probability DOUBLE, late BOOLEAN)",
    }
    types = ", ".join(f"{name}: '{type}'" for name, type in columns.items())
    connection.execute(
        "CREATE OR REPLACE TABLE rows AS SELECT * REPLACE (time::TIMESTAMP AS time)"
        f" FROM read_json($files, format = 'newline_delimited', columns = {{{types}}})"
        " WHERE kind = 'prediction'",
        {"files": [str(file) for file in _files(folder)]},
    )
    gaps = "SELECT max(seq) - min(seq) + 1 - count(*) FROM rows GROUP BY writer, incarnation"
    if any(missing for (missing,) in connection.execute(gaps).fetchall()):
        raise SystemExit("a gap where there is none")
    file = out / "duckdb.parquet"
    connection.execute(
        "CREATE OR REPLACE TABLE once AS"
        " SELECT DISTINCT ON (id) * FROM rows ORDER BY id, time, writer"
    )
    connection.execute(
        "COPY (SELECT * EXCLUDE (input, output), unnest(input), unnest(output) FROM once"
        f" ORDER BY time, id) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
    )
    return connection.execute("SELECT count(*) FROM once").fetchone()[0], file


def _nothing() -> None:
    return None


def _floor(folder: Path, out: Path, _: None) -> tuple[int, Path]:
    file = out / "copy"
    with file.open("wb") as copy:
        for segment in _files(folder):
            copy.write(segment.read_bytes())
    return 0, file


WAYS: dict[str, tuple[Callable[[], Any], Callable[..., tuple[int, Path]]]] = {
    "ours": (_feature, _ours),
    "polars": (_polars_module, _polars),
    "polars_raw": (_polars_module, _polars_raw),
    "duckdb": (_duckdb_module, _duckdb),
    "floor": (_nothing, _floor),
}


if __name__ == "__main__":
    main()
