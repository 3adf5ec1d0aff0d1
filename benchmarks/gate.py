"""How often a gate lets the wrong candidate through, and the right one: ours and MLflow's.

Candidates that are one point worse than the champion, as good, and two points better are judged
on 200, 1,000 and 2,000 labelled rows of fourteen days, some hundred times each. A point is .01 of
AUC; what it is in accuracy is printed beside it. The rows come from worlds of which none was used
to choose the gate's margins (``gate_rows/worlds.py``): independent rows, days that differ, days
that suit one version more, few or many true labels, and versions whose errors have nothing in
common. What no rows can tell (other files, an input that tells the label, latency, slices) is sound
in every case: those checks of the gate can only refuse more.

``ours`` is ``judge_candidate`` with the criteria of a new feature, which are those of the flights
too; ``rules`` is the same without its least number of rows, to see what the rest does where that
refuses everything. The peer is MLflow's gate (``mlflow.models.evaluate``, ``MetricThreshold``,
``validate_evaluation_results``) on the very same rows: the AUC must rise by what ours asks for
(``mlflow``), by a whole point (``mlflow_stern``), or reach what the champion had at its launch
(``mlflow_floor``). MLflow itself is asked in a share of the cases, and its arithmetic in all; that
they agree is told. The ``ceiling`` is what a test could reach that knew how the AUC's difference
scatters and passed an equal candidate once in forty times: where two versions make errors of their
own, or days suit one of them, two points cannot be seen in 2,000 rows.

    python benchmarks/gate.py [--times 100] [--seed 20] [--json]
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from gate_rows.mlflow_gate import LAUNCH, asked, passes, tracked
from gate_rows.worlds import WORLDS, Made, Rows, Version, World
from scipy.stats import norm

from ai_ops.accuracy_evaluation.binary_sums import sum_by_day
from ai_ops.accuracy_evaluation.candidate_records import (
    Budgeted,
    CandidateEvaluation,
    Learnt,
    Sameness,
    Sliced,
    Speed,
    Telling,
)
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate
from ai_ops.accuracy_evaluation.gate_metrics import compare
from ai_ops.accuracy_evaluation.moved_scores import moved_scores
from ai_ops.ai_features.gate import Gate
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.windows import Window

SIZES = (200, 1000, 2000)
POINTS = {"worse": -1.0, "equal": 0.0, "better": 2.0}
GATES = ("ours", "rules", "mlflow", "mlflow_stern", LAUNCH)
DAYS = np.array(list(Window.trailing("2021-03-14", days=14).days()))
NOW = utc("2021-03-16T07:00:00Z")
ASKED = 1
"""Cases of each world, size and candidate in which MLflow itself is asked."""


@dataclass
class Told:
    """What was said of the candidates of one world, size and kind."""

    times: int = 0
    passed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    apart: list[float] = field(default_factory=list)
    asked: int = 0
    disagreed: int = 0
    furthest: float = 0.0

    def __add__(self, other: "Told") -> "Told":
        return Told(
            self.times + other.times,
            self.passed + other.passed,
            self.refused + other.refused,
            self.apart + other.apart,
            self.asked + other.asked,
            self.disagreed + other.disagreed,
            max(self.furthest, other.furthest),
        )


Cases = Mapping[tuple[str, int, str], Told]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=100, help="candidates of each kind")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    made = [Made(world, options.seed) for world in WORLDS]
    with tempfile.TemporaryDirectory() as folder, tracked(Path(folder)):
        cases = simulate(made, SIZES, options.times, options.seed, ASKED)
    if options.json:
        print(json.dumps(result_of(cases, made)))
        return
    show(cases, made)


def simulate(
    worlds: Sequence[Made], sizes: Sequence[int], times: int, seed: int, mlflow_asked: int
) -> dict[tuple[str, int, str], Told]:
    """What the gates say, by world, number of rows and kind of candidate."""
    found = {}
    for place, made in enumerate(worlds):
        for kind, points in POINTS.items():
            candidate = made.version(points)
            for size in sizes:
                random = np.random.default_rng([seed, place, size, int(points) + 1])
                told = Told()
                for turn in range(times):
                    rows = made.rows(size, len(DAYS), candidate, random)
                    told += judged(rows, made.champion.auc, ask=turn < mlflow_asked)
                found[made.world.name, size, kind] = told
    return found


def judged(rows: Rows, launch: float, *, ask: bool) -> Told:
    """One candidate through every gate."""
    evaluation = evaluation_of(rows)
    gate = Gate()
    told = Told(times=1)
    for name, criteria in {
        "ours": gate.candidate,
        "rules": gate.candidate.model_copy(update={"minimum_rows": 1}),
    }.items():
        verdicts = judge_candidate(evaluation, Criteria(criteria, gate.digest), "2", NOW)
        refusing = [check for check, verdict in verdicts.items() if not verdict.passed]
        told.passed[name] += not refusing
        if name == "rules":
            told.refused.update(refusing)
    assert evaluation.compared is not None
    metrics = evaluation.compared.candidate.metrics, evaluation.compared.champion.metrics
    aucs = [one["auc"].value for one in metrics]
    said = passes(aucs[0], aucs[1], launch)
    told.passed.update({name: int(passed) for name, passed in said.items()})
    told.apart.append(aucs[0] - aucs[1])
    if ask:
        really, theirs = asked(rows, launch)
        told.asked, told.disagreed = 1, int(really != said)
        told.furthest = max(abs(a - b) for a, b in zip(aucs, theirs, strict=True))
    return told


def evaluation_of(rows: Rows) -> CandidateEvaluation:
    """A sound comparison on these rows: what is simulated are the numbers in it."""
    day = DAYS[rows.day]
    candidate, champion = (
        sum_by_day(day, score, rows.label, score >= 0.5)
        for score in (rows.candidate, rows.champion)
    )
    moved = moved_scores(day, rows.candidate, rows.champion)
    return CandidateEvaluation(
        feature="simulated",
        version="3",
        champion="2",
        retraining="",
        as_of=NOW,
        label_cutoff=NOW.replace(hour=0),
        first_day=str(DAYS[0]),
        last_day=str(DAYS[-1]),
        coverage=[],
        learnt=Learnt("simulated", rows=9000),
        rows=len(rows.label),
        days=len(candidate.days),
        positives=int(rows.label.sum()),
        compared=replace(compare(candidate, champion), moved=moved),
        # All else is in order: what is simulated are the numbers.
        first="2",
        sliced=Sliced(undivided=["tenant"]),
        sameness=Sameness(False, False, len(rows.label)),
        told=[Telling("signal", "the training set", "AUC", 0.7, 0.69, 9000)],
        budget=Budgeted(Speed(1.0, 0.1, 1000), Speed(1.0, 0.1, 1000), 128, 25),
    )


def result_of(cases: Cases, made: Sequence[Made]) -> dict[str, Any]:
    """Rates of all worlds together with their intervals, and the power world by world."""
    ratios, measured = {}, {}
    together = pooled(cases)
    for (size, kind), told in together.items():
        for gate in GATES:
            low, high = wilson(told.passed[gate], told.times)
            name = f"{kind}_passed_by_{gate}_of_{size}_rows"
            measured[f"{name}_share"] = told.passed[gate] / told.times
            measured[f"{name}_low_share"], measured[f"{name}_high_share"] = low, high
        if kind != "better" and told.passed["mlflow"]:
            ratio = told.passed["ours"] / told.passed["mlflow"]
            ratios[f"{kind}_passed_by_ours_over_mlflow_of_{size}_rows"] = ratio
    for one in made:
        told, name = cases[one.world.name, SIZES[-1], "better"], one.world.name.replace(" ", "_")
        measured[f"power_in_{name}_share"] = told.passed["ours"] / told.times
        measured[f"ceiling_in_{name}_share"] = ceiling(cases, one.world, SIZES[-1])
    everything = sum(cases.values(), Told())
    measured |= {
        "candidates_count": everything.times,
        "mlflow_asked_count": everything.asked,
        "mlflow_disagreed_count": everything.disagreed,
        "auc_apart_from_mlflow_auc": everything.furthest,
    }
    return {"name": "gate", "ratios": ratios, "measured": measured}


def pooled(cases: Cases) -> dict[tuple[int, str], Told]:
    """The cases of all worlds together."""
    found: dict[tuple[int, str], Told] = {}
    for (_, size, kind), told in cases.items():
        found[size, kind] = found.get((size, kind), Told()) + told
    return found


def wilson(hits: int, times: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927).

    >>> [round(bound, 3) for bound in wilson(0, 100)]
    [0.0, 0.037]
    """
    z = float(norm.ppf(0.975))
    share, whole = hits / times, 1 + z * z / times
    middle = (share + z * z / (2 * times)) / whole
    half = z * np.sqrt(share * (1 - share) / times + z * z / (4 * times * times)) / whole
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def ceiling(cases: Cases, world: World, size: int) -> float:
    """What a test could reach that knew how the AUC's difference scatters."""
    equal, better = (cases[world.name, size, kind].apart for kind in ("equal", "better"))
    needed = norm.ppf(0.975) * np.std(equal)
    return float(norm.sf((needed - np.mean(better)) / np.std(better)))


def show(cases: Cases, made: Sequence[Made]) -> None:
    """The tables."""
    print("a point is .01 of AUC; in accuracy (score >= .5), champion and candidate:")
    for one in made:
        told = [f"{kind} {_apart(one, one.version(points))}" for kind, points in POINTS.items()]
        print(f"  {one.world.name:24} {one.champion.accuracy:.4f}: {', '.join(told)}")
    print("\nshare that passes, all worlds together (95 % interval)")
    print(f"{'rows':>6} {'candidate':10}" + "".join(f"{gate:>22}" for gate in GATES))
    for (size, kind), told in sorted(pooled(cases).items(), key=lambda one: one[0][0]):
        print(f"{size:6} {kind:10}" + "".join(_rate(told, gate) for gate in GATES))
    print(f"\nworld by world, {SIZES[-1]} rows: share that passes, and what refused the better")
    for one in made:
        name = one.world.name
        for kind in POINTS:
            told = cases[name, SIZES[-1], kind]
            print(f"  {name:24} {kind:8}" + "".join(_rate(told, gate) for gate in GATES))
        refused = [f"{check[5:]} {n / told.times:.0%}" for check, n in told.refused.items()]
        most = ceiling(cases, one.world, SIZES[-1])
        print(f"  {'':24} ceiling {most:.3f}; refused by {', '.join(refused) or 'nothing'}")
    everything = sum(cases.values(), Told())
    print(
        f"\nMLflow itself was asked {everything.asked} times: {everything.disagreed} answers "
        f"differ from its arithmetic; its AUCs are ours to within {everything.furthest:.1e}"
    )


def _apart(made: Made, version: Version) -> str:
    return f"{version.accuracy - made.champion.accuracy:+.4f}"


def _rate(told: Told, gate: str) -> str:
    low, high = wilson(told.passed[gate], told.times)
    return f"{told.passed[gate] / told.times:8.3f} ({low:.3f}-{high:.3f})"


if __name__ == "__main__":
    main()
