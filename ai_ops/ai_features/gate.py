"""The evaluation criteria of an AI feature: its gate."""

import json
from hashlib import sha256
from typing import Annotated, Final

from pydantic import Field

from ai_ops.ai_features.parts import Part, Share


class CandidateGate(Part):
    """What a candidate must show beside the version in production, on the same held-out rows.

    A margin is how much worse it may be in one metric, with its whole interval: nothing that it
    is better in buys off more. A gain is how much better it must be, with its whole interval, in
    one of them. Another seed of the same recipe moves these metrics too; a gain that is smaller
    than that is none. The defaults were measured on pairs of seeds.
    """

    minimum_rows: Annotated[int, Field(ge=1)] = 2000
    minimum_days: Annotated[int, Field(ge=2)] = 10
    auc_margin: Share = 0.01
    brier_margin: Share = 0.005
    ece_margin: Share = 0.02
    auc_gain: Share = 0.003
    brier_gain: Share = 0.001
    ece_gain: Share = 0.01


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
        criteria = self.model_dump(mode="json")
        for name, value in LATER.items():
            if criteria[name] == value:
                del criteria[name]
        text = json.dumps(criteria, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


LATER: Final = {
    "accuracy_drop": 0.05,
    "recall_drop": 0.15,
    "log_loss_rise": 0.10,
    "error_rise": 0.20,
    "bias": 0.25,
}
"""Criteria that came after the first gates were frozen: at these values they change no digest."""
