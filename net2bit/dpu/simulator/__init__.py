"""Executes ISA1 machine code bit for bit, instruction by instruction, in program order (amd/vart's instruction simulator is the model).

Image, weight and bias banks and the DDR registers are all there is. The default way is vectorised; strict mode also finds what would go
wrong on hardware though it goes well here, where nothing runs at the same time and nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Instruction
from net2bit.dpu.simulator.contract import one_thread
from net2bit.dpu.simulator.machine import Machine
from net2bit.errors import ProgramError

__all__ = ["run"]


def run(program: Sequence[Instruction], arch: Arch, registers: dict[int, NDArray[np.int8]], *, strict: bool = False) -> None:
    """Execute a program on registers, in place.

    Args:
        program: Instructions, as `net2bit.dpu.isa.disassemble` reads them.
        arch: The machine; the program is made for it.
        registers: Register number -> its memory, int8 and contiguous, as long as the register.
        strict: Look for what hardware would not forgive first.

    Raises:
        ProgramError: The program cannot be executed; it names the instruction.
    """
    for number, memory in registers.items():
        if memory.dtype != np.int8 or memory.ndim != 1 or not memory.flags.c_contiguous:
            raise ProgramError(f"REG_{number} is no contiguous int8 memory but {memory.dtype} {list(memory.shape)}", where="simulator")
    with one_thread():
        Machine(arch, registers).run(program)
