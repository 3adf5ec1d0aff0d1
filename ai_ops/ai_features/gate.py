"""The evaluation criteria of an AI feature: its gate."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Final

from pydantic import Field

from ai_ops.ai_features.parts import Part, Share

Ratio = Annotated[float, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class CandidateGate(Part):
    """What a candidate must show beside the version in production, on the same held-out rows.

    A margin is how much worse it may be in one metric, with its whole interval: nothing that it
    is better in buys off more. A gain is how much better it must be, with its whole interval, in
    one of them. Another seed of the same recipe moves these metrics too; a gain that is smaller
    than that is none. The defaults were measured on pairs of seeds. A binary score is judged by
    AUC, Brier score and ECE; decisions by ``accuracy``, ``balance`` (balanced accuracy) and ``gap``
    (how far the share of positive decisions is from the rate); classes by ``accuracy``, ``f1``
    (macro), ``log_loss`` and ECE; a number by ``error`` (mean absolute error) and ``bias``, both as
    shares of the error of the version in production.

    In a slice of at least ``slice_minimum_rows``, it may be worse by ``slice_margin`` times the
    margin before it is refused for it. One row takes at most ``latency_ratio`` times as long as
    with the version in production, and ``latency_ms`` where that is said; its file is at most
    ``size_ratio`` times as large, and ``size_mb`` where that is said. No single input tells the
    label better than ``leak_auc``. It is held against the version that was launched first too,
    unless ``held_to_first`` is false.
    """

    minimum_rows: Annotated[int, Field(ge=1)] = 2000
    minimum_days: Annotated[int, Field(ge=2)] = 10
    auc_margin: Share = 0.01
    brier_margin: Share = 0.005
    ece_margin: Share = 0.02
    auc_gain: Share = 0.003
    brier_gain: Share = 0.001
    ece_gain: Share = 0.01
    slice_margin: Ratio = 5.0
    slice_minimum_rows: Annotated[int, Field(ge=1)] = 200
    latency_ratio: Ratio = 3.0
    latency_ms: Positive | None = None
    size_ratio: Ratio = 10.0
    size_mb: Positive | None = None
    leak_auc: Share = 0.98
    held_to_first: bool = True
    accuracy_margin: Share = 0.01
    accuracy_gain: Share = 0.005
    balance_margin: Share = 0.02
    balance_gain: Share = 0.01
    gap_margin: Share = 0.02
    f1_margin: Share = 0.02
    f1_gain: Share = 0.01
    log_loss_margin: Share = 0.02
    log_loss_gain: Share = 0.005
    error_margin: Share = 0.02
    error_gain: Share = 0.01
    bias_margin: Share = 0.05


class Gate(Part):
    """The evaluation criteria, frozen in the ledger before the launch.

    How much worse than at launch is a confirmed gap, per metric, beyond its interval; and what a
    candidate must show before it may replace the version in production. A binary score is judged
    by ``auc_drop``, ``brier_rise`` and ``calibration_gap``; decisions by ``accuracy_drop``; classes
    by that, by ``recall_drop`` for each of them, and by ``log_loss_rise``; a number by
    ``error_rise`` of its mean absolute error and by ``bias``, both as shares of that at launch.
    """

    auc_drop: Share = 0.05
    brier_rise: Share = 0.05
    calibration_gap: Share = 0.05
    minimum_days: Annotated[int, Field(ge=1)] = 5
    k: Annotated[int, Field(ge=1)] = 3
    n: Annotated[int, Field(ge=1)] = 4
    candidate: CandidateGate = CandidateGate()
    accuracy_drop: Share = 0.05
    recall_drop: Share = 0.15
    log_loss_rise: Share = 0.10
    error_rise: Annotated[float, Field(ge=0)] = 0.20
    bias: Annotated[float, Field(ge=0)] = 0.25

    @property
    def digest(self) -> str:
        """The sha256 of the criteria as canonical JSON: what is frozen, and compared.

        >>> Gate().digest == Gate(error_rise=0.2).digest != Gate(error_rise=0.3).digest
        True
        """
        criteria = _without(self.model_dump(mode="json"), LATER)
        text = json.dumps(criteria, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


def _without(criteria: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The criteria without those of ``later`` that have its values, in their parts as well."""
    kept = {}
    for name, value in criteria.items():
        if isinstance(value, Mapping):
            kept[name] = _without(value, later.get(name, {}))
        elif name not in later or value != later[name]:
            kept[name] = value
    return kept


LATER: Final[Mapping[str, Any]] = {
    "accuracy_drop": 0.05,
    "recall_drop": 0.15,
    "log_loss_rise": 0.10,
    "error_rise": 0.20,
    "bias": 0.25,
    "candidate": {
        "slice_margin": 5.0,
        "slice_minimum_rows": 200,
        "latency_ratio": 3.0,
        "latency_ms": None,
        "size_ratio": 10.0,
        "size_mb": None,
        "leak_auc": 0.98,
        "held_to_first": True,
        "accuracy_margin": 0.01,
        "accuracy_gain": 0.005,
        "balance_margin": 0.02,
        "balance_gain": 0.01,
        "gap_margin": 0.02,
        "f1_margin": 0.02,
        "f1_gain": 0.01,
        "log_loss_margin": 0.02,
        "log_loss_gain": 0.005,
        "error_margin": 0.02,
        "error_gain": 0.01,
        "bias_margin": 0.05,
    },
}
"""Criteria that came after the first gates were frozen: at these values they change no digest."""
