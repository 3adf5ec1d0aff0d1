"""A small installation that can be retrained: roles with keys, a log with labels, versions."""

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.labels import compute_ground_truth
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoding import TabularEncoder
from ai_ops.retraining_pipeline.promotion import launch
from ai_ops.storage.decisions import record, sign_decision
from ai_ops.storage.identities import Identities, demo_identities
from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.registry import REHEARSAL, Registry
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, Standing, standing_of
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Finding, Observed, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import GATE_CHECKS, PRE_LAUNCH_ITEMS, EventKind, Status
from ai_ops_tests.inference_management.serving_world import ATTRIBUTES, NAME, ROWS, Constant
from ai_ops_tests.retraining_pipeline.tiny_trainer import rows_of

BACKEND, SCIENTIST, DEVOPS = "backend@example.com", "science@example.com", "devops@example.com"
STRANGER = "stranger@example.com"

NOW = utc("2021-03-10T09:00:00Z")
BEGIN = date(2021, 2, 15)
"""The first day of the log."""

FEATURE = AiFeatureSpec.model_validate(
    {
        **ATTRIBUTES,
        "monitoring": {"start": BEGIN},
        "ground_truth": {**ATTRIBUTES["ground_truth"], "mature_after_hours": 12},
        "owners": {
            "prediction_logging": {"accountable": BACKEND},
            "drift_monitoring": {"accountable": SCIENTIST},
            "retraining_pipeline": {"accountable": BACKEND},
            "inference_management": {"accountable": DEVOPS},
            "accuracy_evaluation": {"follows": "drift_monitoring"},
        },
        "gate": {"candidate": {"minimum_days": 2}},
        "retraining": {
            "automated": True,
            "trainer": "ai_ops_tests.retraining_pipeline.tiny_trainer",
            "training_days": 28,
            "holdout_days": 3,
            "wait_days": 7,
            "minimum_rows": 500,
        },
    }
)
GATE = {"gate": FEATURE.gate.model_dump(mode="json"), "hash": FEATURE.gate.digest}
METRICS = {"1": {"auc": 0.61}, "2": {"auc": 0.7123456789012345}, "3": {"auc": 0.75}}


def root_in(folder: Path) -> Root:
    """A replay at ``NOW``, with the keys of its roles and one event, the ledger's birth."""
    root = Root.open(folder, environment={})
    root.begin_replay(NOW)
    keys = Identities(demo_identities(root))
    for person in (BACKEND, SCIENTIST, DEVOPS, STRANGER):
        keys.create(person)
    happened(root, "drill")
    return root


# The log and its labels


def write_log(root: Root, first: date, last: date) -> None:
    """The prediction log of the days from first to last, as compaction writes it."""
    for day in days(first, last):
        rows = rows_of(day, "p")
        count = rows.num_rows
        log = rows.drop_columns(["label", "available_at"])
        extra = {
            "model_version": ["1"] * count,
            "status": ["ok"] * (count - 1) + ["failed"],
            "output_probability": [0.25] * count,
            "output_late": [False] * count,
        }
        for name, values in extra.items():
            log = log.append_column(name, pa.array(values))
        root.lake.write_table(root.lake.path(NAME, "prediction_log", day.isoformat()), log)


def write_labels(
    root: Root,
    first: date,
    last: date,
    change: Callable[[pa.Table], pa.Table] = lambda labels: labels,
) -> None:
    """The labels of the predictions from first to last, and their ground truth by day, as of now.

    ``change`` plants something in the source.
    """
    labels = pa.concat_tables([rows_of(day, "p") for day in days(first, last)])
    labels = change(labels.select(["id", "label", "available_at"]))
    folder = root.folder / "sources" / NAME / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    labels.to_pandas().to_parquet(folder / "labels.parquet", index=False)
    now = root.clock.now()
    span = [day.isoformat() for day in days(first, now.date() - timedelta(days=1))]
    compute_ground_truth(root, FEATURE, [Moment(day, Window.of_day(day), now) for day in span])


def logged_root(folder: Path) -> Root:
    """A replay with its log and labels up to yesterday."""
    root = root_in(folder)
    yesterday = NOW.date() - timedelta(days=1)
    write_log(root, BEGIN, yesterday)
    write_labels(root, BEGIN, yesterday)
    return root


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


# Versions


def registered(base: Path) -> Path:
    """A registry with versions 1, 2 and 3, made once below ``base``; returns its database."""
    folder = base / "retrained-versions"
    database = folder / "mlflow" / "mlflow.db"
    if not (folder / "complete").exists():
        registry = Registry(f"sqlite:///{database}", folder / "mlflow" / "artifacts")
        for metrics in METRICS.values():
            register(registry, metrics)
        (folder / "complete").touch()
    return database


def register(registry: Registry, metrics: dict[str, float]) -> str:
    """Register a version of constant output; returns its number."""
    encoder = TabularEncoder.fit(ROWS, [InputColumn(**one) for one in ATTRIBUTES["inputs"]])
    made = registry.register(
        NAME,
        Constant(0.25),
        encoder,
        encoder.encode(ROWS),
        metrics=metrics,
        params={},
        dataset=pd.DataFrame({"x": [1.0]}),
        dataset_digest="0" * 32,
        reference=pa.table({"id": ["a"], "output_probability": [0.25]}),
    )
    return made.version


def root_with(database: Path, folder: Path) -> Root:
    """A replay with a registry of its own, copied from ``database``; nothing is launched."""
    own = folder / "mlflow" / "mlflow.db"
    own.parent.mkdir(parents=True)
    shutil.copy(database, own)
    return root_in(folder)


def copied_root(template: Root, folder: Path) -> Root:
    """A root that begins as another stands: its keys, its ledger, its registry, its clock."""
    shutil.copytree(template.folder, folder)
    return Root.open(folder, environment={})


def champion(root: Root) -> str | None:
    return root.registry.champion(NAME)


# What people decide, and what machines judge


def token_of(root: Root, kind: EventKind, by: str, **content: Any) -> str:
    return sign_decision(root, FEATURE, kind, by, content)


def decided(root: Root, kind: EventKind, by: str, **content: Any) -> Event:
    return record(root, FEATURE, token_of(root, kind, by, **content))


def approved(root: Root, version: str, by: str = SCIENTIST) -> Event:
    reason = "better on the hold-out"
    gate_hash = FEATURE.gate.digest
    return decided(root, "approval", by, version=version, gate_hash=gate_hash, reason=reason)


def happened(root: Root, kind: EventKind, **payload: Any) -> None:
    """Something that no person signs."""
    root.ledger.append([NewEvent(kind, NAME, payload)], clock=root.clock)


def incident(root: Root, id: str = "drift-2021-03-09", alert: str = "drift") -> str:
    happened(
        root,
        "incident_opened",
        incident=id,
        alert=alert,
        item="input_drift",
        begin="2021-03-09",
        reason="temp moved",
        version="1",
        severity="warning",
    )
    return id


def judged(
    root: Root,
    item: str,
    asset: str,
    status: Status,
    *,
    partition: str | None = None,
    **observed: Observed,
) -> None:
    """A verdict, as a check records it."""
    one = verdict_on(root, item, asset, status, partition=partition, **observed)
    root.ledger.record_verdicts([one], clock=root.clock)


def verdict_on(
    root: Root,
    item: str,
    asset: str,
    status: Status,
    *,
    partition: str | None = None,
    **observed: Observed,
) -> RecordedVerdict:
    now = root.clock.now()
    findings = () if status in ("pass", "waived") else (Finding("accuracy", status, "it is so"),)
    verdict = Verdict(status, "it is so", observed, 100, findings=findings)
    window = Window.of_day(now.date())
    return RecordedVerdict(NAME, item, asset, partition, window, now, verdict)


def gate_passed(
    root: Root,
    version: str,
    beside: str,
    *,
    gate_hash: str = FEATURE.gate.digest,
    **statuses: Status,
) -> None:
    """The gate's verdicts on a candidate, in one block: passes, but for those named."""
    said = {"version": version, "champion": beside, "gate_hash": gate_hash}
    verdicts = [
        verdict_on(root, item, "candidate_evaluation", statuses.get(item, "pass"), **said)
        for item in GATE_CHECKS
    ]
    root.ledger.record_verdicts(verdicts, clock=root.clock)


def list_passed(root: Root, **statuses: Status) -> None:
    """The items of the pre-launch checklist: passes, but for those named."""
    for item in PRE_LAUNCH_ITEMS:
        judged(root, item, "pre_launch_checklist", statuses.get(item, "pass"))


def ready_to_launch(root: Root, version: str = "1") -> None:
    if root.registry.alias(NAME, REHEARSAL) is None:
        root.registry.set_alias(NAME, REHEARSAL, version)
    decided(root, "gate_freeze", SCIENTIST, **GATE)
    approved(root, version)
    list_passed(root)


def launched(root: Root, version: str = "1") -> Move:
    """The feature, launched as it must be (if it is not)."""
    if move := standing(root).launched:
        return move
    ready_to_launch(root, version)
    return launch(root, FEATURE, token_of(root, "launch", DEVOPS, version=version, reason="go"))


def later(root: Root, **by: float) -> None:
    """Let time pass."""
    root.begin_replay(root.clock.now() + timedelta(**by))


def standing(root: Root) -> Standing:
    return standing_of(root.ledger, NAME)


def last_refusal(root: Root) -> tuple[str, tuple[str, ...]]:
    refusal = standing(root).refusals[-1]
    return refusal.what, refusal.reasons


def has_label(table: pa.Table, id: str) -> bool:
    return bool(pc.is_valid(table.filter(pc.equal(table["id"], id))["label"])[0].as_py())
