"""Executes ISA1 machine code bit for bit, instruction by instruction, in program order (amd/vart's instruction simulator is the model).

Image, weight and bias banks and the DDR registers are all there is. The default way is vectorised; strict mode also finds what would go
wrong on hardware though it goes well here, where nothing runs at the same time and nothing is unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Instruction
from net2bit.dpu.simulator.contract import one_thread
from net2bit.dpu.simulator.machine import Machine
from net2bit.dpu.simulator.plan import Task, plan
from net2bit.dpu.simulator.strict import verify
from net2bit.errors import ProgramError

__all__ = ["Task", "execute", "plan", "run", "verify"]


def run(
    program: Sequence[Instruction],
    arch: Arch,
    registers: dict[int, NDArray[np.int8]],
    *,
    strict: bool = False,
    unwritten: Collection[int] = (1, 3),
) -> None:
    """Execute a program on registers, in place.

    Args:
        program: Instructions, as `net2bit.dpu.isa.disassemble` reads them.
        arch: The machine; the program is made for it.
        registers: Register number -> its memory, int8 and contiguous, as long as the register.
        strict: Look first for what hardware would not forgive: hazards that no token orders, deadlock, counters left over, places that do
            not exist, and reads of what nothing has written.
        unwritten: In strict mode, the registers whose content does not count as written: workspace and outputs.

    Raises:
        ProgramError: The program cannot be executed, or is not strictly right; it names the instruction, and the bank and line or the
            register and byte.
    """
    for number, memory in registers.items():
        if memory.dtype != np.int8 or memory.ndim != 1 or not memory.flags.c_contiguous or not memory.flags.writeable:
            what = f"REG_{number} must be contiguous int8 memory that can be written, and is {memory.dtype} {list(memory.shape)}"
            raise ProgramError(what, where="simulator")
    if strict:
        verify(program, arch, {number: memory.size for number, memory in registers.items()}, unwritten)
    execute(plan(program, arch), arch, registers)


def execute(tasks: Iterable[Task], arch: Arch, registers: dict[int, NDArray[np.int8]]) -> None:
    """Execute a plan on registers, in place; one plan serves any number of pictures.

    Raises:
        ProgramError: A LOAD or SAVE reaches beyond its register; it names the instruction.
    """
    with one_thread():
        Machine(arch, registers).run(tasks)
