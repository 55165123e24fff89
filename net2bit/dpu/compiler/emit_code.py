"""The program under construction: instructions with their layers, and the state that INIT instructions have left in the queues."""

from __future__ import annotations

from net2bit.dpu.compiler.schedule import Program
from net2bit.dpu.isa import AluInit, ConvInit, Instruction


class Code:
    """Instructions in program order."""

    def __init__(self) -> None:
        self.program = Program()
        self.layer = -1
        """The layer that what follows works for."""
        self._conv: ConvInit | None = None
        self._alu: AluInit | None = None
        self._port = 0

    def add(self, instruction: Instruction) -> None:
        """Append an instruction, ordered within its queue (its own bit in both masks)."""
        instruction.on = instruction.by = int(instruction.engine)
        self.program.instructions.append(instruction)
        self.program.layer.append(self.layer)

    def conv(self, init: ConvInit) -> None:
        """Append a CONVINIT, unless the last one says the same."""
        init.on = init.by = int(init.engine)
        if init != self._conv:
            self.add(init)
            self._conv = init

    def alu(self, init: AluInit) -> None:
        """Append an ALUINIT, unless the last one says the same."""
        init.on = init.by = int(init.engine)
        if init != self._alu:
            self.add(init)
            self._alu = init

    def port(self) -> int:
        """The AXI port of the next SAVE: 0 and 1 in turn."""
        self._port ^= 1
        return 1 - self._port
