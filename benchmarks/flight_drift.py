"""A year of daily drift on the flights: CPU seconds of its statistics, and Dagster's beside them.

All the days that a replay of the whole year has: 282, in weeks of one range each, as the demo runs
them. ``statistics`` are the profiles, the reports and the judgements of every daily check of drift
monitoring, recorded in the ledger; ``dagster`` is what the same costs more as runs of Dagster's
assets and checks. Evidently's pages (of new alerts, and at the end of a month) and the pictures (of
new alerts, and of each range's last day) are told by themselves: they are for people, no verdict
reads them.

Both go the same way: each week is two computations and one judgement, each with a root that
remembers what it read, and files that the three share. Each begins with a root of its own, in which
the version of the launch is trained and every day's answers are logged; none of that is counted,
nor the first week's first run, which loads what is loaded once.

    python benchmarks/flight_drift.py [--weeks 41] [--json]
"""

import argparse
import cProfile
import json
import os
import pstats
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import dagster as dg
import pandas as pd
import pyarrow as pa

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.jobs import daily_job_name
from ai_ops.cli.common import resolve_feature
from ai_ops.definitions import defs
from ai_ops.defs.flight_delay import traffic
from ai_ops.defs.flight_delay.flights import INPUTS, load_flights
from ai_ops.defs.flight_delay.training import set_up
from ai_ops.drift_monitoring import reporting
from ai_ops.drift_monitoring.checks import CHECKS
from ai_ops.drift_monitoring.profiling import (
    compute_prediction_profile,
    compute_reference_profile,
)
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.orchestration.running import (
    AT_SCHEDULE,
    JUDGED_TAG,
    QUIET,
    RANGE_END,
    RANGE_START,
    open_runner,
)
from ai_ops.storage.clocks import ReplayClock
from ai_ops.storage.remembering import Files, remembering
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.windows import Window

BEGIN = traffic.REHEARSAL
END = date(BEGIN.year + 1, 1, 1)
DAY = timedelta(days=1)
ASSETS = ("prediction_profile", "drift_report")
DAILY = [check for check in CHECKS if check.rhythm == "daily"]


APART = ("make_evidently_report", "overview_picture", "further_pictures")
"""What a report has made for people: told beside the statistics, the first as ``pages``."""


@dataclass
class Made:
    """CPU seconds that went into what is for people, and how often it was made."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(APART, 0.0))
    times: dict[str, int] = field(default_factory=lambda: dict.fromkeys(APART, 0))

    @property
    def pages(self) -> float:
        return self.seconds[APART[0]]

    @property
    def pictures(self) -> float:
        return sum(self.seconds[name] for name in APART[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=41)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", action="store_true", help="where the statistics spend it")
    options = parser.parse_args()
    weeks = list(_weeks(options.weeks))
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as within:
        ours, apart = _statistics(Path(alone), weeks, profiled=options.profile)
        if options.profile:
            return
        whole, others = _runs(Path(within), weeks)
    result = result_of(sum(map(len, weeks)), ours, apart, whole, others)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:45} {value:12,.3f}")


def result_of(days: int, ours: float, apart: Made, whole: float, others: Made) -> dict[str, Any]:
    """Statistics without what is for people, and what Dagster adds to them."""
    statistics = ours - apart.pages - apart.pictures
    dagster = whole - others.pages - others.pictures - statistics
    return {
        "name": "flight_drift",
        "ratios": {"dagster_cpu_over_statistics": dagster / statistics},
        "measured": {
            "days_count": days,
            "statistics_cpu_s": statistics,
            "statistics_per_day_cpu_ms": statistics / days * 1000,
            "dagster_cpu_s": dagster,
            "dagster_per_day_cpu_ms": dagster / days * 1000,
            "pictures_cpu_s": apart.pictures,
            "pictures_count": sum(apart.times[name] for name in APART[1:]),
            "evidently_pages_cpu_s": apart.pages,
            "evidently_pages_count": apart.times[APART[0]],
        },
    }


def _statistics(
    folder: Path, weeks: list[list[date]], *, profiled: bool = False
) -> tuple[float, Made]:
    root, feature, clock = _logged(folder, weeks)
    profile = cProfile.Profile(time.process_time)
    compute_reference_profile(root, feature, root.clock.now())

    def run(days: list[date]) -> None:
        clock.advance(_midnight(days[-1] + DAY) + timedelta(hours=7))
        if profiled:
            profile.runcall(_week, root, feature, days)
        else:
            _week(root, feature, days)

    seconds, apart = _timed(run, weeks)
    if profiled:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
    return seconds, apart


def _week(root: Root, feature: AiFeatureSpec, days: list[date]) -> None:
    moments, files = [_moment(day) for day in days], Files()
    compute_prediction_profile(remembering(root, files), feature, moments)
    reporting.compute_drift_report(remembering(root, files), feature, moments)
    own = [check for check in DAILY if check.applies(feature)]
    judge_and_record(remembering(root, files), feature, own, moments, run_id=None)


def _runs(folder: Path, weeks: list[list[date]]) -> tuple[float, Made]:
    root, feature, clock = _logged(folder, weeks)
    compute_reference_profile(root, feature, root.clock.now())
    job, chosen = daily_job_name(feature), [dg.AssetKey([feature.name, name]) for name in ASSETS]
    with open_runner(folder, defs()) as runner:
        definition = runner.definitions.resolve_job_def(job)

        def run(days: list[date]) -> None:
            clock.advance(_midnight(days[-1] + DAY) + timedelta(hours=7))
            bounds = {RANGE_START: str(days[0]), RANGE_END: str(days[-1])}
            definition.execute_in_process(
                instance=runner.instance,
                asset_selection=chosen,
                run_config=QUIET,
                tags={**bounds, JUDGED_TAG: AT_SCHEDULE},
            )

        return _timed(run, weeks)


def _timed(run: Callable[[list[date]], None], weeks: list[list[date]]) -> tuple[float, Made]:
    run(weeks[0])
    begin = time.process_time()
    with _apart() as made:
        for days in weeks:
            run(days)
    return time.process_time() - begin, made


@contextmanager
def _apart() -> Iterator[Made]:
    """What is made for people inside, and what that costs."""
    made = Made()
    known = {name: getattr(reporting, name) for name in APART}
    for name, make in known.items():
        setattr(reporting, name, partial(_told, made, name, make))
    try:
        yield made
    finally:
        for name, make in known.items():
            setattr(reporting, name, make)


def _told(made: Made, name: str, make: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    begin = time.process_time()
    try:
        return make(*arguments, **named)
    finally:
        made.seconds[name] += time.process_time() - begin
        made.times[name] += 1


def _logged(folder: Path, weeks: list[list[date]]) -> tuple[Root, AiFeatureSpec, ReplayClock]:
    """A root with the version of the launch, and the log of every day that it answered."""
    feature = resolve_feature("flight_delay")
    root = Root.open(folder, environment={})
    flights = load_flights(folder / "cache")
    set_up(root, feature, progress=lambda _: None)
    clock = root.begin_replay(_midnight(BEGIN))
    model = root.registry.load(feature.name, root.registry.serving_version(feature.name) or "1")
    for day in (day for days in weeks for day in days):
        times = flights["time"]
        rows = flights[(times >= _midnight(day)) & (times < _midnight(day + DAY))]
        scores = model.scores(rows[list(INPUTS)].to_dict("records"))
        columns = {
            "id": rows["id"],
            "time": rows["time"],
            "model_version": model.version,
            "status": "ok",
            "tenant": rows["tenant"],
            "call_site": traffic.HOURLY_BATCH,
            f"output_{feature.judged.score}": scores,
            f"output_{feature.judged.decision}": scores >= feature.judged.threshold,
            **{f"input_{name}": rows[name] for name in INPUTS},
        }
        table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
        root.lake.write_table(root.lake.path(feature.name, "prediction_log", str(day)), table)
    return root, feature, clock


def _weeks(most: int) -> Iterator[list[date]]:
    days = [BEGIN + number * DAY for number in range((END - BEGIN).days)]
    for number in range(min(most, -(-len(days) // 7))):
        yield days[number * 7 : number * 7 + 7]


def _moment(day: date) -> Moment:
    window = Window.of_day(day.isoformat())
    return Moment(day.isoformat(), window, window.end + timedelta(hours=6))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


if __name__ == "__main__":
    main()
