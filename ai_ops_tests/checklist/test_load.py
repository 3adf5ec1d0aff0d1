"""A load test that passed: for which endpoint it speaks, and until when."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ai_ops.ai_features.serving import ExpectedPeak
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Observed, Verdict
from ai_ops_tests.checklist.books import FEATURE, FINE, judged, line, rehearsed
from ai_ops_tests.deciding import NOW


def tested(root: Root, **changed: Any) -> None:
    """A test that passed."""
    observed: dict[str, Observed] = {**FINE.observed, "tested_at": NOW.isoformat(), **changed}
    judged(root, "load_test", Verdict.passing("held", sample_size=900, observed=observed))


def looked(root: Root, version: str, size_bytes: int) -> None:
    """The registry, looked at."""
    seen: dict[str, Observed] = {"champion": version, "size_bytes": size_bytes}
    judged(root, "version_registered", Verdict.passing("ok", sample_size=2, observed=seen))


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return rehearsed(tmp_path)


@pytest.mark.requirement("PL-22")
def test_it_speaks_for_the_version_and_for_others_of_its_size(root: Root) -> None:
    tested(root)
    assert line(root, "load_tested").verdict.status == "pass"
    looked(root, "2", 900_000)
    assert line(root, "load_tested").verdict.status == "pass"


@pytest.mark.requirement("PL-02", "PL-22")
def test_a_version_of_another_size_was_not_tested(root: Root) -> None:
    tested(root)
    looked(root, "2", 9_000_000)
    verdict = line(root, "load_tested").verdict
    assert verdict.status == "no_evidence"
    assert "version 2 (up to 16 MB) is served, and version 1 (up to 1 MB) was" in verdict.reason
    looked(root, "2", 0)
    assert "of a size that nobody looked at" in line(root, "load_tested").verdict.reason


@pytest.mark.requirement("PL-22", "PL-23")
def test_a_peak_that_was_raised_was_not_tested(root: Root) -> None:
    tested(root)
    peak = ExpectedPeak(requests_per_second=100.5)
    serving = FEATURE.serving.model_copy(update={"expected_peak": peak})
    raised = FEATURE.model_copy(update={"serving": serving})
    verdict = line(root, "load_tested", feature=raised).verdict
    assert verdict.status == "no_evidence"
    assert "200 requests a second were tested, 2 times the peak is 201" in verdict.reason
    nowhere = serving.model_copy(update={"expected_peak": None})
    silent = FEATURE.model_copy(update={"serving": nowhere})
    assert "no peak is declared" in line(root, "load_tested", feature=silent).verdict.reason
    tested(root, tested_rate=None)
    assert line(root, "load_tested").verdict.status == "no_evidence"


def test_a_test_that_was_judged_again_is_as_old_as_it_was(root: Root) -> None:
    tested(root, tested_at=(NOW - timedelta(days=91)).isoformat())
    verdict = line(root, "load_tested").verdict
    assert verdict.status == "no_evidence"
    assert "the load test is 91 days old; it speaks for 90" in verdict.reason
