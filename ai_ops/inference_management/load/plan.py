"""What an open loop is to send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Arrivals = Literal["even", "poisson"]
"""Requests at equal distances, or as independent callers send them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """POST these bodies in turn to ``url``, ``rate`` a second for ``seconds``.

    A request is waited for ``timeout_s``. With ``keep_answers`` the bodies of the answers are kept.
    """

    url: str
    bodies: Sequence[str]
    rate: float
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    arrivals: Arrivals = "even"
    seed: int = 0
    keep_answers: bool = False
