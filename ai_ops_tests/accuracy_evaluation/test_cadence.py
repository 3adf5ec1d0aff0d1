"""The advice of a cadence: from how versions grow old and how alerts fire, from nothing else."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.accuracy_evaluation.cadence import RHYTHMS, Advice, Spell, advise, spells_of
from ai_ops.accuracy_evaluation.cadence_judging import judge_cadence
from ai_ops.accuracy_evaluation.intervals import Estimate, interval
from ai_ops.accuracy_evaluation.staleness_records import AgedMonth, Answered, Older, by_age
from ai_ops.ai_features.gate import Gate
from ai_ops.ai_features.parts import Retraining
from ai_ops.vocabulary.alerts import Alert
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.windows import Window

LAUNCH = utc("2021-01-01T07:00:00Z")
WINDOW = Window.of_day("2021-06-01")
WOBBLE = (0.0004, -0.0003, 0.0001, -0.0002, 0.0003, -0.0001)


def sure(value: float, error: float = 0.002) -> Estimate:
    return interval(value, error, rows=9000, days=28)


def aged(
    lost: float,
    months: int = 5,
    *,
    hard: Sequence[float] = (),
    every: int = 2,
    scatter: float = 1.0,
) -> list[AgedMonth]:
    """Months on which a new version was trained every so many months, and each loses so much AUC a
    month; ``hard`` months are harder for all of them alike."""
    found = []
    for place in range(months):
        answered = []
        for number, trained in enumerate(range(0, place + 1, every)):
            age = place - trained + 0.5
            value = 0.75 - lost * age - (hard[place] if hard else 0.0)
            metrics = {"auc": sure(value), "brier_skill": sure(0.2 - lost * age)}
            answered.append(Answered(str(number + 1), "2021-01-01", age, 9000, 28, metrics))
        found.append(month_of(place, answered, scatter))
    return found


def month_of(place: int, answered: list[Answered], scatter: float) -> AgedMonth:
    name = f"2021-{place + 1:02d}-01"
    older = [
        Older(
            name,
            one.version,
            other.version,
            one.age - other.age,
            {
                metric: sure(
                    one.metrics[metric].value
                    - other.metrics[metric].value
                    + scatter * WOBBLE[place]
                )
                for metric in one.metrics
            },
            {metric: found.value for metric, found in other.metrics.items()},
        )
        for one, other in by_age(answered)
    ]
    return AgedMonth("parcels", name, LAUNCH, LAUNCH, "score", answered, older)


def spell(days: int, alert: str = "") -> Spell:
    return Spell("1", LAUNCH, LAUNCH + timedelta(days=days), days, alert)


QUIET = (spell(400),)


@pytest.mark.requirement("FQ-03", "FQ-06")
@pytest.mark.parametrize(
    ("lost", "days", "rhythm"),
    [
        (0.09, 400, "every week"),
        (0.055, 400, "every two weeks"),
        (0.025, 400, "every month"),
        (0.012, 400, "every two months"),
        (0.008, 400, "every three months"),
        (0.004, 400, "every half year"),
        (0.004, 9, "every week"),
        (0.004, 85, "every three months"),
    ],
)
def test_what_is_advised_goes_from_weekly_to_months_and_says_why(
    lost: float, days: int, rhythm: str
) -> None:
    spells = QUIET if days == 400 else (spell(days, "accuracy"),)
    advice = advise(aged(lost), spells, Gate())
    assert advice.rhythm == rhythm
    assert advice.reason.startswith(f"retrain {rhythm}: ")
    assert "AUC lost a month" in advice.reason
    assert (
        "one in" if days < 400 else "no accuracy or drift alert in 400 judged days"
    ) in advice.reason


@pytest.mark.requirement("FQ-04")
@given(days=st.integers(10, 300), sooner=st.floats(0.1, 0.9))
def test_the_quicker_alerts_fire_the_shorter_is_the_advice(days: float, sooner: float) -> None:
    slow, quick = (
        advise(aged(0.002), (spell(d, "input_drift"),), Gate()) for d in (days, int(days * sooner))
    )
    assert slow.days is not None and quick.days is not None and quick.days <= slow.days
    assert slow.spacing == pytest.approx(days)


@pytest.mark.requirement("FQ-05")
@given(lost=st.floats(0.002, 0.1), faster=st.floats(1.05, 5))
def test_the_faster_accuracy_is_lost_the_shorter_is_the_advice(lost: float, faster: float) -> None:
    slow, quick = (advise(aged(one), QUIET, Gate()) for one in (lost, lost * faster))
    assert slow.days is not None and quick.days is not None and quick.days <= slow.days
    # A gate that calls half as much a gap leaves half as long.
    strict = advise(aged(lost), QUIET, Gate(auc_drop=0.025, brier_rise=0.025))
    assert strict.days is not None and strict.days <= slow.days


@pytest.mark.requirement("FQ-05")
def test_a_hard_month_is_no_age() -> None:
    """All versions do worse in the months of storms: beside each other they did not grow old."""
    calm, stormy = (advise(aged(0.012, hard=h), QUIET, Gate()) for h in ((), (0, 0.1, 0, 0.2, 0.1)))
    assert stormy.days == calm.days and stormy.reason == calm.reason


def test_a_version_without_a_newer_one_beside_it_is_told_from_no_season() -> None:
    advice = advise(aged(0.012, every=9), QUIET, Gate())
    assert all(loss.alone for loss in advice.losses)
    assert "cannot be told from the season" in advice.reason


def test_no_age_is_advised_that_was_not_seen() -> None:
    advice = advise(aged(-0.01), QUIET, Gate())
    assert advice.days == pytest.approx(4.5 * 30.44)
    assert "too little to matter at any age that was seen, up to 137 days" in advice.reason


def test_little_evidence_is_no_reason_to_wait() -> None:
    """The same loss from months that say less: what may be lost is more."""
    sharp, blurred = (advise(aged(0.004, scatter=s), QUIET, Gate()) for s in (1, 30))
    assert sharp.days is not None and blurred.days is not None
    assert blurred.days < sharp.days / 2


@pytest.mark.requirement("FQ-03")
@pytest.mark.parametrize(
    ("months", "spells", "words"),
    [
        (aged(0.01, months=4), QUIET, "in 2 months after their training, needed are 3"),
        (aged(0.01, months=1), QUIET, "in 0 months after their training, needed are 3"),
        ([], QUIET, "in 0 months after their training"),
        (aged(0.01), (), "no launch stands in the ledger"),
        (
            aged(0.01),
            (spell(12),),
            "no alert in 12 days of production of which accuracy or drift was judged",
        ),
    ],
)
def test_too_little_history_advises_nothing_and_says_what_is_missing(
    months: list[AgedMonth], spells: tuple[Spell, ...], words: str
) -> None:
    advice = advise(months, spells, Gate())
    assert advice.days is None and advice.rhythm == ""
    assert len(advice.missing) == 1 and words in advice.missing[0]
    assert judge_cadence(advice, Retraining(), WINDOW).status == "no_evidence"


@pytest.mark.requirement("FQ-04")
def test_time_without_an_alert_counts_as_time_at_risk() -> None:
    moves = [("1", LAUNCH), ("2", LAUNCH + timedelta(days=40)), ("3", LAUNCH + timedelta(days=60))]
    raised = [LAUNCH + timedelta(days=days) for days in (-5, 30, 35, 90)]
    alerts = [Alert("accuracy", "", "", at, (), open=False) for at in raised]
    judged = [LAUNCH + timedelta(days=day) for day in range(-20, 101) if day != 50]
    spells = spells_of(moves, alerts, judged, LAUNCH + timedelta(days=100))
    assert [(one.version, one.days, one.alert) for one in spells] == [
        ("1", 30, "accuracy"),
        ("2", 19, ""),  # of its twenty days, nobody judged one
        ("3", 30, "accuracy"),
    ]
    assert Advice((), spells, 0.0).spacing == 39.5


@pytest.mark.requirement("FQ-03")
@pytest.mark.parametrize(
    ("wait", "status", "words"),
    [
        (30, "pass", "is near what is advised"),
        (120, "fail", "times longer than the"),
        (7, "fail", "times shorter than the"),
    ],
)
def test_a_declared_wait_is_held_against_the_advice(wait: int, status: str, words: str) -> None:
    advice = advise(aged(0.025), QUIET, Gate())
    declared = Retraining(automated=True, trainer="somewhere.trainer", wait_days=wait)
    verdict = judge_cadence(advice, declared, WINDOW)
    assert verdict.status == status and words in verdict.reason
    assert verdict.observed["rhythm"] == "every month"
    by_hand = judge_cadence(advice, Retraining(wait_days=wait), WINDOW)
    assert by_hand.status == "pass" and "nothing retrains by itself" in by_hand.reason


def test_every_rhythm_is_its_own_nearest() -> None:
    advised = [advise(aged(0.0001), (spell(d, "accuracy"),), Gate()).rhythm for d, _ in RHYTHMS[:5]]
    assert advised == [name for _, name in RHYTHMS[:5]]
