"""What comes in and what goes out of the answering, request by request."""

from dataclasses import dataclass

from ai_ops.inference_management.requests import Asked
from ai_ops.vocabulary.words import Mode


@dataclass(frozen=True, slots=True)
class Answered:
    """One prediction that was answered and logged, and the version that answered it."""

    id: str
    asked: Asked
    version: str | None
    mode: Mode
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller: an HTTP status and a body of JSON.

    ``answered`` is what the challenger is to be asked once it has gone.
    """

    status: int
    body: bytes
    answered: tuple[Answered, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request for a single prediction, as it came in at ``started`` (``perf_counter``)."""

    body: bytes
    request_id: str | None
    started: float
