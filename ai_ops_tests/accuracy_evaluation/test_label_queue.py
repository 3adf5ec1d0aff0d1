"""The labelling queue: what is picked, by which chance, and that no accuracy is bent by it."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.label_forms import read_form, write_form
from ai_ops.accuracy_evaluation.label_picking import Frame, Pick, pick
from ai_ops.accuracy_evaluation.labels_needed import labels_needed
from ai_ops.accuracy_evaluation.metrics import measured, sum_days
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers, NumberSummer
from ai_ops.ai_features.held_out import drawing_order
from ai_ops.vocabulary.errors import BadInput
from ai_ops_tests.accuracy_evaluation.world import open_root

pytestmark = pytest.mark.requirement("MO-02")

TENANTS = np.array(["large", "small", "rare"], dtype=object)


def frame(
    random: np.random.Generator, size: int, *, free: np.ndarray | None = None, tag: str = ""
) -> Frame:
    """Predictions whose doubt tells how often they are wrong."""
    return Frame(
        order=np.array(drawing_order(f"{tag}{random.integers(2**62)}" for _ in range(size)), "u8"),
        free=np.ones(size, bool) if free is None else free,
        counted=np.zeros(size, bool),
        doubt=random.random(size) / 2,
        kept=np.zeros(size, bool),
        strata={"tenant": random.choice(TENANTS, size, p=[0.9, 0.08, 0.02])},
    )


def sampled(picks: list[Pick]) -> set[int]:
    return {one.place for one in picks if one.picked_by == "drawn"}


def test_the_accuracy_of_the_drawn_rows_is_that_of_all_and_that_of_all_labelled_ones_is_not() -> (
    None
):
    """150 queues of two overlapping exports each, over predictions that are the more often wrong
    the less sure they are; the second export follows the labels of the first."""
    random = np.random.default_rng(11)
    drawn_bias, naive_bias = [], []
    for _ in range(150):
        whole = frame(random, 600)
        right = random.random(600) < 0.5 + whole.doubt
        first = pick(whole, 60)
        labelled = {one.place for one in first}
        free = np.array([place not in labelled for place in range(600)])
        second = pick(Frame(**{**vars(whole), "free": free, "counted": ~free}), 60)
        labelled |= {one.place for one in second if one.new}
        drawn = sampled(first) | sampled(second)
        assert drawn <= labelled and len(labelled) == 120
        drawn_bias.append(right[list(drawn)].mean() - right.mean())
        naive_bias.append(right[list(labelled)].mean() - right.mean())
    error = np.std(drawn_bias) / np.sqrt(len(drawn_bias))
    assert abs(np.mean(drawn_bias)) < 3 * error < 0.03
    assert np.mean(naive_bias) < -0.04, "doubtful rows are wrong more often: that is why"


def test_a_row_that_was_picked_for_doubt_belongs_to_the_sample_when_its_number_comes_up() -> None:
    random = np.random.default_rng(3)
    whole = frame(random, 200)
    doubtful = {one.place for one in pick(whole, 40) if one.picked_by == "doubt"}
    free = np.array([place not in doubtful for place in range(200)])
    later = pick(Frame(**{**vars(whole), "free": free}), 190)
    promoted = {one.place for one in later if one.picked_by == "drawn" and not one.new}
    assert promoted and promoted <= doubtful


def test_rare_strata_are_handed_out_and_the_probability_is_theirs() -> None:
    whole = frame(np.random.default_rng(5), 1000)
    picks = pick(whole, 100)
    assert sum(one.new for one in picks) == 100
    drawn = [one for one in picks if one.picked_by == "drawn"]
    assert len(drawn) == 50 and {one.probability for one in drawn} == {0.05}
    of_strata = [one for one in picks if one.picked_by == "stratum"]
    assert len(of_strata) == 25
    assert {one.stratum for one in of_strata} == {"tenant rare", "tenant small"}
    rare = whole.strata["tenant"] == "rare"
    assert max(one.probability or 0 for one in of_strata) > 5 * 0.05
    labelled = [one.place for one in picks if rare[one.place]]
    assert len(labelled) >= 10
    doubt = [one for one in picks if one.picked_by == "doubt"]
    assert {one.probability for one in doubt} == {None}
    assert whole.doubt[[one.place for one in doubt]].max() < 0.05


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 80), rows=st.integers(1, 100), share=st.floats(0, 1), seed=st.integers(0, 9)
)
def test_as_many_as_asked_for_each_once_and_none_that_has_a_label(
    size: int, rows: int, share: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    free = random.random(size) < share
    picks = pick(frame(random, size, free=free, tag=f"{seed}-"), rows)
    new = [one.place for one in picks if one.new]
    assert len(new) == len(set(new)) == min(rows, free.sum())
    assert free[new].all()
    places = [one.place for one in picks]
    assert len(places) == len(set(places)), "each row came in one way"
    for one in picks:
        assert one.probability is None or 0 < one.probability <= 1


@pytest.mark.parametrize("precision", [None, 0.3])
def test_the_labels_needed_are_those_that_give_the_precision(precision: float | None) -> None:
    """A number: the half-width of as many labels as are needed is the one that was asked for."""
    random = np.random.default_rng(2)

    def of(a_day: int) -> object:
        days = np.repeat([f"2021-01-{day:02d}" for day in range(1, 29)], a_day)
        label = random.normal(0, 10, len(days))
        answers = NumberAnswers(np.zeros(len(days)), label)
        return measured(sum_days(NumberSummer(), days, answers), days[0], days[-1])

    small = of(10)
    needed = labels_needed(small, precision, 280, "the set")  # type: ignore[arg-type]
    assert needed is not None and needed.metric == "mae"
    assert needed.asked == (precision is not None)
    assert needed.needed > 280 and not needed.reached
    large = of(needed.needed // 28 + 1).metrics["mae"]  # type: ignore[attr-defined]
    assert (large.high - large.low) / 2 == pytest.approx(needed.precision, rel=0.35)


def test_what_a_spreadsheet_would_run_is_text_on_the_form_and_itself_when_it_comes_back(
    tmp_path: Path,
) -> None:
    said = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "'quoted",
        'a "b", c',
        "two\nlines",
        "Zürich",
    ]
    ids = [f"{text}/{place}" for place, text in enumerate(said)]
    form = pa.table({"id": ids, "input_n": [-1.5] * len(ids), "label": said})
    for ending in (".csv", ".parquet"):
        file = tmp_path / f"form{ending}"
        write_form(file, form)
        rows = read_form(open_root(tmp_path / "root"), file)
        assert [(row.id, row.label) for row in rows] == list(zip(ids, said, strict=True))
        assert [row.line for row in rows] == list(range(2, len(ids) + 2))
    with (tmp_path / "form.csv").open(encoding="utf-8-sig", newline="") as opened:
        cells = list(csv.reader(opened))[1:]
    assert not [cell for row in cells for cell in (row[0], row[2]) if cell[0] in "=+-@"]
    assert {row[1] for row in cells} == {"-1.5"}, "a number is a number"


def test_a_form_that_is_none_is_bad_input(tmp_path: Path) -> None:
    root, file = open_root(tmp_path / "root"), tmp_path / "form.csv"
    with pytest.raises(BadInput, match="no such file"):
        read_form(root, file)
    file.write_text("id;label\na;1;2\nb;x\n")
    rows = read_form(root, file)
    assert [(row.line, row.id, row.problem[:9]) for row in rows] == [
        (2, None, "3 members"),
        (3, "b", ""),
    ]
    with pytest.raises(BadInput, match="is there already"):
        write_form(file, pa.table({"id": ["a"]}))
    file.write_bytes(b"")
    with pytest.raises(BadInput, match="empty"):
        read_form(root, file)
