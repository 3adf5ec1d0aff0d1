"""Which version gave an answer: by its outputs, beside the label that it carries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ai_ops.inference_management.load.course import OK, REFUSED, Request

Who = Literal["previous", "candidate"]
Outputs = Mapping[str, Any]

TOLERANCE: Final = 1e-5
"""How far a number may lie from the one that was expected: float32 sums, taken in another order."""

APART: Final = 1e-3
"""How far the two versions' answers to a body lie apart at least, so that it tells them apart."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One body of a request, and what each of the two versions answers to it."""

    body: str
    previous: Outputs
    candidate: Outputs

    @property
    def telling(self) -> bool:
        """Whether the two answers are surely not the same."""
        return not same(self.previous, self.candidate, APART)

    def who(self, outputs: Outputs) -> Who | None:
        """The version that gives these outputs; None when it is neither of the two."""
        if same(outputs, self.previous):
            return "previous"
        return "candidate" if same(outputs, self.candidate) else None


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: when it came, by which version by its outputs, and by its label; and its id."""

    ended: float
    outputs: Who | None
    label: str | None
    id: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How the requests of a load went; ``mislabelled`` and ``strange`` are answers like others."""

    sent: int
    answered: int
    lost: int
    refused: int
    failed: int
    mislabelled: int
    strange: int


def same(left: Outputs, right: Outputs, tolerance: float = TOLERANCE) -> bool:
    """Whether two answers are the same, numbers within a tolerance.

    >>> same({"p": 0.25, "late": False}, {"p": 0.2500001, "late": False})
    True
    >>> same({"p": 0.25, "late": False}, {"p": 0.25, "late": True})
    False
    """
    return left.keys() == right.keys() and all(
        _alike(value, right[name], tolerance) for name, value in left.items()
    )


def seen(request: Request, expected: Expected) -> Seen | None:
    """What an answer says of itself; None for a request that was not answered as asked."""
    if not request.answered or request.answer is None:
        return None
    try:
        told = json.loads(request.answer)
        outputs, label, id = told["outputs"], told["model_version"], told["id"]
        who = expected.who(outputs)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Seen(request.ended, None, None, None)
    return Seen(request.ended, who, str(label), str(id))


def counted(
    requests: Sequence[Request], answers: Sequence[Seen | None], labels: Mapping[Who, str]
) -> Counted:
    """How the requests went; ``labels`` is the number that each version has.

    >>> lost = Request(0, 0, 1, None, "ClientOSError")
    >>> late = Seen(1.0, "previous", "2", "a")
    >>> counted([lost, Request(0, 0, 1, 200)], [None, late], {"previous": "1", "candidate": "2"})
    Counted(sent=2, answered=1, lost=1, refused=0, failed=0, mislabelled=1, strange=0)
    """
    told = [one for one in answers if one is not None]
    return Counted(
        sent=len(requests),
        answered=sum(one.status == OK for one in requests),
        lost=sum(one.status is None for one in requests),
        refused=sum(one.status == REFUSED for one in requests),
        failed=sum(one.status not in (None, OK, REFUSED) for one in requests),
        mislabelled=sum(
            one.outputs is not None and labels[one.outputs] != one.label for one in told
        ),
        strange=sum(one.outputs is None for one in told),
    )


def first(answers: Sequence[Seen | None], who: Who, after: float) -> float | None:
    """Seconds from a moment to a version's first answer after it."""
    came = [one.ended for one in answers if one and one.outputs == who and one.ended > after]
    return min(came) - after if came else None


def last(answers: Sequence[Seen | None], who: Who, after: float) -> float | None:
    """Seconds from a moment to a version's last answer after it; None when none came."""
    came = [one.ended for one in answers if one and one.outputs == who and one.ended > after]
    return max(came) - after if came else None


def _alike(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, bool) or isinstance(right, bool) or isinstance(left, str):
        return bool(left == right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return abs(left - right) <= tolerance
    return bool(left == right)
