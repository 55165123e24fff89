"""The DPU's fixed-point arithmetic, in exact integers: the specification that every engine must match bit for bit.

A tensor with fix position `p` holds int8 codes; a code `q` stands for the number `q * 2**-p`. All rules work on codes, in numpy int64,
and round once, at the end. Sources: amd/vart's cpu-runner (conv2d_fix, pool_fix, eltwise_fix, hsigmoid_fix, concat_fix, resize_fix), and
AMD's quantizers for the rounding modes (vai_q_tensorflow 1 and 2, nndct). Where sources disagree the docstring names the one followed.
"""

from dataclasses import dataclass
from enum import Enum
from math import ceil, log2, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError, near

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Reals = NDArray[np.floating[Any]]

LOW, HIGH = -128, 127
EXACT = 2**24
"""Whole numbers up to here are float32 values, so float32 sums that stay below it are exact, in any order."""
GUARD_BITS = 7
RELU6_CAP = 6 << 4
HSIGMOID_FACTOR = 2731
HSIGMOID_CEILING = 2**32
_MAX_SHIFT = 62
_TIE = 0.5


class Rounding(Enum):
    """How a real becomes an integer; the value is XIR's name in `round_mode` where XIR has one.

    AMD's nndct numbers them: half up 2, half away 3, floor 4, half up below zero and half even above 5, trunc 6, ceil 7, half even 8.
    """

    HALF_UP = "DPU_ROUND"
    HALF_AWAY = "STD_ROUND"
    HALF_EVEN = "PY3_ROUND"
    MIXED = "MIXED"
    FLOOR = "FLOOR"
    TRUNC = "TRUNC"
    CEIL = "CEIL"

    @classmethod
    def named(cls, name: str) -> "Rounding":
        """Return the mode that XIR (`DPU_ROUND`) or a configuration (`half_up`) calls *name*.

        Raises:
            QuantError: There is no such mode.
        """
        names = {mode.value: mode for mode in cls} | {mode.name.lower(): mode for mode in cls}
        if name not in names:
            raise QuantError(f"'{name}' is no rounding mode", remedy=f"choose one of {', '.join(names)}", suggestion=near(name, names))
        return names[name]


def round_real(x: Reals, mode: Rounding = Rounding.HALF_UP) -> Reals:
    """Round the reals *x* to whole numbers, in their own type; exact, also next to a tie (where `floor(x + 0.5)` is not)."""
    directed = {Rounding.FLOOR: np.floor, Rounding.CEIL: np.ceil, Rounding.TRUNC: np.trunc}
    if mode in directed:
        return directed[mode](x)
    even = np.rint(x)
    rest = x - even  # exact; a tie leaves +0.5 where the even neighbour lies below
    if mode is Rounding.HALF_UP:
        even += rest == _TIE
    elif mode is Rounding.MIXED:
        even += (rest == _TIE) & (x < 0)
    elif mode is Rounding.HALF_AWAY:
        even += (rest == _TIE) & (x > 0)
        even -= (rest == -_TIE) & (x < 0)
    return even


def shift_round(n: Ints, shift: int, mode: Rounding = Rounding.HALF_UP) -> Ints:
    """Return `n / 2**shift` rounded by *mode*, in integers; a negative *shift* multiplies (what leaves 62 bits is clamped)."""
    if shift <= 0:
        up = min(-shift, _MAX_SHIFT)
        return np.clip(n, -(1 << _MAX_SHIFT >> up), 1 << _MAX_SHIFT >> up) << up
    shift = min(shift, _MAX_SHIFT)
    down, rest, half = n >> shift, n & ((1 << shift) - 1), 1 << (shift - 1)
    tie, odd = rest == half, (n >> shift) & 1 == 1
    raised = {
        Rounding.HALF_UP: tie,
        Rounding.HALF_AWAY: tie & (n > 0),
        Rounding.HALF_EVEN: tie & odd,
        Rounding.MIXED: tie & (odd | (n < 0)),
        Rounding.FLOOR: rest < 0,
        Rounding.TRUNC: (rest > 0) & (n < 0),
        Rounding.CEIL: rest > 0,
    }[mode]
    nearest = mode not in (Rounding.FLOOR, Rounding.TRUNC, Rounding.CEIL)
    return np.asarray(down + (raised | (rest > half) if nearest else raised))


def saturate(n: NDArray[Any], low: int = LOW, high: int = HIGH) -> Codes:
    """Clamp to the int8 codes *low* .. *high*."""
    return np.asarray(np.clip(n, low, high), np.int8)


def quantize(x: Reals, position: int, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Return the codes of the reals *x*: `clamp(round(x * 2**position))`; the scaling is exact."""
    return saturate(round_real(np.ldexp(x, position), mode))


def dequantize(codes: Codes, position: int) -> NDArray[np.float32]:
    """Return the reals the *codes* stand for, `code * 2**-position`, exactly."""
    return np.ldexp(codes.astype(np.float32), -position)


def requantize(codes: NDArray[Any], shift: int, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Move codes to another fix position: `clamp(round(x / 2**shift))` with `shift = f_in - f_out`.

    The rule of concatenation, nearest upsampling and maximum pooling, for each input by itself (concat_fix, resize_fix, pool_fix).
    """
    return saturate(shift_round(codes.astype(np.int64), shift, mode))


# Convolution ------------------------------------------------------------------------------------------------------------------------


def shift_cut(f_in: int, f_weights: int, f_out: int) -> int:
    """Return the number of fraction bits an accumulator loses on its way out: `f_in + f_weights - f_out`."""
    return f_in + f_weights - f_out


def shift_bias(f_in: int, f_weights: int, f_bias: int) -> int:
    """Return how far a bias code is shifted left to stand in accumulator units: `f_in + f_weights - f_bias`."""
    return f_in + f_weights - f_bias


def bias_term(bias: NDArray[Any], shift: int) -> Ints:
    """Return `floor(2 * bias * 2**shift)`: the bias in half accumulator units (one guard bit is kept, as in a compiled model)."""
    move = shift + 1
    wide = bias.astype(np.int64)
    return wide << move if move >= 0 else wide >> min(-move, _MAX_SHIFT)


class Act(Enum):
    """What follows the sum in a fused op; the value is XIR's name in `nonlinear`."""

    NONE = "NONE"
    RELU = "RELU"
    RELU6 = "RELU6"
    LEAKYRELU = "LEAKYRELU"
    PRELU = "PRELU"
    HSIGMOID = "HSIGMOID"
    HSWISH = "HSWISH"


@dataclass(frozen=True)
class Activation:
    """An activation with its parameters, as integers.

    Attributes:
        act: Which one.
        slope: LEAKYRELU and PRELU: negative values are multiplied by `slope[0] / 2**slope[1]` before rounding (hardware: 26/256).
        cap: RELU6: the greatest code. 96 whatever the position is, which means 6.0 at position 4 only (conv2d_fix).
        hsigmoid_in: HSIGMOID, HSWISH: fix position of the value that enters the hard sigmoid.
        shift_hsigmoid: HSIGMOID, HSWISH: right shift after the multiplication by 2731.
        shift_hswish: HSWISH: right shift after `x * hsigmoid(x)`.
    """

    act: Act = Act.NONE
    slope: tuple[int, int] = (26, 8)
    cap: int = HIGH
    hsigmoid_in: int = 0
    shift_hsigmoid: int = 0
    shift_hswish: int = 0

    @property
    def tabled(self) -> bool:
        """Whether it works on the rounded code, so that 256 results say it all."""
        return self.act in (Act.HSIGMOID, Act.HSWISH)


PLAIN = Activation()


def relu6(position: int) -> Activation:
    """Return RELU6 for an output at *position*: cap at code 96 up to position 4, none above (6.0 is out of reach there)."""
    return Activation(Act.RELU6, cap=RELU6_CAP if position <= 4 else HIGH)  # noqa: PLR2004 - 6.0 * 2**5 is beyond int8


def leaky(alpha: float) -> Activation:
    """Return LEAKYRELU with the slope *alpha*, taken as the float32 it is stored as (the cpu-runner's rule; hardware: 26/256 always)."""
    top, bottom = float(np.float32(alpha)).as_integer_ratio()
    return Activation(Act.LEAKYRELU, slope=(top, bottom.bit_length() - 1))


def conv_output(
    acc: Ints,
    bias: NDArray[Any] | None,
    *,
    shift_bias: int,
    shift_cut: int,
    activation: Activation = PLAIN,
    rounding: Rounding = Rounding.HALF_UP,
) -> Codes:
    """Turn accumulators into output codes.

    `v = 2 * acc + floor(2 * bias * 2**shift_bias)`, then `clamp(round(act(v) / 2**(shift_cut + 1)))`. Hard sigmoid and hard swish act on
    the rounded code. (A newer cpu-runner keeps the bias' fraction: no code moves for NONE, RELU and RELU6; for a slope one may.)

    Args:
        acc: Sums of products `[..., channels]`.
        bias: Bias codes `[channels]`, or None.
        shift_bias: See `shift_bias`.
        shift_cut: See `shift_cut`; towards the position `hsigmoid_in` for HSIGMOID and HSWISH.
        activation: What follows.
        rounding: How the output is rounded.
    """
    total = 2 * acc if bias is None else 2 * acc + bias_term(bias, shift_bias)
    return activate(total, shift_cut + 1, activation, rounding)


def activate(total: Ints, shift: int, activation: Activation, rounding: Rounding = Rounding.HALF_UP) -> Codes:
    """Return `clamp(round(act(total / 2**shift)))`, the tail that convolutions and additions share."""
    act = activation.act
    if act in (Act.RELU, Act.RELU6):
        return saturate(shift_round(np.maximum(total, 0), shift, rounding), high=activation.cap)
    if act in (Act.LEAKYRELU, Act.PRELU):
        factor, down = activation.slope
        below = shift_round(total * factor, shift + down, rounding)
        return saturate(np.where(total < 0, below, shift_round(total, shift, rounding)))
    codes = saturate(shift_round(total, shift, rounding))
    return table(activation, rounding)[codes.astype(np.int64) - LOW] if activation.tabled else codes


# Hard sigmoid -----------------------------------------------------------------------------------------------------------------------


def hard_sigmoid(codes: NDArray[Any], position: int, shift: int, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Return `clamp(round(min(2**32, max(0, 2731 * (x + 3 * 2**position))) / 2**shift))` (hsigmoid_fix; 2731 / 2**14 is 1/6)."""
    fine = max(0, -position)
    x = codes.astype(np.int64) << fine
    line = HSIGMOID_FACTOR * (x + (3 << (position + fine)))
    return saturate(shift_round(np.clip(line, 0, HSIGMOID_CEILING << fine), shift + fine, mode))


def hard_swish(codes: NDArray[Any], activation: Activation, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Return `clamp(round(x * hard_sigmoid(x) / 2**shift_hswish))`, the hard sigmoid rounded to a code first (conv2d_fix)."""
    gate = hard_sigmoid(codes, activation.hsigmoid_in, activation.shift_hsigmoid, mode)
    return saturate(shift_round(codes.astype(np.int64) * gate, activation.shift_hswish, mode))


def table(activation: Activation, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Return what HSIGMOID or HSWISH makes of each of the codes -128 .. 127, in that order."""
    codes = np.arange(LOW, HIGH + 1)
    if activation.act is Act.HSWISH:
        return hard_swish(codes, activation, mode)
    return hard_sigmoid(codes, activation.hsigmoid_in, activation.shift_hsigmoid, mode)


# Pooling and elementwise ------------------------------------------------------------------------------------------------------------

_FACTORS = {(3, 3): (7, 6), (5, 5): (10, 8), (6, 6): (7, 8), (7, 7): (21, 10), (14, 14): (21, 12)}


def average_factor(height: int, width: int) -> tuple[int, int]:
    """Return `(factor, shift)` with which the DPU averages a window: `sum * factor / 2**shift` (get_avgpool_dpu_factors).

    Powers of two are exact, five square windows have fixed values (7x7: 21/1024), any other takes the nearest `factor / 2**n` with
    `n < ceil(log2(128 * height * width))`, the smallest `n` among equals.
    """
    if (height, width) in _FACTORS:
        return _FACTORS[height, width]
    area = height * width
    inverse = float(np.float32(1) / np.float32(area))
    options = [(int(2**n / area + 0.5), n) for n in range(ceil(log2(area * 128)))]
    return min(options, key=lambda option: abs(option[0] / 2 ** option[1] - inverse))


def average_output(total: Ints, window: tuple[int, int], shift: int, mode: Rounding = Rounding.HALF_UP) -> Codes:
    """Return `clamp(round(total * factor * 2**-shift))` with `shift = f_in - f_out`.

    *total* sums a `(height, width)` window, padding counted as zeros.
    """
    factor, down = average_factor(*window)
    return saturate(shift_round(total * factor, down + shift, mode))


def eltwise_add(
    operands: list[NDArray[Any]],
    positions: list[int],
    out: int,
    activation: Activation = PLAIN,
    mode: Rounding = Rounding.HALF_UP,
    guard: int = GUARD_BITS,
) -> Codes:
    """Add codes of different fix positions.

    With `m = min(positions)`: `s = sum(floor(x * 2**(guard - (f - m))))`, then `clamp(round(act(s / 2**(m - out + guard))))`.
    The cpu-runner keeps 7 guard bits, which is what compiled models are checked with; the DPU's own adder keeps 2 and may differ by one
    code where positions are 3 or more apart and the output position is at least 2 above the lowest. For HSIGMOID, *out* is `hsigmoid_in`.
    """
    lowest = min(positions)
    total = sum(
        (bias_term(x, guard - 1 - (position - lowest)) for x, position in zip(operands, positions, strict=True)),
        start=np.int64(0),
    )
    return activate(np.asarray(total), lowest - out + guard, activation, mode)


def eltwise_mul(
    operands: list[NDArray[Any]], positions: list[int], out: int, activation: Activation = PLAIN, mode: Rounding = Rounding.HALF_UP
) -> Codes:
    """Multiply codes: `clamp(round(act(a * b * 2**(out - f_a - f_b))))` (eltwise_fix)."""
    total = prod((x.astype(np.int64) for x in operands), start=np.asarray(1))
    return activate(total, sum(positions) - out, activation, mode)
