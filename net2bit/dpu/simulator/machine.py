"""The machine: banks and registers, and what each step of a program does to them."""

from __future__ import annotations

from collections.abc import Sequence

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Instruction
from net2bit.dpu.simulator import lanes, move
from net2bit.dpu.simulator.banks import Banks
from net2bit.dpu.simulator.convolve import Convolver
from net2bit.dpu.simulator.move import Registers
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps
from net2bit.errors import ProgramError


class Machine:
    """Executes steps in program order."""

    def __init__(self, arch: Arch, registers: Registers) -> None:
        """Take over the registers, which are changed in place."""
        self.banks, self.registers = Banks(arch), registers
        self._convolver = Convolver(self.banks)

    def run(self, program: Sequence[Instruction]) -> None:
        """Execute a program.

        Raises:
            ProgramError: A step cannot be executed; it names the instruction.
        """
        for step in steps(program):
            try:
                self._execute(step)
            except ProgramError as error:
                raise ProgramError(error.what, where=f"instruction {step.index}", remedy=error.remedy) from None
        self._convolver.flush()

    def _execute(self, step: Step) -> None:
        match step:
            case LoadStep(load=load):
                lines = self.banks.arch.lines(load.channel)
                self._convolver.loads(load.bank_id, (load.bank_addr, (load.length - 1) * load.jump_write + lines))
                move.load(self.banks, self.registers, load)
            case SaveStep(save=save):
                lines = self.banks.arch.lines(save.channel)
                self._convolver.touch(save.bank_id, (save.bank_addr, (save.length - 1) * save.jump_read + lines))
                move.save(self.banks, self.registers, save)
            case ConvStep():
                self._convolver.add(step.init, step.conv)
            case AluStep():
                self._convolver.flush()
                lanes.alu(self.banks, step.init, step.alu)
            case ElewStep():
                self._convolver.flush()
                lanes.elew(self.banks, step.operands, step.elew)
