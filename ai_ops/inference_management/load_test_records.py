"""What a load test measured, as it is kept: numbers only, judged afterwards by a pure function."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ai_ops.vocabulary.words import Mode

ASSET: Final = "load_test"
TIMES: Final = 2.0
"""How many times the declared peak an endpoint must hold."""
EXPIRES_DAYS: Final = 90
"""How long a test speaks for an endpoint."""

PhaseName = Literal["sync_1x", "sync_2x", "batch", "mixed"]

PHASES: Final[tuple[PhaseName, ...]] = ("sync_1x", "sync_2x", "batch", "mixed")

Limit = Literal["rate", "latency", "failures", "generator"]
"""What ended the search for the highest rate: answers that fell behind, the promised time, failed
answers, or the generator itself, which tells nothing of the endpoint."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one course of requests showed: ``rate`` is the target in requests a second.

    ``slow`` counts the answers that took longer than ``promised_ms`` from the moment at which they
    were to be asked for, ``slow_when_sent`` from that at which the generator, perhaps itself late,
    did ask; ``behind`` counts those that came after the time of sending.
    """

    mode: Mode
    rate: float
    rows_per_request: int
    requests: int
    failed: int
    refused: int
    slow: int
    slow_when_sent: int
    behind: int
    promised_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    achieved_rate: float
    generator_share: float
    lag_ms: float
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: its courses, and where the server is of this machine what a prediction took of its
    CPU, and what share of the machine's was taken by neither the server nor the generator."""

    name: PhaseName
    times_peak: float
    traffic: tuple[Traffic, ...]
    cpu_ms_per_row: float | None = None
    others_share: float | None = None


@dataclass(frozen=True, slots=True)
class ColdStart:
    """From the start of the process to its first answered prediction, in seconds.

    ``model_load_seconds`` is the part that the server tells of, None where it does not.
    """

    answered_seconds: float
    healthy_seconds: float
    first_prediction_ms: float
    model_load_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What the server and its workers held (resident, 10**6 bytes), and what it grew by for every
    1,000 predictions once it was warm; None when there were too few samples to say."""

    before_model_mb: float | None
    loaded_mb: float
    peak_mb: float
    after_mb: float
    leak_mb_per_1000: float | None
    samples: int
    predictions: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """What a GPU showed: its name, how much longer the first prediction took than a usual one, and
    what the server holds on it. Without one, only that there is none."""

    device: str | None = None
    warm_up_ms: float | None = None
    held_mb: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rate of the search for the highest: what it showed, and what it broke on, if it did."""

    traffic: Traffic
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Saturation:
    """The search for the highest rate that is held: the steps in the order they were tried."""

    steps: tuple[Step, ...]

    @property
    def held(self) -> float | None:
        """The highest rate that was held, in requests a second."""
        return max((one.traffic.rate for one in self.steps if one.limit is None), default=None)

    @property
    def broken(self) -> Step | None:
        """The lowest rate that was not held; None when every one was."""
        found = [one for one in self.steps if one.limit is not None]
        return min(found, key=lambda one: one.traffic.rate, default=None)


@dataclass(frozen=True, slots=True)
class LoadTest:
    """One load test of a feature: of what, by what, and what each phase showed.

    ``url`` is None where the project's own server was started for it. ``version`` and
    ``version_after`` are what answered at its begin and its end. ``bodies`` says what the requests
    were made of, ``made`` which inputs are typical values instead of logged ones; ``batches``
    whether the endpoint has an address for them.
    """

    id: str
    feature: str
    at: str
    url: str | None
    version: str | None
    version_after: str | None
    size_bytes: int
    size_class: str | None
    batches: bool
    peak: float
    workers: int | None
    bodies: str
    made: tuple[str, ...]
    phases: tuple[Phase, ...]
    saturation: Saturation
    cold_start: ColdStart | None = None
    memory: Memory | None = None
    gpu: Gpu | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)

    @property
    def tested_rate(self) -> float:
        """The rate of single requests that was sent, at most, in a phase that is judged."""
        single = [phase for phase in self.phases if phase.name == "sync_2x"]
        return max((one.rate for phase in single for one in phase.traffic), default=0.0)
