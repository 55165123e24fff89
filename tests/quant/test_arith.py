"""The arithmetic's specification, against rationals."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from net2bit.errors import QuantError
from net2bit.quant import arith
from net2bit.quant.arith import Act, Activation, Rounding

CODES = st.integers(-128, 127)
SUMS = st.integers(-(2**28), 2**28)


def exactly(x: Fraction, mode: Rounding) -> int:
    """Round a rational by the words of each mode's definition."""
    low, tie = floor(x), x - floor(x) == Fraction(1, 2)
    nearest = low if x - low < Fraction(1, 2) else low + 1
    even = low if low % 2 == 0 else low + 1
    return {
        Rounding.HALF_UP: nearest,
        Rounding.HALF_AWAY: (low if x < 0 else low + 1) if tie else nearest,
        Rounding.HALF_EVEN: even if tie else nearest,
        Rounding.MIXED: (even if x > 0 else low + 1) if tie else nearest,
        Rounding.FLOOR: low,
        Rounding.CEIL: ceil(x),
        Rounding.TRUNC: ceil(x) if x < 0 else low,
    }[mode]


def clamp(n: int) -> int:
    """Clamp to int8."""
    return max(-128, min(127, n))


@given(n=st.integers(-(2**40), 2**40), shift=st.integers(-8, 44), mode=st.sampled_from(list(Rounding)))
def test_shift_round_is_exact(n: int, shift: int, mode: Rounding) -> None:
    """Law: `shift_round(n, s) == round(n / 2**s)` in rationals, for every mode."""
    assert int(arith.shift_round(np.asarray(n), shift, mode)) == exactly(Fraction(n) / Fraction(2) ** shift, mode)


@given(x=st.floats(-1000, 1000, width=32), mode=st.sampled_from(list(Rounding)))
def test_round_real_is_exact(x: float, mode: Rounding) -> None:
    """Law: rounding a float32 gives what rounding the rational it holds gives, also one step beside a tie."""
    assert int(arith.round_real(np.asarray([x], np.float32), mode)[0]) == exactly(Fraction(x), mode)


@pytest.mark.parametrize("mode", list(Rounding))
@pytest.mark.parametrize("x", [0.49999997, -0.49999997, -0.5, 0.5, 1.5, -1.5, 2.5, -2.5, -0.50000006, 8388607.0])
def test_round_real_beside_ties(x: float, mode: Rounding) -> None:
    """The values at which `floor(x + 0.5)` goes wrong in float32 are rounded right."""
    x = float(np.float32(x))
    assert int(arith.round_real(np.asarray([x], np.float32), mode)[0]) == exactly(Fraction(x), mode)


def test_modes_have_xir_and_config_names() -> None:
    """A mode is found by XIR's name and by the configuration's, and a near miss is named."""
    assert Rounding.named("DPU_ROUND") is Rounding.named("half_up") is Rounding.HALF_UP
    assert Rounding.named("STD_ROUND") is Rounding.HALF_AWAY
    assert Rounding.named("PY3_ROUND") is Rounding.HALF_EVEN
    with pytest.raises(QuantError) as error:
        Rounding.named("half_upp")
    assert error.value.suggestion == "half_up"


@given(x=st.floats(-200, 200, width=32), position=st.integers(-6, 12))
def test_quantize_error_is_bounded(x: float, position: int) -> None:
    """Law: `|dequantize(quantize(x)) - x|` is at most half a step wherever x is inside the codes' range."""
    step = 2.0**-position
    back = float(arith.dequantize(arith.quantize(np.asarray(x, np.float32), position), position))
    if -128 * step <= x <= 127 * step:
        assert abs(back - x) <= step / 2
    else:
        assert back in {-128 * step, 127 * step}


@given(acc=SUMS, bias=CODES, sb=st.integers(-12, 12), sc=st.integers(-3, 18), act=st.sampled_from(["NONE", "RELU", "RELU6"]))
def test_bias_fraction_never_matters_without_slope(acc: int, bias: int, sb: int, sc: int, act: str) -> None:
    """Law: for NONE, RELU and RELU6 with shift_cut >= 0, flooring the bias to half a unit gives the code of the exact rational."""
    sc = max(sc, 0)
    activation = arith.relu6(4) if act == "RELU6" else Activation(Act(act))
    got = int(arith.conv_output(np.asarray([acc]), np.asarray([bias]), shift_bias=sb, shift_cut=sc, activation=activation)[0])
    x = (acc + bias * Fraction(2) ** sb) / Fraction(2) ** sc
    x = x if act == "NONE" else max(x, Fraction(0))
    assert got == clamp(exactly(min(x, Fraction(96)) if act == "RELU6" else x, Rounding.HALF_UP))


@given(acc=SUMS, bias=CODES, sb=st.integers(-8, 8), sc=st.integers(0, 16), alpha=st.sampled_from([26 / 256, 0.1, 0.25, 0.01]))
def test_leaky_slope_is_applied_before_rounding(acc: int, bias: int, sb: int, sc: int, alpha: float) -> None:
    """Law: LEAKYRELU multiplies the unrounded sum by the float32 slope, exactly, and rounds once."""
    got = int(arith.conv_output(np.asarray([acc]), np.asarray([bias]), shift_bias=sb, shift_cut=sc, activation=arith.leaky(alpha))[0])
    v = Fraction(2 * acc + floor(2 * bias * Fraction(2) ** sb))
    v = v * Fraction(float(np.float32(alpha))) if v < 0 else v
    assert got == clamp(exactly(v / Fraction(2) ** (sc + 1), Rounding.HALF_UP))


def test_relu6_caps_at_code_96() -> None:
    """RELU6 caps at code 96 up to output position 4 and not at all above, as the cpu-runner does."""
    assert [arith.relu6(position).cap for position in (-1, 2, 4, 5, 7)] == [96, 96, 96, 127, 127]


FACTORS = {
    (2, 2): (1, 2),
    (3, 3): (7, 6),
    (4, 4): (1, 4),
    (5, 5): (10, 8),
    (6, 6): (7, 8),
    (7, 7): (21, 10),
    (8, 8): (1, 6),
    (14, 14): (21, 12),
    (1, 1): (1, 0),
}


def test_average_factors_match_the_published_table() -> None:
    """The windows the vendor lists have the vendor's factors, and powers of two are exact."""
    assert {window: arith.average_factor(*window) for window in FACTORS} == FACTORS


@given(height=st.integers(1, 20), width=st.integers(1, 20))
def test_average_factor_is_close(height: int, width: int) -> None:
    """Law: any other window's factor is within 1/128 of the mean, and fits the 8 bits of its field."""
    factor, shift = arith.average_factor(height, width)
    assert 0 < factor < 256
    assert abs(factor / 2**shift * height * width - 1) <= (1 / 40 if (height, width) in FACTORS else 1 / 128)


@given(a=CODES, b=CODES, fa=st.integers(0, 7), fb=st.integers(0, 7), fo=st.integers(-1, 8), relu=st.booleans())
def test_addition_equals_rationals(a: int, b: int, fa: int, fb: int, fo: int, *, relu: bool) -> None:
    """Law: with positions at most 7 apart no guard bit is lost: the sum is the rational one, rounded half up."""
    activation = Activation(Act.RELU) if relu else arith.PLAIN
    got = int(arith.eltwise_add([np.asarray([a]), np.asarray([b])], [fa, fb], fo, activation)[0])
    x = (a * Fraction(2) ** -fa + b * Fraction(2) ** -fb) * 2**fo if fo >= 0 else (a * Fraction(2) ** -fa + b * Fraction(2) ** -fb) / 2
    assert got == clamp(exactly(max(x, Fraction(0)) if relu else x, Rounding.HALF_UP))


def test_addition_keeps_seven_guard_bits_not_more() -> None:
    """Bits of an operand 8 or more positions finer are floored away first; the hardware's 2 guard bits can be asked for."""
    operands = [np.asarray([-1]), np.asarray([0])]
    assert arith.eltwise_add(operands, [12, 3], 10).tolist() == [-1]
    assert arith.eltwise_add(operands, [12, 3], 3, guard=2).tolist() == [0]


@given(a=CODES, b=CODES, fa=st.integers(-2, 7), fb=st.integers(0, 7), fo=st.integers(0, 8))
def test_product_equals_rationals(a: int, b: int, fa: int, fb: int, fo: int) -> None:
    """Law: a product is rounded once, half up."""
    got = int(arith.eltwise_mul([np.asarray([a]), np.asarray([b])], [fa, fb], fo)[0])
    assert got == clamp(exactly(Fraction(a * b) * Fraction(2) ** (fo - fa - fb), Rounding.HALF_UP))


@given(code=CODES, position=st.integers(-3, 8), out=st.integers(5, 7))
def test_hard_sigmoid_is_a_sixth_of_x_plus_three(code: int, position: int, out: int) -> None:
    """Law: with shift `14 + f_in - f_out` the code is within one of relu6(x + 3) / 6 at the output's position, saturated."""
    got = int(arith.hard_sigmoid(np.asarray([code]), position, 14 + position - out)[0])
    ideal = max(0.0, code * 2.0**-position + 3) / 6 * 2**out
    assert abs(got - min(127, ideal)) <= 1


def test_hard_swish_is_tabled_on_the_rounded_code() -> None:
    """HSWISH rounds its input and its gate to codes first, so a table of 256 entries is the whole function."""
    activation = Activation(Act.HSWISH, hsigmoid_in=4, shift_hsigmoid=11, shift_hswish=7)
    acc = np.arange(-2048, 2048)
    direct = arith.conv_output(acc, None, shift_bias=0, shift_cut=4, activation=activation)
    rounded = arith.conv_output(acc, None, shift_bias=0, shift_cut=4)
    np.testing.assert_array_equal(direct, arith.hard_swish(rounded, activation))
    assert arith.table(activation)[128 + 64] == 64
    assert arith.table(activation)[128 - 64] == 0
