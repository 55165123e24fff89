"""The machine: banks and registers, and what each task of a plan does to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from net2bit.dpu.arch import Arch
from net2bit.dpu.simulator import lanes, move
from net2bit.dpu.simulator.banks import Banks, Cells
from net2bit.dpu.simulator.contract import contract
from net2bit.dpu.simulator.integers import finish
from net2bit.dpu.simulator.move import Registers
from net2bit.dpu.simulator.plan import Begin, Convolve, Elements, Lanes, Loads, Saves, Take, Task, Weights
from net2bit.dpu.simulator.windows import read

_KEPT: Final = 512


class Machine:
    """Executes tasks in order."""

    def __init__(self, arch: Arch, registers: Registers) -> None:
        """Take over the registers, which are changed in place."""
        self.banks, self.registers = Banks(arch), registers
        self._packed: dict[Weights, Cells] = {}
        self._x: Cells = np.empty((0, 0, 0), np.int8)
        self._weights: list[Cells] = []
        self._bias: list[Cells] = []

    def run(self, tasks: Iterable[Task]) -> None:
        """Execute a plan.

        Raises:
            ProgramError: A LOAD or SAVE reaches beyond its register; the instruction is named.
        """
        self._packed.clear()
        for task in tasks:
            match task:
                case Loads():
                    move.load(self.banks, self.registers, task.load, task.lines, task.masked, task.indices, task.step)
                case Take():
                    self._weights.append(self._taken(task.weights))
                    self._bias.append(self.banks.cells[self.banks.arch.bias_bank, task.bias].copy())
                case Begin():
                    self._x = read(self.banks, task.window)
                case Convolve():
                    self._convolve(task)
                case Saves():
                    move.save(self.banks, self.registers, task.save, task.lines, task.indices, task.step)
                case Lanes():
                    lanes.alu(self.banks, task.init, task.alu, task.window)
                case Elements():
                    lanes.elew(self.banks, task.operands, task.elew)

    def _taken(self, key: Weights) -> Cells:
        """Return a copy of the weights `[cp, kernel_h * kernel_w * channels]`, the same one as long as no LOAD changes them."""
        found = self._packed.get(key)
        if found is None:
            arch = self.banks.arch
            cells = self.banks.read(arch.weight_bank, arch.cp, key.line, 1, key.lines, key.lines)
            found = np.array(cells, order="C").reshape(arch.cp, -1)
            if key.version >= 0:
                if len(self._packed) >= _KEPT:
                    self._packed.clear()
                self._packed[key] = found
        return found

    def _convolve(self, task: Convolve) -> None:
        init, arch = task.init, self.banks.arch
        weights = self._weights[0] if task.outputs == 1 else np.concatenate(self._weights)
        bias = self._bias[0] if task.outputs == 1 else np.concatenate(self._bias)
        self._weights, self._bias = [], []
        sums, reach = contract(self._x, weights, task.window)
        made = finish(sums, reach, bias, init.shift_bias, init.shift_cut, init.act_type, leaky=arch.leaky)
        self.banks.write_rows(
            made.reshape(*made.shape[:2], task.outputs, arch.cp),
            task.first.bank_id_out,
            task.first.bank_addr_out,
            step=init.stride_out,
            offset=init.stride_offset_out,
            jump=init.jump_write,
            jump_row=init.jump_write_endl,
        )
