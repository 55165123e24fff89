"""LOAD and SAVE: bytes between DDR registers and banks."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH
from net2bit.dpu.isa import Load, Save
from net2bit.dpu.simulator.banks import Banks
from net2bit.errors import ProgramError

Register = NDArray[np.int8]
Registers = dict[int, Register]

CONSTANT: Final = 7
"""LOAD's broadcast value for a constant."""
_AUGMENTED: Final = 64


def pixels(registers: Registers, reg: int, address: int, count: int, channels: int, jump: int, *, name: str) -> Register:
    """Return *count* pixels of *channels* bytes in DDR, *jump* bytes apart, as a view; they may overlap.

    Raises:
        ProgramError: There is no such register, or they reach beyond its end.
    """
    memory = registers.get(reg)
    if memory is None:
        known = ", ".join(f"REG_{number}" for number in sorted(registers))
        raise ProgramError(f"{name} uses REG_{reg}; there are {known}", where="")
    end = address + (count - 1) * jump + channels
    if end > memory.size:
        raise ProgramError(f"{name} reaches to byte {end} of REG_{reg}, which has {memory.size}", where="")
    return np.ndarray((count, channels), np.int8, memory, address, (jump, 1))


def signed(byte: int) -> int:
    """Return a byte's value as int8."""
    return (byte + 128) % 256 - 128


def hidden(load: Load, cp: int) -> NDArray[np.bool_] | None:
    """Return which bytes `[length, channel]` channel augmentation reads as zero; None where it masks nothing."""
    if not load.jump_read <= load.channel <= _AUGMENTED or (load.pad_start == load.pad_end == 0 and load.pad_idx == 1):
        return None
    index, byte = np.arange(load.length)[:, None], np.arange(load.channel)
    late = index - (load.length - load.pad_idx)
    edge = -(-load.channel // cp) * cp - load.pad_end - late * load.jump_read
    masked = (byte < load.pad_start - index * load.jump_read) | ((late >= 0) & (byte >= edge))
    return masked if masked.any() else None


def load(banks: Banks, registers: Registers, step: Load) -> None:
    """Execute a LOAD.

    Raises:
        ProgramError: It reaches outside of the banks or of the register, or uses a mode that this machine lacks.
    """
    banks.check(step.bank_id)
    if step.mode_avg or step.broadcast not in {0, CONSTANT}:
        raise ProgramError("LOAD subtracts a mean or broadcasts, which an ISA1 machine of this family cannot", where="")
    source = pixels(registers, step.reg_id, step.ddr_addr, step.length, step.channel, step.jump_read, name="LOAD")
    lines = banks.arch.lines(step.channel)
    made = np.zeros((1, step.length, lines * banks.arch.cp), np.int8)
    made[0, :, : step.channel] = signed(step.const_value) if step.broadcast else source
    if (masked := hidden(step, banks.arch.cp)) is not None:
        made[0, :, : step.channel][masked] = 0
    banks.write(step.bank_id, step.bank_addr % DEPTH, step.jump_write, made.reshape(1, step.length, lines, banks.arch.cp))


def save(banks: Banks, registers: Registers, step: Save) -> None:
    """Execute a SAVE.

    Raises:
        ProgramError: It reads no image bank, reaches outside of the register, or uses an option that this configuration lacks.
    """
    banks.group(step.bank_id)
    if step.argmax & 2 and not banks.arch.argmax:
        raise ProgramError("SAVE takes the argmax, which this configuration lacks", where="")
    source = banks.read(step.bank_id, 1, step.bank_addr, step.length, step.jump_read, banks.arch.lines(step.channel))
    values = saved(step, source.reshape(step.length, -1)[:, : step.channel])
    target = pixels(registers, step.reg_id, step.ddr_addr, step.length, values.shape[1], step.jump_write, name="SAVE")
    if step.jump_write >= values.shape[1]:
        target[...] = values
    else:  # pixels that overlap: the later one stays
        for at in range(step.length):
            target[at] = values[at]


def saved(step: Save, values: Register) -> Register:
    """Return what a SAVE writes for the pixels *values* `[length, channel]`."""
    if step.const_en:
        return np.full_like(values, signed(step.const_value))
    if not step.argmax & 2:
        return values
    index = values.argmax(1)[:, None]
    return np.take_along_axis(values, index, 1) if step.argmax & 1 else index.astype(np.int8)
