"""Windows are half open, in UTC, and named by days."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.windows import Window

DAYS = st.dates(date(2000, 1, 10), date(2100, 1, 1))


@given(DAYS, st.integers(1, 60))
def test_a_trailing_window_touches_exactly_its_days(last: date, days: int) -> None:
    window = Window.trailing(last, days=days)
    touched = list(window.days())
    assert len(touched) == days and touched[-1] == last.isoformat()
    assert window.end - window.start == timedelta(days=days)


@given(DAYS, st.integers(-9, 9))
def test_days_overlap_only_themselves(day: date, shift: int) -> None:
    one, other = Window.of_day(day), Window.of_day(day + timedelta(days=shift))
    assert one.overlaps(other) == other.overlaps(one) == (shift == 0)


def test_a_window_holds_its_start_and_not_its_end() -> None:
    window = Window.of_week("2021-03-01")
    assert window.holds(window.start) and not window.holds(window.end)
    assert window.overlaps(Window.of_day("2021-03-07"))
    assert not window.overlaps(Window.of_day("2021-03-08"))


def test_a_window_that_is_empty_or_without_a_zone_is_refused() -> None:
    moment = datetime(2021, 3, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after its start"):
        Window(moment, moment)
    with pytest.raises(ValueError, match="zone"):
        Window(datetime(2021, 3, 1), moment)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-12, 14))
def test_a_moment_of_any_zone_is_the_same_moment_in_utc(naive: datetime, hours: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert utc(moment) == moment == utc(moment.isoformat())
    assert utc(moment).tzinfo is UTC
    with pytest.raises(ValueError, match="needs its zone"):
        utc(naive)
