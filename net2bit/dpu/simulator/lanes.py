"""ALU and ELEW: every channel by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.isa import Alu, AluInit, Elew, ElewInit
from net2bit.dpu.simulator.banks import Banks, Cells, group_of, strips
from net2bit.dpu.simulator.contract import PRODUCT
from net2bit.dpu.simulator.integers import Codes, Sums, check, finish, shifted
from net2bit.dpu.simulator.move import signed
from net2bit.dpu.simulator.windows import Window, alu_window, read
from net2bit.errors import ProgramError

DEPTHWISE, PRELU, AVERAGE, MAX, LEAKY, REDUCE, PLAIN, SIGMOID, WIDE = range(9)
MODES: Final = range(9)
WEIGHTED: Final = (DEPTHWISE, PLAIN, WIDE)

_FLOAT32: Final = 2**24
_INT32: Final = 2**31
_DIRECTION: Final = 32
_POOL_SHIFT: Final = 8
_WRITE_DOWN: Final = 16
_GUARD_BITS: Final = 2


def prepare(arch: Arch, init: AluInit, step: Alu) -> Window:
    """Return the window of an ALU that can be executed.

    Raises:
        ProgramError: It reads or writes outside of the image banks, or asks for what an ISA1 machine does not compute.
    """
    if init.exec_mode not in MODES:
        raise ProgramError(f"exec_mode {init.exec_mode} is none of an ISA1 machine (0 to 8)", where="")
    group_of(arch, step.bank_id_in)
    group_of(arch, step.bank_id_out)
    if init.exec_mode in WEIGHTED:
        check(init.act_type, init.shift_bias if init.exec_mode == DEPTHWISE else 0, leaky=arch.alu_leaky)
    window = alu_window(init, step, padded=init.exec_mode != REDUCE)
    window.strips(arch.pp)
    return window


def alu(banks: Banks, init: AluInit, step: Alu, window: Window) -> None:
    """Execute an ALU."""
    x = read(banks, window, -128 if init.exec_mode == MAX else 0)
    made = _COMPUTE[init.exec_mode](banks, init, step, window, x)
    banks.write_rows(
        made.reshape(*made.shape[:2], init.channel_group, banks.arch.cp),
        step.bank_id_out,
        step.bank_addr_out,
        step=init.stride_out,
        offset=init.stride_offset_out,
        jump=init.jump_write,
        jump_row=init.jump_write_endl,
    )


def taps(x: NDArray[Any], window: Window, channels: int) -> Iterator[NDArray[Any]]:
    """Yield what each tap of the kernel meets, `[rows, columns, channels]`, row by row; of blocks in depth one after the other."""
    (down, along), (high, wide) = window.stride, window.kernel
    for row in range(high):
        for column in range(wide):
            part = x[row : row + (window.rows - 1) * down + 1 : down, column : column + (window.columns - 1) * along + 1 : along]
            for block in range(window.blocks):
                yield part[..., block * channels : (block + 1) * channels]


def _channels(window: Window, banks: Banks) -> int:
    return window.lines // window.blocks * banks.arch.cp


def _weights(banks: Banks, init: AluInit, step: Alu, window: Window) -> NDArray[np.int32]:
    """Return a weight for each tap, block and channel: `[taps, channels]`."""
    each = init.channel_group * (2 if init.exec_mode == WIDE else 1)
    positions, lines = window.kernel[0] * window.kernel[1], each * step.kernel_d
    found = banks.read(banks.arch.alu_bank, 1, step.bank_addr_weights, positions, init.jump_read_weights, lines)
    flat = found.reshape(positions * step.kernel_d, each * banks.arch.cp)
    if init.exec_mode != WIDE:
        return flat.astype(np.int32)
    pairs = np.ascontiguousarray(flat).view("<i2")
    return np.repeat(pairs[:, :: banks.arch.cp], banks.arch.cp, 1).astype(np.int32)


def _depthwise(banks: Banks, init: AluInit, step: Alu, window: Window, x: Cells) -> Codes:
    weights, channels = _weights(banks, init, step, window), _channels(window, banks)
    reach = len(weights) * (PRODUCT << 8 if init.exec_mode == WIDE else PRODUCT)
    sums = _weighted(x, weights, window, channels, reach)
    bias = np.zeros(channels, np.int8)
    if init.exec_mode == DEPTHWISE:
        bias = banks.read(banks.arch.bias_bank, 1, step.bank_addr_bias, 1, 1, init.channel_group).reshape(channels)
    return finish(sums, reach, bias, init.shift_bias, init.shift_cut, init.act_type, leaky=banks.arch.alu_leaky)


def _weighted(x: Cells, weights: NDArray[np.int32], window: Window, channels: int, reach: int) -> Sums:
    kind = np.float32 if reach <= _FLOAT32 else np.float64
    total = np.zeros((window.rows, window.columns, channels), kind)
    wide, product = x.astype(kind), np.empty_like(total)
    for tap, weight in zip(taps(wide, window, channels), weights.astype(kind), strict=True):
        np.multiply(tap, weight, out=product)
        total += product
    return total.astype(np.int32 if reach < _INT32 else np.int64)


def _first_blocks(x: Cells, window: Window, channels: int) -> list[Cells]:
    """Return the taps of pooling, which looks at the first block in depth only."""
    return list(taps(x, window, channels))[:: window.blocks]


def _maximum(banks: Banks, init: AluInit, _step: Alu, window: Window, x: Cells) -> Codes:
    first, *others = _first_blocks(x, window, _channels(window, banks))
    made = first.copy()
    for other in others:
        np.maximum(made, other, out=made)
    right = _pool_shift(init)
    return shifted(made, right) if right else made


def _pool_shift(init: AluInit) -> int:
    """Return the right shift behind pooling: below 8 the field counts upwards, from 8 on downwards."""
    return init.shift_cut - _POOL_SHIFT if init.shift_cut >= _POOL_SHIFT else -init.shift_cut


def _average(banks: Banks, init: AluInit, _step: Alu, window: Window, x: Cells) -> Codes:
    """Sum, multiply and scale as the machine's public model does: in float32, which rounds products beyond 2**24."""
    total = np.zeros((window.rows, window.columns, _channels(window, banks)), np.int32)
    for tap in _first_blocks(x, window, total.shape[2]):
        total += tap
    product = total.astype(np.float32) * np.float32(signed(init.multi_factor))
    scaled = (product.astype(np.float64) * 2.0 ** -_pool_shift(init)).astype(np.float32)
    return np.clip(np.floor(scaled.astype(np.float64) + 0.5), -128, 127).astype(np.int8)


def _sloped(banks: Banks, init: AluInit, step: Alu, window: Window, x: Cells) -> Codes:
    """PReLU and leaky ReLU: negative values times a factor; which shift follows depends on the sign behind that."""
    channels = _channels(window, banks)
    values = x[: window.rows, : window.columns, :channels].astype(np.int64)
    factor: NDArray[np.int64] | int = signed(init.multi_factor)
    if init.exec_mode == PRELU:
        factor = banks.read(banks.arch.alu_bank, 1, step.bank_addr_weights, 1, 1, init.channel_group).reshape(channels).astype(np.int64)
    values = np.where(values < 0, values * factor, values)
    right_n, right_p = (shift - _DIRECTION if shift >= _DIRECTION else -shift for shift in (init.shift_prelu_n, init.shift_prelu_p))
    return np.where(values < 0, shifted(values, right_n), shifted(values, right_p))


def _sigmoid(banks: Banks, init: AluInit, _step: Alu, window: Window, x: Cells) -> Codes:
    values = x[: window.rows, : window.columns, : _channels(window, banks)].astype(np.int64) * 2731
    values += (3 * 2731) << min(init.shift_bias, 40)
    return shifted(np.clip(values, 0, 1 << 32), init.shift_cut)


_Function = Callable[[Banks, AluInit, Alu, Window, Cells], Codes]
_COMPUTE: Final[dict[int, _Function]] = {
    **dict.fromkeys(WEIGHTED, _depthwise),
    **dict.fromkeys((PRELU, LEAKY), _sloped),
    **dict.fromkeys((MAX, REDUCE), _maximum),
    AVERAGE: _average,
    SIGMOID: _sigmoid,
}


def prepare_elew(arch: Arch, operands: tuple[ElewInit, ...], step: Elew) -> None:
    """Refuse an ELEW that cannot be executed.

    Raises:
        ProgramError: It reads or writes outside of the image banks, or asks for what an ISA1 machine does not compute.
    """
    if step.elew_type > 1:
        raise ProgramError(f"elew_type {step.elew_type} is neither a sum (0) nor a product (1)", where="")
    for bank in (step.bank_id_out, *(init.bank_id_in for init in operands)):
        group_of(arch, bank)


def elew(banks: Banks, operands: tuple[ElewInit, ...], step: Elew) -> None:
    """Execute an ELEW."""
    values = [operand(banks, init, step).astype(np.int64) * 4 >> init.shift_read for init in operands]
    total = values[0]
    for value in values[1:]:
        total = total * value if step.elew_type else total + value
    right = _GUARD_BITS * (2 if step.elew_type else 1)
    right += step.shift_write - _WRITE_DOWN if step.shift_write >= _WRITE_DOWN else -step.shift_write
    made = shifted(np.maximum(total, 0) if step.act_type else total, right)
    banks.write_rows(
        made,
        step.bank_id_out,
        step.bank_addr_out,
        step=1,
        offset=0,
        jump=step.jump_write,
        jump_row=step.jump_write_endl,
    )


def operand(banks: Banks, init: ElewInit, step: Elew) -> Cells:
    """Return an operand `[rows, pixels, lines, cp]`."""
    group, start = group_of(banks.arch, init.bank_id_in)
    rows, pp = step.valid_pixel_parallel, banks.arch.pp
    if init.share_pp or rows == 1:
        found = banks.read(init.bank_id_in, 1, init.bank_addr_in, step.length, init.jump_read, step.channel_group)
        return np.repeat(found, rows, 0)
    made = np.empty((rows, step.length, step.channel_group, banks.arch.cp), np.int8)
    if init.jump_bank == 1:
        for strip in strips(pp, start, 1, 0, 0, rows):
            line = init.bank_addr_in + strip.visit * init.jump_read_endl
            made[strip.rows] = banks.read(group + strip.bank, strip.banks, line, step.length, init.jump_read, step.channel_group)
        return made
    for row in range(rows):
        visit, bank = divmod(start + row * init.jump_bank, pp)
        line = (init.bank_addr_in + visit * init.jump_read_endl) % DEPTH
        made[row] = banks.read(group + bank, 1, line, step.length, init.jump_read, step.channel_group)[0]
    return made
