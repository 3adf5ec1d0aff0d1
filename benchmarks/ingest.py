"""Rows per CPU second from sealed segments to the day's Parquet file, beside polars.

Records of about 731 bytes (20 inputs), one in fifty told twice. Ours begins with segments that
nothing is known of: digests against the seals, an index of every line, sequence gaps, types, raw
JSON kept as it came, duplicates, order, zstd Parquet with a bloom filter on the id.

``polars`` does the comparable job with what it has: typed reading, input and output kept as JSON
text beside their columns (written anew, not as it came), unique ids, gaps, order, zstd Parquet
with statistics. ``polars_typed_only`` does the lighter one, without the raw JSON. Neither verifies
a digest, tells a contradiction from a repetition, keeps a damaged line, counts a value of another
type, or writes a bloom filter. ``duckdb`` is plain SQL over the same files, typed only. The floor
reads the bytes and writes them back.

The shares say where our own time goes, from one more round under Python's profiler: ``parsing``
is Arrow's JSON parser, ``taking_lines_apart`` what finds the lines' raw members and makes sure of
them, ``indexing`` the sequence numbers and hours.

Every round runs in a process of its own, one after the other by turns, on the same cores; CPU time
is the whole process's, all threads; a first run over a few rows, which loads what is loaded once,
is left out.

    pip install -e '.[platform,benchmarks]'
    python benchmarks/ingest.py [--rows 300000] [--rounds 3] [--json]
"""

import argparse
import cProfile
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ingest_cost.segments import write_segments
from ingest_cost.ways import WAYS, feature_spec, ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, folder = options.one[0], Path(options.one[1])
        print(json.dumps(_shares(folder) if way == "shares" else _one(way, folder)))
        return
    with tempfile.TemporaryDirectory() as made:
        result = measure(Path(made), options.rows, options.rounds, options.json)
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
                print(f"round {number + 1}: {name:18} {rows / answer['cpu_s']:12,.0f} rows/CPU-s")
    if len({count for name, count in kept.items() if name != "floor"}) != 1:
        raise SystemExit(f"the ways do not agree on the rows: {kept}")
    command = [sys.executable, __file__, "--one", "shares", str(folder)]
    shares = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
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
            **{f"share_of_{name}": value for name, value in shares.items()},
        },
    }


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


def _shares(folder: Path) -> dict[str, float]:
    """Which share of our CPU time each step takes."""
    feature = feature_spec()
    profile = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as out:
        ours(folder / "few", Path(few), feature)
        profile.runcall(ours, folder / "all", Path(out), feature)
    taken = {name: whole for (_, _, name), (_, _, _, whole, _) in _stats(profile)}

    def seconds(name: str) -> float:
        return taken.get(name, 0.0)

    steps = {
        "parsing": seconds("_parsed"),
        "taking_lines_apart": seconds("_sealed") + seconds("_rows"),
        "digests": seconds("<method 'update' of '_hashlib.HASH' objects>"),
        "indexing": seconds("_take_block") - seconds("_parsed") - seconds("_sealed")
        - seconds("_rows"),
        "finding_duplicates": seconds("sort_out"),
        "putting_in_order": seconds("pick"),
        "writing_parquet": seconds("log_content") - seconds("pick"),
    }  # fmt: skip
    total = seconds("ours")
    return {
        **{name: value / total for name, value in steps.items()},
        "the_rest": 1 - sum(steps.values()) / total,
    }


def _stats(profile: cProfile.Profile) -> Iterable[tuple[Any, Any]]:
    return pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
