"""The four kinds of alert: the checks whose failing verdicts are each, and how grave it is."""

from collections.abc import Mapping
from typing import Final

from ai_ops.vocabulary.verdicts import RecordedVerdict
from ai_ops.vocabulary.words import AlertKind

MACHINE: Final = "ai_ops"
"""Who resolved an incident, when no person did."""

ITEMS: Final[Mapping[AlertKind, tuple[str, ...]]] = {
    "accuracy_drop": ("accuracy",),
    "drift": (
        "input_drift",
        "output_drift",
        "joint_drift",
        "slice_drift",
        "volume_steady",
        "feed_alive",
    ),
    "cost_spike": ("cost_trend",),
    "pipeline_failure": (),
}
"""The checks whose failing verdicts are each alert; a pipeline failure is a failed retraining, or
what is ``LIVE``."""

YIELDING: Final = ("joint_drift", "slice_drift", "volume_steady", "feed_alive")
"""Checks that say nothing of a log that is young or has few rows, or of columns that go with
nothing: an incident of another check
waits for none of them, unless it fails."""

LIVE: Final = ("writers_alive", "registry_reconciled")
"""The checks on what is so now (the log is written, the registry says what the ledger says): the
last verdict of each is how it stands."""

SEVERITY: Final[Mapping[AlertKind, str]] = {
    "accuracy_drop": "critical",
    "drift": "warning",
    "cost_spike": "warning",
    "pipeline_failure": "critical",
}

Judged = Mapping[str, Mapping[str, RecordedVerdict]]
"""The verdicts of each item by partition."""
