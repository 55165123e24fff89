"""The specification as an engine: numpy int64, slow, exact by inspection."""

from collections.abc import Sequence

import numpy as np

from net2bit.quant.arith import Codes
from net2bit.quant.engines import Engine, Kernel
from net2bit.quant.kernels_integer import compute
from net2bit.quant.kernels_steps import Step


class ReferenceEngine:
    """Keeps maps as int8 arrays and computes each step as `net2bit.quant.arith` says."""

    def compile(self, step: Step) -> Kernel:
        """Return the step's kernel; nothing is prepared."""

        def run(maps: Sequence[Codes]) -> Codes:
            return compute(step, maps)

        return run

    def load(self, codes: Codes) -> Codes:
        """Take the array as it is."""
        return codes

    def store(self, handle: Codes) -> Codes:
        """Return a contiguous copy."""
        return np.array(handle, np.int8, order="C")


def create() -> Engine:
    """Return the engine."""
    return ReferenceEngine()
