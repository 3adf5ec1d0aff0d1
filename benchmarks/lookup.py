"""One prediction among twelve million: milliseconds of a look-up by id over 60 days' logs.

Day logs as compaction writes them, 200,000 rows each: the record's members, raw input and output,
and 15 typed columns. Random ids that are there, and random ones that are not, are looked up as
``ai-ops predictions find --id`` does it, without the start of the interpreter and its imports.

``warm`` look-ups follow one another in one process. A ``cold`` one is the first of a new process:
it opens its engine, lists the days and reads the places of the bloom filters from the small files
beside the logs. ``first_ever`` is the one that writes those: it reads every footer once. ``cli`` is
the whole command, interpreter and imports included. The pages of the files are in the machine's
cache throughout.

Beside it in the same run: ``duckdb`` reads all files by one statement (it asks bloom filters, too),
``pyarrow`` filters a dataset, ``pandas`` filters by ``read_parquet``; the floor opens 60 footers.

    python benchmarks/lookup.py [--files 60] [--rows 200000] [--lookups 60] [--json]
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

from ai_ops.ai_features import load_feature
from ai_ops.prediction_logging.finding import Query
from ai_ops.prediction_logging.log_columns import columns_of
from ai_ops.prediction_logging.log_file import log_content
from ai_ops.prediction_logging.log_table import log_schema
from ai_ops.prediction_logging.searching import Finder
from ai_ops.storage.root import Root

NAME = "looked_up"
FIRST = date(2021, 1, 1)
NUMBERS, CATEGORIES = 10, 3
COLD = 12
SLOW = 2
"""Look-ups of the peers that scan every id: each takes many seconds."""

Look = Callable[[str], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--lookups", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(Path(options.one[0]), options.one[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.files, options.rows, options.lookups)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:45} {value:14,.2f}")


def measure(folder: Path, files: int, rows: int, lookups: int) -> dict[str, Any]:
    _declare(folder, files)
    draw = random.Random(7)
    present, size = _write(folder, files, rows, lookups, draw)
    absent = [f"{draw.getrandbits(63) << 64 | draw.getrandbits(63):032x}" for _ in range(lookups)]
    paths = [str(path) for path in sorted(_home(folder).glob("*.parquet"))]
    first_ever = _in_a_process(folder, present[0])["ms"]
    cold = [_in_a_process(folder, id)["ms"] for id in present[:COLD]]
    whole = [_whole_command(folder, id) for id in present[:SLOW]]
    took = {"cold": cold, "cli": whole}
    with Finder(_root(folder), _feature(folder)) as finder:
        look: Look = lambda id: len(finder.search(Query({"id": (id,)})).predictions)  # noqa: E731
        took["present"] = _timed(look, present, 1)
        took["absent"] = _timed(look, absent, 0)
    for name, peer, most in _peers(paths, lookups):
        took[f"{name}_present"] = _timed(peer, present[:most], 1)
        took[f"{name}_absent"] = _timed(peer, absent[:most], 0)
    took["floor"] = _timed(
        lambda _: sum(bool(pq.read_metadata(path)) for path in paths) * 0, absent, 0
    )
    middle = {name: statistics.median(found) for name, found in took.items()}
    over = ("duckdb_present", "duckdb_absent", "pyarrow_present", "pandas_present", "floor")
    return {
        "name": "lookup",
        "ratios": {
            **{
                f"present_p50_over_{name}": middle["present"] / middle[name]
                for name in over
                if name != "duckdb_absent"
            },
            "absent_p50_over_duckdb_absent": middle["absent"] / middle["duckdb_absent"],
        },
        "measured": {
            "files": files,
            "rows_a_file": rows,
            "file_mb": size / 1e6,
            "first_ever_ms": first_ever,
            **{f"{name}_p50_ms": value for name, value in middle.items()},
            **{f"{name}_max_ms": max(found) for name, found in took.items()},
        },
    }


def _peers(paths: Sequence[str], lookups: int) -> Iterator[tuple[str, Look, int]]:
    engine = duckdb.connect(config={"threads": 1})
    engine.execute("SET TimeZone = 'UTC'")
    statement = "SELECT * FROM read_parquet(?) WHERE id = ?"
    # Its columns are read by DuckDB; as Python objects, as ours are.
    yield "duckdb", lambda id: len(engine.execute(statement, [paths, id]).fetchall()), lookups
    dataset = ds.dataset(paths)
    yield "pyarrow", lambda id: dataset.to_table(filter=ds.field("id") == id).num_rows, SLOW
    yield "pandas", lambda id: len(pd.read_parquet(paths, filters=[("id", "==", id)])), SLOW


def _timed(look: Look, ids: Sequence[str], expected: int) -> list[float]:
    took = []
    for id in ids:
        begin = time.perf_counter()
        found = look(id)
        took.append((time.perf_counter() - begin) * 1000)
        if found != expected:
            raise SystemExit(f"{id}: {found} found, {expected} expected")
    return took


def _one(folder: Path, id: str) -> dict[str, float]:
    """The first look-up of this process."""
    feature = _feature(folder)
    import_module("sqlalchemy.dialects.sqlite")  # what the first look into a ledger imports
    begin = time.perf_counter()
    with Finder(_root(folder), feature) as finder:
        found = finder.search(Query({"id": (id,)})).predictions
    took = (time.perf_counter() - begin) * 1000
    if len(found) != 1:
        raise SystemExit(f"{id}: {len(found)} found")
    return {"ms": took}


def _in_a_process(folder: Path, id: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(folder), id]
    found: dict[str, float]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _whole_command(folder: Path, id: str) -> float:
    command = [sys.executable, "-m", "ai_ops.cli", "predictions", "find", NAME, "--id", id]
    environment = {**os.environ, "AI_OPS_DEFS": str(folder / "defs")}
    begin = time.perf_counter()
    subprocess.run(
        [*command, "--root", str(folder), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    return (time.perf_counter() - begin) * 1000


def _root(folder: Path) -> Root:
    return Root.open(folder, environment={})


def _feature(folder: Path) -> Any:
    return load_feature(folder / "defs" / NAME / "defs.yaml")


def _home(folder: Path) -> Path:
    return folder / "lake" / NAME / "prediction_log"


def _declare(folder: Path, files: int) -> None:
    """The feature's YAML: an existing table, monitored for as many days as there are files."""
    owner = {"accountable": "someone@example.com"}
    domains = ("prediction_logging", "drift_monitoring", "retraining_pipeline")
    attributes = {
        "name": NAME,
        "title": "Which of twelve million was it?",
        "served_by": "external",
        "monitoring": {"start": FIRST, "end": FIRST + timedelta(days=files)},
        "inputs": [
            *({"name": f"n{place}", "type": "number"} for place in range(NUMBERS)),
            *({"name": f"c{place}", "type": "category"} for place in range(CATEGORIES)),
        ],
        "outputs": [
            {"name": "probability", "type": "probability"},
            {"name": "late", "type": "boolean"},
        ],
        "ground_truth": {"kind": "none"},
        "source": {"files": "table/*.parquet", "columns": {"time": "time"}},
        "owners": {
            **dict.fromkeys((*domains, "inference_management"), owner),
            "accuracy_evaluation": {"follows": "drift_monitoring"},
        },
    }
    file = folder / "defs" / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    load_feature(file)


def _write(
    folder: Path, files: int, rows: int, wanted: int, draw: random.Random
) -> tuple[list[str], int]:
    """The day logs; returns ids that stand in them, and the mean size of a file."""
    feature, made = _feature(folder), np.random.default_rng(7)
    home, base = _home(folder), _columns(rows, made)
    home.mkdir(parents=True)
    picked = sorted(draw.randrange(files) for _ in range(wanted))
    present, size = [], 0
    for place in range(files):
        day = FIRST + timedelta(days=place)
        ids = [f"{one:032x}" for one in _wide(made, rows)]
        begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1e6)
        times = np.sort(made.integers(0, 86_400_000_000, rows)) + begin
        table = pa.table(
            base
            | {"id": ids, "time": pa.array(times, pa.timestamp("us", "UTC"))}
            | {"request_id": [f"{one:032x}" for one in _wide(made, rows)]},
        ).select(log_schema(columns_of(feature)).names)
        content = log_content(table.cast(log_schema(columns_of(feature))), np.arange(rows))
        (home / f"{day}.parquet").write_bytes(content)
        size += content.size
        present += [ids[draw.randrange(rows)] for one in picked if one == place]
    draw.shuffle(present)
    return present, size // files


def _columns(rows: int, made: np.random.Generator) -> dict[str, Any]:
    """What the days share: a value that is the same on two days makes no look-up easier."""
    numbers = made.normal(size=(rows, NUMBERS)).round(4)
    words = made.integers(0, 20, (rows, CATEGORIES))
    score = made.random(rows)
    told = [
        {f"n{n}": value for n, value in enumerate(row)}
        | {f"c{n}": f"v{value}" for n, value in enumerate(word)}
        for row, word in zip(numbers.tolist(), words.tolist(), strict=True)
    ]
    nothing = pa.nulls(rows, pa.string())
    return {
        "feature": [NAME] * rows,
        "model_version": ["3"] * rows,
        "status": ["ok"] * rows,
        "error": nothing,
        "withheld": nothing,
        "latency_ms": made.gamma(2, 3, rows),
        "call_site": [f"site{one}" for one in made.integers(0, 3, rows)],
        "mode": ["sync"] * rows,
        "tenant": [f"t{one}" for one in made.integers(0, 50, rows)],
        "subject": [f"hmac:{one:064x}" for one in made.integers(0, rows // 2, rows)],
        "writer": ["web"] * rows,
        "incarnation": ["20210101T000000-1-a"] * rows,
        "seq": np.arange(rows),
        "cost": ['{"compute_ms":0.5}'] * rows,
        "input": [json.dumps(one) for one in told],
        "output": [json.dumps({"probability": one, "late": one > 0.5}) for one in score.tolist()],
        **{f"input_n{n}": numbers[:, n] for n in range(NUMBERS)},
        **{f"input_c{n}": [f"v{one}" for one in words[:, n]] for n in range(CATEGORIES)},
        "output_probability": score,
        "output_late": score > 0.5,
    }


def _wide(made: np.random.Generator, rows: int) -> Iterator[int]:
    for high, low in made.integers(0, 2**63, (rows, 2)).tolist():
        yield high << 64 | low


if __name__ == "__main__":
    main()
