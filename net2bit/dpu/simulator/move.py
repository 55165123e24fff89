"""LOAD and SAVE: bytes between DDR registers and banks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Load, Save
from net2bit.dpu.simulator.banks import Banks, group_of
from net2bit.errors import ProgramError

Register = NDArray[np.int8]
Registers = dict[int, Register]

CONSTANT: Final = 7
"""LOAD's broadcast value for a constant."""
_AUGMENTED: Final = 64


def pixels(registers: Registers, reg: int, address: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Register:
    """Return bytes in DDR as a view; they may overlap.

    Raises:
        ProgramError: There is no such register, or they reach beyond its end.
    """
    memory = registers.get(reg)
    if memory is None:
        known = ", ".join(f"REG_{number}" for number in sorted(registers))
        raise ProgramError(f"REG_{reg} is used; there are {known}", where="")
    end = address + 1
    for size, step in zip(shape, strides, strict=True):
        end += (size - 1) * step
    if end > memory.size:
        raise ProgramError(f"bytes {address} to {end - 1} of REG_{reg} are used, which has {memory.size}", where="")
    return np.ndarray(shape, np.int8, memory, address, strides)


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


def check_load(arch: Arch, step: Load) -> None:
    """Refuse a LOAD that cannot be executed.

    Raises:
        ProgramError: Its bank does not exist, or it uses a mode that this machine lacks.
    """
    if step.bank_id >= arch.banks:
        raise ProgramError(f"bank {step.bank_id} does not exist: {arch.name} has 0 to {arch.banks - 1}", where="")
    if step.mode_avg or step.broadcast not in {0, CONSTANT}:
        raise ProgramError("LOAD subtracts a mean or broadcasts, which an ISA1 machine of this family cannot", where="")


def check_save(arch: Arch, step: Save) -> None:
    """Refuse a SAVE that cannot be executed.

    Raises:
        ProgramError: It reads no image bank, or uses an option that this configuration lacks.
    """
    group_of(arch, step.bank_id)
    if step.argmax & 2 and not arch.argmax:
        raise ProgramError("SAVE takes the argmax, which this configuration lacks", where="")


def load(
    banks: Banks, registers: Registers, step: Load, lines: int, masked: NDArray[np.bool_] | None, indices: Sequence[int], apart: int
) -> None:
    """Execute LOADs to neighbouring banks, from places *apart* bytes apart; *step* is the first.

    Raises:
        ProgramError: One reaches beyond its register.
    """
    shape, strides = (step.length, step.channel), (step.jump_read, 1)
    source = _places(registers, step.reg_id, step.ddr_addr, shape, strides, indices, apart)
    cp, count = banks.arch.cp, len(indices)
    if step.broadcast or masked is not None or step.channel != lines * cp:
        made = np.zeros((count, step.length, lines * cp), np.int8)
        made[:, :, : step.channel] = signed(step.const_value) if step.broadcast else source
        if masked is not None:
            made[:, :, : step.channel][:, masked] = 0
        source = made
    banks.write(step.bank_id, step.bank_addr, step.jump_write, source.reshape(count, step.length, lines, cp))


def _places(
    registers: Registers, reg: int, address: int, shape: tuple[int, int], strides: tuple[int, int], indices: Sequence[int], apart: int
) -> Register:
    """Return the places of several LOADs or SAVEs, the fault of one named by its index."""
    try:
        return pixels(registers, reg, address, (len(indices), *shape), (apart, *strides))
    except ProgramError:
        for number, index in enumerate(indices):
            try:
                pixels(registers, reg, address + number * apart, shape, strides)
            except ProgramError as error:
                raise ProgramError(error.what, where=f"instruction {index}") from None
        raise


def save(banks: Banks, registers: Registers, step: Save, lines: int, indices: Sequence[int], apart: int) -> None:
    """Execute SAVEs from neighbouring banks, to places *apart* bytes apart; *step* is the first.

    Raises:
        ProgramError: One reaches beyond its register.
    """
    count = len(indices)
    source = banks.read(step.bank_id, count, step.bank_addr, step.length, step.jump_read, lines)
    values = source.reshape(count, step.length, -1)[:, :, : step.channel]
    if step.const_en or step.argmax & 2:
        values = saved(step, values[0])[None]
    size = values.shape[2]
    target = _places(registers, step.reg_id, step.ddr_addr, (step.length, size), (step.jump_write, 1), indices, apart)
    if step.jump_write >= size:
        target[...] = values
    else:  # pixels that overlap: the later one stays
        for at in range(step.length):
            target[0, at] = values[0, at]


def saved(step: Save, values: Register) -> Register:
    """Return what a SAVE writes for the pixels *values* `[length, channel]`."""
    if step.const_en:
        return np.full_like(values, signed(step.const_value))
    if not step.argmax & 2:
        return values
    index = values.argmax(1)[:, None]
    return np.take_along_axis(values, index, 1) if step.argmax & 1 else index.astype(np.int8)
