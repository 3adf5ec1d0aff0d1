"""How a feature stands: the fold over its events, whatever their number and order."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.storage.ledger import Event, NewEvent
from ai_ops.storage.standing import Standing, fold, standing_of
from ai_ops.vocabulary.errors import LedgerBroken
from ai_ops.vocabulary.words import Conclusion, EventKind
from ai_ops_tests.deciding import FEATURE, NOW, root_in

Said = tuple[EventKind, dict[str, Any]]

VERSIONS = st.sampled_from(["1", "2", "3"])
IDS = st.sampled_from(["drift-2021-03-01", "cost_spike-2021-03-08"])
PERSON = st.sampled_from(["anna@example.com", "ben@example.com"])


def said(kind: EventKind, **content: st.SearchStrategy[Any]) -> st.SearchStrategy[Said]:
    return st.fixed_dictionaries({"by": PERSON, **content}).map(lambda payload: (kind, payload))


DECISIONS = st.one_of(
    said("approval", version=VERSIONS, gate_hash=st.just("h"), reason=st.just("good")),
    said("rejection", version=VERSIONS, gate_hash=st.just("h"), reason=st.just("bad")),
)
HOLDS = st.one_of(
    said("hold", reason=st.sampled_from(["one", "two"])), said("release", reason=st.just("over"))
)
MOVES = st.one_of(
    *[
        said(kind, version=VERSIONS, previous=st.none(), metrics=st.just({"auc": 0.7}))
        for kind in ("launch", "promotion", "rollback")
    ]
)
INCIDENTS = st.one_of(
    said("incident_acknowledged", incident=IDS),
    said(
        "incident_concluded",
        incident=IDS,
        conclusion=st.sampled_from(get_args(Conclusion)),
        note=st.just("looked"),
    ),
    said("incident_resolved", incident=IDS, note=st.just("gone")),
)
RETRAININGS = said(
    "retraining",
    retraining=st.sampled_from(["r1", "r2"]),
    stage=st.sampled_from(["started", "evaluated", "failed"]),
)
ANYTHING = st.lists(st.one_of(DECISIONS, HOLDS, MOVES, INCIDENTS, RETRAININGS), max_size=20)


def events(*facts: Said) -> list[Event]:
    """Events a minute apart, each in a block of its own."""
    return [
        Event(n, 0, kind, "parcels", NOW + timedelta(minutes=n), payload, NOW, None)
        for n, (kind, payload) in enumerate(facts, start=1)
    ]


def opened(id: str) -> Said:
    content = {"alert": id[:-11], "item": "input_drift", "begin": id[-10:], "reason": "it moved"}
    return "incident_opened", {"incident": id, **content, "version": "1", "severity": "warning"}


BOTH = (opened("drift-2021-03-01"), opened("cost_spike-2021-03-08"))


@given(ANYTHING)
def test_the_fold_of_a_ledger_is_that_of_its_beginning_and_then_the_rest(
    facts: Sequence[Said],
) -> None:
    whole = events(*BOTH, *facts)
    assert fold(whole) == fold(iter(whole))
    for before, after in pairwise([fold(whole[:n]) for n in range(len(whole) + 1)]):
        assert after.moves[: len(before.moves)] == before.moves
        assert after.refusals[: len(before.refusals)] == before.refusals
        assert [one.id for one in after.incidents][: len(before.incidents)] == [
            one.id for one in before.incidents
        ]
        resolved = {one.id for one in before.incidents if one.state == "resolved"}
        assert resolved <= {one.id for one in after.incidents if one.state == "resolved"}


@given(st.lists(DECISIONS, max_size=12))
def test_the_last_decision_on_a_version_counts(facts: Sequence[Said]) -> None:
    approvals = fold(events(*facts)).approvals
    for version in ("1", "2", "3"):
        own = [
            (n, kind, payload["by"])
            for n, (kind, payload) in enumerate(facts, start=1)
            if payload["version"] == version
        ]
        if not own:
            assert version not in approvals
            continue
        number, kind, by = own[-1]
        assert approvals[version].approved is (kind == "approval")
        assert (approvals[version].by, approvals[version].place) == (by, (number, 0))


@given(st.lists(HOLDS, max_size=12))
def test_each_hold_forbids_until_the_next_release(facts: Sequence[Said]) -> None:
    kinds = [kind for kind, _ in facts]
    since = len(kinds) - 1 - kinds[::-1].index("release") if "release" in kinds else -1
    standing = fold(events(*facts))
    assert len(standing.holds) == len(kinds) - 1 - since
    assert len(standing.forbidding) == len(standing.holds)


@given(st.lists(INCIDENTS, max_size=15))
def test_an_incident_forbids_until_concluded_and_bad_data_until_resolved(
    facts: Sequence[Said],
) -> None:
    standing = fold(events(*BOTH, *facts))
    for one in standing.incidents:
        own = [(kind, p) for kind, p in facts if p["incident"] == one.id]
        kinds = [kind for kind, _ in own]
        if "incident_resolved" in kinds:
            assert (one.state, one.forbids_promotion) == ("resolved", False)
            continue
        concluded = [p["conclusion"] for kind, p in own if kind == "incident_concluded"]
        assert one.state == ("concluded" if concluded else "open")
        assert one.conclusion == (concluded[-1] if concluded else None)
        assert one.forbids_promotion is (not concluded or concluded[-1] == "bad_data")
    assert len(standing.forbidding) == sum(one.forbids_promotion for one in standing.incidents)


@given(st.lists(MOVES, min_size=1, max_size=10), st.integers(0, 12))
def test_the_live_version_of_every_moment_is_that_of_the_last_move_before_it(
    facts: Sequence[Said], minute: int
) -> None:
    standing = fold(events(*facts))
    assert standing.live == facts[-1][1]["version"]
    before = facts[:minute]
    then = NOW + timedelta(minutes=minute)
    assert standing.live_at(then) == (before[-1][1]["version"] if before else None)
    launches = [p["version"] for kind, p in facts if kind == "launch"]
    assert (standing.launched.version if standing.launched else None) == next(iter(launches), None)


def test_nothing_stands_before_the_first_event() -> None:
    nothing = Standing()
    assert (nothing.gate, nothing.live, nothing.launched, nothing.forbidding) == (None,) * 3 + ((),)
    assert nothing.live_at(NOW) is None and nothing.incident("drift-2021-03-01") is None


def test_stages_of_a_retraining_are_kept_under_its_id() -> None:
    started = {"stage": "started", "cause": "accuracy_drop", "incident": "x", "requested_by": "a"}
    facts: list[Said] = [
        ("retraining", {"retraining": "r1", **started}),
        ("retraining", {"retraining": "r2", "stage": "started"}),
        ("retraining", {"retraining": "r1", "stage": "evaluated", "version": "2"}),
    ]
    first, second = fold(events(*facts)).retrainings
    assert (first.id, first.cause, first.incident) == ("r1", "accuracy_drop", "x")
    assert list(first.stages) == ["started", "evaluated"]
    assert first.stages["evaluated"]["version"] == "2"
    assert second.id == "r2" and list(second.stages) == ["started"]


def waiver(until: str, domain: str = "inference_management") -> Said:
    content = {"item": "load_tested", "domain": domain, "reason": "later", "until": until}
    return "waiver", {**content, "by": "ben@example.com"}


def test_a_waiver_holds_to_the_end_of_its_day_for_its_own_domain_and_the_last_one_counts() -> None:
    standing = fold(events(waiver("2021-04-03"), waiver("2021-09-01", "drift_monitoring")))
    last_minute = NOW.replace(day=3, hour=23, minute=59)
    assert standing.waiver("load_tested", "inference_management", last_minute) is not None
    next_day = last_minute + timedelta(minutes=1)
    assert standing.waiver("load_tested", "inference_management", next_day) is None
    assert standing.waiver("load_tested", "retraining_pipeline", last_minute) is None
    assert standing.waiver("load_tested", "inference_management", NOW) is None, "not signed yet"
    shortened = fold(events(waiver("2021-09-01"), waiver("2021-04-02")))
    assert shortened.waiver("load_tested", "inference_management", last_minute) is None


@pytest.mark.requirement("PL-19")
def test_the_ledger_alone_tells_what_was_live_at_any_past_moment(tmp_path: Path) -> None:
    root = root_in(tmp_path)
    first: list[Said] = [("launch", {"version": "1", "previous": None, "by": "a@example.com"})]
    then: list[Said] = [("promotion", {"version": "2", "previous": "1", "approved_by": "b@b.c"})]
    clock = root.begin_replay(NOW)
    for days, ((kind, payload),) in enumerate((first, then)):
        clock.advance(NOW + timedelta(days=days))
        root.ledger.append([NewEvent(kind, FEATURE.name, payload)], clock=clock)
    standing = standing_of(root.ledger, FEATURE.name)
    assert [(m.kind, m.version, m.previous, m.by) for m in standing.moves] == [
        ("launch", "1", None, "a@example.com"),
        ("promotion", "2", "1", "b@b.c"),
    ]
    assert standing_of(root.ledger, FEATURE.name, as_of=NOW).live == "1" == standing.live_at(NOW)
    assert standing_of(root.ledger, "another").moves == ()


def test_an_event_that_says_too_little_is_named_and_nothing_is_decided_on_it() -> None:
    event = Event(7, 0, "waiver", FEATURE.name, NOW, {"item": "load_tested"}, NOW, None)
    with pytest.raises(LedgerBroken, match=r"block 7, event 0: no waiver"):
        fold([event])
