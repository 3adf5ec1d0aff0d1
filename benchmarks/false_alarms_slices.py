"""How often a healthy week of ten tenants alarms in any of them, and what is found in one.

Ten slices of a feature of fifteen columns (``drift_worlds``), each with a mix of its own, 100 to
2,000 rows a week each, judged as ``slice_drift`` judges them: beside twelve weeks of their own rows
in the reference, or six windows of them in the log. A week is red when any of its seven daily
verdicts is, of any column of any slice. Power is of weeks within a lasting change of one column of
one slice. The rules' constants were chosen on other worlds (``TUNED``) with other seeds.

    python benchmarks/false_alarms_slices.py [--weeks 144] [--seed 2024] [--tuned] [--json]
"""

import argparse
import json
import os
import time
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from drift_worlds.slices import BASELINES, CHANGES, SliceWeeks, simulate
from drift_worlds.worlds import REPORTED, TUNED

SIZES = (100, 300, 2_000)
AFTER = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=144, help="healthy weeks of each kind")
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--tuned", action="store_true", help="the worlds of the constants instead")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    worlds = TUNED if options.tuned else REPORTED
    features = max(1, round(options.weeks / AFTER / len(worlds)))
    began = time.process_time()
    found = {
        (baseline, size): [
            simulate(world, size, baseline, AFTER, [options.seed, place, size, feature])
            for place, world in enumerate(worlds)
            for feature in range(features)
        ]
        for baseline in BASELINES
        for size in SIZES
    }
    result = result_of(found, time.process_time() - began)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (result["ratios"] | result["measured"]).items():
        print(f"{name:<60} {value:.4g}")


def result_of(found: dict[tuple[str, int], list[SliceWeeks]], cpu: float) -> dict[str, Any]:
    """The rates of all worlds together, by what told the normal and by rows a week."""
    ratios: dict[str, float] = {}
    alarms = weeks = 0
    for (baseline, size), features in found.items():
        own = sum(len(np.concatenate(one.healthy)) for one in features)
        red = sum(one.alarms for one in features)
        told = f"by_{baseline}_{size}_rows_a_week"
        ratios[f"red_over_healthy_weeks_{told}"] = red / own
        for change in CHANGES:
            name = change.replace(" ", "_").replace("%", "percent")
            power = float(np.mean([one.power(change) for one in features]))
            ratios[f"found_over_changed_weeks_{name}_{told}"] = power
        alarms, weeks = alarms + red, weeks + own
    ratios["red_over_healthy_weeks"] = alarms / weeks
    measured = {"healthy_weeks_count": weeks, "red_weeks_count": alarms, "cpu_s": cpu}
    return {"name": "false alarms of slices", "ratios": ratios, "measured": measured}


if __name__ == "__main__":
    main()
