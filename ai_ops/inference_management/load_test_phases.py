"""The phases of a load test on an endpoint that answers: each an open loop, one after another."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from ai_ops.ai_features.serving import Serving
from ai_ops.inference_management.load.course import REFUSED, Course, percentile
from ai_ops.inference_management.load.driving import Driving, driven
from ai_ops.inference_management.load.plan import Plan
from ai_ops.inference_management.load.spent import Spent
from ai_ops.inference_management.load_test_bodies import Bodies
from ai_ops.inference_management.load_test_records import (
    PHASES,
    TIMES,
    Limit,
    Phase,
    PhaseName,
    Saturation,
    Step,
    Traffic,
)
from ai_ops.inference_management.load_test_rules import (
    MINIMUM_BATCHES,
    MINIMUM_REQUESTS,
    broken,
    generator_limit,
    is_late,
)
from ai_ops.inference_management.requests import MAX_BATCH
from ai_ops.vocabulary.words import Mode

BATCHES_PER_SECOND: Final = 20
"""As many batches are sent a second, so that some seconds hold enough of them to judge."""
STEPS: Final = 5
"""How many times the rate is doubled, at most, to find where it is not held."""
LONGEST_SECONDS: Final = 60.0
"""No phase runs longer, however few requests its rate makes."""
LONGEST_WAIT: Final = 30.0

Told = Callable[[int, int, str], None]
"""Is told before each phase: how many are done, of how many, and which comes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where single requests and batches are posted; None where there is no address for batches."""

    single: str
    batch: str | None
    bodies: Bodies


@dataclass
class Measured:
    """What was measured: the phases, the search for the highest rate, and every course with its
    mode and the rows of its requests."""

    phases: list[Phase] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    courses: list[tuple[str, Mode, Course, int]] = field(default_factory=list)

    @property
    def saturation(self) -> Saturation:
        """The search for the highest rate, as it is kept."""
        return Saturation(tuple(self.steps))

    @property
    def typical_ms(self) -> float | None:
        """What a single prediction took at the peak, once all was warm."""
        warm = [course for name, _, course, _ in self.courses if name == "sync_1x"]
        return percentile([one.latency_ms for course in warm for one in course.answered], 0.5)

    def of_phases(self) -> list[tuple[Course, int]]:
        """The courses of the phases, without those of the search, and the rows of a request."""
        return [(course, rows) for name, _, course, rows in self.courses if name in PHASES]


@dataclass(frozen=True)
class Load:
    """The load that a feature's endpoint is put under: from its declared peak and its promises.

    ``cpu`` tells the CPU seconds that the server took so far, None where it cannot be seen.
    """

    endpoint: Endpoint
    serving: Serving
    peak: float
    seconds: float
    told: Told
    cpu: Callable[[], float | None] = lambda: None
    phases: tuple[PhaseName, ...] = PHASES
    steps: int = STEPS

    def run(self) -> Measured:
        """Every phase, then the search for the highest rate."""
        measured = Measured()
        total = len(self.phases) + self.steps
        for number, name in enumerate(self.phases):
            self.told(number, total, name)
            if self.endpoint.batch is not None or name in ("sync_1x", "sync_2x"):
                measured.phases.append(self._phase(name, measured))
        for number, rate in enumerate(self._rates()):
            self.told(len(self.phases) + number, total, f"saturation: {rate:g}/s")
            step = self._step(rate, measured)
            measured.steps.append(step)
            if step.limit is not None:
                break
        self.told(total, total, "done")
        return measured

    def _phase(self, name: PhaseName, measured: Measured) -> Phase:
        times = 1.0 if name == "sync_1x" else TIMES
        rate = times * self.peak
        match name:
            case "batch":
                plans = [self._batch(rate)]
            case "mixed":
                plans = [self._single(rate / 2, self.seconds), self._batch(rate / 2)]
            case _:
                plans = [self._single(rate, self.seconds)]
        before = Spent.so_far(self.cpu())
        with ExitStack() as stack:
            loads = [(mode, stack.enter_context(Driving(p)), rows) for mode, p, rows in plans]
            courses = [(mode, load.course(), rows) for mode, load, rows in loads]
        after = Spent.so_far(self.cpu())
        measured.courses += [(name, mode, course, rows) for mode, course, rows in courses]
        answered = sum(len(course.answered) * rows for _, course, rows in courses)
        generators = sum(course.cpu_seconds for _, course, _ in courses)
        traffic = tuple(
            traffic_of(course, mode, rows, self.serving.slo.p99_ms)
            for mode, course, rows in courses
        )
        spent = after.server_since(before)
        per_row = spent * 1000 / answered if spent is not None and answered else None
        return Phase(name, times, traffic, per_row, after.others_since(before, generators))

    def _step(self, rate: float, measured: Measured) -> Step:
        mode, plan, rows = self._single(rate, self.seconds / 2, fewest=0)
        course = driven(plan)
        measured.courses.append((f"saturation {rate:g}/s", mode, course, rows))
        seen = traffic_of(course, mode, rows, self.serving.slo.p99_ms)
        return Step(seen, limit_of(seen, self.serving))

    def _rates(self) -> Iterator[float]:
        for number in range(1, self.steps + 1):
            yield TIMES * self.peak * 2**number

    def _single(
        self, rate: float, seconds: float, fewest: int = MINIMUM_REQUESTS
    ) -> tuple[Mode, Plan, int]:
        bodies = self.endpoint.bodies.single()
        return "sync", self._plan(self.endpoint.single, bodies, rate, seconds, fewest), 1

    def _batch(self, rows_a_second: float) -> tuple[Mode, Plan, int]:
        assert self.endpoint.batch is not None
        rows = rows_of_batch(rows_a_second)
        bodies = self.endpoint.bodies.batches(rows)
        rate = rows_a_second / rows
        plan = self._plan(self.endpoint.batch, bodies, rate, self.seconds, MINIMUM_BATCHES)
        return "batch", plan, rows

    def _plan(
        self, url: str, bodies: Sequence[str], rate: float, seconds: float, fewest: int
    ) -> Plan:
        # A phase too short to be judged would be no evidence: a low peak takes its time.
        lasting = min(max(seconds, fewest / rate), max(LONGEST_SECONDS, seconds))
        wait = min(LONGEST_WAIT, self.serving.deadline_ms / 1000 + 1)
        return Plan(url, bodies, rate, lasting, timeout_s=wait)


def rows_of_batch(rows_a_second: float) -> int:
    """How many rows a batch has for so many rows a second to be asked in batches.

    >>> rows_of_batch(100), rows_of_batch(10), rows_of_batch(10**6)
    (5, 2, 10000)
    """
    return min(MAX_BATCH, max(2, round(rows_a_second / BATCHES_PER_SECOND)))


def traffic_of(course: Course, mode: Mode, rows: int, promised_ms: float) -> Traffic:
    """A course as counts: a batch is promised the time of a single request for each of its rows."""
    promised = promised_ms * rows

    def percentile(share: float) -> float:
        return course.percentile_ms(share) or 0.0

    return Traffic(
        mode=mode,
        rate=course.rate,
        rows_per_request=rows,
        requests=len(course.requests),
        failed=len(course.failed),
        refused=sum(one.status == REFUSED for one in course.requests),
        slow=sum(one.latency_ms > promised for one in course.answered),
        slow_when_sent=sum((one.ended - one.began) * 1000 > promised for one in course.answered),
        behind=course.behind,
        promised_ms=promised,
        p50_ms=percentile(0.5),
        p95_ms=percentile(0.95),
        p99_ms=percentile(0.99),
        max_ms=percentile(1.0),
        achieved_rate=course.achieved_rate,
        generator_share=course.generator_share,
        lag_ms=course.lag_ms or 0.0,
        errors=_errors(course),
    )


def limit_of(seen: Traffic, serving: Serving) -> Limit | None:
    """What a rate broke on, None where it was held; the generator first, for what it could not
    send was never asked."""
    if generator_limit(seen):
        return "generator"
    first = next(broken(seen, serving.slo), None)
    if first is None:
        return None
    return "generator" if first.status != "fail" and is_late(seen) else first.limit


def _errors(course: Course) -> dict[str, int]:
    """What the requests failed with, the most frequent first; an answer by its status, what was
    never answered by the kind of its error."""
    found = Counter(
        f"HTTP {one.status}" if one.status is not None else (one.error or "").partition(":")[0]
        for one in course.failed
    )
    return dict(found.most_common(5))
