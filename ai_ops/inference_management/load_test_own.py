"""A load test of the project's own server: started for it, watched from beside, ended with it."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import psutil

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.load.memory import (
    MemorySampler,
    growth_per_1000,
    over_predictions,
)
from ai_ops.inference_management.load_test_bodies import Bodies
from ai_ops.inference_management.load_test_gpu import held_mb
from ai_ops.inference_management.load_test_phases import Measured
from ai_ops.inference_management.load_test_place import apart
from ai_ops.inference_management.load_test_records import ColdStart, Memory
from ai_ops.inference_management.own_server import NeverServed, OwnServer
from ai_ops.storage.registry import CHAMPION
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

SETTLED_SECONDS: Final = 1.0
"""How long after the load memory is looked at once more."""
ANSWER_SECONDS: Final = 60.0


@dataclass
class Own:
    """The server of a test while it runs, and what is seen of it from outside."""

    server: OwnServer
    sampler: MemorySampler
    cold_start: ColdStart
    gpu_mb: float | None

    def cpu_seconds(self) -> float | None:
        """The CPU that the server and its workers took so far; None when one ended meanwhile."""
        try:
            spent = [one.cpu_times() for one in self.server.processes()]
        except psutil.Error:
            return None
        return sum(one.user + one.system for one in spent)

    def memory(self, measured: Measured) -> tuple[Memory, list[tuple[float, float]]]:
        """What the server held, and that over the predictions of the phases."""
        time.sleep(SETTLED_SECONDS)
        server, samples = self.server, list(self.sampler.samples)
        over = over_predictions(samples, measured.of_phases())
        load, healthy = self.cold_start.model_load_seconds, self.cold_start.healthy_seconds
        begun = server.begun or 0.0
        before = None if load is None else self.sampler.at(begun + healthy - load)
        held = Memory(
            before_model_mb=before,
            loaded_mb=server.loaded_mb or 0.0,
            peak_mb=max((mb for _, mb in samples), default=0.0),
            after_mb=samples[-1][1] if samples else 0.0,
            leak_mb_per_1000=growth_per_1000(over),
            samples=len(over),
            predictions=int(over[-1][0]) if over else 0,
        )
        return held, over


@contextmanager
def own_endpoint(root: Root, feature: AiFeatureSpec, bodies: Bodies) -> Iterator[Own]:
    """The feature's server, answering: of the version that is live, or in rehearsal before the
    launch, with segments and a lake of its own."""
    rehearses = root.registry.alias(feature.name, CHAMPION) is None
    before = held_mb() if feature.serving.gpu else None
    with apart(root) as place:
        server = OwnServer(
            feature.name,
            place.folder,
            ("--rehearsal",) if rehearses else (),
            environment=place.environment,
        )
        with MemorySampler(server.processes) as sampler, server:
            cold = _first_answer(server, bodies)
            held = held_mb() if feature.serving.gpu else None
            grown = held - before if held is not None and before is not None else None
            yield Own(server, sampler, cold, grown)


def served_here(root: Root, feature: AiFeatureSpec) -> str:
    """The version that a server of the root would answer with; says what to do without one."""
    if not feature.trained_here:
        raise BadInput(
            f"{feature.name}: its model is served by others: name the address to test with --url"
        )
    version = root.registry.serving_version(feature.name)
    if version is None:
        raise MissingEvidence(f"{feature.name}: no version is live or in rehearsal to be tested")
    return version


def state_of(url: str, path: str) -> dict[str, Any]:
    """What an endpoint says of itself; nothing where it has no such address."""
    try:
        answer = httpx.get(f"{url}{path}", timeout=5)
        said = answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _first_answer(server: OwnServer, bodies: Bodies) -> ColdStart:
    began = time.monotonic()
    answer = httpx.post(f"{server.url}/predict", content=bodies.single()[0], timeout=ANSWER_SECONDS)
    ended = time.monotonic()
    if answer.status_code != 200:
        raise NeverServed(
            f"the server of {server.feature} refused the first prediction "
            f"({answer.status_code}): {answer.text[:500]}"
        )
    load = state_of(server.url, "/health").get("load_seconds")
    return ColdStart(
        answered_seconds=ended - (server.begun or began),
        healthy_seconds=server.answered_after or 0.0,
        first_prediction_ms=(ended - began) * 1000,
        model_load_seconds=float(load) if isinstance(load, int | float) else None,
    )


def typical_ms(measured: Measured) -> float | None:
    """What a single prediction took at the peak, once all was warm."""
    took = [
        one.latency_ms
        for name, _, course, _ in measured.courses
        if name == "sync_1x"
        for one in course.answered
    ]
    return statistics.median(took) if took else None
