"""What an instruction reads and writes: lines of banks, bytes of DDR.

Exact where it matters for the order of instructions: padded rows and columns are no accesses, all convolution weight banks are, addresses
wrap at 2,048 lines. Columns and rows that a stride passes over count as read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from net2bit.dpu.arch import DEPTH, VISITS, Arch
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps

CONSTANT: Final = 7
"""LOAD broadcast: every byte is const_value, DDR is not read."""
MAX_REDUCE: Final = 5
"""ALU exec_mode whose window knows no padding."""
PRELU: Final = 1
WIDE_WEIGHTS: Final = 8
"""ALU exec_mode with weights of two bytes."""
_WEIGHTED: Final = frozenset({0, 6, WIDE_WEIGHTS})


class Box(NamedTuple):
    """Lines of `banks` neighbouring banks: in each, `runs` runs of `lines` lines, `step` apart, from `line` on; all within 0 to 2,047.

    The step of a single run is its length.
    """

    bank: int
    banks: int
    line: int
    runs: int
    step: int
    lines: int


class Span(NamedTuple):
    """Bytes of a register: `runs` runs of `size` bytes, `step` apart, from `start` on."""

    reg: int
    start: int
    runs: int
    step: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind the last."""
        return self.start + (self.runs - 1) * self.step + self.size


class Footprint(NamedTuple):
    """The accesses of one instruction."""

    reads: tuple[Box, ...] = ()
    writes: tuple[Box, ...] = ()
    fetches: Span | None = None
    """Read from DDR."""
    stores: Span | None = None
    """Written to DDR."""


def footprint(step: Step, arch: Arch) -> Footprint:
    """Return what the step reads and writes; rows beyond the fourth visit of a bank group (forbidden) are left out."""
    match step:
        case LoadStep():
            return _load(step.load, arch)
        case SaveStep():
            return _save(step.save, arch)
        case ConvStep():
            return _conv(step.init, step.conv, arch)
        case AluStep():
            return _alu(step.init, step.alu, arch)
        case ElewStep():
            return _elew(step.operands, step.elew, arch)


def footprints(program: Sequence[Instruction], arch: Arch) -> Iterator[tuple[int, Footprint]]:
    """Yield index and footprint of every instruction that moves or computes data.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs.
    """
    for step in steps(program):
        yield step.index, footprint(step, arch)


def _load(load: Load, arch: Arch) -> Footprint:
    writes = boxes(load.bank_id, 1, load.bank_addr, load.length, load.jump_write, arch.lines(load.channel))
    span = None if load.broadcast == CONSTANT else Span(load.reg_id, load.ddr_addr, load.length, load.jump_read, load.channel)
    return Footprint((), writes, span, None)


def _save(save: Save, arch: Arch) -> Footprint:
    reads = () if save.const_en else boxes(save.bank_id, 1, save.bank_addr, save.length, save.jump_read, arch.lines(save.channel))
    size = 1 if save.argmax & 2 and not save.const_en else save.channel
    return Footprint(reads, (), None, Span(save.reg_id, save.ddr_addr, save.length, save.jump_write, size))


def _conv(init: ConvInit, conv: Conv, arch: Arch) -> Footprint:
    taps = init.kernel_h * init.kernel_w * conv.channel_group
    return Footprint(
        _window(arch.pp, *_geometry(init, conv), init.valid_pixel_parallel, conv.length, conv.channel_group)
        + boxes(arch.weight_bank, arch.cp, conv.bank_addr_weights, 1, 0, taps)
        + boxes(arch.bias_bank, 1, conv.bank_addr_bias, 1, 0, 1),
        _output(arch.pp, *_target(init, conv), init.valid_pixel_parallel, conv.length, 1),
    )


def _alu(init: AluInit, alu: Alu, arch: Arch) -> Footprint:
    depth = init.channel_group * alu.kernel_d
    reads = _window(arch.pp, *_geometry(init, alu), alu.valid_pixel_parallel, init.length, depth)
    if init.exec_mode in _WEIGHTED:
        wide = 2 if init.exec_mode == WIDE_WEIGHTS else 1
        reads += boxes(arch.alu_bank, 1, alu.bank_addr_weights, init.kernel_h * init.kernel_w, init.jump_read_weights, depth * wide)
    if init.exec_mode == PRELU:
        reads += boxes(arch.alu_bank, 1, alu.bank_addr_weights, 1, 0, init.channel_group)
    if init.exec_mode == 0:
        reads += boxes(arch.bias_bank, 1, alu.bank_addr_bias, 1, 0, init.channel_group)
    return Footprint(reads, _output(arch.pp, *_target(init, alu), alu.valid_pixel_parallel, init.length, init.channel_group))


def _geometry(init: ConvInit | AluInit, work: Conv | Alu) -> tuple[int | tuple[int, ...], ...]:
    reduce = isinstance(init, AluInit) and init.exec_mode == MAX_REDUCE
    pads = (0, 0, init.kernel_h, init.kernel_w) if reduce else (work.pad_top, work.pad_left, work.pad_bottom, work.pad_right)
    return (
        work.bank_id_in,
        (work.bank_addr_in, work.bank_addr_in_1, work.bank_addr_in_2, work.bank_addr_in_3),
        pads,
        (init.kernel_h, init.kernel_w, init.stride_h, init.stride_w),
        (init.stride_offset_in, init.jump_read_endl, init.jump_read),
    )


def _target(init: ConvInit | AluInit, work: Conv | Alu) -> tuple[int, ...]:
    return work.bank_id_out, work.bank_addr_out, init.stride_out, init.stride_offset_out, init.jump_write_endl, init.jump_write


@lru_cache(maxsize=1 << 12)
def _window(  # noqa: PLR0913, PLR0917 - plain numbers: the key of the cache (the CONVs of one tile differ in their output group alone)
    pp: int,
    bank: int,
    bases: tuple[int, ...],
    pads: tuple[int, ...],
    kernel: tuple[int, ...],
    jumps: tuple[int, ...],
    parallel: int,
    length: int,
    lines: int,
) -> tuple[Box, ...]:
    """Return the input lines of CONV or ALU: the rows and columns of its window that are not padding."""
    (top, left, bottom, right), (kernel_h, kernel_w, stride_h, stride_w), (offset, endl, jump) = pads, kernel, jumps
    rows, columns = (parallel - 1) * stride_h, (length - 1) * stride_w
    last, behind = min(rows + kernel_h, rows + bottom + 1), min(columns + kernel_w, columns + right + 1)
    found: tuple[Box, ...] = ()
    for first, banks, visit, sub in _walk(pp, bank, offset + top, offset + last, stride_h):
        if visit < VISITS:
            found += boxes(first, banks, bases[visit] + sub * endl + left * jump, behind - left, jump, lines)
    return found


@lru_cache(maxsize=1 << 12)
def _output(  # noqa: PLR0913, PLR0917 - plain numbers: the key of the cache
    pp: int, bank: int, base: int, group: int, offset: int, endl: int, jump: int, parallel: int, length: int, lines: int
) -> tuple[Box, ...]:
    """Return the output lines of CONV or ALU."""
    found: tuple[Box, ...] = ()
    for first, banks, visit, sub in _walk(pp, bank, offset, offset + parallel, group):
        found += boxes(first, banks, base + (visit * group + sub) * endl, length, jump, lines)
    return found


def _elew(operands: tuple[ElewInit, ...], elew: Elew, arch: Arch) -> Footprint:
    rows = elew.valid_pixel_parallel
    reads: tuple[Box, ...] = ()
    for item in operands:
        reads += _operand(item, rows, elew, arch.pp)
    writes: tuple[Box, ...] = ()
    for first, banks, visit, _ in _walk(arch.pp, elew.bank_id_out, 0, rows, 1):
        writes += boxes(first, banks, elew.bank_addr_out + visit * elew.jump_write_endl, elew.length, elew.jump_write, elew.channel_group)
    return Footprint(reads, writes)


def _operand(item: ElewInit, rows: int, elew: Elew, pp: int) -> tuple[Box, ...]:
    if item.share_pp:
        return boxes(item.bank_id_in, 1, item.bank_addr_in, elew.length, item.jump_read, elew.channel_group)
    found: tuple[Box, ...] = ()
    spread = range(rows) if item.jump_bank > 1 else range(1)
    for row in spread:
        at = item.bank_id_in % pp + row * item.jump_bank
        visits = _walk(pp, item.bank_id_in - item.bank_id_in % pp, at, at + (1 if item.jump_bank > 1 else rows), 1)
        for first, banks, visit, _ in visits:
            line = item.bank_addr_in + visit * item.jump_read_endl
            found += boxes(first, banks, line, elew.length, item.jump_read, elew.channel_group)
    return found


def _walk(pp: int, bank: int, first: int, last: int, per_bank: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield runs of banks that hold rows `first` to `last` - 1, counted from the first row of `bank`.

    Each run is the first bank, the number of banks, the visit of the bank group, and which of the bank's `per_bank` rows.
    """
    start = bank % pp
    for sub in range(per_bank):
        at, end = start - (sub - first) // per_bank, start + (last - 1 - sub) // per_bank + 1
        while at < end:
            visit, inside = divmod(at, pp)
            banks = min(end - at, pp - inside)
            yield bank - start + inside, banks, visit, sub
            at += banks


def boxes(bank: int, banks: int, line: int, count: int, step: int, lines: int) -> tuple[Box, ...]:
    """Return `count` runs of `lines` lines, `step` apart, from `line` on, cut where they wrap at 2,048 lines."""
    line %= DEPTH
    if count < 1:
        return ()
    if count == 1 or step <= lines:
        size = (count - 1) * step + lines
        return (Box(bank, banks, line, 1, size, size),) if line + size <= DEPTH else _whole(bank, banks, line, min(size, DEPTH))
    found: tuple[Box, ...] = ()
    while count > 0:
        fit = min(count, max(0, (DEPTH - line - lines) // step + 1))
        if fit:
            found += (Box(bank, banks, line, fit, step if fit > 1 else lines, lines),)
        line, count = line + fit * step, count - fit
        if count and line < DEPTH:
            found += _whole(bank, banks, line, min(lines, DEPTH))
            line, count = line + step, count - 1
        line %= DEPTH
    return found


def _whole(bank: int, banks: int, line: int, lines: int) -> tuple[Box, ...]:
    first = min(lines, DEPTH - line)
    box = Box(bank, banks, line, 1, first, first)
    return (box,) if first == lines else (box, Box(bank, banks, 0, 1, lines - first, lines - first))
