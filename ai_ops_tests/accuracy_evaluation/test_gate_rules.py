"""The gate beyond the whole's numbers: slices, the first version, sanity, budget."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.binary_sums import BinarySums, sum_by_day
from ai_ops.accuracy_evaluation.candidate_picture import draw_candidate
from ai_ops.accuracy_evaluation.candidate_records import (
    Budgeted,
    CandidateEvaluation,
    Sameness,
    SliceCompared,
    Sliced,
    Speed,
    Telling,
)
from ai_ops.accuracy_evaluation.gate import Criteria, judge_candidate
from ai_ops.accuracy_evaluation.gate_metrics import compare
from ai_ops.accuracy_evaluation.gate_slices import compare_slice
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.metrics import Bools, Floats
from ai_ops.accuracy_evaluation.single_inputs import tellings
from ai_ops.ai_features.gate import LATER, CandidateGate, Gate
from ai_ops_tests.accuracy_evaluation.gate_world import refusing
from ai_ops_tests.accuracy_evaluation.made_candidates import (
    DAYS,
    GATE,
    NOW,
    QUICK,
    blurred,
    evaluation,
    judged,
    sums,
    truth,
)

pytestmark = pytest.mark.requirement("PB-15", "PB-34")

CARRIERS = 8
NAN = float("nan")
Harm = Callable[[Floats], Floats]


def by(gate: CandidateGate, found: CandidateEvaluation) -> set[str]:
    """What refuses an evaluation by other criteria."""
    return refusing(judge_candidate(found, Criteria(gate, "h"), "2", NOW))


def taking(**changes: float) -> Budgeted:
    """A candidate that takes otherwise what the champion takes."""
    return Budgeted(replace(QUICK, **changes), QUICK, 9, 9)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def good() -> CandidateEvaluation:
    score, drawn = truth()
    label = (drawn < score).astype(float)
    return evaluation(sums(score, label), sums(blurred(score, 0.25), label))


def sliced(seed: int, harm: Harm | None = None, rows: int = 8000) -> CandidateEvaluation:
    """Two versions as good as each other, with errors of their own; one carrier's is harmed."""
    random = np.random.default_rng(seed)
    score, drawn = truth(rows, seed)
    label = (drawn < score).astype(float)
    carrier = random.integers(0, CARRIERS, rows)
    own, other = (
        np.clip(score + random.normal(0, 0.08, rows) + shifts[carrier], 0, 1)
        for shifts in random.normal(0, 0.02, (2, CARRIERS))
    )
    if harm is not None:
        own[carrier == 3] = harm(own[carrier == 3])
    found = evaluation(sums(own, label), sums(other, label))
    day = np.array(DAYS)[np.arange(rows) % len(DAYS)]

    def part(where: Bools, scores: Floats) -> BinarySums:
        return _sums_on(day[where], scores[where], label[where])

    slices = [
        compare_slice("carrier", str(one), part(where, own), part(where, other))
        for one in range(CARRIERS)
        for where in (carrier == one,)
    ]
    return replace(found, sliced=Sliced(slices))


def _sums_on(day: npt.NDArray[np.str_], score: Floats, label: Floats) -> BinarySums:
    return sum_by_day(day, score, label.astype(bool), score >= 0.3)


def test_a_slice_may_be_named_anything_and_is_drawn_all_the_same() -> None:
    found = sliced(1)
    odd = [replace(one, value=r"$\frac$ <b>") for one in found.sliced.slices]
    drawn = replace(found, sliced=Sliced(odd))
    assert (draw_candidate(drawn, GATE.candidate) or b"").startswith(b"\x89PNG")


def test_equal_candidates_are_hardly_ever_refused_for_a_slice() -> None:
    refused = sum("gate_slices" in refusing(judged(sliced(seed))) for seed in range(20))
    assert refused == 0


@pytest.mark.parametrize(
    "harm",
    [lambda own: np.full(len(own), 0.95), lambda own: own[::-1], lambda own: 1 - own],
    ids=["all late", "any order", "upside down"],
)
def test_a_carrier_that_is_broken_is_surely_found(harm: Harm) -> None:
    for seed in range(8):
        verdict = judged(sliced(seed, harm))["gate_slices"]
        assert verdict.status == "fail" and verdict.observed["worst_slice"] == "carrier 3"
        assert {finding.slice for finding in verdict.findings} == {"carrier 3"}
        assert verdict.findings[0].columns == ("carrier",)


def test_slices_that_are_too_small_are_named_and_none_at_all_is_no_evidence() -> None:
    found = sliced(1)
    few = SliceCompared("dest", "ANC", 8, 3)
    named = judged(replace(found, sliced=Sliced([*found.sliced.slices, few])))["gate_slices"]
    assert named.status == "pass"
    assert "too few rows: 1 (dest ANC: 8 rows of 3 days)" in named.reason
    verdict = judged(replace(found, sliced=Sliced([few])))["gate_slices"]
    assert verdict.status == "no_evidence" and "no slice has 200 labelled rows" in verdict.reason
    whole = judged(replace(found, sliced=replace(found.sliced, undivided=["dest"])))["gate_slices"]
    assert whole.status == "pass" and "no slices of dest: of one value" in whole.reason
    lost = judged(replace(found, sliced=Sliced(problem="the log is gone")))["gate_slices"]
    assert lost.status == "no_evidence" and "the log is gone" in lost.reason
    assert judged(replace(found, sliced=Sliced()))["gate_slices"].status == "no_evidence"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_slice_without_a_finite_number_is_not_judged(number: float) -> None:
    found = sliced(1)
    for broken in (Estimate(number, -0.1, 0.1, 0.05, 900, 14), Estimate(0, 0, 0, number, 900, 14)):
        slices = [replace(one, difference={"auc": broken}) for one in found.sliced.slices]
        verdict = judged(replace(found, sliced=Sliced(slices)))["gate_slices"]
        assert verdict.status == "no_evidence"


def test_the_first_version_holds_a_chain_of_promotions(good: CandidateEvaluation) -> None:
    score, drawn = truth()
    label = (drawn < score).astype(float)
    own = sums(blurred(score, 0.1), label)
    later = evaluation(own, sums(blurred(score, 0.3), label), first="1")
    held = replace(later, beside_first=compare(own, sums(score, label)))
    baseline = judged(held)["gate_baseline"]
    assert refusing(judged(held)) == {"gate_baseline"}
    assert baseline.status == "fail" and "of version 1" in baseline.reason
    assert "worse by more than the gate's" in baseline.reason
    lost = judged(replace(later, no_first="its file is gone"))["gate_baseline"]
    assert lost.status == "no_evidence" and "its file is gone" in lost.reason
    assert judged(replace(good, first=None))["gate_baseline"].status == "no_evidence"
    assert not by(GATE.candidate.model_copy(update={"held_to_first": False}), held)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"sameness": Sameness(True, False, 0)}, "fail", "under another number"),
        ({"sameness": Sameness(False, False, 0)}, "fail", "rows as version 2 does"),
        ({"sameness": Sameness(False, True, 9)}, "fail", "the very rows"),
        ({"sameness": None, "no_sameness": "no digest"}, "no_evidence", "no digest"),
        ({"told": []}, "no_evidence", "whether an input tells the label is not known"),
        ({"no_told": "no such file"}, "no_evidence", "no such file"),
        (
            {"told": [Telling("x", "there", "AUC", float("nan"), float("nan"), 9)]},
            "no_evidence",
            "",
        ),
        (
            {"told": [Telling("gate", "the hold-out", "AUC", 1.0, 0.99, 900)]},
            "fail",
            "gate (AUC 1.0",
        ),
        ({"budget": None, "no_budget": "cannot answer"}, "no_evidence", "cannot answer"),
        (
            {"budget": Budgeted(replace(QUICK, one_ms=3.1), QUICK, 9, 9)},
            "fail",
            "3.1 times as long",
        ),
        (
            {"budget": Budgeted(replace(QUICK, batch_row_ms=1), QUICK, 9, 9)},
            "fail",
            "among 9 takes",
        ),
        ({"budget": Budgeted(replace(QUICK, size_bytes=10**6), QUICK, 9, 9)}, "fail", "as large"),
        ({"budget": Budgeted(Speed(float("nan"), 1, 1), QUICK, 9, 9)}, "no_evidence", "no finite"),
        ({"budget": Budgeted(QUICK, Speed(0, 1, 1), 9, 9)}, "no_evidence", "no finite"),
    ],
)
def test_what_is_not_sane_or_takes_too_much_is_refused_and_what_is_not_known_too(
    good: CandidateEvaluation, changes: dict[str, object], status: str, words: str
) -> None:
    verdicts = judged(replace(good, **changes))  # type: ignore[arg-type]
    check = "gate_budget" if "budget" in changes else "gate_sanity"
    assert refusing(verdicts) == {check}
    assert verdicts[check].status == status and words in verdicts[check].reason


def test_absolute_limits_count_where_they_are_said(good: CandidateEvaluation) -> None:
    for limit in ({"latency_ms": 0.5}, {"size_mb": 0.005}):
        assert by(CandidateGate.model_validate(limit), good) == {"gate_budget"}
    for limit in ({"latency_ms": 1.0}, {"size_mb": 0.01}):
        assert not by(CandidateGate.model_validate(limit), good)


def test_answers_that_are_too_good_to_be_true_are_refused_and_the_input_is_named(
    good: CandidateEvaluation,
) -> None:
    score, drawn = truth()
    label = (drawn < score).astype(float)
    perfect, usual = sums(0.2 + 0.6 * label, label), sums(blurred(score, 0.25), label)
    found = evaluation(perfect, usual)
    sanity = judged(found)["gate_sanity"]
    assert sanity.status == "fail" and "auc 1.0000 on the hold-out (version 2: 0." in sanity.reason
    assert "too good to be true; look at weight" in sanity.reason
    as_good = evaluation(perfect, sums(0.3 + 0.5 * label, label))
    assert "gate_sanity" not in refusing(judged(as_good)), "what serves is as good: the task is so"


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_wider_margin_only_relaxes(data: st.DataObject) -> None:
    """Nothing that passed is refused when a criterion is loosened."""
    seed, noise = data.draw(st.integers(0, 99)), data.draw(st.floats(0, 0.3))
    found = sliced(seed, rows=1500)
    found = replace(found, beside_first=found.compared, first="1")
    gate = CandidateGate(minimum_rows=500, auc_margin=noise / 5, brier_margin=noise / 10)
    names = [name for name in CandidateGate.model_fields if name.endswith("_margin")]
    name = data.draw(st.sampled_from(names))
    wider = gate.model_copy(update={name: getattr(gate, name) + data.draw(st.floats(0, 0.5))})
    assert by(wider, found) <= by(gate, found)


@given(order=st.permutations(range(40)), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_changes_nothing(order: list[int], seed: int) -> None:
    score, drawn = truth(1120, seed)
    label, other = (drawn < score).astype(float), blurred(score, 0.2, seed)
    day = np.array(DAYS)[np.arange(1120) % len(DAYS)]
    mixed = np.array(order)[None, :] + 40 * np.arange(28)[:, None]
    found = []
    for rows in (np.arange(1120), mixed.ravel()):
        one = _sums_on(day[rows], score[rows], label[rows])
        two = _sums_on(day[rows], other[rows], label[rows])
        part = compare_slice("carrier", "EV", one, two)
        made = evaluation(one, two, sliced=Sliced([part]))
        gate = Criteria(CandidateGate(minimum_rows=500), "h")
        found.append({k: v.status for k, v in judge_candidate(made, gate, "2", NOW).items()})
    assert found[0] == found[1]


COLUMNS = st.sampled_from(["copy", "turned", "word", "null", "folded"])


@given(kind=COLUMNS, seed=st.integers(0, 20), rate=st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_every_form_of_the_label_among_the_inputs_is_told(
    kind: str, seed: int, rate: float
) -> None:
    random = np.random.default_rng(seed)
    label = random.random(3000) < rate
    number = random.normal(size=3000)
    leak = {
        "copy": pa.array(label.astype(float)),
        "turned": pa.array(-3.0 * label),
        "word": pa.array(np.where(label, "late", random.choice(["a", "b"], 3000))),
        "null": pa.array(number, mask=label),
        "folded": pa.array(np.where(label, np.sign(number) * (2 + abs(number)), number % 1)),
    }[kind]
    columns = {"other": pa.chunked_array([number]), "leak": pa.chunked_array([leak])}
    ids = [f"row-{n}" for n in range(3000)]
    strongest, other = tellings(columns, label, ids, "here")
    assert strongest.column == "leak" and strongest.low > 0.98
    assert other.value < 0.6


def test_an_identifier_is_no_leak_and_too_few_labels_tell_nothing() -> None:
    label = np.arange(2000) % 3 == 0
    ids = [f"row-{n}" for n in range(2000)]
    (own,) = tellings({"id": pa.chunked_array([ids])}, label, ids, "here")
    assert own.value < 0.6, "every value stands once: nothing is known of another's"
    assert tellings({"id": pa.chunked_array([ids])}, np.arange(2000) < 5, ids, "here") == []
    numbers = np.random.default_rng(0).normal(size=2000)
    (copied,) = tellings({"x": pa.chunked_array([numbers])}, 3 * numbers, ids, "here")
    assert copied.measure == "R² of ranks" and copied.low > 0.98
    classes = np.array(["ant", "bee", "cat"])[np.arange(2000) % 3]
    (told,) = tellings({"x": pa.chunked_array([classes])}, classes, ids, "here")
    assert told.low > 0.98


@pytest.mark.requirement("PB-35")
def test_criteria_that_came_later_change_no_digest_of_a_gate_that_was_frozen_before() -> None:
    """The digest of the defaults, as they were frozen before any of these criteria were there."""
    frozen = "1165f0e40a525e11671af5af7841c17dc8c25cee416bfa04b0cdf5f61c0e03b4"
    assert Gate().digest == frozen
    fresh = CandidateGate()
    for name, value in LATER["candidate"].items():
        assert getattr(fresh, name) == value
        other = not value if isinstance(value, bool) else 7.5 if value is None else value * 2
        changed = fresh.model_copy(update={name: other})
        assert Gate(candidate=changed).digest != frozen
    data = Gate().model_dump(mode="json")
    for name in LATER["candidate"]:
        del data["candidate"][name]
    assert Gate.model_validate(data).digest == frozen, "what was frozen then reads as it was"
