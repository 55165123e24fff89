"""The integer steps that engines compute: ops of a `-fix` graph, reduced to codes, shifts and geometry.

`kernels_read` makes them of a graph. Convolutions carry their weights; pairs stand height first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from net2bit.quant import arith
from net2bit.quant.arith import Act, Activation, Codes, Ints, Rounding
from net2bit.quant.kernels_window import Spread, Window


@dataclass(frozen=True, kw_only=True)
class Step:
    """One integer op.

    Attributes:
        name: Of the op.
        inputs: Ops whose codes it reads, constants of convolutions left out.
        rounding: Of its output.
    """

    name: str
    inputs: tuple[str, ...]
    rounding: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Step):
    """A convolution, bias and activation included.

    Attributes:
        weights: Codes `[out, kernel_h, kernel_w, in / groups]`, depthwise ones too.
        bias: Codes `[out]`, or None.
        groups: Into how many parts the channels fall; all of them where depthwise.
        geometry: How the kernel slides; a `Spread` for a transposed convolution.
        shift_bias: See `arith.shift_bias`.
        shift_cut: See `arith.shift_cut`.
        activation: What follows the sum.
    """

    weights: Codes
    bias: Codes | None
    groups: int
    geometry: Window | Spread
    shift_bias: int
    shift_cut: int
    activation: Activation

    @cached_property
    def reach(self) -> int:
        """The greatest magnitude a sum of products can have, in any order of adding: `max over outputs of sum |w| * 128`."""
        return int(np.abs(self.weights.astype(np.int64)).sum((1, 2, 3)).max()) * -arith.LOW

    @cached_property
    def halves(self) -> Ints:
        """The bias in half accumulator steps, `floor(2 * bias * 2**shift_bias)`, for each output channel."""
        bias = np.zeros(self.weights.shape[0], np.int8) if self.bias is None else self.bias
        return arith.bias_term(bias, self.shift_bias)

    @cached_property
    def offset(self) -> Ints | None:
        """Whole numbers `c` with which the output is `clamp(floor((sum + c) / 2**shift_cut))`; None where no such form exists.

        It exists for rounding half up without a slope: of the bias' half steps the last one never decides, because the sum is whole.
        """
        sloped = self.activation.act in (Act.LEAKYRELU, Act.PRELU)
        if sloped or self.rounding is not Rounding.HALF_UP or self.shift_cut < 0:
            return None
        return self.halves + 1 >> 1 if self.shift_cut == 0 else (self.halves >> 1) + (1 << self.shift_cut - 1)

    @property
    def span(self) -> tuple[int, int]:
        """The least and the greatest code, as far as the activation decides."""
        return (0 if self.activation.act in (Act.RELU, Act.RELU6) else arith.LOW), self.activation.cap


@dataclass(frozen=True, kw_only=True)
class Pool(Step):
    """A maximum or an average over windows; *shift* is `f_in - f_out`."""

    average: bool
    window: Window
    shift: int


@dataclass(frozen=True, kw_only=True)
class Eltwise(Step):
    """A sum or a product of maps of the same shape, or broadcast to it.

    Attributes:
        product: Whether it multiplies.
        positions: Fix positions of the operands.
        out: Of the value that enters the activation.
        activation: What follows.
    """

    product: bool
    positions: tuple[int, ...]
    out: int
    activation: Activation


@dataclass(frozen=True, kw_only=True)
class Concat(Step):
    """Maps side by side along *axis*; *shifts* are `f_in - f_out` of each."""

    axis: int
    shifts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Upsample(Step):
    """Nearest resizing by whole *factors* (height, width); *shift* is `f_in - f_out`."""

    factors: tuple[int, int]
    shift: int


@dataclass(frozen=True, kw_only=True)
class Plain(Step):
    """A rare op, which numpy computes for every engine."""

    function: Callable[[Sequence[Codes]], Codes]
