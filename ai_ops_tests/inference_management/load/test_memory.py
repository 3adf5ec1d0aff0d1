"""Memory under load: sampled over processes, told by predictions, and growth apart from warmth."""

import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.inference_management.load.course import Course, Request
from ai_ops.inference_management.load.memory import (
    MemorySampler,
    growth_per_1000,
    over_predictions,
)
from ai_ops.inference_management.load.slopes import theil_sen


def course(first: float, count: int) -> Course:
    """Requests answered ten a second, from a moment on."""
    sent = [first + number / 10 for number in range(count)]
    return Course(10, count / 10, tuple(Request(at, at, at + 0.05, 200) for at in sent), 0, 1)


def test_samples_are_told_by_the_predictions_answered_until_then() -> None:
    samples = [(99.0, 300.0), (100.01, 301.0), (100.94, 302.0), (105.0, 303.0), (200.94, 304.0)]
    found = over_predictions(samples, [(course(100.0, 10), 1), (course(200.0, 10), 5)])
    # The request sent last is under way each time.
    assert found == [(0.0, 301.0), (9.0, 302.0), (55.0, 304.0)]


@pytest.mark.requirement("PL-25")
def test_what_fills_at_the_beginning_is_no_leak_and_what_goes_on_growing_is() -> None:
    warm = [(50.0 * n, 400 + min(n, 20) * 3.0) for n in range(60)]
    leak = [(50.0 * n, 400 + 0.5 * n) for n in range(60)]
    assert growth_per_1000(warm) == pytest.approx(0.0)
    assert growth_per_1000(leak) == pytest.approx(10.0)
    assert growth_per_1000(leak[:10]) is None, "too few samples say nothing, not zero"


@given(st.integers(8, 900), st.floats(-5, 5), st.integers(0, 7))
def test_the_slope_is_that_of_the_line_whatever_single_points_do(
    count: int, slope: float, wild: int
) -> None:
    points = [(float(n), slope * n) for n in range(count)]
    if count > 40:
        points[wild] = (float(wild), 1e6)
        assert theil_sen(points) == pytest.approx(slope, abs=1e-6 + abs(slope) * 0.2)
    else:
        assert theil_sen(points) == pytest.approx(slope, abs=1e-9)


def test_points_of_one_place_have_no_slope() -> None:
    assert theil_sen([(1.0, float(n)) for n in range(20)]) is None


def test_a_process_that_ends_under_the_sampler_does_not_end_it() -> None:
    own = psutil.Process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with MemorySampler(lambda: [own, psutil.Process(child.pid)]) as sampler:
        time.sleep(0.35)
        child.communicate(b"\n")
        time.sleep(0.35)
    assert sampler.samples and sampler.samples[0][1] > 0
    assert sampler.at(0.0) is None and sampler.at(time.monotonic()) == sampler.samples[-1][1]
