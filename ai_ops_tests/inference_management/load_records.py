"""Records of load tests as one would measure them, for the rules that judge them."""

from dataclasses import replace
from typing import Any

from ai_ops.ai_features.serving import ExpectedPeak, Serving, Slo
from ai_ops.inference_management.load_test_records import (
    ColdStart,
    LoadTest,
    Memory,
    Phase,
    Saturation,
    Step,
    Traffic,
)

SERVING = Serving(expected_peak=ExpectedPeak(requests_per_second=50), slo=Slo(p99_ms=250))


def seen(**changed: Any) -> Traffic:
    """600 single requests at 100 a second that were all answered at once."""
    fine = Traffic(
        mode="sync",
        rate=100.0,
        rows_per_request=1,
        requests=600,
        failed=0,
        refused=0,
        slow=0,
        slow_when_sent=0,
        behind=0,
        promised_ms=250.0,
        p50_ms=3.0,
        p95_ms=8.0,
        p99_ms=12.0,
        max_ms=20.0,
        achieved_rate=100.0,
        generator_share=0.1,
        lag_ms=1.0,
    )
    return replace(fine, **changed)


def batches(**changed: Any) -> Traffic:
    """120 batches of five rows."""
    of = {"mode": "batch", "rate": 20.0, "rows_per_request": 5, "requests": 120}
    return seen(**{**of, "promised_ms": 1250.0, "achieved_rate": 20.0, **changed})


def phases(**changed: Traffic) -> tuple[Phase, ...]:
    """The four phases; ``changed`` by their names."""
    found: dict[str, tuple[Traffic, ...]] = {
        "sync_1x": (seen(rate=50.0, requests=300, achieved_rate=50.0),),
        "sync_2x": (seen(),),
        "batch": (batches(),),
        "mixed": (seen(rate=50.0, requests=300, achieved_rate=50.0), batches(requests=60)),
    }
    found |= {name: (traffic,) for name, traffic in changed.items()}
    return tuple(
        Phase(name, 1.0 if name == "sync_1x" else 2.0, traffic, 1.0, 0.05)  # type: ignore[arg-type]
        for name, traffic in found.items()
    )


def record(**changed: Any) -> LoadTest:
    """A test of the own server in which everything is well."""
    fine = LoadTest(
        id="2021-03-04T120000-abcdef",
        feature="tiny",
        at="2021-03-04T12:00:00+00:00",
        url=None,
        version="1",
        version_after="1",
        size_bytes=20_000,
        size_class="up to 1 MB",
        batches=True,
        peak=50.0,
        workers=1,
        bodies="1000 predictions of the log of 2021-03-03",
        made=(),
        phases=phases(),
        saturation=Saturation((Step(seen(rate=200.0)), Step(seen(rate=400.0, behind=300), "rate"))),
        cold_start=ColdStart(8.4, 8.3, 40.0, 1.2),
        memory=Memory(400.0, 460.0, 480.0, 470.0, 0.2, 200, 3000),
    )
    return replace(fine, **changed)
