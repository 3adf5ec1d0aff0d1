"""An existing table of 2.5 million rows over 50 weeks to all its verdicts and checklists.

The table (15 inputs, a score with its decision, labels that come two days later) is made with a
seed; ``ai-ops backfill`` runs on it as a user would run it, in a process of its own. The floor is
DuckDB alone: one scan of the same columns, grouped by day.

    python benchmarks/backfill.py [--rows 2500000] [--weeks 50] [--half] [--json]

``--half`` measures half the rows over the same weeks too: what a row costs must not grow.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

NAME = "existing_table"
FIRST = date(2024, 1, 1)
REFERENCE_DAYS = 28
NUMBERS = 12
"""Number inputs, beside three categories: fifteen inputs."""
REGIONS = ("north", "south", "east", "west")
OWNERS = {
    domain: {"accountable": "team@example.com"}
    for domain in (
        "prediction_logging",
        "drift_monitoring",
        "retraining_pipeline",
        "inference_management",
    )
} | {"accuracy_evaluation": {"follows": "drift_monitoring"}}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rows", type=int, default=2_500_000)
    arguments.add_argument("--weeks", type=int, default=50)
    arguments.add_argument("--half", action="store_true", help="measure half the rows as well")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    result = measure(options.rows, options.weeks, half=options.half)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:45} {value:12.3f}")


def measure(rows: int, weeks: int, *, half: bool) -> dict[str, Any]:
    whole = measure_one(rows, weeks)
    days = weeks * 7
    ratios = {
        "wall_over_floor": whole["wall_s"] / whole["floor_s"],
        "dagster_over_wall": whole["dagster_s"] / whole["wall_s"],
    }
    if half:
        less = measure_one(rows // 2, weeks)
        ratios["wall_of_twice_the_rows"] = whole["wall_s"] / less["wall_s"]
    measured = {
        **whole,
        "rows_per_s": rows / whole["wall_s"],
        "wall_per_feature_day_s": whole["wall_s"] / days,
        "dagster_per_feature_day_s": whole["dagster_s"] / days,
        "statistics_per_feature_day_s": whole["statistics_s"] / days,
    }
    return {"name": "backfill", "ratios": ratios, "measured": measured}


def measure_one(rows: int, weeks: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return backfilled(Path(folder), rows, weeks)


def backfilled(folder: Path, rows: int, weeks: int) -> dict[str, float]:
    root, defs = folder / "root", folder / "defs"
    make(root, defs, rows, weeks)
    start = FIRST + timedelta(days=REFERENCE_DAYS)
    last = start + timedelta(days=weeks * 7 - 1)
    command = [sys.executable, "-m", "ai_ops.cli", "backfill", NAME, "--json"]
    command += ["--root", str(root), "--from", str(start), "--to", str(last)]
    environment = {**os.environ, "AI_OPS_DEFS": str(defs)}
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    told = json.loads(done.stdout)
    by_part = {f"{part}_s": seconds for part, seconds in told["seconds"]["by_part"].items()}
    return {
        "wall_s": wall,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "dagster_s": told["seconds"]["dagster"],
        "statistics_s": told["seconds"]["statistics"],
        **by_part,
        "floor_s": floor(root),
        "peak_mb": after.ru_maxrss / 1024,
        "verdicts_n": sum(told["verdicts"].values()),
    }


def floor(root: Path) -> float:
    """Seconds in which DuckDB scans the columns that a backfill reads, grouped by day."""
    inputs = ", ".join(f"avg(number_{n})" for n in range(NUMBERS))
    query = (
        f"SELECT CAST(asked_at AS DATE) AS day, count(*), {inputs}, count(DISTINCT region), "
        "count(DISTINCT product), count(DISTINCT channel), avg(risk), sum(CAST(label AS INT)), "
        f"min(id) FROM read_parquet('{root}/sources/*.parquet') GROUP BY day"
    )
    begin = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(query).fetchall()
    return time.perf_counter() - begin


def make(root: Path, defs: Path, rows: int, weeks: int) -> None:
    """The table, a month of rows at a time, and the YAML."""
    (root / "sources").mkdir(parents=True)
    days = REFERENCE_DAYS + weeks * 7
    a_day = max(rows // (weeks * 7), 1)
    chance = np.random.default_rng(11)
    for number, first in enumerate(range(0, days, 28)):
        part = range(first, min(first + 28, days))
        table = _rows(chance, part, a_day)
        pq.write_table(table, root / "sources" / f"part_{number:03d}.parquet")
    file = defs / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": _declared()}))


def _rows(chance: np.random.Generator, days: range, a_day: int) -> pa.Table:
    count = len(days) * a_day
    second = np.sort(chance.integers(0, 86_400_000_000, (len(days), a_day)), axis=1).ravel()
    midnight = np.datetime64(FIRST, "us").astype(np.int64)
    day = np.repeat(np.array(days), a_day) * 86_400_000_000
    time_of = midnight + day + second
    numbers = {f"number_{n}": chance.normal(n, 1 + n / 4, count) for n in range(NUMBERS)}
    logit = 0.6 * (numbers["number_0"]) - 0.4 * (numbers["number_1"] - 1) - 1
    risk = 1 / (1 + np.exp(-logit))
    stamp = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "id": [f"r{first}" for first in range(days[0] * a_day, days[0] * a_day + count)],
            "asked_at": pa.array(time_of, stamp),
            "version": pa.array(["7"] * count),
            "site": chance.choice(["web", "app"], count),
            "customer": chance.choice(["a", "b", "c"], count),
            "region": chance.choice(REGIONS, count),
            "product": chance.choice(["loan", "card"], count),
            "channel": chance.choice(["x", "y", "z"], count),
            **numbers,
            "risk": risk,
            "refused": risk > 0.5,
            "label": chance.random(count) < risk,
            "known_at": pa.array(time_of + 2 * 86_400_000_000, stamp),
        }
    )


def _declared() -> dict[str, Any]:
    numbers = [{"name": f"number_{n}", "type": "number"} for n in range(NUMBERS)]
    categories = [{"name": name, "type": "category"} for name in ("region", "product", "channel")]
    columns = {"id": "id", "time": "asked_at", "model_version": "version", "call_site": "site"}
    columns |= {"tenant": "customer", "label": "label", "available_at": "known_at"}
    start = FIRST + timedelta(days=REFERENCE_DAYS)
    return {
        "name": NAME,
        "title": "An existing table",
        "served_by": "external",
        "monitoring": {"start": start},
        "inputs": [*numbers, *categories],
        "outputs": [
            {"name": "risk", "type": "probability"},
            {"name": "refused", "type": "boolean"},
        ],
        "judged": {"score": "risk", "decision": "refused"},
        "ground_truth": {"kind": "binary", "mature_after_hours": 48, "minimum_labels": 100},
        "source": {"files": "sources/*.parquet", "columns": columns},
        "reference": {"first_day": FIRST, "last_day": start - timedelta(days=1)},
        "owners": OWNERS,
    }


if __name__ == "__main__":
    main()
