"""Fix positions: the range they promise, the error they promise, and how they scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from net2bit.errors import QuantError
from net2bit.quant.arith import Rounding, dequantize, quantize
from net2bit.quant.positions import ZERO_POSITION, choose, largest, min_diffs, non_overflow, squared_error

VALUES = arrays(np.float32, st.integers(1, 40), elements=st.floats(-1000, 1000, width=32))
MODES = st.sampled_from([Rounding.HALF_EVEN, Rounding.HALF_AWAY, Rounding.HALF_UP])


def fits(value: float, position: int) -> bool:
    """Tell whether a value lies within half a code of the int8 range."""
    return -128.5 <= np.ldexp(value, position) <= 127.5


@given(VALUES)
def test_non_overflow_is_the_finest_position_that_fits(values: np.ndarray) -> None:
    """Law: at the position every value fits in the range of int8 codes, and one finer at least one does not."""
    position = non_overflow(values)
    if not values.any():
        assert position == ZERO_POSITION
        return
    assert all(fits(float(value), position) for value in values)
    assert not all(fits(float(value), position + 1) for value in values)


@given(VALUES, MODES)
def test_error_within_range_is_at_most_half_a_step(values: np.ndarray, mode: Rounding) -> None:
    """Law: a value that does not saturate comes back from its code with an error of at most half a step."""
    position = non_overflow(values) if values.any() else 0
    codes = quantize(values.astype(np.float64), position, mode)
    inside = (np.ldexp(values.astype(np.float64), position) >= -128) & (np.ldexp(values.astype(np.float64), position) <= 127)
    error = np.abs(dequantize(codes, position) - values.astype(np.float64))
    assert (error[inside] <= 0.5 * 2.0**-position).all()


@given(VALUES, MODES, st.sampled_from(["min_diffs", "non_overflow"]), st.integers(-6, 6))
def test_scaling_the_data_by_a_power_of_two_shifts_the_position(values: np.ndarray, mode: Rounding, method: str, shift: int) -> None:
    """Law: values 2^k times as large take a position exactly k lower (save the all-zero tensor, which has none)."""
    if not values.any():
        return
    scaled = np.ldexp(values.astype(np.float64), shift)
    assert choose(scaled, method, mode) == choose(values.astype(np.float64), method, mode) - shift


@given(VALUES, MODES)
def test_min_diffs_is_no_worse_than_any_candidate(values: np.ndarray, mode: Rounding) -> None:
    """Law: no candidate position has a smaller squared error than the one that min-diffs chooses."""
    chosen, start = min_diffs(values, mode), non_overflow(values)
    best = squared_error(values, chosen, mode)
    if start != ZERO_POSITION:
        assert start <= chosen <= start + 4
        assert all(best <= squared_error(values, start + step, mode) for step in range(5))


def test_min_diffs_gives_up_an_outlier_for_the_rest() -> None:
    """A single outlier saturates when that makes the many small values finer."""
    values = np.concatenate([np.linspace(-1, 1, 2000), [2.1]])
    assert non_overflow(values) == 5
    assert min_diffs(values, Rounding.HALF_EVEN) == 6


@pytest.mark.parametrize(
    ("low", "high", "position"),
    [(0.0, 127.5, 0), (-128.5, 0.0, 0), (0.0, 127.51, -1), (-1.0, 1.0, 6), (0.0, 0.99609375, 7), (0.0, 0.0, 127)],
)
def test_ranges_at_the_edge(low: float, high: float, position: int) -> None:
    """The range that just fits takes the finer position, one bit more does not; zeros take the vendor's 127."""
    assert largest(low, high) == position


def test_unknown_method_names_the_near_miss() -> None:
    """A misspelt method is an error of the user's with a suggestion, not a KeyError."""
    with pytest.raises(QuantError) as caught:
        choose(np.ones(3), "min_diff", Rounding.HALF_EVEN)
    assert caught.value.suggestion == "min_diffs"


def test_a_parameter_that_is_not_finite_is_refused() -> None:
    """A NaN among the weights stops the build instead of becoming code 0."""
    with pytest.raises(QuantError, match="not a finite number"):
        choose(np.array([1.0, np.nan]), "min_diffs", Rounding.HALF_EVEN)
