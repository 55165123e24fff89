"""The machine: banks and registers, and what each step of a program does to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.isa import Conv, ConvInit, Instruction
from net2bit.dpu.simulator import lanes, move
from net2bit.dpu.simulator.banks import Banks, Cells
from net2bit.dpu.simulator.contract import contract
from net2bit.dpu.simulator.integers import finish
from net2bit.dpu.simulator.move import Registers
from net2bit.dpu.simulator.windows import conv_window, read
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps
from net2bit.errors import ProgramError


class Machine:
    """Executes steps in program order."""

    def __init__(self, arch: Arch, registers: Registers) -> None:
        """Take over the registers, which are changed in place."""
        self.banks, self.registers = Banks(arch), registers

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

    def _execute(self, step: Step) -> None:
        match step:
            case LoadStep():
                move.load(self.banks, self.registers, step.load)
            case SaveStep():
                move.save(self.banks, self.registers, step.save)
            case ConvStep():
                self._conv(step.init, step.conv)
            case AluStep():
                lanes.alu(self.banks, step.init, step.alu)
            case ElewStep():
                lanes.elew(self.banks, step.operands, step.elew)

    def _conv(self, init: ConvInit, conv: Conv) -> None:
        window = conv_window(init, conv)
        x = read(self.banks, window)
        sums, reach = contract(x, self._weights(init, conv), window)
        arch = self.banks.arch
        bias = self.banks.cells[arch.bias_bank, conv.bank_addr_bias % DEPTH]
        made = finish(sums, reach, bias, init.shift_bias, init.shift_cut, init.act_type, leaky=arch.leaky)
        self.banks.write_rows(
            made[:, :, None],
            conv.bank_id_out,
            conv.bank_addr_out,
            step=init.stride_out,
            offset=init.stride_offset_out,
            jump=init.jump_write,
            jump_row=init.jump_write_endl,
        )

    def _weights(self, init: ConvInit, conv: Conv) -> Cells:
        """Return the weights `[cp, kernel_h * kernel_w * channels]`."""
        arch, lines = self.banks.arch, init.kernel_h * init.kernel_w * conv.channel_group
        found = self.banks.read(arch.weight_bank, arch.cp, conv.bank_addr_weights, 1, lines, lines)
        return np.ascontiguousarray(found).reshape(arch.cp, -1)
