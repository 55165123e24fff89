"""Choosing a fix position: the power-of-two scale at which a tensor's numbers become int8 codes.

The two methods, their candidates and the all-zero rule are those of the vendor's quantizers (the TF1 quantizer's `fix_neuron`, nndct's
`diffs_fix_pos`); the rounding is that of `net2bit.quant.arith`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError, near
from net2bit.quant.arith import HIGH, LOW, Rounding, round_real

ZERO_POSITION = 127
"""What the vendor gives a tensor without a single non-zero value."""
CANDIDATES = 5
"""Positions that the min-diffs method tries: the one without overflow and the next finer ones."""

Floats = NDArray[np.floating[Any]]


def largest(low: float, high: float) -> int:
    """Return the finest position at which neither *low* nor *high* overflows.

    That is the largest p with low * 2^p >= -128.5 and high * 2^p <= 127.5: half a code beyond the last one still rounds to it.
    """
    magnitude = max(low / (LOW - 0.5), high / (HIGH + 0.5))
    if magnitude <= 0:
        return ZERO_POSITION
    fraction, exponent = math.frexp(magnitude)
    exact = fraction == 0.5  # noqa: PLR2004 - frexp's fraction of a power of two, the one magnitude that fits exactly
    return int(exact) - exponent


def non_overflow(values: Floats) -> int:
    """Return the finest position at which no value overflows: the vendor's method 0."""
    return largest(float(values.min(initial=0)), float(values.max(initial=0)))


def squared_error(values: Floats, position: int, mode: Rounding) -> float:
    """Return the sum of the squared differences between *values* and what their codes at *position* stand for."""
    scaled = np.ldexp(values.astype(np.float64).ravel(), position)
    codes = np.clip(round_real(scaled, mode), LOW, HIGH)
    return math.ldexp(float(np.sum(np.square(codes - scaled))), -2 * position)


def min_diffs(values: Floats, mode: Rounding) -> int:
    """Return the candidate with the least squared error: the vendor's method 1. A tie goes to the coarser position."""
    start = non_overflow(values)
    if start == ZERO_POSITION:
        return start
    return min(range(start, start + CANDIDATES), key=lambda position: squared_error(values, position, mode))


METHODS: Mapping[str, Callable[[Floats, Rounding], int]] = {
    "min_error": min_diffs,
    "min_diffs": min_diffs,
    "non_overflow": lambda values, _mode: non_overflow(values),
}
"""Ways of choosing a parameter's position, by the name that the configuration uses (`net2bit.quant.calibrate` has the activations')."""


def choose(values: Floats, method: str, mode: Rounding) -> int:
    """Return the position of a tensor known in full (weights, bias).

    Raises:
        QuantError: A value is not finite, or there is no such method.
    """
    if not np.isfinite(values).all():
        raise QuantError("a parameter is not a finite number", remedy="look at the training curve: the training diverged")
    return METHODS[checked(method)](values, mode)


def checked(method: str) -> str:
    """Return the name *method*.

    Raises:
        QuantError: There is no such method.
    """
    if method not in METHODS:
        known = ", ".join(METHODS)
        raise QuantError(
            f"there is no method '{method}'", where="quant.method", remedy=f"use one of {known}", suggestion=near(method, METHODS)
        )
    return method
