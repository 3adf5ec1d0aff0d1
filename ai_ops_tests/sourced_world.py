"""A model that somebody else trains and serves, and the table that it left: a feature of its own.

Loans: who asked for how much, what the vendor's model answered, and who paid back. The table is
made with a seed; a test changes its rows, or its YAML, before it is written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import yaml

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.storage.root import Root
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.windows import Window

NAME: Final = "vendor_loans"
FIRST: Final = date(2021, 1, 4)
"""A Monday: the first day of the table."""
REFERENCE_DAYS: Final = 28
"""The days of the table that are the reference, before monitoring begins."""
BY_NAME: Final = {check.name: check for check in CHECKS}

Change = Callable[[pd.DataFrame], pd.DataFrame]
Labels = Literal["in_source", "table", "none"]
Normal = Literal["days", "files", "nothing"]

_OWNERS: Final = {
    "prediction_logging": {"accountable": "backend@example.com"},
    "drift_monitoring": {"accountable": "data-science@example.com"},
    "retraining_pipeline": {"accountable": "vendor-manager@example.com"},
    "inference_management": {"accountable": "devops@example.com"},
    "accuracy_evaluation": {"follows": "drift_monitoring"},
}


@cache
def _loaded(file: Path, text: str) -> AiFeatureSpec:
    # The text is the key: five hundred columns take a while to parse.
    return load_feature(file)


@dataclass(frozen=True)
class Sourced:
    """A root, the feature as its YAML says it, and the rows of its table."""

    root: Root
    file: Path
    rows: pd.DataFrame

    @property
    def feature(self) -> AiFeatureSpec:
        """What the YAML says by now."""
        return _loaded(self.file, self.file.read_text())

    @property
    def start(self) -> date:
        """The first monitored day."""
        return self.feature.monitoring.start

    def days(self, count: int, *, first: int = 0) -> list[str]:
        """Monitored days, counted from the start of monitoring."""
        begin = self.start + timedelta(days=first)
        return [(begin + timedelta(days=n)).isoformat() for n in range(count)]

    def moment(self, day: str) -> Moment:
        """A day as its schedule judges it."""
        window = Window.of_day(day)
        return Moment(day, window, window.end + timedelta(hours=6))

    def moments(self, days: Sequence[str]) -> list[Moment]:
        """These days as their schedule judges them."""
        return [self.moment(day) for day in days]

    def advance(self, moment: datetime) -> None:
        """Let the replay's clock go on to a moment, unless it is past it."""
        clock = self.root.clock
        if clock.mode != "replay" or clock.now() < moment:
            self.root.begin_replay(moment)

    def judge(self, checks: Sequence[str], moments: Sequence[Moment]) -> list[RecordedVerdict]:
        """Judge each moment when it is due, and write the verdicts to the root's ledger."""
        found: list[RecordedVerdict] = []
        for one in moments:
            self.advance(one.as_of)
            chosen = [BY_NAME[name] for name in checks]
            found += judge_and_record(self.root, self.feature, chosen, [one], run_id=None)
        return found

    def declare(self, **attributes: Any) -> "Sourced":
        """The same with other attributes in its YAML; None removes one."""
        data = yaml.safe_load(self.file.read_text())
        data["attributes"] |= attributes
        kept = {key: value for key, value in data["attributes"].items() if value is not None}
        write_yaml(self.file, kept)
        return replace(self)


def sourced(
    folder: Path,
    *,
    days: int = 49,
    rows_a_day: int = 120,
    labels: Labels = "in_source",
    normal: Normal = "days",
    more_inputs: int = 0,
    change: Change | None = None,
    **attributes: Any,
) -> Sourced:
    """The table, its YAML and a root; ``change`` alters the rows before they are written.

    ``normal`` says what is the reference: the first four weeks of the table, a set of its own that
    holds them, or nothing. ``more_inputs`` numbers are added to the four inputs.
    """
    rows = loans(days, rows_a_day, more_inputs)
    rows = change(rows) if change else rows
    root = Root.open(folder / "root", environment={})
    tables = root.folder / "sources" / NAME
    write_rows(tables / "predictions" / "loans.parquet", without_labels(rows, labels))
    if labels == "table":
        known = rows[["id", "defaulted", "known_at"]]
        write_rows(tables / "labels" / "labels.parquet", known)
    if normal == "files":
        start = pd.Timestamp(FIRST, tz="UTC") + pd.Timedelta(days=REFERENCE_DAYS)
        past = rows[rows["asked_at"] < start]
        write_rows(tables / "reference" / "reference.parquet", without_labels(past, labels))
    file = folder / "defs" / NAME / "defs.yaml"
    write_yaml(file, declared(labels, normal, more_inputs) | attributes)
    return Sourced(root, file, rows)


def loans(days: int, rows_a_day: int, more_inputs: int = 0, seed: int = 7) -> pd.DataFrame:
    """The rows: calm from the first day to the last, whatever call site or tenant asked."""
    chance = np.random.default_rng(seed)
    n = days * rows_a_day
    day = np.repeat(np.arange(days), rows_a_day)
    second = np.sort(chance.integers(0, 86_400, (days, rows_a_day)), axis=1).ravel()
    asked = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(day * 86_400 + second, unit="s")
    amount = chance.gamma(2.0, 4_000, n).round(2)
    age = chance.normal(45, 12, n).clip(18, 95).round()
    region = chance.choice(["north", "south", "east"], n, p=[0.5, 0.3, 0.2])
    member = chance.random(n) < 0.4
    logit = -1.6 + amount / 12_000 - 0.02 * (age - 45) - 0.5 * member
    risk = 1 / (1 + np.exp(-logit))
    shown = 1 / (1 + np.exp(-(logit + chance.normal(0, 0.4, n))))
    more = {f"signal_{number}": chance.normal(0, 1, n) for number in range(more_inputs)}
    return pd.DataFrame(
        {
            "id": [f"loan-{number:07d}" for number in range(n)],
            "asked_at": asked.astype("datetime64[us, UTC]"),
            "model": "2021.1",
            "channel": chance.choice(["web", "branch"], n, p=[0.7, 0.3]),
            "customer": chance.choice(["bank_a", "bank_b", "bank_c"], n, p=[0.5, 0.3, 0.2]),
            "amount": amount,
            "age": np.where(chance.random(n) < 0.02, np.nan, age),
            "region": region,
            "member": member,
            **more,
            "risk": shown.round(6),
            "refused": shown > 0.5,
            "defaulted": chance.random(n) < risk,
            "known_at": (asked + pd.Timedelta(days=2)).astype("datetime64[us, UTC]"),
        }
    )


def declared(labels: Labels, normal: Normal, more_inputs: int = 0) -> dict[str, Any]:
    """The attributes of the YAML that fits to these rows."""
    columns = {"id": "id", "time": "asked_at", "model_version": "model"}
    columns |= {"call_site": "channel", "tenant": "customer"}
    truth: dict[str, Any] = {"kind": "none"}
    if labels == "in_source":
        columns |= {"label": "defaulted", "available_at": "known_at"}
        truth = {"kind": "binary", "mature_after_hours": 48, "minimum_labels": 100}
    if labels == "table":
        truth = {
            "kind": "binary",
            "labels": f"sources/{NAME}/labels/*.parquet",
            "label_column": "defaulted",
            "available_at_column": "known_at",
            "mature_after_hours": 48,
            "minimum_labels": 100,
        }
    last = FIRST + timedelta(days=REFERENCE_DAYS - 1)
    reference: Mapping[Normal, dict[str, Any]] = {
        "days": {"reference": {"first_day": FIRST, "last_day": last}},
        "files": {"reference": {"files": f"sources/{NAME}/reference/*.parquet"}},
        "nothing": {},
    }
    return {
        "name": NAME,
        "title": "Will this loan be paid back?",
        "served_by": "external",
        "monitoring": {"start": last + timedelta(days=1)},
        "inputs": [
            {"name": "amount", "type": "number"},
            {"name": "age", "type": "number", "nullable": True},
            {"name": "region", "type": "category"},
            {"name": "member", "type": "boolean"},
            *({"name": f"signal_{number}", "type": "number"} for number in range(more_inputs)),
        ],
        "outputs": [
            {"name": "risk", "type": "probability"},
            {"name": "refused", "type": "boolean"},
        ],
        "judged": {"score": "risk", "decision": "refused"},
        "ground_truth": truth,
        "source": {"files": f"sources/{NAME}/predictions/*.parquet", "columns": columns},
        **reference[normal],
        "owners": _OWNERS,
    }


def without_labels(rows: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """The rows as the log holds them: with their labels only where those stand in it."""
    return rows if labels == "in_source" else rows.drop(columns=["defaulted", "known_at"])


def write_rows(file: Path, rows: pd.DataFrame) -> None:
    """Write rows as one Parquet file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(file, index=False)


def write_yaml(file: Path, attributes: Mapping[str, Any]) -> None:
    """Write the YAML of a feature."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {"type": "ai_ops.AiFeature", "attributes": dict(attributes)}
    file.write_text(yaml.safe_dump(data, sort_keys=False))
