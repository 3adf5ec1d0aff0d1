"""What an open loop sent, and what came back: every request, from the moment it was to be sent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

OK: Final = 200
REFUSED: Final = 429
"""The status of an endpoint that has more to do than it can: it says so instead of collapsing."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: when it was to be sent, was sent, and was answered (monotonic seconds).

    ``status`` is HTTP's, None when no answer came; ``error`` says why. ``answer`` is the body, for
    a load that keeps them.
    """

    intended: float
    began: float
    ended: float
    status: int | None
    error: str | None = None
    answer: str | None = None

    @property
    def latency_ms(self) -> float:
        """From the intended moment: a request that had to wait for its turn waited too
        (Tene, "How NOT to measure latency")."""
        return (self.ended - self.intended) * 1000

    @property
    def answered(self) -> bool:
        """Whether it was answered as asked."""
        return self.status == OK


@dataclass(frozen=True)
class Course:
    """All requests of one load, in the order in which they were to be sent.

    ``rate`` is the target in requests a second, ``seconds`` for how long; ``cpu_seconds`` is what
    the generator itself took, ``wall_seconds`` how long it ran.
    """

    rate: float
    seconds: float
    requests: tuple[Request, ...]
    cpu_seconds: float
    wall_seconds: float
    stopped_early: bool = field(default=False)

    @property
    def generator_share(self) -> float:
        """How much of a core the generator took: near 1 it is itself what is slow."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds else 0.0

    @property
    def answered(self) -> list[Request]:
        """The requests that were answered as asked."""
        return [one for one in self.requests if one.answered]

    @property
    def failed(self) -> list[Request]:
        """The requests that were not, refused ones among them."""
        return [one for one in self.requests if not one.answered]

    @property
    def achieved_rate(self) -> float:
        """Answers per second that came within the time of sending, and what was under way then.

        An endpoint that keeps up answers as many as are sent; one that does not falls behind.
        """
        if not self.requests:
            return 0.0
        return (len(self.answered) - self.behind) / (self._end - self.requests[0].intended)

    @property
    def behind(self) -> int:
        """How many were answered after the time of sending, and not because they were sent last."""
        if not self.requests:
            return 0
        end = self._end + self._grace
        return sum(one.answered and one.ended > end for one in self.requests)

    def percentile_ms(self, share: float) -> float | None:
        """The latency that this share of all requests did not exceed; a request without an answer
        took as long as it was waited for. None without any request.

        >>> slow = [Request(0, 0, n / 1000, 200) for n in range(1, 101)]
        >>> Course(1, 1, tuple(slow), 0, 1).percentile_ms(0.99)
        99.0
        """
        return percentile([one.latency_ms for one in self.requests], share)

    @property
    def lag_ms(self) -> float | None:
        """By how much the generator itself sent late, at most (99 %)."""
        return percentile([(one.began - one.intended) * 1000 for one in self.requests], 0.99)

    @property
    def _end(self) -> float:
        """When one more request would have been sent."""
        return max(self.requests[-1].intended, self.requests[0].intended) + 1 / self.rate

    @property
    def _grace(self) -> float:
        """What may still be under way when the last request is sent: one median latency."""
        return (percentile([one.latency_ms for one in self.answered], 0.5) or 0.0) / 1000


def percentile(values: Sequence[float], share: float) -> float | None:
    """The least value that ``share`` of the values do not exceed (nearest rank), None of nothing.

    >>> percentile([3.0, 1.0, 2.0], 0.5), percentile([], 0.5)
    (2.0, None)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
