"""Candidates beside a version in production, on two weeks of real flights.

The files of training sets and candidates are written here, in the shape in which a retraining
leaves them; versions, log, labels, keys and the frozen gate are real.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
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
    root.ledger.append([NewEvent("drill", feature.name, {})], clock=root.clock)
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


def forgetful(fitted: Fitted, keep: float = 0.0) -> Fitted:
    """The rows in a worse order: of the categories so much is known still, of the numbers all."""
    module = deepcopy(fitted.module)
    with torch.no_grad():
        for weight in module.categories:
            weight.copy_(weight.mean() + keep * (weight - weight.mean()))
    return replace(fitted, module=module)


def careless(fitted: Fitted, carrier: str) -> Fitted:
    """The same but for the flights of one carrier, all of which it takes for late."""
    module = deepcopy(fitted.module)
    categories = fitted.encoder.categories
    at = [one.name for one in categories].index("carrier")
    with torch.no_grad():
        module.categories[at][categories[at].vocabulary.index(carrier) + 1] = 6.0
    return replace(fitted, module=module)


class Heavy(torch.nn.Module):
    """A module's answers, after a product of matrices that changes none of them."""

    def __init__(self, module: torch.nn.Module, size: int = 384) -> None:
        super().__init__()
        self.module = module
        self.ballast = torch.nn.Parameter(torch.eye(size), requires_grad=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        product = self.ballast @ self.ballast @ self.ballast
        answer: torch.Tensor = self.module(rows) * product[0, 0]
        return answer


def heavy(fitted: Fitted) -> Fitted:
    """A model that takes long to answer, and much room."""
    return replace(fitted, module=Heavy(fitted.module))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Trained:
    """A candidate's files: the ids that it learnt from, and the hold-out of its manifest.

    ``change`` alters the rows that it learnt from, which are those of its reference.
    """

    version: str
    ids: tuple[str, ...]
    first: str = FIRST
    last: str = LAST
    digest: str = ""
    retraining: str = ""
    change: Callable[[pa.Table], pa.Table] | None = None


def training_ids(fitted: Fitted, feature: AiFeatureSpec) -> tuple[str, ...]:
    share = feature.ground_truth.evaluation_share
    return tuple(id for id in fitted.reference["id"] if not is_held_out(id, share))


def training_rows(root: Root, feature: AiFeatureSpec, trained: Trained) -> pa.Table:
    """The rows of its reference that the candidate learnt from, and those that it must not have."""
    reference, _ = root.registry.reference(feature.name, trained.version)
    reference = reference.filter(pc.is_in(reference["id"], pa.array(trained.ids)))
    others = sorted(set(trained.ids) - set(reference["id"].to_pylist()))
    rest = pa.table({"id": pa.array(others, reference.schema.field("id").type)})
    rows = pa.concat_tables([reference, rest], promote_options="default")
    return rows if trained.change is None else trained.change(rows)


def write_candidate(root: Root, feature: AiFeatureSpec, trained: Trained) -> None:
    """The files of a training set and of the candidate that learnt from it."""
    name, lake = f"{NOW.date()}-{trained.version}", root.lake
    registered = root.registry.version(feature.name, trained.version)
    digest = trained.digest or registered.dataset_digest
    manifest: dict[str, Any] = {
        "id": name,
        "as_of": NOW.isoformat(),
        "digest": digest,
        "rows": len(trained.ids),
        "holdout_first": trained.first,
        "holdout_last": trained.last,
        "excluded_held_out": 0,
        "cause": "asked for by hand",
        "read": [],
    }
    rows = training_rows(root, feature, trained)
    lake.write_table(lake.path(feature.name, "training_set", name), rows)
    candidate = {
        "version": trained.version,
        "training_set": name,
        "retraining": trained.retraining,
        "digest": digest,
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
    """The gate's verdicts, as the checks record them."""
    moment = moment_now(as_of)
    recorded = judge_and_record(root, feature, GATE, [moment], run_id=None)
    return {one.item: one.verdict for one in recorded}


def evaluated(root: Root, feature: AiFeatureSpec, trained: Trained) -> dict[str, Verdict]:
    """A candidate, written, evaluated and judged."""
    write_candidate(root, feature, trained)
    compute_candidate_evaluation(root, feature, NOW)
    return judged(root, feature)


@dataclass
class Evaluated:
    """Candidates that were evaluated once each: for whoever asks again, the file is put back."""

    root: Root
    feature: AiFeatureSpec
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __call__(self, trained: Trained, champion: str) -> dict[str, Verdict]:
        root, key = self.root, (trained.version, champion)
        path = root.lake.path(self.feature.name, "candidate_evaluation", None, "json")
        launched(root, self.feature, champion)
        if key not in self.files:
            evaluated(root, self.feature, trained)
            self.files[key] = root.lake.read_bytes(path)
        write_candidate(root, self.feature, trained)
        root.lake.write_bytes(path, self.files[key])
        return judged(root, self.feature)


def refusing(verdicts: dict[str, Verdict]) -> set[str]:
    """The checks that did not pass."""
    return {check for check, verdict in verdicts.items() if not verdict.passed}


def statuses(verdicts: dict[str, Verdict]) -> list[str]:
    return [verdicts[check].status for check in GATE_CHECKS]


def registered(root: Root, feature: AiFeatureSpec, *fitted: Fitted, **same: str) -> None:
    """Versions 1, 2, …, each of which learnt from other rows than the others; ``version_4="2"``:
    but for this one."""
    for number, one in enumerate(fitted, 1):
        digest = f"{int(same.get(f'version_{number}', number)):036d}"
        assert register(root, feature, one, dataset_digest=digest) == str(number)
