"""What a profile of every row costs over reading the columns, and what each addition costs.

A day's log of 15 columns (ten of numbers, most with nulls, five of words with 2 to 200 levels,
about 63 bytes a row in zstd Parquet) is written once to a temporary folder. The ``floor`` reads
every column: the sum of the numbers and of the words' lengths. The ways beside it each count one
thing more: ``counts`` per cell of equal width, ``counts_and_sums``, ``counts_sums_extremes``,
``quantiles`` (cells between a reference's quantiles), and ``profile``, which is ``run_profile`` as
a day's asset calls it: tails, NaN and what is no number in cells of their own, by day and version,
of answered rows only. ``decimals`` is the plain way to the same: quantile cells found by comparing,
sums of decimals.

Every round of every way runs in a process of its own, one after the other by turns, on one thread;
CPU seconds are those of the query with its connection, the best of the rounds, after a first run
over a few rows which loads what is loaded once; the peak is the whole process's, and
``loaded_peak_mb`` what it is before the query: Python with the libraries.

    python benchmarks/drift_profile.py [--rows 1000000 10000000 100000000] [--rounds 3] [--json]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROWS = (1_000_000, 10_000_000, 100_000_000)
FEW = 2_000
SLOW = "decimals"
"""What is told for comparison, and left out where it would take minutes."""

Best = Mapping[str, Mapping[str, float]]
"""Way → its CPU seconds and peaks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one or options.write:
        told = _one(*options.one) if options.one else _write(*options.write)
        print(json.dumps(told))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in sorted(options.rows):
            found[rows] = measure(Path(folder), rows, options.rounds, quiet=options.json)
    result = result_of(found)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:55} {value:14,.2f}")


def measure(folder: Path, rows: int, rounds: int, *, quiet: bool) -> Best:
    """The best round of every way on a log of so many rows."""
    log, few, cells = folder / f"{rows}.parquet", folder / "few.parquet", folder / "cells.json"
    # By a process of its own, for a child begins with the peak of its parent.
    _told("--write", rows, log, few, cells)
    best: dict[str, dict[str, float]] = {}
    for number in range(rounds):
        for way in WAYS_BY_COST:
            if way == SLOW and rows > ROWS[1]:
                continue
            answer = _told("--one", way, log, few, cells)
            if answer.pop("rows") != rows:
                raise SystemExit(f"{way} did not count every row of {rows}")
            known = best.setdefault(way, answer)
            best[way] = {name: min(known[name], value) for name, value in answer.items()}
            if not quiet:
                cpu, peak = answer["cpu_s"], answer["peak_mb"]
                print(f"{rows:11,} rows, round {number + 1}: {way:22} {cpu:8.3f} s {peak:6.0f} MB")
    best["floor"]["row_bytes"] = log.stat().st_size / rows
    log.unlink()
    return best


WAYS_BY_COST = (
    "floor", "counts", "counts_and_sums", "counts_sums_extremes", "quantiles", "profile", SLOW,
)  # fmt: skip


def _told(*arguments: Any) -> dict[str, float]:
    """What a process of its own tells of one task."""
    command = [sys.executable, __file__, *map(str, arguments)]
    told: dict[str, float] = json.loads(
        subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    )
    return told


def _write(rows: str, log: str, few: str, cells: str) -> dict[str, float]:
    from drift_cost.table import cells_of, write_log

    write_log(Path(log), int(rows))
    write_log(Path(few), FEW)
    Path(cells).write_text(json.dumps([one.as_data() for one in cells_of(Path(log))]))
    return {}


def _one(way: str, log: str, few: str, cells: str) -> dict[str, float]:
    """One way, once, in this process."""
    from drift_cost.ways import WAYS

    from ai_ops.drift_monitoring.cells import ColumnCells

    known = [ColumnCells.from_data(one) for one in json.loads(Path(cells).read_text())]
    WAYS[way](Path(few), known)
    loaded, before = _peak(), _cpu()
    rows = WAYS[way](Path(log), known)
    return {"rows": rows, "cpu_s": _cpu() - before, "peak_mb": _peak(), "loaded_peak_mb": loaded}


def result_of(found: Mapping[int, Best]) -> dict[str, Any]:
    """Each way over the floor, and each size's cost per row over the smallest one's."""
    ratios, measured = {}, {}
    least: Sequence[int] = sorted(found)
    for rows in least:
        best, size = found[rows], f"{rows // 1_000_000}m_rows"
        base = best["floor"]["cpu_s"]
        for way, told in best.items():
            if way != "floor":
                ratios[f"{way}_cpu_over_floor_of_{size}"] = told["cpu_s"] / base
            measured[f"{way}_of_{size}_cpu_s"] = told["cpu_s"]
            measured[f"{way}_of_{size}_peak_mb"] = told["peak_mb"]
        if rows != least[0]:
            small = found[least[0]]["profile"]["cpu_s"] / least[0]
            name = f"profile_cpu_a_row_of_{size}_over_{least[0] // 1_000_000}m_rows"
            ratios[name] = best["profile"]["cpu_s"] / rows / small
        measured[f"loaded_of_{size}_peak_mb"] = best["profile"]["loaded_peak_mb"]
        measured[f"row_of_{size}_bytes"] = best["floor"]["row_bytes"]
    return {"name": "drift_profile", "ratios": ratios, "measured": measured}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
