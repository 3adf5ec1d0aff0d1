"""Requests that were served are compared with those that were logged, whatever the hour's edges."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_ops.prediction_logging.day_part import EDGE_SECONDS, Hour
from ai_ops.prediction_logging.hours import compare, key
from ai_ops_tests.prediction_logging.logging_world import moment

WINDOW = moment().window
# Often near an hour's edge, where a request may be counted in the hour beside.
SECONDS = st.one_of(
    st.integers(0, 86_399),
    st.builds(
        lambda hour, offset: min(86_399, max(0, hour * 3600 + offset)),
        st.integers(0, 24),
        st.integers(-40, 40),
    ),
)


def logged(times: list[datetime]) -> dict[str, Hour]:
    hours: dict[str, Hour] = {}
    for time in times:
        edge = time.minute * 60 + time.second
        one = Hour(1, 1, 0, int(edge < EDGE_SECONDS), int(edge >= 3600 - EDGE_SECONDS))
        hours[key(time)] = hours.get(key(time), Hour()).plus(one)
    return hours


def served(times: list[datetime]) -> dict[str, int]:
    return dict(Counter(key(time) for time in times))


def at(second: int) -> datetime:
    return WINDOW.start + timedelta(seconds=second)


@settings(deadline=None, max_examples=200)
@given(requests=st.lists(st.tuples(SECONDS, st.integers(-EDGE_SECONDS, EDGE_SECONDS)), max_size=40))
@pytest.mark.requirement("PL-03")
def test_what_was_logged_is_never_missing_however_late_the_witness_counts_it(
    requests: list[tuple[int, int]],
) -> None:
    # A witness that counts within the seconds of an edge: all before, or all behind the record.
    for sign in (-1, 1):
        counted = [at(second + sign * abs(delay)) for second, delay in requests]
        found = compare(served(counted), logged([at(second) for second, _ in requests]), WINDOW)
        assert sum(one.short for one in found) == 0


@settings(deadline=None, max_examples=200)
@given(
    inside=st.lists(
        st.tuples(st.integers(0, 23), st.integers(EDGE_SECONDS, 3600 - EDGE_SECONDS - 1)),
        max_size=40,
    ),
    lost=st.sets(st.integers(0, 39)),
)
@pytest.mark.requirement("PL-03", "WK-10")
def test_what_was_not_logged_is_counted_exactly_in_its_hour(
    inside: list[tuple[int, int]], lost: set[int]
) -> None:
    times = [at(hour * 3600 + second) for hour, second in inside]
    kept = [time for place, time in enumerate(times) if place not in lost]
    found = compare(served(times), logged(kept), WINDOW)
    gone = Counter(key(time) for place, time in enumerate(times) if place in lost)
    assert {key(one.hour): one.short for one in found if one.short} == dict(gone)


@settings(deadline=None, max_examples=200)
@given(seconds=st.lists(SECONDS, max_size=40), lost=st.sets(st.integers(0, 39)))
def test_no_more_is_called_missing_than_is(seconds: list[int], lost: set[int]) -> None:
    kept = [at(second) for place, second in enumerate(seconds) if place not in lost]
    found = compare(served([at(second) for second in seconds]), logged(kept), WINDOW)
    assert sum(one.short for one in found) <= len(seconds) - len(kept)


@settings(deadline=None, max_examples=40)
@given(
    rate=st.integers(1, 3),
    hour=st.integers(0, 23),
    lost=st.integers(1, 60),
)
@pytest.mark.requirement("PL-03", "WK-10")
def test_the_traffic_beside_a_day_hides_no_loss_of_it(rate: int, hour: int, lost: int) -> None:
    # Steady traffic over three days, of which the witness and the log see the same.
    every = 60
    around = range(-2 * 3600, 25 * 3600, every)
    times = [at(second) for second in around for _ in range(rate)]
    kept = logged(times)
    assert not any(one.short for one in compare(served(times), kept, WINDOW))
    name = key(WINDOW.start + timedelta(hours=hour))
    kept[name] = Hour(kept[name].records - lost, kept[name].requests - lost, 0, 3 * rate, 3 * rate)
    found = compare(served(times), kept, WINDOW)
    assert sum(one.short for one in found) == lost
