"""What hardware would not forgive: orders that only this simulator keeps, and values that nobody has written.

Fields, ranges, tokens and hazards are `net2bit.dpu.check`'s. Here every byte of banks and workspace has a state, and the program is walked
through once more on states instead of values.

Hardware never clears its memory, so what lies there before the first write is arbitrary. Reading such a line is a fault. Not so the weight
banks behind the last output channel, which nobody loads: what CONV makes of them is garbage in channels of its own, which may be written
and go through the ALU and ELEW, lane by lane. Where it would count, in a CONV's sums or in DDR, it is a fault again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu import check
from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save
from net2bit.dpu.simulator import lanes, windows
from net2bit.dpu.simulator.banks import Banks, Cells, group_of
from net2bit.dpu.simulator.move import CONSTANT, hidden, pixels
from net2bit.dpu.simulator.windows import Window
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps
from net2bit.errors import ProgramError

NEVER, GARBAGE, KNOWN = 0, 1, 2


def verify(program: Sequence[Instruction], arch: Arch, registers: Mapping[int, int], unwritten: Collection[int]) -> None:
    """Check a program without running it.

    Args:
        program: Instructions.
        arch: The machine.
        registers: Register number -> bytes.
        unwritten: Registers whose content is arbitrary at the start: workspace and outputs.

    Raises:
        ProgramError: The first fault, and how many more there are of the kinds that `net2bit.dpu.check` finds.
    """
    findings = [item for item in check.check(program, arch, registers) if item.kind is not check.Kind.COUNTER]
    if findings:
        first = findings[0]
        where = f"instruction {first.instructions[-1]}" if first.instructions else first.engine or "program"
        more = f"; {len(findings) - 1} more findings: `net2bit check` lists them" if findings[1:] else ""
        raise ProgramError(f"{first.kind}: {first.message}{more}", where=where)
    Shadow(arch, registers, unwritten).run(program)


class Shadow:
    """The machine's memory in states: `NEVER` written, `GARBAGE`, or `KNOWN`."""

    def __init__(self, arch: Arch, registers: Mapping[int, int], unwritten: Collection[int]) -> None:
        """Begin with nothing known but the registers that are not in *unwritten*."""
        self.arch = arch
        self.banks = Banks(arch, np.zeros(arch.banks * DEPTH * arch.cp, np.int8))
        self.registers = {reg: np.full(size, NEVER if reg in unwritten else KNOWN, np.int8) for reg, size in registers.items()}

    def run(self, program: Sequence[Instruction]) -> None:
        """Walk through a program.

        Raises:
            ProgramError: It reads what nobody has written; the instruction, bank and line or register and byte are named.
        """
        for step in steps(program):
            try:
                self._walk(step)
            except ProgramError as error:
                raise ProgramError(error.what, where=f"instruction {step.index}", remedy=error.remedy) from None

    def _walk(self, step: Step) -> None:
        match step:
            case LoadStep(load=load):
                self._load(load)
            case SaveStep(save=save):
                self._save(save)
            case ConvStep(init=init, conv=conv):
                self._conv(init, conv)
            case AluStep(init=init, alu=alu):
                self._alu(init, alu)
            case ElewStep(operands=operands, elew=elew):
                self._elew(operands, elew)

    def _load(self, load: Load) -> None:
        if load.broadcast != CONSTANT:
            states = pixels(self.registers, load.reg_id, load.ddr_addr, (load.length, load.channel), (load.jump_read, 1))
            masked = hidden(load, self.arch.cp)
            unknown = (states != KNOWN) & ~masked if masked is not None else states != KNOWN
            if unknown.any():
                at, byte = np.argwhere(unknown)[0].tolist()
                place = load.ddr_addr + at * load.jump_read + byte
                raise ProgramError(f"LOAD reads byte {place} of REG_{load.reg_id}, which nothing has written", where="")
        lines = self.arch.lines(load.channel)
        made = np.full((1, load.length, lines, self.arch.cp), KNOWN, np.int8)
        self.banks.write(load.bank_id, load.bank_addr, load.jump_write, made)

    def _save(self, save: Save) -> None:
        size = 1 if save.argmax & 2 and not save.const_en else save.channel
        if not save.const_en:
            found = self.banks.read(save.bank_id, 1, save.bank_addr, save.length, save.jump_read, self.arch.lines(save.channel))
            states = found.reshape(save.length, -1)[:, : save.channel]
            if states.min() != KNOWN:
                at, byte = np.argwhere(states != KNOWN)[0].tolist()
                line = save.bank_addr + at * save.jump_read + byte // self.arch.cp
                raise _unknown("SAVE", save.bank_id, line, byte % self.arch.cp, int(states[at, byte]))
        target = pixels(self.registers, save.reg_id, save.ddr_addr, (save.length, size), (save.jump_write, 1))
        target[...] = KNOWN

    def _conv(self, init: ConvInit, conv: Conv) -> None:
        window = windows.conv_window(init, conv)
        self._window("CONV", window, KNOWN)
        taps = init.kernel_h * init.kernel_w * conv.channel_group
        found = self.banks.read(self.arch.weight_bank, self.arch.cp, conv.bank_addr_weights, 1, taps, taps)
        weights = found.reshape(self.arch.cp, -1).min(1)
        if weights.max() != KNOWN:
            raise _unknown("CONV", self.arch.weight_bank, conv.bank_addr_weights, 0, NEVER, "no weights are loaded there")
        bias = self.banks.cells[self.arch.bias_bank, conv.bank_addr_bias % DEPTH]
        if bias.max() != KNOWN:
            raise _unknown("CONV", self.arch.bias_bank, conv.bank_addr_bias, 0, NEVER)
        state = np.where((weights == KNOWN) & (bias == KNOWN), KNOWN, GARBAGE).astype(np.int8)
        made = np.broadcast_to(state, (window.rows, window.columns, 1, self.arch.cp))
        self._write(init, conv, made)

    def _window(self, name: str, window: Window, least: int) -> Cells:
        """Return the states of a window, those `KNOWN` that do not count.

        Raises:
            ProgramError: One is less than *least*.
        """
        states = windows.read(self.banks, window, KNOWN)
        for axis in (0, 1):
            if window.stride[axis] > window.kernel[axis]:
                skipped = np.arange(states.shape[axis]) % window.stride[axis] >= window.kernel[axis]
                states[skipped if axis == 0 else (slice(None), skipped)] = KNOWN
        if states.min() < least:
            row, column, byte = np.argwhere(states < least)[0].tolist()
            bank, line = self._place(window, row, column)
            raise _unknown(name, bank, line + byte // self.arch.cp, byte % self.arch.cp, int(states[row, column, byte]))
        return states

    def _place(self, window: Window, row: int, column: int) -> tuple[int, int]:
        """Return bank and line of a pixel of a window."""
        group, start = group_of(self.arch, window.bank)
        bank, sub = divmod(row + window.offset, window.stride[0])
        visit, bank = divmod(start + bank, self.arch.pp)
        return group + bank, window.addresses[visit] + sub * window.jump_row + column * window.jump

    def _alu(self, init: AluInit, alu: Alu) -> None:
        window = windows.alu_window(init, alu, padded=init.exec_mode != lanes.REDUCE)
        channels, weighted = init.channel_group * self.arch.cp, init.exec_mode in lanes.WEIGHTED
        states = self._window("ALU", window, GARBAGE)
        taps = list(lanes.taps(states, window, channels))
        made = np.minimum.reduce(taps if weighted else taps[:: window.blocks])
        for operand in self._parameters(init, alu, window, channels):
            made = np.minimum(made, operand)
        self._write(init, alu, made.reshape(*made.shape[:2], init.channel_group, self.arch.cp))

    def _parameters(self, init: AluInit, alu: Alu, window: Window, channels: int) -> list[NDArray[np.int8]]:
        """Return the states of an ALU's weights and biases, by channel.

        Raises:
            ProgramError: A line of them was never written.
        """
        found = []
        if init.exec_mode in {*lanes.WEIGHTED, lanes.PRELU}:
            each, one = init.channel_group * (2 if init.exec_mode == lanes.WIDE else 1), init.exec_mode == lanes.PRELU
            count, jump = (1, 1) if one else (window.kernel[0] * window.kernel[1], init.jump_read_weights)
            states = self.banks.read(self.arch.alu_bank, 1, alu.bank_addr_weights, count, jump, each * (1 if one else alu.kernel_d))
            if states.max(-1).min() == NEVER:
                _, at, line = np.argwhere(states.max(-1) == NEVER)[0].tolist()
                raise _unknown("ALU", self.arch.alu_bank, alu.bank_addr_weights + at * jump + line, 0, NEVER)
            found.append(states.reshape(-1, each * self.arch.cp).min(0)[:: each // init.channel_group])
        if init.exec_mode == lanes.DEPTHWISE:
            states = self.banks.read(self.arch.bias_bank, 1, alu.bank_addr_bias, 1, 1, init.channel_group)
            if states.max(-1).min() == NEVER:
                line = int(np.argwhere(states.max(-1)[0, 0] == NEVER)[0, 0])
                raise _unknown("ALU", self.arch.bias_bank, alu.bank_addr_bias + line, 0, NEVER)
            found.append(states.reshape(channels))
        return [np.maximum(item, GARBAGE) for item in found]

    def _elew(self, operands: tuple[ElewInit, ...], elew: Elew) -> None:
        found = []
        for init in operands:
            states = lanes.operand(self.banks, init, elew)
            if states.min() == NEVER:
                row, column, line, lane = np.argwhere(states == NEVER)[0].tolist()
                group, start = group_of(self.arch, init.bank_id_in)
                visit, bank = divmod(start + (0 if init.share_pp else row * init.jump_bank), self.arch.pp)
                place = init.bank_addr_in + visit * init.jump_read_endl + column * init.jump_read + line
                raise _unknown("ELEW", group + bank, place, lane, NEVER)
            found.append(states)
        self.banks.write_rows(
            np.minimum.reduce(found),
            elew.bank_id_out,
            elew.bank_addr_out,
            step=1,
            offset=0,
            jump=elew.jump_write,
            jump_row=elew.jump_write_endl,
        )

    def _write(self, init: ConvInit | AluInit, work: Conv | Alu, made: Cells) -> None:
        self.banks.write_rows(
            made,
            work.bank_id_out,
            work.bank_addr_out,
            step=init.stride_out,
            offset=init.stride_offset_out,
            jump=init.jump_write,
            jump_row=init.jump_write_endl,
        )


def _unknown(name: str, bank: int, line: int, lane: int, state: int, why: str = "") -> ProgramError:
    """Return the error of a read that finds nothing."""
    if state == NEVER:
        return ProgramError(
            f"{name} reads line {line % DEPTH} of bank {bank}, which nothing has written" + (f": {why}" if why else ""), where=""
        )
    what = f"{name} reads byte {lane} of line {line % DEPTH} of bank {bank}: garbage, made of weights or biases that were never loaded"
    return ProgramError(what, where="", remedy="mask it with channel_offset, or save fewer channels")
