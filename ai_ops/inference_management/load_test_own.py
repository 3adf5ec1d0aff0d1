"""A load test of the project's own server: started for it, watched from beside, ended with it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.load_test_bodies import Bodies
from ai_ops.inference_management.load_test_gpu import held_mb
from ai_ops.inference_management.load_test_place import apart
from ai_ops.inference_management.load_test_records import ColdStart
from ai_ops.inference_management.load_test_watched import Watched, watching
from ai_ops.inference_management.own_server import NeverServed, OwnServer
from ai_ops.storage.registry import CHAMPION
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence

ANSWER_SECONDS: Final = 60.0


@dataclass
class Own:
    """The server of a test while it runs: how it is watched, how it began, what a GPU then held."""

    server: OwnServer
    watched: Watched
    cold_start: ColdStart
    gpu_mb: float | None


@contextmanager
def own_endpoint(root: Root, feature: AiFeatureSpec, bodies: Bodies) -> Iterator[Own]:
    """The feature's server, answering: of the version that is live, or in rehearsal before the
    launch, with segments and a lake of its own."""
    rehearses = root.registry.alias(feature.name, CHAMPION) is None
    before = held_mb()
    with apart(root) as place:
        server = OwnServer(
            feature.name,
            place.folder,
            ("--rehearsal",) if rehearses else (),
            environment=place.environment,
        )
        with watching(server.processes) as watched, server:
            cold = _first_answer(server, bodies)
            watched.loaded(server.begun or 0.0, cold)
            held = held_mb()
            grown = held - before if held is not None and before is not None else None
            yield Own(server, watched, cold, grown)


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
