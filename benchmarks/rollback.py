"""A bad version is reverted: seconds from the decision to the first answer of the one before.

One server (``ai-ops serve``, a process) answers twice the declared peak in an open loop, to bodies
on which two versions differ. Again and again a person's rollback is signed, verified, recorded and
carried out, at moments that have nothing to do with the server's polling; each answer is known by
its outputs for the version that gave it. ``first_old`` runs from the decision (before it is signed)
to the first answer of the version that came back, ``last_new`` to the last of the one that went;
``carried_out`` is the part of it that signs, verifies, records and moves the alias.

``command`` is the whole command, interpreter and imports included. ``restart`` is what is done
where nothing follows a registry: a server is started with the version before, until it is healthy.

    python benchmarks/rollback.py [--drills 20] [--peak 50] [--poll 2] [--workers 1] [--json]
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import pyarrow as pa
import torch
import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.drill_answers import Seen, Who, counted, seen
from ai_ops.inference_management.drill_hands import entered, served
from ai_ops.inference_management.drill_root import DrillRoot, prepared
from ai_ops.inference_management.drill_versions import Pair, telling
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.inference_management.load.course import percentile
from ai_ops.inference_management.load.driving import Driving
from ai_ops.inference_management.load.plan import Plan
from ai_ops.retraining_pipeline.promotion import promote, rollback
from ai_ops.storage.decisions import sign_decision
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root

NAME = "reverted"
NUMBERS, CATEGORIES = 16, 4
COMMANDS = 3
"""How often the whole command is entered, which takes seconds of imports each time."""

Decided = tuple[float, Who, float]
"""When it was decided, which version was to come back, and how long it took to carry it out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drills", type=int, default=20)
    parser.add_argument("--peak", type=float, default=50)
    parser.add_argument("--poll", type=float, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.drills, options.peak, options.poll, options.workers)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in (*result["ratios"].items(), *result["measured"].items()):
        print(f"{name:45} {value:14,.3f}")


def measure(folder: Path, drills: int, peak: float, poll: float, workers: int) -> dict[str, Any]:
    """The clocks of that many rollbacks on one server under twice the peak."""
    feature = _feature(folder / "defs", peak, poll, workers)
    home = Root.open(folder / "home", {})
    home.ledger.append([NewEvent("drill", NAME, {})], clock=home.clock)
    _register(home, feature, seed=1)
    _register(home, feature, seed=2)
    drill = prepared(home, feature, Pair("2", "1", "benchmark"), "drill")
    versions = {
        who: drill.root.registry.load(drill.feature.name, number)
        for who, number in (("previous", drill.previous), ("candidate", drill.candidate))
    }
    asked = telling(drill.feature, versions["previous"], versions["candidate"])
    begun = time.monotonic()
    with served(drill) as url:
        restart = time.monotonic() - begun
        plan = Plan(
            f"{url}/predict", [one.body for one in asked], 2 * peak, 3600, keep_answers=True
        )
        with Driving(plan) as load:
            time.sleep(3)
            promote(drill.root, drill.feature, drill.candidate)
            time.sleep(poll + 2)
            cpu = time.process_time()
            decided = [_rolled_back(drill, number, poll) for number in range(drills)]
            cpu = (time.process_time() - cpu) / drills
            commanded = [_commanded(drill, drills + number, poll) for number in range(COMMANDS)]
            load.stop()
            course = load.course()
    answers = [seen(one, asked[n % len(asked)]) for n, one in enumerate(course.requests)]
    labels: dict[Who, str] = {"previous": drill.previous, "candidate": drill.candidate}
    found = counted(course.requests, answers, labels)
    first, last = _clocks(answers, decided, until=commanded[0][0])
    command, _ = _clocks(answers, commanded, until=float("inf"))
    p50 = percentile(first, 0.5) or 0.0
    return {
        "name": "rollback",
        "ratios": {"restart_over_rollback": restart / p50},
        "measured": {
            "first_old_p50_s": p50,
            "first_old_p95_s": percentile(first, 0.95),
            "first_old_max_s": max(first),
            "carried_out_mean_cpu_s": cpu,
            "carried_out_p50_s": percentile([took for _, _, took in decided], 0.5),
            "last_new_p95_s": percentile(last, 0.95),
            "command_p50_s": percentile(command, 0.5),
            "restart_s": restart,
            "drills_count": drills,
            "requests_count": found.sent,
            "lost_count": found.lost,
            "refused_count": found.refused,
            "failed_count": found.failed,
            "mislabelled_count": found.mislabelled,
            "strange_count": found.strange,
            "offered_per_s": course.rate,
            "achieved_per_s": course.achieved_rate,
            "p99_ms": course.percentile_ms(0.99),
            "generator_share_cores": course.generator_share,
        },
    }


def _rolled_back(drill: DrillRoot, number: int, poll: float) -> Decided:
    who, version = _next(drill, number)
    decided = time.monotonic()
    content = {"version": version, "reason": "worse"}
    token = sign_decision(drill.root, drill.feature, "rollback", drill.person, content)
    rollback(drill.root, drill.feature, token)
    moved = time.monotonic() - decided
    time.sleep(poll + 1 + random.Random(number).uniform(0, poll))
    return decided, who, moved


def _commanded(drill: DrillRoot, number: int, poll: float) -> Decided:
    who, version = _next(drill, number)
    decided = time.monotonic()
    words = ["rollback", drill.feature.name, "--to", version, "--by", drill.person]
    ran = entered(drill, "roll_back", [*words, "--reason", "worse"])
    assert ran.code == 0, ran.said
    moved = time.monotonic() - decided
    time.sleep(poll + 1)
    return decided, who, moved


def _next(drill: DrillRoot, number: int) -> tuple[Who, str]:
    """Back, and then back to the candidate, which was live before as well."""
    return ("candidate", drill.candidate) if number % 2 else ("previous", drill.previous)


def _clocks(
    answers: Sequence[Seen | None], decided: Sequence[Decided], until: float
) -> tuple[list[float], list[float]]:
    """Of each decision: the first answer of what came back, the last of what went."""
    first, last = [], []
    ends = [one[0] for one in decided[1:]] + [until]
    for (moment, who, _), end in zip(decided, ends, strict=True):
        own = [one for one in answers if one and moment < one.ended < end]
        first.append(min(one.ended for one in own if one.outputs == who) - moment)
        gone = [one.ended for one in own if one.outputs not in (who, None)]
        last.append(max(gone, default=moment) - moment)
    return first, last


class Net(torch.nn.Module):
    """A small network over embedded categories and numbers."""

    def __init__(self, encoder: TabularEncoder, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        sizes = encoder.category_sizes
        self.embeddings = torch.nn.ModuleList(torch.nn.Embedding(size, 8) for size in sizes)
        width = 8 * len(sizes) + encoder.width - len(sizes)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(width, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1), torch.nn.Sigmoid()
        )

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        codes = rows[:, : len(self.embeddings)].long()
        embedded = [layer(codes[:, n]) for n, layer in enumerate(self.embeddings)]
        return self.layers(torch.cat([*embedded, rows[:, len(self.embeddings) :]], dim=1))


def _register(home: Root, feature: AiFeatureSpec, seed: int) -> None:
    rows = {f"n{n}": [0.0, 1.0, 2.0] for n in range(NUMBERS)}
    rows |= {f"c{n}": ["a", "b", "c"] for n in range(CATEGORIES)}  # type: ignore[misc]
    inputs = [InputColumn(**one.model_dump()) for one in feature.inputs]
    encoder = TabularEncoder.fit(rows, inputs)
    home.registry.register(
        NAME,
        Net(encoder, seed),
        encoder,
        encoder.encode(rows),
        metrics={"auc": 0.7},
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "probability": [0.5]}),
    )


def _feature(defs: Path, peak: float, poll: float, workers: int) -> AiFeatureSpec:
    owner = {"accountable": "someone@example.com"}
    domains = ("prediction_logging", "drift_monitoring", "retraining_pipeline")
    inputs = [{"name": f"n{n}", "type": "number"} for n in range(NUMBERS)]
    inputs += [{"name": f"c{n}", "type": "category"} for n in range(CATEGORIES)]
    attributes = {
        "name": NAME,
        "title": "Reverted again and again",
        "served_by": "own_model",
        "monitoring": {"start": date(2021, 1, 1)},
        "inputs": inputs,
        "outputs": [
            {"name": "probability", "type": "probability"},
            {"name": "late", "type": "boolean"},
        ],
        "judged": {"score": "probability", "decision": "late", "threshold": 0.5},
        "ground_truth": {"labels": "labels/*.parquet"},
        "user_actions": {"table": "actions/*.parquet"},
        "owners": {
            **dict.fromkeys((*domains, "inference_management"), owner),
            "accuracy_evaluation": {"follows": "drift_monitoring"},
        },
        "serving": {
            "expected_peak": {"requests_per_second": peak},
            "poll_seconds": poll,
            "workers": workers,
        },
    }
    file = defs / NAME / "defs.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump({"type": "ai_ops.AiFeature", "attributes": attributes}))
    return load_feature(file)


if __name__ == "__main__":
    main()
