"""Seconds per feature-day of the daily chain, and Dagster's own share of them.

Weeks are run as one range each, then days one by one, on predictions made beforehand and written
to the log directly (what is measured is the chain, not the server). The floor is the statistics
alone: the same computations and judgements, without Dagster.

    python benchmarks/daily_cycle.py [--weeks 4] [--json]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from ai_ops.checklist.jobs import daily_job_name, versions_job_name, weekly_job_name
from ai_ops.cli.common import resolve_feature
from ai_ops.client import PredictionLog
from ai_ops.definitions import defs
from ai_ops.defs.flight_delay import traffic
from ai_ops.defs.flight_delay.flights import load_flights
from ai_ops.defs.flight_delay.training import set_up
from ai_ops.orchestration.running import open_runner
from ai_ops.orchestration.timing import timing
from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.root import Root

WEEK = timedelta(days=7)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--weeks", type=int, default=4)
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.weeks)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:40} {value:10.3f}")


def measure(folder: Path, weeks: int) -> dict[str, Any]:
    feature = resolve_feature("flight_delay")
    root = Root.open(folder, environment={})
    flights = load_flights(folder / "cache")
    set_up(root, feature, progress=lambda _: None)
    begin = traffic.REHEARSAL
    end = begin + weeks * WEEK
    clock = root.begin_replay(_midnight(begin))
    _log(root, clock, flights, begin, end + WEEK)
    clock.advance(_midnight(end + WEEK) + timedelta(hours=7))
    with open_runner(folder, defs()) as runner:
        runner.run(versions_job_name(feature))
        daily, weekly = daily_job_name(feature), weekly_job_name(feature)
        mondays = [begin + index * WEEK for index in range(weeks)]
        runs: list[Callable[[], Any]] = []
        for monday in mondays:
            runs += [
                lambda monday=monday: runner.run_range(
                    daily, str(monday), str(monday + 6 * WEEK / 7)
                ),
                lambda monday=monday: runner.run(weekly, partition=str(monday)),
            ]
        ranged = _timed(runs)
        days = [end + timedelta(days=offset) for offset in range(7)]
        single = _timed([lambda day=day: runner.run(daily, partition=str(day)) for day in days])
    per_day = {"range": (ranged, weeks * 7), "single": (single, 7)}
    return {
        "name": "daily_cycle",
        "ratios": {
            f"{way}_over_statistics": wall / statistics
            for way, ((wall, statistics), _) in per_day.items()
        },
        "measured": {
            f"{way}_{part}_per_feature_day_s": seconds / count
            for way, ((wall, statistics), count) in per_day.items()
            for part, seconds in (
                ("wall", wall),
                ("statistics", statistics),
                ("dagster", wall - statistics),
            )
        },
    }


def _timed(runs: list[Callable[[], Any]]) -> tuple[float, float]:
    begin = time.perf_counter()
    with timing() as stopwatch:
        for run in runs:
            run()
    return time.perf_counter() - begin, stopwatch.seconds


def _log(root: Root, clock: ReplayClock, flights: Any, begin: date, end: date) -> None:
    feature = resolve_feature("flight_delay")
    champion = root.registry.serving_version(feature.name)
    model = root.registry.load(feature.name, champion or "1")
    sources = root.folder / "sources" / feature.name
    for offset in range((end - begin).days):
        traffic.write_schedule(flights, begin + timedelta(days=offset), sources)
        traffic.write_labels(flights, begin + timedelta(days=offset), sources)
    with PredictionLog(root.segments, feature.name, "benchmark", clock) as log:
        for requests in traffic.hourly_requests(flights, _midnight(begin), _midnight(end)):
            clock.advance(requests.hour)
            scores = model.scores([body["inputs"] for body in requests.predictions])
            for body, score in zip(requests.predictions, scores, strict=True):
                log.record(
                    id=body["id"],
                    model_version=model.version,
                    input=body["inputs"],
                    output={
                        "probability": float(score),
                        "late": bool(score >= feature.judged.threshold),
                    },
                    latency_ms=1.0,
                    call_site=body["call_site"],
                    mode="batch",
                    tenant=body["tenant"],
                )


def _midnight(day: date) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00")


if __name__ == "__main__":
    main()
