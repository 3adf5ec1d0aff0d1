"""What a score expects of itself: right while it is calibrated, and blind when it no longer is."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ai_ops.drift_monitoring.calibration import Calibration
from ai_ops.drift_monitoring.cells import ProfiledColumn, cells_of_numbers
from ai_ops.drift_monitoring.expected_by_score import expected_numbers
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn
from ai_ops.drift_monitoring.statistics import Floats, expected_by_score
from ai_ops.drift_monitoring.tallies import Tally
from ai_ops_tests.drift_monitoring.synthetic_world import FEATURE

BORDERS = np.linspace(0, 1, 21)[1:-1]


def of(scores: Floats) -> tuple[float, float]:
    places = np.searchsorted(BORDERS, scores)
    found = expected_by_score(
        np.bincount(places, minlength=20), np.bincount(places, scores, minlength=20), 0.5
    )
    return found.accuracy, found.auc


@pytest.mark.parametrize("spread", [0.5, 1.5, 3.0])
def test_a_calibrated_score_expects_what_labels_tell(spread: float) -> None:
    r = np.random.default_rng(5)
    scores = 1 / (1 + np.exp(-r.normal(-0.5, spread, 40_000)))
    labels = r.random(40_000) < scores
    accuracy, auc = of(scores)
    assert accuracy == pytest.approx(((scores >= 0.5) == labels).mean(), abs=0.01)
    assert auc == pytest.approx(roc_auc_score(labels, scores), abs=0.01)


def test_it_is_blind_when_the_label_turns_against_the_score() -> None:
    r = np.random.default_rng(5)
    scores = 1 / (1 + np.exp(-r.normal(0, 2, 20_000)))
    reversed_labels = r.random(20_000) > scores
    _, auc = of(scores)
    assert auc > 0.8 > 0.3 > roc_auc_score(reversed_labels, scores)


def test_nothing_answered_expects_nothing() -> None:
    assert np.isnan(expected_by_score([0, 0], [0, 0], 0.5).auc)
    assert np.isnan(expected_by_score([5, 0], [0, 0], 0.5).auc)
    assert expected_by_score([5, 0], [0, 0], 0.5).accuracy == 1


def test_the_drift_report_tells_it_under_a_name_that_says_what_it_is() -> None:
    scores = np.random.default_rng(5).beta(2, 3, 4_000)
    column = ProfiledColumn("probability", "output", "number")
    cells = cells_of_numbers(column, scores, 20)
    places, size = np.searchsorted(cells.edges, scores, side="right"), len(cells.names)
    sums = np.bincount(places, scores, minlength=size).astype(float)
    day = Tally(np.bincount(places, minlength=size), sums=sums)
    calibration = Calibration(None, None, 0, None, None, None, 1)
    own = ReferenceColumn(cells, day.counts, calibration, None, 0.0)
    reference = Reference("1", "", (), (own,))
    told = expected_numbers(FEATURE, reference, [{}, {"probability": day}])
    right = np.where(scores >= 0.5, scores, 1 - scores).mean()
    assert told["accuracy_expected_by_score_not_by_labels"] == pytest.approx(right, abs=0.01)
    assert "auc_expected_by_score_not_by_labels" in told
    assert expected_numbers(FEATURE, reference, [{}]) == {}
    assert expected_numbers(FEATURE, Reference("1", "", (), ()), [{"probability": day}]) == {}
