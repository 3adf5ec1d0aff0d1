"""What workers count: summed over all of them, kept when one is replaced, readable by others."""

import os
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ai_ops.inference_management.service_metrics import ServiceMetrics

pytestmark = pytest.mark.requirement("OW-09", "FR-2")

PATHS = ("/predict", "/predict/batch")


def read(metrics: ServiceMetrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample, as somebody reads it who scrapes."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


def value(metrics: ServiceMetrics, name: str, **labels: str) -> Any:
    """The one sample of this name that has these labels; None when there is none."""
    found = [v for (n, own), v in read(metrics).items() if n == name and labels.items() <= own]
    assert len(found) <= 1
    return found[0] if found else None


def test_what_processes_count_is_summed_and_survives_them() -> None:
    metrics = ServiceMetrics("tiny", PATHS, workers=2)
    for place in (0, 1, 1):  # the second one is replaced
        pid = os.fork()
        if not pid:
            metrics.begin(place)
            for _ in range(3):
                metrics.answered(0, 200, 0.02)
            metrics.answered(1, 418, 0.3)
            metrics.tell(2, ready=True, version="7", unwritten=1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    requests = "ai_ops_http_requests_total"
    assert value(metrics, requests, path="/predict", status="200") == 9
    assert value(metrics, requests, path="/predict/batch", status="other") == 3
    assert value(metrics, "ai_ops_http_requests_in_flight") == 4
    assert value(metrics, "ai_ops_predictions_unwritten") == 2
    assert value(metrics, "ai_ops_worker_starts_total") == 3
    assert value(metrics, "ai_ops_model_info", version="7") == 2
    metrics.end(1)
    assert value(metrics, "ai_ops_workers_ready") == 1
    assert value(metrics, "ai_ops_model_info", version="7") == 1
    assert value(metrics, requests, path="/predict", status="200") == 9


def test_the_latency_is_a_histogram_in_seconds_and_leaves_out_who_was_turned_away() -> None:
    metrics = ServiceMetrics("tiny", PATHS)
    metrics.begin(0)
    for seconds in (0.001, 0.004, 0.3, 60.0):
        metrics.answered(0, 200, seconds)
    metrics.answered(0, 429, 0.0)
    name = "ai_ops_http_request_duration_seconds"
    for bound, count in (("0.001", 1), ("0.005", 2), ("0.5", 3), ("10.0", 3), ("+Inf", 4)):
        assert value(metrics, f"{name}_bucket", path="/predict", le=bound) == count
    assert value(metrics, f"{name}_count", path="/predict") == 4
    assert value(metrics, f"{name}_sum", path="/predict") == pytest.approx(60.305)


def test_names_are_escaped() -> None:
    odd = 'a"b\\c\nd'
    metrics = ServiceMetrics(odd, PATHS)
    metrics.begin(0)
    metrics.tell(0, ready=True, version=odd, unwritten=0)
    assert value(metrics, "ai_ops_model_info", feature=odd, version=odd) == 1
    metrics.tell(0, ready=True, version="v" * 500, unwritten=0)
    assert value(metrics, "ai_ops_model_info", version="v" * 64) == 1
