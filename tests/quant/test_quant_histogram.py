"""The histogram of an activation against the numbers themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.quant.arith import Rounding
from net2bit.quant.histogram import Histogram, mode
from net2bit.quant.positions import ZERO_POSITION, min_diffs, non_overflow, squared_error


def sample(seed: int, spread: float, size: int = 20_000) -> np.ndarray:
    """Return numbers like a layer's: normal, a few far out, on any scale."""
    random = np.random.default_rng(seed)
    return (random.standard_t(5, size) * spread).astype(np.float32)


@given(st.integers(0, 50), st.floats(1e-3, 1e3), st.sampled_from(["", "relu"]))
def test_histogram_chooses_what_the_numbers_choose(seed: int, spread: float, act: str) -> None:
    """Law: the histogram's position is one whose error on the numbers themselves is within 2 % of the best one's."""
    values = np.maximum(sample(seed, spread), 0) if act else sample(seed, spread)
    chosen = Histogram.of(values).best(Rounding.HALF_UP)
    least = squared_error(values, min_diffs(values, Rounding.HALF_UP), Rounding.HALF_UP)
    assert squared_error(values, chosen, Rounding.HALF_UP) <= 1.02 * least
    assert Histogram.of(values).start == non_overflow(values)


@given(st.lists(st.floats(1e-2, 1e2), min_size=1, max_size=5))
def test_adding_parts_is_counting_the_whole(spreads: list[float]) -> None:
    """Law: the sum of the parts' histograms has the counts, the range and the choice of the whole."""
    parts = [sample(index, spread, 3000) for index, spread in enumerate(spreads)]
    whole, total = Histogram.of(np.concatenate(parts)), Histogram()
    for part in parts:
        total.add(Histogram.of(part))
    assert (total.low, total.high, total.total, total.grid) == (whole.low, whole.high, whole.total, whole.grid)
    assert np.array_equal(total.counts, whole.counts)
    assert int(total.counts.sum()) == sum(part.size for part in parts)


def test_saturated_share_is_counted() -> None:
    """The share of numbers beyond the int8 range is what the numbers say."""
    values = np.concatenate([np.full(900, 0.5), np.full(100, 3.0)]).astype(np.float32)
    assert Histogram.of(values).saturated(6) == pytest.approx(0.1)
    assert Histogram.of(values).saturated(5) == 0.0


def test_zeros_have_no_position_of_their_own() -> None:
    """A tensor of zeros takes the vendor's position 127 and joins others without changing their choice."""
    zeros, values = Histogram.of(np.zeros(10, np.float32)), Histogram.of(np.linspace(-1, 1, 100, dtype=np.float32))
    assert zeros.best(Rounding.HALF_UP) == ZERO_POSITION
    values.add(zeros)
    assert values.total == 110
    assert values.start == 6


def test_mode_takes_the_coarser_of_equals() -> None:
    """Among positions with equally many votes the coarser wins: it saturates less."""
    assert mode({5: 3, 4: 3, 6: 1}) == 4
    assert mode({5: 4, 4: 3}) == 5
