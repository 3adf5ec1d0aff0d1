"""What a division of a difference promises, held on any game."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.inference_management.shapley import coefficients, shapley

pytestmark = pytest.mark.requirement("WK-05")

GAMES = st.integers(1, 6).flatmap(
    lambda causes: st.lists(
        st.integers(-(10**15), 10**15), min_size=1 << causes, max_size=1 << causes
    )
)


@given(GAMES)
def test_the_shares_sum_to_the_difference(values: list[int]) -> None:
    assert sum(shapley(values)) == values[-1] - values[0]


@given(GAMES)
def test_the_way_back_is_the_way_there_negated(values: list[int]) -> None:
    assert shapley(values[::-1]) == [-share for share in shapley(values)]


@given(GAMES)
def test_they_are_the_mean_over_all_orders_but_for_rounding(values: list[int]) -> None:
    exact = coefficients(len(values).bit_length() - 1) @ [float(value) for value in values]
    assert shapley(values) == pytest.approx(exact.tolist(), abs=1.001)


@given(GAMES, st.data())
def test_a_cause_that_adds_nothing_has_nothing(values: list[int], data: st.DataObject) -> None:
    """A further cause, put before any of the others, that leaves each value as it was."""
    place = data.draw(st.integers(0, len(values).bit_length() - 1))
    low = (1 << place) - 1
    wider = [values[(one >> 1 & ~low) | (one & low)] for one in range(2 * len(values))]
    shares = shapley(wider)
    assert shares.pop(place) == 0 and shares == shapley(values)


def test_values_of_no_set_of_causes_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values are not those of all coalitions"):
        shapley([1, 2, 3])
