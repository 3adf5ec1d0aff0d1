"""Candidates beside a version in production, on two weeks of real flights.

The files of training sets and candidates are written here, in the shape in which a retraining
leaves them; versions, log, labels, keys and the frozen gate are real.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import torch

from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.accuracy_evaluation.checks import CHECKS
from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Finding, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, Status
from ai_ops_tests.accuracy_evaluation.world import (
    Fitted,
    between,
    daily,
    register,
    write_labels,
    write_log,
)

FIRST, LAST = "2013-04-01", "2013-04-14"
"""The days of the hold-out; the versions are fitted to what came before."""

NOW = utc("2013-04-16T07:00:00Z")
DIGEST = "0" * 36
"""What ``register`` says that every version was trained on."""

GATE = tuple(check for check in CHECKS if check.name in GATE_CHECKS)


def root_of(
    root: Root,
    feature: AiFeatureSpec,
    flights: pd.DataFrame,
    scores: pd.Series,
    *,
    begin: str = FIRST,
    end: str = "2013-04-15",
    now: datetime = NOW,
) -> Root:
    """A replay with its days logged and labelled, and the key of who freezes the gate."""
    root.begin_replay(now)
    Identities(demo_identities(root)).create(scientist(feature))
    root.ledger.append([NewEvent("threshold_change", feature.name, {})], clock=root.clock)
    span = between(flights, begin, end)
    write_log(root, feature, span, scores, with_inputs=True)
    write_labels(root, span)
    compute_ground_truth(root, feature, daily(begin, end))
    return root


def scientist(feature: AiFeatureSpec) -> str:
    return feature.owner_of("accuracy_evaluation").accountable


def freeze_gate(root: Root, feature: AiFeatureSpec) -> None:
    """The feature's gate, signed by who owns it."""
    content = {"gate": feature.gate.model_dump(mode="json"), "hash": feature.gate.digest}
    token = sign_decision(root, feature, "gate_freeze", scientist(feature), content)
    record(root, feature, token)


def launched(root: Root, feature: AiFeatureSpec, version: str, at: datetime | None = None) -> None:
    """A version in production, as the ledger keeps it."""
    said = {"version": version, "previous": None, "metrics": {}, "by": "devops@example.com"}
    payload = {**said, "gate_hash": feature.gate.digest}
    root.ledger.append([NewEvent("launch", feature.name, payload, at)], clock=root.clock)


def overconfident(fitted: Fitted, times: float = 2.0) -> Fitted:
    """The same order of the rows, and every logit that many times as large."""
    module = deepcopy(fitted.module)
    with torch.no_grad():
        for weight in (*module.categories, module.numbers):
            weight.mul_(times)
    module.bias = module.bias * times
    return replace(fitted, module=module)


def forgetful(fitted: Fitted) -> Fitted:
    """The rows in a worse order: of the categories nothing is known, of the numbers all."""
    module = deepcopy(fitted.module)
    with torch.no_grad():
        for weight in module.categories:
            weight.fill_(float(weight.mean()))
    return replace(fitted, module=module)


@dataclass(frozen=True)
class Trained:
    """A candidate's files: the ids that it learnt from, and the hold-out of its manifest."""

    version: str
    ids: tuple[str, ...]
    first: str = FIRST
    last: str = LAST
    digest: str = DIGEST
    retraining: str = ""


def training_ids(fitted: Fitted, feature: AiFeatureSpec) -> tuple[str, ...]:
    share = feature.ground_truth.evaluation_share
    return tuple(id for id in fitted.reference["id"] if not is_held_out(id, share))


def write_candidate(root: Root, feature: AiFeatureSpec, trained: Trained) -> None:
    """The files of a training set and of the candidate that learnt from it."""
    name, lake = f"{NOW.date()}-{trained.version}", root.lake
    manifest: dict[str, Any] = {
        "id": name,
        "as_of": NOW.isoformat(),
        "digest": trained.digest,
        "rows": len(trained.ids),
        "holdout_first": trained.first,
        "holdout_last": trained.last,
        "excluded_held_out": 0,
        "cause": "asked for by hand",
        "read": [],
    }
    lake.write_table(lake.path(feature.name, "training_set", name), pa.table({"id": trained.ids}))
    candidate = {
        "version": trained.version,
        "training_set": name,
        "retraining": trained.retraining,
        "digest": trained.digest,
        "as_of": NOW.isoformat(),
        "metrics": {},
    }
    found_sound(root, feature, name)
    for partition in (name, None):
        lake.write_json(lake.path(feature.name, "training_set", partition, "json"), manifest)
    for partition in (trained.version, None):
        lake.write_json(lake.path(feature.name, "candidate_model", partition, "json"), candidate)


def found_sound(root: Root, feature: AiFeatureSpec, name: str, status: Status = "pass") -> None:
    """What the check on a training set said of it."""
    findings = () if status == "pass" else (Finding("data_quality", status, "it is so"),)
    verdict = Verdict(status, "it is so", {"training_set": name}, 100, findings=findings)
    now = root.clock.now()
    recorded = RecordedVerdict(
        feature=feature.name,
        item="training_set_sound",
        asset="training_set",
        partition=None,
        window=Window.of_day(now.date()),
        as_of=now,
        verdict=verdict,
    )
    root.ledger.record_verdicts([recorded], clock=root.clock)


def judged(root: Root, feature: AiFeatureSpec, as_of: datetime = NOW) -> dict[str, Verdict]:
    """The four verdicts, as the checks record them."""
    moment = moment_now(as_of)
    recorded = judge_and_record(root, feature, GATE, [moment], run_id=None)
    return {one.item: one.verdict for one in recorded}


def evaluated(root: Root, feature: AiFeatureSpec, trained: Trained) -> dict[str, Verdict]:
    """A candidate, written, evaluated and judged."""
    write_candidate(root, feature, trained)
    compute_candidate_evaluation(root, feature, NOW)
    return judged(root, feature)


def statuses(verdicts: dict[str, Verdict]) -> list[str]:
    return [verdicts[check].status for check in GATE_CHECKS]


def registered(root: Root, feature: AiFeatureSpec, fitted: Fitted) -> str:
    return register(root, feature, fitted)
