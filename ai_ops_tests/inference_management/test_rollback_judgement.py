"""What a drill is judged by: the clock, every request, who signed, and how long ago it was."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.inference_management.drill_answers import (
    Counted,
    Expected,
    Seen,
    Who,
    counted,
    first,
    last,
    seen,
)
from ai_ops.inference_management.load.course import Request
from ai_ops.inference_management.rollback_clocks import timed
from ai_ops.inference_management.rollback_judgement import judge
from ai_ops.inference_management.rollback_limits import ALLOWED, EXPIRES_AFTER
from ai_ops.inference_management.rollback_record import Clocks, Drilled, Ran
from ai_ops_tests.inference_management.rollback_world import NOON, PERSON, went_well

WELL = went_well()
LATE = ALLOWED.total_seconds() + 1
COUNTED, LOAD = WELL.counted, WELL.load
assert COUNTED is not None and LOAD is not None


def test_a_signed_drill_that_went_well_passes_and_its_record_survives_the_lake() -> None:
    verdict = judge(Drilled.of(WELL.as_data()), NOON, PERSON)
    assert verdict.status == "pass"
    assert verdict.reason.startswith(f"{PERSON} rolled version 2 back to 1 on 2021-03-04")
    assert (verdict.observed["first_old_seconds"], verdict.sample_size) == (2.0, 200)
    assert Drilled.of(WELL.as_data()) == WELL


@pytest.mark.requirement("PL-32")
def test_without_a_signature_it_is_no_evidence_and_says_the_command() -> None:
    verdict = judge(WELL, NOON, None)
    assert verdict.status == "no_evidence"
    assert "ai-ops drill rollback tiny --sign --by PERSON" in verdict.reason


@pytest.mark.requirement("PL-29")
def test_it_holds_for_ninety_days() -> None:
    assert judge(WELL, NOON + EXPIRES_AFTER, PERSON).status == "pass"
    verdict = judge(WELL, NOON + EXPIRES_AFTER + timedelta(hours=1), PERSON)
    assert verdict.status == "no_evidence"
    assert "it expired: 90 days ago" in verdict.reason


@pytest.mark.requirement("PL-34")
@pytest.mark.parametrize(
    ("otherwise", "words"),
    [
        ({"clocks": Clocks(1.0, LATE, LATE, LATE)}, "first answer of the previous version"),
        ({"clocks": Clocks(1.0, 2.0, LATE, LATE)}, "the last answer of the candidate came 301 s"),
        ({"clocks": Clocks(1.0, None, None, 9.0)}, "the candidate still answered"),
        ({"clocks": Clocks(1.0, 2.0, 4.0, 4.0, ("candidate",))}, "a worker never swapped back"),
        ({"clocks": Clocks(1.0, 0.1, 2.0, 4.0, ("previous",))}, "a worker never swapped: the"),
        ({"clocks": Clocks(waited=9.0), "moves": ("launch 1",)}, "the promotion did nothing"),
        ({"clocks": Clocks(waited=9.0)}, "never swapped: the promotion stands in the ledger"),
        ({"counted": replace(COUNTED, lost=1)}, "1 request lost"),
        ({"counted": replace(COUNTED, mislabelled=2)}, "2 requests mislabelled"),
        ({"counted": replace(COUNTED, failed=3)}, "3 requests answered with a failure"),
        ({"counted": replace(COUNTED, strange=1)}, "outputs of neither version"),
        ({"unlogged": 1}, "1 request answered and not logged"),
        ({"missing": ("there is no previous version: none",)}, "there is no previous version"),
        ({"problems": ("NeverServed: it died",), "counted": None}, "it was broken off"),
        (
            {"ran": (Ran("roll_back", "ai-ops rollback", 1, 1.0, "words\nrefused"),)},
            "Roll back: `ai-ops rollback` ended with 1: refused",
        ),
    ],
)
def test_what_went_wrong_fails_signed_or_not(otherwise: dict[str, Any], words: str) -> None:
    for signed_by in (PERSON, None):
        verdict = judge(went_well(**otherwise), NOON, signed_by)
        assert verdict.status == "fail"
        assert words in verdict.reason


@pytest.mark.parametrize(
    ("otherwise", "words"),
    [
        ({"bodies": 0, "counted": None, "load": None}, "never differed"),
        ({"counted": None, "load": None}, "nothing of any request"),
        ({"load": replace(LOAD, generator_share=0.8)}, "80% of a core"),
        ({"load": replace(LOAD, achieved=10.0)}, "it was not the load"),
    ],
)
def test_what_shows_nothing_is_no_evidence(otherwise: dict[str, Any], words: str) -> None:
    verdict = judge(went_well(**otherwise), NOON, PERSON)
    assert verdict.status == "no_evidence"
    assert words in verdict.reason


def test_requests_that_were_turned_away_are_counted_and_no_failure() -> None:
    verdict = judge(went_well(counted=Counted(200, 190, 0, 10, 0, 0, 0)), NOON, PERSON)
    assert (verdict.status, verdict.observed["refused"]) == ("pass", 10)


@pytest.mark.requirement("PL-34")
def test_an_endpoint_that_turned_most_of_the_load_away_was_not_drilled_under_it() -> None:
    assert LOAD is not None
    most = Counted(200, 20, 0, 180, 0, 0, 0)
    verdict = judge(went_well(counted=most, load=replace(LOAD, achieved=2.0)), NOON, PERSON)
    assert verdict.status == "no_evidence"
    assert "2 of 20 requests a second were answered in time (180 were turned" in verdict.reason


def answered(who: Who, *ended: float) -> list[Seen]:
    return [Seen(one, who, LABELS[who], "a") for one in ended]


@pytest.mark.requirement("PL-31", "PL-34")
def test_one_worker_of_several_that_never_swaps_is_seen_beside_those_that_do() -> None:
    """Promoted at 10, rolled back at 20, ended at 25; the other worker always swaps."""
    swaps = [
        *answered("previous", 9.9, 10.2),
        *answered("candidate", *(10.5 + n / 10 for n in range(95))),
        *answered("previous", *(20.5 + n / 10 for n in range(45))),
    ]

    def clocks(*beside: Seen, back: bool = True) -> Clocks:
        told = Clocks(waited=5.0, stayed=() if back else ("candidate",))
        return timed([*swaps, *beside], told, 10.0, 20.0, quiet=0.75)

    assert clocks() == Clocks(0.5, 0.5, None, 5.0)
    assert clocks(*answered("candidate", 20.1, 24.0)).stayed == ()
    assert clocks(*answered("candidate", 22.0, 24.6)).stayed == ("candidate",)
    assert clocks(*answered("candidate", 22.0), back=False).stayed == ("candidate",)
    never = clocks(*answered("previous", 19.6))
    assert never.stayed == ("previous",)
    assert judge(went_well(clocks=never), NOON, PERSON).status == "fail"


LABELS: dict[Who, str] = {"previous": "1", "candidate": "2"}
EXPECTED = Expected("{}", {"p": 0.25, "late": False}, {"p": 0.75, "late": True})
ANSWERS = st.sampled_from(
    [
        '{"id": "a", "model_version": "1", "outputs": {"p": 0.25, "late": false}}',
        '{"id": "b", "model_version": "2", "outputs": {"p": 0.75, "late": true}}',
        '{"id": "c", "model_version": "2", "outputs": {"p": 0.25, "late": false}}',
        '{"id": "d", "model_version": "1", "outputs": {"p": 0.5, "late": true}}',
        '{"detail": "no outputs"}',
        "no JSON",
    ]
)
REQUESTS = st.builds(
    lambda ended, status, answer: Request(0.0, 0.0, ended, status, None, answer),
    st.floats(0, 100),
    st.sampled_from([200, 200, 200, 429, 500, None]),
    ANSWERS,
)


@pytest.mark.requirement("PL-34")
@given(st.lists(REQUESTS))
def test_every_request_is_counted_once_and_by_its_outputs(requests: list[Request]) -> None:
    answers = [seen(one, EXPECTED) for one in requests]
    found = counted(requests, answers, LABELS)
    assert found.sent == found.answered + found.lost + found.refused + found.failed
    answered = [one.answer or "" for one in requests if one.status == 200]
    assert found.mislabelled == sum('"c"' in text for text in answered)
    assert found.strange == sum('"d"' in text or 'outputs":' not in text for text in answered)


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from(["previous", "candidate"]))))
def test_clocks_run_from_the_moment_to_the_first_and_the_last(
    times: list[tuple[float, Who]],
) -> None:
    answers = [Seen(ended, who, "1", "a") for ended, who in times]
    after = 50.0
    came = [ended - after for ended, who in times if who == "previous" and ended > after]
    assert first(answers, "previous", after) == (min(came) if came else None)
    assert last(answers, "previous", after) == (max(came) if came else None)
