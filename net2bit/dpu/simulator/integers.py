"""Shifts, activations and rounding behind the engines' sums, in integers: every rule is exact, and rounds half up once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ProgramError

Sums = NDArray[np.signedinteger[Any]]
Codes = NDArray[np.int8]

LOW, HIGH, RELU6 = -128, 127, 96
LEAKY: Final = (26, 8)
"""Leaky ReLU multiplies by 26 / 2**8."""
_NARROW: Final = 2**31
_BIAS_SHIFT: Final = 40
NONE, RELU, LEAKY_RELU, CAPPED = 0, 1, 3, 4


def clamp(values: Sums, low: int = LOW, high: int = HIGH) -> Codes:
    """Return *values* as int8, saturated; overwrites them."""
    np.maximum(values, low, out=values)
    np.minimum(values, high, out=values)
    return values.astype(np.int8)


def shifted(values: Sums, right: int) -> Codes:
    """Return `clamp(floor(values / 2**right + 1/2))`; a negative *right* multiplies."""
    wide = values.astype(np.int64)
    if right <= 0:
        return clamp(wide << -right)
    wide += 1 << right - 1
    wide >>= right
    return clamp(wide)


def span(act: int, *, leaky: bool) -> tuple[int, int]:
    """Return the least and greatest code behind an activation.

    Raises:
        ProgramError: The machine has no such activation.
    """
    if act == RELU:
        return 0, HIGH
    if act == CAPPED:
        return 0, RELU6
    if act == NONE or (act == LEAKY_RELU and leaky):
        return LOW, HIGH
    reason = "this configuration has no leaky ReLU" if act == LEAKY_RELU else "an ISA1 machine has 0, 1, 3 and 4"
    raise ProgramError(f"act_type {act} is not computed: {reason}", where="")


def check(act: int, shift_bias: int, *, leaky: bool) -> None:
    """Refuse what no machine computes behind its sums.

    Raises:
        ProgramError: The activation does not exist, or the bias is shifted out of 64 bits.
    """
    span(act, leaky=leaky)
    if shift_bias > _BIAS_SHIFT:
        raise ProgramError(f"shift_bias {shift_bias} shifts the bias out of the accumulator (the limit is 20)", where="")


def finish(sums: Sums, reach: int, bias: Codes, shift_bias: int, shift_cut: int, act: int, *, leaky: bool) -> Codes:
    """Return `clamp(round(act((2 * sums + bias * 2**shift_bias) / 2**(shift_cut + 1))))`.

    Args:
        sums: `[..., channels]`, overwritten.
        reach: No sum's magnitude is greater.
        bias: `[channels]`.
        shift_bias: Left shift of the bias, in half steps of the sums.
        shift_cut: Right shift towards the output.
        act: act_type.
        leaky: Whether the machine has leaky ReLU here.

    Raises:
        ProgramError: The activation does not exist, or the bias is shifted out of 64 bits.
    """
    check(act, shift_bias, leaky=leaky)
    low, high = span(act, leaky=leaky)
    halves = bias.astype(np.int64) << shift_bias
    if act == LEAKY_RELU:
        return _leaky(2 * sums.astype(np.int64) + halves, shift_cut + 1)
    offset = (halves >> 1) + (1 << shift_cut - 1) if shift_cut else halves + 1 >> 1
    narrow = sums.dtype == np.int32 and shift_cut < 31 and reach + int(np.abs(offset).max()) < _NARROW  # noqa: PLR2004 - bits
    wide = sums if narrow else sums.astype(np.int64)
    wide += offset.astype(wide.dtype)
    wide >>= shift_cut
    return clamp(wide, low, high)


def _leaky(halves: NDArray[np.int64], right: int) -> Codes:
    factor, more = LEAKY
    right = min(right, 62 - more)
    up = (halves + (1 << right - 1)) >> right
    down = (halves * factor + (1 << right + more - 1)) >> right + more
    return clamp(np.where(halves < 0, down, up))
