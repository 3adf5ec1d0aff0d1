"""The rollback drill: promote a candidate under load, roll it back, and look at every answer.

It follows the steps of ``rollback_steps``: the commands that a person would enter are entered, as
processes, against a root of the drill's own.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.client.lines import DamagedLine, read_line
from ai_ops.client.records import PredictionRecord
from ai_ops.inference_management.drill_answers import (
    Expected,
    Seen,
    Who,
    counted,
    seen,
)
from ai_ops.inference_management.drill_hands import entered, served
from ai_ops.inference_management.drill_root import DrillRoot, missing_of, prepared
from ai_ops.inference_management.drill_versions import Pair, pair_of, telling
from ai_ops.inference_management.load.course import Course, Request
from ai_ops.inference_management.load.driving import Driving
from ai_ops.inference_management.load.plan import Plan
from ai_ops.inference_management.own_server import NeverServed
from ai_ops.inference_management.rollback_clocks import QUIET, timed
from ai_ops.inference_management.rollback_limits import ALLOWED, LOAD_FACTOR
from ai_ops.inference_management.rollback_record import Clocks, Drilled, Load, Ran
from ai_ops.inference_management.rollback_steps import arguments
from ai_ops.storage.registry import REHEARSAL
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import AiOpsError, BadInput

Enters = Callable[[DrillRoot, str, Sequence[str]], Ran]
Serves = Callable[[DrillRoot], AbstractContextManager[str]]
Tells = Callable[[str], None]

IN_A_ROW: Final = 20
"""So many answers of a version after another, on connections of their own: every worker has it."""

PAUSE: Final = 0.02
_LONGEST: Final = 3600.0
_REASON: Final = "rehearsed: it answers worse than the one before"


@dataclass(frozen=True)
class Hands:
    """Who enters the commands and who serves: processes, unless a test has its own.

    ``patience`` is how many seconds a version is waited for; ``steady`` how long the load goes on
    when the previous version has answered, so that a straggler is seen.
    """

    enters: Enters = entered
    serves: Serves = served
    tells: Tells = lambda _: None
    patience: float = ALLOWED.total_seconds()
    steady: float | None = None


def drilled(home: Root, feature: AiFeatureSpec, hands: Hands | None = None) -> Drilled:
    """Run the drill of a feature's rollback; what was seen.

    ``BadInput`` where no peak is declared. What is missing, and what breaks the drill off, stands
    in the record: a drill that did not end is none that went well.
    """
    peak = feature.serving.expected_peak
    if peak is None:
        raise BadInput(
            f"{feature.name}: serving.expected_peak: declare the highest request rate that is "
            "expected; a rollback is drilled under load"
        )
    pair = pair_for(home, feature)
    now = home.clock.now()
    record = Drilled(
        id=f"rollback-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        feature=feature.name,
        at=now,
        mode=home.clock.mode,
        candidate=pair.candidate,
        previous=pair.previous,
        why_these=pair.why,
        workers=feature.serving.workers,
        poll_seconds=feature.serving.poll_seconds,
        missing=missing_of(home, feature, pair),
    )
    if record.missing:
        return record
    hands = hands or Hands()
    try:
        hands.tells("a root of its own is made, and both versions are copied to it")
        drill = prepared(home, feature, pair, record.id)
        return _Drill(drill, hands, record, peak.requests_per_second).run()
    except AiOpsError as error:
        return replace(record, problems=(f"{type(error).__name__}: {error}",))


def pair_for(home: Root, feature: AiFeatureSpec) -> Pair:
    """The two versions that a rollback of production would be about now."""
    registered = [one.version for one in home.registry.versions(feature.name)]
    moves = standing_of(home.ledger, feature.name).moves
    rehearsed = None if moves else home.registry.alias(feature.name, REHEARSAL)
    return pair_of(moves, rehearsed, registered, feature.baseline_version)


@dataclass
class _Drill:
    """One drill under way."""

    drill: DrillRoot
    hands: Hands
    record: Drilled
    peak: float
    asked: tuple[Expected, ...] = ()
    ran: list[Ran] = field(default_factory=list)
    probes: list[tuple[Request, Expected]] = field(default_factory=list)

    def run(self) -> Drilled:
        drill, feature = self.drill, self.drill.feature
        registry = drill.root.registry
        previous = registry.load(feature.name, drill.previous)
        candidate = registry.load(feature.name, drill.candidate)
        self.asked = telling(feature, previous, candidate)
        if not self.asked:
            return self.record  # nobody could see which of the two answers
        self.hands.tells("a server of its own is started")
        with self.hands.serves(drill) as url:
            url = f"{url}/predict"
            rate = self.peak * LOAD_FACTOR
            bodies = [one.body for one in self.asked]
            plan = Plan(url, bodies, rate, _LONGEST, keep_answers=True)
            with Driving(plan) as load:
                clocks, promoted, entered_at = self._moved(url)
                load.stop()
                course = load.course()
        self._enter("hold")
        self._enter("count")
        return self._recorded(course, clocks, promoted, entered_at)

    def _moved(self, url: str) -> tuple[Clocks, float, float | None]:
        """Promote and roll back, each seen by the endpoint's answers; when each was entered."""
        if self._wait(url, "previous") is None:
            raise NeverServed("the endpoint never answered as the previous version does")
        promoted = self._enter("promote")
        if self._wait(url, "candidate", promoted) is None:
            return Clocks(waited=time.monotonic() - promoted), promoted, None
        time.sleep(self._steady)
        self._enter("look")
        entered_at = self._enter("roll_back")
        back = self._wait(url, "previous", entered_at) is not None
        if back:
            time.sleep(self._steady)
        stayed: tuple[Who, ...] = () if back else ("candidate",)
        waited = time.monotonic() - entered_at
        return Clocks(waited=waited, stayed=stayed), promoted, entered_at

    @property
    def _steady(self) -> float:
        """How long the load goes on when a version was seen: whoever polls has looked by then."""
        told = self.hands.steady
        return self.record.poll_seconds + 1 if told is None else told

    def _enter(self, step: str) -> float:
        """Enter a step's command; when that was."""
        given = arguments(
            step,
            FEATURE=self.drill.feature.name,
            VERSION=self.drill.candidate,
            PERSON=self.drill.person,
            WHY=_REASON,
        )
        self.hands.tells(f"{step}: ai-ops {' '.join(given)}")
        begun = time.monotonic()
        self.ran.append(self.hands.enters(self.drill, step, given))
        return begun

    def _wait(self, url: str, who: Who, since: float | None = None) -> float | None:
        """Ask until a version answers, so often in a row that every worker does; None if never."""
        begun = time.monotonic() if since is None else since
        if since is not None and self.ran[-1].code:
            return None  # what was entered last was refused: nothing will come of it
        in_a_row = 0
        while in_a_row < IN_A_ROW:
            if time.monotonic() - begun > self.hands.patience:
                return None
            expected = self.asked[len(self.probes) % len(self.asked)]
            request = probe(url, expected.body)
            self.probes.append((request, expected))
            answer = seen(request, expected)
            in_a_row = in_a_row + 1 if answer and answer.outputs == who else 0
            time.sleep(PAUSE)
        return time.monotonic() - begun

    def _recorded(
        self, course: Course, clocks: Clocks, promoted: float, entered_at: float | None
    ) -> Drilled:
        pairs = [
            (request, self.asked[number % len(self.asked)])
            for number, request in enumerate(course.requests)
        ] + self.probes
        answers = [seen(request, expected) for request, expected in pairs]
        labels: Mapping[Who, str] = {
            "previous": self.drill.previous,
            "candidate": self.drill.candidate,
        }
        requests = [request for request, _ in pairs]
        standing = standing_of(self.drill.root.ledger, self.drill.feature.name)
        moves = [f"{move.kind} {move.version}" for move in standing.moves]
        return replace(
            self.record,
            bodies=len(self.asked),
            ran=tuple(self.ran),
            clocks=timed(answers, clocks, promoted, entered_at, self._steady * QUIET),
            load=_load(course, self.peak),
            counted=counted(requests, answers, labels),
            unlogged=unlogged(self.drill, answers),
            moves=(*moves, *["hold" for _ in standing.holds]),
        )


def probe(url: str, body: str) -> Request:
    """One request on a connection of its own."""
    begun, place = time.monotonic(), urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request("POST", place.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return Request(begun, begun, time.monotonic(), None, repr(error))
    finally:
        connection.close()
    return Request(begun, begun, time.monotonic(), answer.status, None, text)


def unlogged(drill: DrillRoot, answers: Iterable[Seen | None]) -> int:
    """How many answers the log of the drill does not hold, with their id and version."""
    held: set[tuple[str, str | None]] = set()
    for file in (drill.root.segments / drill.feature.name).rglob("*.jsonl"):
        with file.open("rb") as lines:
            for line in lines:
                try:
                    record = read_line(line)
                except DamagedLine:
                    continue  # what it held is not in the log
                if isinstance(record, PredictionRecord) and record.status == "ok":
                    held.add((record.id, record.model_version))
    return sum(one is not None and (one.id, one.label) not in held for one in answers)


def _load(course: Course, peak: float) -> Load:
    return Load(
        peak=peak,
        rate=course.rate,
        seconds=course.wall_seconds,
        achieved=course.achieved_rate,
        generator_share=course.generator_share,
        lag_ms=course.lag_ms,
        p99_ms=course.percentile_ms(0.99),
    )
