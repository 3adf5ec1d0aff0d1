"""The closed sets of words: each a ``Literal``, so that a misspelling is found before it runs."""

from typing import Final, Literal

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

Rhythm = Literal["daily", "weekly", "monthly"]
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

ServedBy = Literal["own_model", "provider_api", "external"]
"""Who serves and trains the model: the team, a provider behind an API, or somebody else who lets
the team see what was predicted."""

SourceKind = Literal["table", "sagemaker_capture", "kserve_events", "mlflow_traces", "otel_genai"]
"""What an existing log is made of."""

LabelKind = Literal["binary", "classes", "number", "none"]
"""What the correct answers are: yes or no, one of several classes, a number, or nowhere known."""

FieldRule = Literal["keep", "drop", "hash", "encrypt"]
"""What the log keeps of a field: all, nothing, a keyed digest, or what a key can open."""

OnLogFailure = Literal["refuse", "count"]
"""A prediction that cannot be logged: its caller is told, or it is counted and goes on."""

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
    "incident_joined",
    "incident_reopened",
    "incident_asked",
    "incident_answered",
    "notification",
    "call_site_mode",
    "environment_lock",
    "hold",
    "release",
    "drill",
    "review",
    "retraining",
    "refusal",
    "placement",
    "fingerprint",
]
"""What the ledger holds: verdicts, what people and playbooks decided, what was refused, and of
versions where they were put and what they were when they were first seen."""

Environment = Literal["production", "staging", "challenger", "rehearsal"]
"""Where a version answers: only what production answers is relied on."""

AlertKind = Literal["drift", "cost_spike", "accuracy_drop", "pipeline_failure"]

DriftSlice = Literal["tenant", "call_site", "model_version"]
"""By what drift may be judged value by value, beside the whole."""

DriftCause = Literal["bad_data", "genuine_shift", "undecided"]
"""What the evidence says of a drift: the feed broke, the world changed, or neither surely."""

Conclusion = Literal["bad_data", "genuine_shift", "false_alarm", "other"]
"""What a person found to be the cause of an incident."""

StepState = Literal["done", "not_needed", "failed"]
"""What became of a step of a playbook that the machine took; one that failed is tried again."""

Reviewed = Literal["approve", "keep"]
"""What a person decided who looked at the thresholds of drift: to change them, or not."""

PRE_LAUNCH_ITEMS: Final = (
    "logging_ready",
    "registry_ready",
    "drift_ready",
    "load_tested",
    "rollback_rehearsed",
    "cost_tracked",
)
"""The six things that are in place before a launch, none of them optional."""

GATE_CHECKS: Final = (
    "gate_evidence",
    "gate_sanity",
    "gate_discrimination",
    "gate_calibration",
    "gate_slices",
    "gate_baseline",
    "gate_budget",
    "gate_improvement",
)
"""The judgements of a candidate, all of which must pass before it may be promoted."""
