"""The default engine: float32 convolutions, used only where they are exact integer arithmetic.

With torch they are oneDNN's, on maps that stay in torch between steps (`kernels_codes` says why they are exact); without it they are a
matrix product for each tap in numpy.
"""

from collections.abc import Sequence

import numpy as np

from net2bit.quant import arith, kernels_integer
from net2bit.quant.arith import Codes
from net2bit.quant.engines import Engine, Handle, Kernel
from net2bit.quant.kernels_steps import Convolution, Step

_BLOCK = 1 << 16


class TorchEngine:
    """Keeps maps as float32 tensors, NHWC."""

    def __init__(self) -> None:
        """Import torch, and check that its float32 is float32.

        Raises:
            ToolError: Reduced precision is switched on.
        """
        from net2bit.quant import kernels_codes, kernels_torch  # noqa: PLC0415 - here, so that numpy is enough for the other engine

        kernels_torch.trust()
        self._kernels = kernels_codes

    def compile(self, step: Step) -> Kernel:
        """Make *step* ready, its weights packed."""
        return self._kernels.compile_step(step)

    def load(self, codes: Codes) -> Handle:
        """Take in codes as float32."""
        return self._kernels.load(codes)

    def store(self, handle: Handle) -> Codes:
        """Give out codes as int8."""
        return self._kernels.store(handle)


class NumpyEngine:
    """Keeps maps as int8 arrays, and leaves all but convolutions to the reference kernels."""

    def compile(self, step: Step) -> Kernel:
        """Make *step* ready; a convolution gets weights as float32, or float64 where its sums may pass 2**24."""
        if not isinstance(step, Convolution):
            return lambda maps: kernels_integer.compute(step, maps)
        spare = 0 if step.offset is None else int(np.abs(step.offset).max())
        weights = step.weights.astype(np.float32 if step.reach + spare <= arith.EXACT else np.float64)

        def run(maps: Sequence[Codes]) -> Codes:
            sums = kernels_integer.slide(step, maps[0].astype(weights.dtype), weights)
            return _output(step, sums.reshape(-1, sums.shape[-1])).reshape(sums.shape)

        return run

    def load(self, codes: Codes) -> Codes:
        """Take the array as it is."""
        return codes

    def store(self, handle: Codes) -> Codes:
        """Return a contiguous copy."""
        return np.array(handle, np.int8, order="C")


def _output(step: Convolution, sums: arith.Reals) -> Codes:
    """Return the output codes for *sums* `[pixels, channels]`, a few rows at a time."""
    made = np.empty(sums.shape, np.int8)
    rows = max(1, _BLOCK // sums.shape[1])
    for first in range(0, sums.shape[0], rows):
        made[first : first + rows] = _rows(step, sums[first : first + rows])
    return made


def _rows(step: Convolution, sums: arith.Reals) -> Codes:
    if step.offset is None or step.activation.tabled:
        whole = sums.astype(np.int64)
        return arith.conv_output(
            whole, step.bias, shift_bias=step.shift_bias, shift_cut=step.shift_cut, activation=step.activation, rounding=step.rounding
        )
    scaled = (sums + step.offset.astype(sums.dtype)) * sums.dtype.type(2.0**-step.shift_cut)
    return arith.saturate(np.floor(scaled), *step.span)


def create() -> Engine:
    """Return the engine, in torch where torch is installed.

    Raises:
        ToolError: torch is there, and set to less than float32.
    """
    try:
        return TorchEngine()
    except ImportError:
        return NumpyEngine()
