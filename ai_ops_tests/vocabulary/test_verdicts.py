"""A verdict cannot claim health without a sample, nor a failure without saying what it found."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from ai_ops.vocabulary.errors import AiOpsError
from ai_ops.vocabulary.verdicts import Evidence, Finding, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status


def test_no_verdict_without_a_reason() -> None:
    for status in get_args(Status):
        with pytest.raises(ValueError, match="reason"):
            Verdict(status, "", sample_size=1, findings=(Finding("volume", "fail", "x"),))


@pytest.mark.requirement("FR-3")
def test_a_pass_needs_a_sample_and_anything_else_a_finding() -> None:
    for size in (0, -1):
        with pytest.raises(ValueError, match="a pass needs a sample"):
            Verdict.passing("nothing was looked at", sample_size=size)
    with pytest.raises(ValueError, match="names what was found"):
        Verdict.failing("bad")
    with pytest.raises(ValueError, match="names what was found"):
        Verdict("no_evidence", "nothing")


def test_lacking_evidence_is_itself_the_finding() -> None:
    window = Window.of_day("2021-03-01")
    verdict = Verdict.lacking("no rows were logged", "volume", window=window)
    assert verdict.status == "no_evidence" and not verdict.passed
    assert verdict.findings == (
        Finding("volume", "no_evidence", "no rows were logged", window=window),
    )


def test_only_a_pass_and_a_waiver_tick_an_item() -> None:
    found = Finding("volume", "fail", "x")
    ticked = {
        status: Verdict(status, "so", sample_size=1, findings=(found,)).passed
        for status in get_args(Status)
    }
    assert ticked == {"pass": True, "fail": False, "no_evidence": False, "waived": True}


def test_evidence_is_added_to_a_copy() -> None:
    verdict = Verdict.passing("fine", sample_size=1, evidence=(Evidence("a", "1"),))
    more = verdict.with_evidence(Evidence("b", "2"), Evidence("c", "3"))
    assert [one.source for one in more.evidence] == ["a", "b", "c"]
    assert [one.source for one in verdict.evidence] == ["a"]
    with pytest.raises(FrozenInstanceError):
        verdict.status = "fail"  # type: ignore[misc]


def test_every_error_is_drawn_in_the_hierarchy() -> None:
    from ai_ops.vocabulary import errors

    names = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, AiOpsError)
    ]
    assert errors.__doc__ and [name for name in names if name not in errors.__doc__] == []
