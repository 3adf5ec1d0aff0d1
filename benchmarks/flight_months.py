"""The flights month by month: what the gate says at the time, and what came after it.

The network of the launch serves from April on. At the begin of every month from May to December a
candidate is trained by the real retraining (trailing 90 days, the gate's two weeks of hold-out
after them) on what the log and the labels hold by that moment, and judged by the frozen criteria
beside the version that is live then; what passes is promoted. Only then the month's own flights
tell how both versions do on them: the lake holds no day and no label of it before.

``hindsight`` is whether the candidate's Brier score, which counts order and calibration alike, is
better on the month that followed by the gate's own gain; ``surely`` when the whole interval, paired
by day, lies beyond zero. A decision is right where both say the same.

    python benchmarks/flight_months.py [--months 8] [--json]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import pyarrow as pa

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.accuracy_evaluation.checks import CHECKS as GATE
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.accuracy_evaluation.metrics import difference, estimate
from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.defs import flight_delay
from ai_ops.defs.flight_delay import traffic
from ai_ops.defs.flight_delay.fitting import columns_of, one_thread
from ai_ops.defs.flight_delay.flights import INPUTS, load_flights
from ai_ops.defs.flight_delay.training import set_up
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.retraining_pipeline.candidate import compute_candidate_model
from ai_ops.retraining_pipeline.checks import CHECKS as TRAINING
from ai_ops.retraining_pipeline.training_set import Request, compute_training_set
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS

YEAR = traffic.LAUNCH.year
MONTHS = range(5, 13)
JUDGED_AT = timedelta(hours=7)
SHOWN = ("auc", "ece", "brier")


@dataclass(frozen=True)
class Month:
    """One month's candidate: what the gate said of it, and how both did in the month.

    ``newest_row`` and ``newest_label`` are the last day that the lake held when the candidate was
    made and judged. The differences are the candidate's metric minus that of the live version.
    """

    month: str
    rows: int
    days: int
    version: str
    live: str
    accepted: bool
    refused_by: list[str]
    reason: str
    newest_row: str
    newest_label: str
    on_holdout: dict[str, float]
    candidate: dict[str, float]
    champion: dict[str, float]
    difference: dict[str, tuple[float, float | None, float | None]]
    hindsight: str
    right: bool
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--months", type=int, default=len(MONTHS), help="of them, from May on")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        months = replay(Path(folder), MONTHS[: options.months])
    if options.json:
        print(json.dumps(result_of(months)))
        return
    show(months)


def replay(folder: Path, months: range) -> list[Month]:
    """The year up to the last of the months: each candidate judged, what passes promoted."""
    feature = load_feature(Path(flight_delay.__file__).with_name("defs.yaml"))
    root = Root.open(folder, environment={})
    flights = load_flights(folder / "cache")
    set_up(root, feature, progress=lambda _: None)
    launch(root, feature)
    found, before = [], traffic.REHEARSAL
    for number in months:
        first = date(YEAR, number, 1)
        live_through(root, feature, flights, before, first)
        found.append(candidate_of(root, feature, flights, first))
        before = first
    return found


def launch(root: Root, feature: AiFeatureSpec) -> None:
    """The version of the launch in production, and its gate frozen by who owns it."""
    moment = datetime.combine(traffic.LAUNCH, datetime.min.time(), UTC) + JUDGED_AT
    root.begin_replay(moment)
    scientist = feature.owner_of("accuracy_evaluation").accountable
    Identities(demo_identities(root)).create(scientist)
    root.ledger.append([NewEvent("drill", feature.name, {})], clock=root.clock)
    content = {"gate": feature.gate.model_dump(mode="json"), "hash": feature.gate.digest}
    record(root, feature, sign_decision(root, feature, "gate_freeze", scientist, content))
    version = root.registry.serving_version(feature.name)
    moved(root, feature, "launch", str(version), None)


def moved(
    root: Root, feature: AiFeatureSpec, kind: Any, version: str, previous: str | None
) -> None:
    """A launch or a promotion as the ledger keeps it; its door has tests of its own."""
    said = {"version": version, "previous": previous, "metrics": {}, "by": "devops@example.com"}
    said |= {"gate_hash": feature.gate.digest, "approved_by": "a", "approval": [1, 0]}
    root.ledger.append([NewEvent(kind, feature.name, said)], clock=root.clock)
    root.registry.set_alias(feature.name, "champion", version)


def live_through(
    root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, first: date, before: date
) -> None:
    """The days [first, before): their predictions logged, and the labels that came in them."""
    days = [first + timedelta(days=n) for n in range((before - first).days)]
    sources = root.folder / "sources" / feature.name
    moments = []
    for day in days:
        traffic.write_labels(flights, day, sources)
        rows = on(flights, day, day + timedelta(days=1))
        path = root.lake.path(feature.name, "prediction_log", day.isoformat())
        root.lake.write_table(path, logged(feature, rows))
        window = Window.of_day(day.isoformat())
        moments.append(Moment(day.isoformat(), window, window.end + timedelta(hours=6)))
    root.begin_replay(datetime.combine(before, datetime.min.time(), UTC) + JUDGED_AT)
    compute_ground_truth(root, feature, moments)


def logged(feature: AiFeatureSpec, rows: pd.DataFrame) -> pa.Table:
    """A day's log as compaction writes it; what was answered is not read here: both versions are
    asked again for every row that they are compared on."""
    columns = {
        "id": rows["id"],
        "time": rows["time"],
        "model_version": "1",
        "status": "ok",
        "tenant": rows["tenant"],
        "call_site": traffic.HOURLY_BATCH,
        f"output_{feature.judged.score}": 0.2,
        f"output_{feature.judged.decision}": False,
        **{f"input_{name}": rows[name] for name in INPUTS},
    }
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)


def candidate_of(root: Root, feature: AiFeatureSpec, flights: pd.DataFrame, first: date) -> Month:
    """A candidate at the begin of a month, judged, promoted if it passes, and then looked at."""
    begin = time.perf_counter()
    moment = root.clock.now()
    newest_row, newest_label = newest(root, feature)
    compute_training_set(root, feature, moment, Request(f"the month from {first}"))
    sound = [check for check in TRAINING if check.name == "training_set_sound"]
    judge_and_record(root, feature, sound, [moment_now(moment)], run_id=None)
    compute_candidate_model(root, feature, moment)
    compute_candidate_evaluation(root, feature, moment)
    gate = [check for check in GATE if check.name in GATE_CHECKS]
    recorded = judge_and_record(root, feature, gate, [moment_now(moment)], run_id=None)
    verdicts = {one.item: one.verdict for one in recorded}
    observed = verdicts["gate_evidence"].observed
    version, live = str(observed["version"]), str(observed["champion"])
    refused_by = [check for check in GATE_CHECKS if not verdicts[check].passed]
    if not refused_by:
        moved(root, feature, "promotion", version, live)
    assert max(newest_row, newest_label) < first.isoformat(), "the lake holds what is to come"
    after = on(flights, first, (first + timedelta(days=31)).replace(day=1))
    after = after.dropna(subset=["late"])
    own, other = (sums(root, feature, after, one) for one in (version, live))
    apart = difference(own, other)
    hindsight, better = in_hindsight(apart["brier"], feature)
    return Month(
        month=f"{first:%Y-%m}",
        rows=int(str(observed["rows"])),
        days=int(str(observed["days"])),
        version=version,
        live=live,
        accepted=not refused_by,
        refused_by=refused_by,
        reason=reason_of(verdicts, refused_by),
        newest_row=newest_row,
        newest_label=newest_label,
        on_holdout=numbers(verdicts["gate_improvement"].observed),
        candidate=values(estimate(own)),
        champion=values(estimate(other)),
        difference={name: (apart[name].value, apart[name].low, apart[name].high) for name in SHOWN},
        hindsight=hindsight,
        right=better is not bool(refused_by),
        seconds=time.perf_counter() - begin,
    )


def newest(root: Root, feature: AiFeatureSpec) -> tuple[str, str]:
    """The last day of the log in the lake, and the day on which its last label became known."""
    found = []
    for asset in ("prediction_log", "ground_truth"):
        days = root.lake.glob(f"{feature.name}/{asset}/*.parquet")
        found.append(max(Path(path).stem for path in days))
    return found[0], found[1]


def sums(root: Root, feature: AiFeatureSpec, rows: pd.DataFrame, version: str) -> BinarySums:
    """What a version answers to flights, against what became of them."""
    with one_thread():
        score = root.registry.load(feature.name, version).scores(columns_of(rows))
    day = rows["time"].dt.strftime("%Y-%m-%d").to_numpy().astype(str)
    late = score >= feature.judged.threshold
    return sum_by_day(day, score, rows["late"].to_numpy(bool), late)


def in_hindsight(brier: Estimate, feature: AiFeatureSpec) -> tuple[str, bool]:
    """Whether the candidate did better in the month: in words, and as the decision reads it."""
    better = brier.value <= -feature.gate.candidate.brier_gain
    sure = brier.beyond(0.0) or brier.below(0.0)
    word = "better" if better else "worse" if brier.value > 0 else "no better"
    return f"{'surely ' if sure else ''}{word}", better


def reason_of(verdicts: Mapping[str, Verdict], refused_by: list[str]) -> str:
    """The first clause of what refused it, or of what it is better in."""
    reason = verdicts[(refused_by or ["gate_improvement"])[0]].reason
    about, _, rest = reason.partition(": ")
    return (rest or about).partition(";")[0]


def numbers(observed: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of both versions on the hold-out, as the gate saw them."""
    return {name: value for name, value in observed.items() if name.endswith(SHOWN) and value}


def values(found: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: found[name].value for name in SHOWN}


def on(flights: pd.DataFrame, first: date, before: date) -> pd.DataFrame:
    """The flights predicted in [first, before)."""
    begin, end = (pd.Timestamp(day, tz=UTC) for day in (first, before))
    return flights[(flights["time"] >= begin) & (flights["time"] < end)]


def result_of(months: list[Month]) -> dict[str, Any]:
    """The months as data, and how many decisions were right."""
    live = [month.candidate if month.accepted else month.champion for month in months]
    static = months[0].live
    measured = {
        "months_count": len(months),
        "accepted_count": sum(month.accepted for month in months),
        "right_count": sum(month.right for month in months),
        "mean_auc_of_what_was_live_auc": sum(one["auc"] for one in live) / len(months),
        "mean_brier_of_what_was_live_brier": sum(one["brier"] for one in live) / len(months),
        "mean_brier_of_every_candidate_brier": sum(m.candidate["brier"] for m in months)
        / len(months),
    }
    return {
        "name": "flight_months",
        "ratios": {"right_over_months": measured["right_count"] / len(months)},
        "measured": measured,
        "launched_version": static,
        "months": [asdict(month) for month in months],
    }


def show(months: list[Month]) -> None:
    """The table, in Markdown."""
    print("| month | rows | gate | AUC candidate / live | ECE | Brier difference | after | right |")
    print("|---|---|---|---|---|---|---|---|")
    for one in months:
        became = "accepted" if one.accepted else "refused"
        value, low, high = one.difference["brier"]
        span = "" if low is None or high is None else f" ({low:+.4f} to {high:+.4f})"
        both = [f"{one.candidate[m]:.3f} / {one.champion[m]:.3f}" for m in ("auc", "ece")]
        print(
            f"| {one.month} | {one.rows} of {one.days} days | {became}: version {one.version} "
            f"beside {one.live} | {both[0]} | {both[1]} | {value:+.4f}{span} | {one.hindsight} | "
            f"{'yes' if one.right else 'no'} |"
        )
    for one in months:
        by = ", ".join(one.refused_by)
        print(f"\n{one.month}: {f'refused by {by}' if by else 'accepted'}: {one.reason}")
        print(f"  the lake held rows up to {one.newest_row}, labels up to {one.newest_label}")
    assert all(a.month < b.month for a, b in pairwise(months))


if __name__ == "__main__":
    main()
