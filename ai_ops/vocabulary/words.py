"""The closed sets of words: each a ``Literal``, so that a misspelling is found before it runs."""

from typing import Literal

Status = Literal["pass", "fail", "no_evidence", "waived"]

Domain = Literal[
    "prediction_logging",
    "drift_monitoring",
    "accuracy_evaluation",
    "retraining_pipeline",
    "inference_management",
]

OwnedDomain = Literal[
    "prediction_logging", "drift_monitoring", "retraining_pipeline", "inference_management"
]
"""The four domains of ownership; accuracy evaluation declares which of their owners it follows."""

Cadence = Literal["pre_launch", "weekly", "monthly"]

Rhythm = Literal["daily", "weekly"]
"""How often an asset is materialised; weeks begin on Monday."""

FindingKind = Literal[
    "drift",
    "data_quality",
    "volume",
    "completeness",
    "accuracy",
    "labels",
    "cost",
    "version",
    "operations",
]

PredictionStatus = Literal["ok", "failed", "refused"]

Mode = Literal["sync", "batch"]

RootMode = Literal["live", "replay"]

EventKind = Literal[
    "verdict",
    "launch",
    "promotion",
    "rollback",
    "approval",
    "rejection",
    "waiver",
    "sign_off",
    "threshold_change",
    "gate_freeze",
    "gate_amendment",
    "incident_opened",
    "incident_step",
    "incident_acknowledged",
    "incident_concluded",
    "incident_resolved",
    "hold",
    "release",
    "drill",
    "review",
]
"""What the ledger holds: verdicts, and what people and playbooks decided."""
