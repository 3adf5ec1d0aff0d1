"""The load test of a feature's endpoint: run, kept in the lake, and judged from there."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.inference_management.load_test_bodies import Bodies, bodies_in, bodies_of
from ai_ops.inference_management.load_test_gpu import figures
from ai_ops.inference_management.load_test_judgement import Served, judge, observed_of, outdated
from ai_ops.inference_management.load_test_own import Own, own_endpoint, served_here, state_of
from ai_ops.inference_management.load_test_phases import STEPS, Endpoint, Load, Measured, Told
from ai_ops.inference_management.load_test_pictures import draw_all
from ai_ops.inference_management.load_test_records import ASSET, PHASES, LoadTest, PhaseName
from ai_ops.inference_management.load_test_watched import Watched, watching_process
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, RegistryUnavailable, UnknownVersion
from ai_ops.vocabulary.moments import Summary
from ai_ops.vocabulary.size_classes import size_class
from ai_ops.vocabulary.verdicts import Evidence, Verdict

SECONDS: Final = 6.0
"""How long a phase lasts: all of them together longer than the 20 seconds in which an endpoint that
stalls now and then is seen to."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is tested: the own server, or the endpoint at ``url``, whose memory is watched where
    ``pid`` names its process on this machine; ``bodies`` is a file of request bodies that are
    posted to that very address as they are. A line whose phase is left out is no evidence."""

    url: str | None = None
    bodies: Path | None = None
    seconds: float = SECONDS
    pid: int | None = None
    phases: tuple[PhaseName, ...] = PHASES
    steps: int = STEPS

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise BadInput(f"--seconds: a phase lasts longer than nothing (found {self.seconds:g})")
        if self.url is None:
            if self.bodies is not None:
                raise BadInput("--bodies: the own server is asked what was logged; name a --url")
            if self.pid is not None:
                raise BadInput("--pid: the own server is watched anyway; name a --url")
            return
        place = urlsplit(self.url)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise BadInput(f"--url: write http://host:port (found {_found(self.url)!r})")


def shown_url(url: str) -> str:
    """An address as it may be kept: without a password or a key in it.

    >>> shown_url("https://ann:secret@example.com:8443/v1?key=secret")
    'https://example.com:8443/v1'
    """
    place = urlsplit(url)
    host = place.netloc.rpartition("@")[2]
    return f"{place.scheme}://{host}{place.path}"


def _found(url: str) -> str:
    """An address that is none, as it was written, unless that could show a secret."""
    return shown_url(url) if set(url) & set("@?") else url


def run_load_test(
    root: Root, feature: AiFeatureSpec, asked: Asked, told: Told = lambda *_: None
) -> tuple[LoadTest, Summary]:
    """Put the endpoint under twice its declared peak or more, and keep what was measured: a cold
    start, memory, single requests and batches, both together, and the rate that it holds at most.

    ``BadInput`` where no peak is declared: nobody could say what the endpoint must hold.
    """
    if feature.serving.expected_peak is None:
        raise BadInput(
            f"{feature.name}: serving.expected_peak: not declared; say how many requests a second "
            "are expected at the peak, and test at twice that"
        )
    version = None if asked.url else served_here(root, feature)
    bodies = bodies_in(asked.bodies) if asked.bodies else bodies_of(root, feature, version)
    told(0, 1, "cold start")
    if asked.url is None:
        with own_endpoint(root, feature, bodies) as own:
            seen = _measured(root, feature, asked, bodies, own, own.watched, told)
    else:
        with nullcontext() if asked.pid is None else watching_process(asked.pid) as watched:
            seen = _measured(root, feature, asked, bodies, None, watched, told)
    return _kept(root, feature, *seen)


def judge_load_test(root: Root, feature: AiFeatureSpec, now: datetime) -> Verdict:
    """The endpoint answered at its declared peak and at twice that in the promised time, single
    requests and batches alike, without more failures than promised; cold start and memory are
    known; and what was tested is what answers now."""
    test, evidence = latest(root, feature)
    verdict = judge(test, feature.serving, own_model=feature.trained_here)
    try:
        served = served_now(root, feature)
    except RegistryUnavailable as error:
        return Verdict.lacking(str(error), "version").with_evidence(evidence)
    old = outdated(test, feature.serving, served, now)
    if old and verdict.status == "pass":
        verdict = Verdict.lacking(
            "; ".join(one.reason for one in old),
            "operations",
            *old,
            sample_size=verdict.sample_size,
            observed=verdict.observed,
        )
    return verdict.with_evidence(evidence)


def latest(root: Root, feature: AiFeatureSpec) -> tuple[LoadTest, Evidence]:
    """The latest test of a feature; ``MissingEvidence`` where there was none."""
    data, evidence = root.lake.read_json(root.lake.path(feature.name, ASSET, None, "json"))
    return msgspec.convert(data, LoadTest), evidence


def served_now(root: Root, feature: AiFeatureSpec) -> Served:
    """The version that is live or in rehearsal, and the class of its size."""
    if not feature.trained_here:
        return Served(None, None)
    version = root.registry.serving_version(feature.name)
    return Served(version, size_class(_size_of(root, feature, version)))


def _measured(
    root: Root,
    feature: AiFeatureSpec,
    asked: Asked,
    bodies: Bodies,
    own: Own | None,
    watched: Watched | None,
    told: Told,
) -> tuple[LoadTest, Measured, list[tuple[float, float]]]:
    peak = feature.serving.expected_peak
    assert peak is not None
    url = own.server.url if own else (asked.url or "").rstrip("/")
    endpoint = (
        Endpoint(asked.url or "", None, bodies)
        if bodies.whole
        else Endpoint(f"{url}/predict", f"{url}/predict/batch", bodies)
    )
    version = _told_version(url, bodies)
    rate = peak.requests_per_second
    cpu = watched.cpu_seconds if watched else lambda: None
    load = Load(
        endpoint, feature.serving, rate, asked.seconds, told, cpu, asked.phases, asked.steps
    )
    measured = load.run()
    memory, held = watched.memory(measured) if watched else (None, [])
    cold = own.cold_start if own else None
    now, size = root.clock.now(), _size_of(root, feature, version)
    test = LoadTest(
        id=f"{now:%Y-%m-%dT%H%M%S}-{uuid4().hex[:6]}",
        feature=feature.name,
        at=now.isoformat(),
        url=shown_url(asked.url) if asked.url else None,
        version=version,
        version_after=_told_version(url, bodies),
        size_bytes=size,
        size_class=size_class(size),
        batches=endpoint.batch is not None,
        peak=rate,
        workers=feature.serving.workers if own else None,
        bodies=bodies.source,
        made=bodies.made,
        phases=tuple(measured.phases),
        saturation=measured.saturation,
        cold_start=cold,
        memory=memory,
        gpu=figures(cold, measured.typical_ms, own.gpu_mb) if own else None,
    )
    return test, measured, held


def _kept(
    root: Root,
    feature: AiFeatureSpec,
    test: LoadTest,
    measured: Measured,
    held: list[tuple[float, float]],
) -> tuple[LoadTest, Summary]:
    """Write the pictures, then the record, under its id and as the latest."""
    promised = feature.serving.slo.p99_ms
    pictures = draw_all(feature.name, measured, held, test.cold_start, promised)
    kept: Mapping[str, str] = {
        name: root.lake.write_bytes(
            root.lake.path(feature.name, ASSET, f"{test.id}.{name}", "png"), picture
        ).source
        for name, picture in pictures.items()
    }
    test = replace(test, pictures=kept)
    path = root.lake.path(feature.name, ASSET, test.id, "json")
    for place in (path, root.lake.path(feature.name, ASSET, None, "json")):
        root.lake.write_json(place, asdict(test))
    return test, Summary(observed_of(test), files={"record": path}, pictures=pictures)


def _told_version(url: str, bodies: Bodies) -> str | None:
    """The version that the endpoint says it answers with; None where it says nothing."""
    said = None if bodies.whole else state_of(url, "/version").get("version")
    return None if said is None else str(said)


def _size_of(root: Root, feature: AiFeatureSpec, version: str | None) -> int:
    if version is None or not feature.trained_here:
        return 0
    try:
        return root.registry.version(feature.name, version).size_bytes
    except UnknownVersion:
        return 0
