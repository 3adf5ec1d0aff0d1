"""What comes in and what goes out of the answering, request by request.

Each request makes several of these: structs, for a frozen dataclass takes ten times as long.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ai_ops.inference_management.predictor import Serving
from ai_ops.inference_management.requests import Asked, RefusedInput
from ai_ops.vocabulary.words import Mode, PredictionStatus


class Answered(msgspec.Struct, frozen=True):
    """One prediction that was answered and logged, and the version that answered it."""

    id: str
    asked: Asked
    version: str | None
    mode: Mode
    request_id: str | None


class Answer(msgspec.Struct, frozen=True):
    """What goes back to the caller: an HTTP status and a body of JSON.

    ``answered`` is what the challenger is to be asked once it has gone.
    """

    status: int
    body: bytes
    answered: tuple[Answered, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """One request for predictions, as it came in at ``started`` (``perf_counter``).

    ``refused`` says what is wrong with it before its body is read.
    """

    body: bytes
    request_id: str | None
    started: float
    mode: Mode = "sync"
    refused: RefusedInput | None = None


class Ask(msgspec.Struct, frozen=True):
    """One request on its way: what serves it was read once, so every row has the same version."""

    serving: Serving
    mode: Mode
    request_id: str | None
    started: float


class Failed(msgspec.Struct, frozen=True):
    """Why rows have no outputs, as HTTP says it and as the log does."""

    status: int
    detail: Any
    logged_as: PredictionStatus = "failed"

    @property
    def error(self) -> str:
        """The reason in words."""
        told: str = self.detail if isinstance(self.detail, str) else self.detail[0]["problem"]
        return told


class Scored(msgspec.Struct, frozen=True):
    """What became of one request, before it is logged and answered.

    Either its body was ``refused``, or its ``rows`` have ``outputs`` or ``failed``; each of them
    took ``compute_ms`` of the model.
    """

    ask: Ask
    rows: Sequence[Asked] = ()
    outputs: Sequence[Mapping[str, Any]] = ()
    refused: RefusedInput | None = None
    failed: Failed | None = None
    compute_ms: float = 0.0
