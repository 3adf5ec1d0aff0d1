"""The signs of wrong labels, and slices without labels: what is told, and what is not claimed."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.special import expit, logit

from ai_ops.accuracy_evaluation.intervals import Estimate, interval
from ai_ops.accuracy_evaluation.label_flips import (
    SHARES,
    contrast,
    flipped_share,
    groups_against,
    onset,
    profile,
)
from ai_ops.accuracy_evaluation.label_plausibility import are_flipped, judge_plausible
from ai_ops.accuracy_evaluation.label_records import Flips, LabelSigns
from ai_ops.accuracy_evaluation.label_slices import MatureRows, cover_slices, judge_slices_covered
from ai_ops.accuracy_evaluation.slices import SlicedColumn
from ai_ops.ai_features.parts import GroundTruth
from ai_ops.vocabulary.windows import Window

TRUTH = GroundTruth(labels="labels.parquet", minimum_coverage=0.9, minimum_labels=100)
WINDOW = Window.of_day("2021-03-10")
RATES = np.array([0.03, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
ROWS = np.array([300.0, 250.0, 150.0, 100.0, 60.0, 30.0, 10.0])


def days_of(count: int, flipped: float, seed: int, since: int = 0) -> np.ndarray:
    """Positives of each day's cells, whose true rates move from day to day besides."""
    random = np.random.default_rng(seed)
    shift = random.normal(0, 0.4, (count, 1))
    true = expit(logit(RATES) + shift)
    share = np.where(np.arange(count)[:, None] >= since, flipped, 0.0)
    return random.binomial(ROWS.astype(int), share + (1 - 2 * share) * true).astype(float)


@pytest.mark.parametrize("flipped", [0.0, 0.15, 0.3])
def test_the_share_is_estimated_whatever_each_day_s_own_rate(flipped: float) -> None:
    positives = days_of(7, flipped, seed=4)
    share = flipped_share(np.array([profile(ROWS, day, RATES) for day in positives]), 6_300)
    assert share.value == pytest.approx(flipped, abs=0.05)
    assert share.beyond(0.1) == (flipped > 0)


def test_the_day_since_which_labels_are_flipped_is_found() -> None:
    positives = days_of(14, 0.3, seed=2, since=9)
    assert onset(np.array([profile(ROWS, day, RATES) for day in positives])) == 9
    assert len(SHARES) == 26


def test_rates_that_all_moved_are_told_apart_as_well_as_before() -> None:
    """A bad season: everything is late more often, and nothing says that labels are wrong."""
    positives = np.tile(ROWS * expit(logit(RATES) + 0.8), (7, 1))
    rows = np.tile(ROWS, (7, 1))
    assert contrast(rows, positives, RATES).value > 0.9


def test_a_group_that_is_purer_than_flips_allow_refutes_them() -> None:
    random = np.random.default_rng(1)
    group = np.repeat(np.arange(6, dtype=np.int32), 400)
    likely = np.repeat([0.02, 0.05, 0.1, 0.3, 0.6, 0.95], 400)
    label = random.random(len(group)) < likely
    flipped = label ^ (random.random(len(group)) < 0.3)
    telling, refuting, first = groups_against(0.25, flipped, likely, [group])
    assert (telling, refuting, first) == (4, 0, None)
    telling, refuting, first = groups_against(0.25, label, likely, [group])
    assert telling == refuting == 4 and first == 0


def flips(low: float, telling: int, refuting: int, contrasted: float = 0.4) -> Flips:
    share = Estimate(low + 0.08, low, low + 0.16, 0.04, 900, 7)
    slope = interval(contrasted, 0.02, rows=900, days=7)
    return Flips("2021-03-04", 7, 900, share, slope, telling, refuting, "hour 6")


def test_flips_are_claimed_only_where_groups_could_refute_them_and_none_does() -> None:
    assert are_flipped(flips(0.2, telling=9, refuting=0))
    assert not are_flipped(flips(0.2, telling=0, refuting=0)), "nothing could have told"
    assert not are_flipped(flips(0.2, telling=9, refuting=1)), "one group is purer"
    assert not are_flipped(flips(0.05, telling=9, refuting=0)), "few enough to be the world"
    assert are_flipped(flips(0.2, 0, 0, contrasted=-0.4)), "no model decays into its contrary"


@pytest.mark.requirement("PB-32", "FR-1")
def test_what_cannot_be_told_apart_is_said_and_not_claimed() -> None:
    apart = interval(0.16, 0.02, rows=900, days=7)
    signs = LabelSigns(900, flips=flips(0.2, 0, 0), expected=0.2, observed=0.36, apart=apart)
    verdict = judge_plausible(signs, TRUTH, WINDOW)
    assert verdict.status == "pass"
    assert "labels alone do not tell wrong ones from a world that changed" in verdict.reason
    refuted = LabelSigns(900, flips=flips(0.2, 9, 2))
    words = judge_plausible(refuted, TRUTH, WINDOW).reason
    assert words.endswith("but hour 6 is purer than flips allow: not the labels")


def test_without_a_launch_or_with_few_labels_nothing_is_called_plausible() -> None:
    nothing = LabelSigns(900, problem="version 3 has no reference")
    assert judge_plausible(nothing, TRUTH, WINDOW).status == "no_evidence"
    assert judge_plausible(LabelSigns(60), TRUTH, WINDOW).status == "no_evidence"


def mature(missing: dict[int, float], days: int = 5) -> tuple[MatureRows, list[SlicedColumn]]:
    """40 rows a day of each of four harbours; of the first a share lacks labels on some days."""
    random = np.random.default_rng(3)
    day = np.repeat(np.arange(days), 160)
    code = np.tile(np.arange(160, dtype=np.int32) % 4, days)
    labelled = random.random(len(day)) < 0.98
    for place, share in missing.items():
        lost = (day == place) & (code == 0) & (random.random(len(day)) < share)
        labelled &= ~lost
    names = [(date(2021, 3, 1) + timedelta(days=place)).isoformat() for place in range(days)]
    column = SlicedColumn("harbour", ("east", "north", "south", "west"), code)
    return MatureRows(names, day, labelled), [column]


@pytest.mark.requirement("MO-02")
def test_a_slice_without_labels_is_named_with_its_day_and_one_stormy_day_is_not() -> None:
    rows, columns = mature({3: 0.9, 4: 0.9})
    (lacking,) = cover_slices(rows, columns, 0.9).lacking
    assert str(lacking) == "harbour east" and lacking.since == "2021-03-04"
    rows, columns = mature({4: 0.9})
    storm = cover_slices(rows, columns, 0.9)
    assert storm.lacking == [] and storm.judged == 4
    rows, columns = mature({2: 0.9, 3: 0.9})
    assert cover_slices(rows, columns, 0.9).lacking == [], "it has its labels again"


def test_slices_that_are_too_small_are_counted_and_no_slice_at_all_is_said() -> None:
    rows = MatureRows(["2021-03-01"], np.zeros(4, np.intp), np.ones(4, bool))
    column = SlicedColumn("harbour", ("east", "west"), np.array([0, 0, 1, 1], np.int32))
    small = judge_slices_covered(cover_slices(rows, [column], 0.9), TRUTH, WINDOW)
    assert small.status == "no_evidence" and "2 slices is too small" in small.reason
    whole = judge_slices_covered(cover_slices(rows, [], 0.9), TRUTH, WINDOW)
    assert whole.status == "pass" and "the whole is the only slice" in whole.reason
