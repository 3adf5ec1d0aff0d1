"""What drift of 15 columns costs, beside Evidently, NannyML, pandas with SciPy, and polars.

Two files of made rows, a reference and what is now, ten numbers and five categories. Every
contender is a process of its own that reads both and tells how far each column is apart; one whose
pins conflict has an environment of its own, built with pip on first use. Counted are CPU seconds
without imports. ``ai_ops`` first finds its cells in the reference (once per version), then counts
every row of both sides; ``ai_ops_next_day`` is what each day after it costs. ``agreement`` is the
largest difference between Evidently's own functions and its statistics read off fine profiles.
``page`` is the report that people look at, from a bounded sample of the same rows as a log.

    python benchmarks/drift_peers.py [--rows 1000000] [--json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers.drift_contenders import CONTENDERS
from peers.drift_rows import make_sides
from peers.environments import NANNYML, Unbuildable, python_of
from rich.console import Console
from rich.table import Table

_PEERS = Path(__file__).parent / "peers"
_ALONE = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONWARNINGS": "ignore"}
SHORT, TIMES = 5.0, 3
"""What takes fewer CPU seconds than this is run so often, and the middle one is told."""
AGREED = ("psi", "js", "wasserstein")
ONCE_PER_VERSION = ("cells", "reference")
PREPARED = ("cells",)


@dataclass
class Seen:
    """What a contender's process told; ``missing`` says why there is none."""

    name: str
    told: dict[str, Any] | None = None
    missing: str | None = None

    def cpu(self, without: tuple[str, ...] = ()) -> float:
        assert self.told is not None
        return sum(s for phase, s in self.told["cpu_s"].items() if phase not in without)


def run(script: str, *arguments: str, python: str = sys.executable) -> dict[str, Any]:
    """What a script of ``peers`` printed; ``RuntimeError`` with its last words if it failed."""
    done = subprocess.run(
        [python, str(_PEERS / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **_ALONE},
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure(name: str, files: tuple[Path, Path]) -> Seen:
    try:
        python = python_of(NANNYML) if name == "nannyml" else sys.executable
        runs: list[Seen] = []
        while not runs or (len(runs) < TIMES and runs[0].cpu() < SHORT):
            told = run("drift_contenders.py", name, *map(str, files), python=python)
            runs.append(Seen(name, told))
        return sorted(runs, key=Seen.cpu)[len(runs) // 2]
    except (Unbuildable, RuntimeError) as wrong:
        return Seen(name, missing=str(wrong))


def agreement(ours: Seen, theirs: Seen) -> dict[str, dict[str, float]]:
    """Per statistic, the largest difference over the columns: fine profiles, and the report's."""
    assert ours.told is not None and theirs.told is not None
    largest: dict[str, dict[str, float]] = {"parity": {}, "profile": {}}
    for kind, prefix in (("parity", ""), ("profile", "profile_")):
        for name in AGREED:
            largest[kind][name] = max(
                abs(ours.told["values"][column][prefix + name] - values[name])
                for column, values in theirs.told["values"].items()
                if name in values
            )
    return largest


def result_of(rows: int, seen: list[Seen], page: dict[str, Any]) -> dict[str, Any]:
    found = {one.name: one for one in seen if one.told}
    ours = found["ai_ops"]
    whole, daily = ours.cpu(without=PREPARED), ours.cpu(without=ONCE_PER_VERSION)
    ratios = {}
    for name, one in found.items():
        if name != "ai_ops":
            ratios[f"{name}_cpu_over_ai_ops"] = one.cpu(without=PREPARED) / whole
            ratios[f"{name}_cpu_over_ai_ops_with_cells"] = one.cpu() / ours.cpu()
            ratios[f"{name}_cpu_over_ai_ops_next_day"] = one.cpu() / daily
    measured: dict[str, Any] = {"rows_a_side_count": rows}
    for one in seen:
        if not one.told:
            measured[f"{one.name}_missing"] = one.missing
            continue
        measured[f"{one.name}_cpu_s"] = round(one.cpu(), 3)
        measured[f"{one.name}_import_cpu_s"] = round(one.told["import_cpu_s"], 2)
        measured[f"{one.name}_wall_s"] = round(sum(one.told["wall_s"].values()), 3)
        measured[f"{one.name}_peak_mb"] = round(one.told["peak_mb"])
        for phase, seconds in one.told["cpu_s"].items():
            measured[f"{one.name}_{phase}_cpu_s"] = round(seconds, 3)
    if "evidently" in found:
        for kind, values in agreement(ours, found["evidently"]).items():
            for name, value in values.items():
                measured[f"largest_{kind}_difference_{name}"] = float(f"{value:.2g}")
    measured |= {f"page_{name}": round(value, 3) for name, value in page.items()}
    return {
        "name": "drift_peers",
        "ratios": {name: round(ratio, 1) for name, ratio in ratios.items()},
        "measured": measured,
    }


def tables_of(seen: list[Seen], page: dict[str, Any]) -> list[Table]:
    found = {one.name: one for one in seen if one.told}
    ours = found["ai_ops"].cpu(without=PREPARED)
    costs = Table("", "CPU s", "of which", "x ai_ops", "wall s", "import CPU s", "peak MB")
    for one in seen:
        if not one.told:
            costs.add_row(one.name, str(one.missing), *[""] * 5)
            continue
        phases = ", ".join(f"{phase} {s:.2f}" for phase, s in one.told["cpu_s"].items())
        costs.add_row(
            one.name,
            f"{one.cpu():.2f}",
            phases,
            f"{one.cpu(without=PREPARED) / ours:.1f}",
            f"{sum(one.told['wall_s'].values()):.1f}",
            f"{one.told['import_cpu_s']:.1f}",
            f"{one.told['peak_mb']:.0f}",
        )
    tables = [costs]
    if "evidently" in found:
        tables.append(_beside(found["ai_ops"], found["evidently"]))
    told = Table("page", "CPU s", "wall s", title=f"of {page['log_rows']:,} rows a side")
    for step in ("import", "sample", "page"):
        told.add_row(step, f"{page[f'{step}_cpu_s']:.2f}", f"{page[f'{step}_wall_s']:.2f}")
    return [*tables, told]


def _beside(ours: Seen, theirs: Seen) -> Table:
    assert ours.told is not None and theirs.told is not None
    table = Table("column", title="Evidently's own / off fine profiles / our report's cells")
    for name in AGREED:
        table.add_column(name)
    for column, values in theirs.told["values"].items():
        own = ours.told["values"][column]
        cells = [
            f"{values[name]:.5f} / {own[name]:.5f} / {own[f'profile_{name}']:.5f}"
            if name in values
            else ""
            for name in AGREED
        ]
        table.add_row(column, *cells)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows a side")
    parser.add_argument("--only", nargs="*", help="these contenders beside ai_ops")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    wanted = [n for n in CONTENDERS if n == "ai_ops" or asked.only is None or n in asked.only]
    # Beside this file, for /tmp may be memory, which is no disk.
    with tempfile.TemporaryDirectory(dir=Path(__file__).parents[1] / "data") as folder:
        files = make_sides(Path(folder), asked.rows)
        seen = [measure(name, files) for name in wanted]
        page = run("drift_page.py", *map(str, files))
    if seen[0].missing:
        raise SystemExit(f"ai_ops: {seen[0].missing}")
    if asked.json:
        print(json.dumps(result_of(asked.rows, seen, page)))
    else:
        for table in tables_of(seen, page):
            Console(width=140).print(table)


if __name__ == "__main__":
    main()
