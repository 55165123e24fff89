"""Machine code as text: AMD's assembly (what its open instruction simulator reads, and `ac_code` holds), and a listing to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from net2bit.dpu.arch import Arch
from net2bit.dpu.footprint import CONSTANT
from net2bit.dpu.isa import ENGINES, KINDS, Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save
from net2bit.errors import ProgramError, near

_KINDS: Final = {kind.__name__.upper(): kind for kind in KINDS}
_HEAD: Final = 3
"""Words of a line before its fields: name, dpdon, dpdby."""


def assembly(program: Iterable[Instruction]) -> list[str]:
    """Return a program in AMD's assembly: `NAME dpdon dpdby field value …`, masks in binary, values as they are meant."""
    return [_line(item) for item in program]


def _line(item: Instruction) -> str:
    fields = "".join(f" {name} {getattr(item, name)}" for name, *_ in item.layout)
    return f"{item.mnemonic} {item.on:04b} {item.by:04b}{fields}"


def parse(lines: Iterable[str]) -> list[Instruction]:
    """Return the program that assembly says; a field that is left out is as small as it can be.

    Raises:
        ProgramError: A line is no instruction; the line is named.
    """
    return [_read(line.split(), f"line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _read(words: list[str], where: str) -> Instruction:
    kind = _KINDS.get(words[0])
    if kind is None:
        raise ProgramError(f"there is no instruction {words[0]}", where=where, suggestion=near(words[0], _KINDS))
    if len(words) < _HEAD or len(words) % 2 != 1:
        raise ProgramError(f"{words[0]} is followed by two masks, then by fields and values in pairs", where=where)
    found = {name: int(less_one) for name, _, _, _, less_one in kind.layout}
    for name, value in zip(words[_HEAD::2], words[_HEAD + 1 :: 2], strict=True):
        if name not in found:
            raise ProgramError(f"{words[0]} has no field {name}", where=where, suggestion=near(name, found))
        found[name] = _number(value, 10, where)
    on, by = (_number(word, 2, where) for word in words[1:_HEAD])
    return kind(on=on, by=by, **found)


def _number(word: str, base: int, where: str) -> int:
    try:
        return int(word, base)
    except ValueError:
        raise ProgramError(f"{word} is no number to base {base}", where=where) from None


def listing(program: Sequence[Instruction], arch: Arch) -> list[str]:
    """Return a program to read: index, whom it waits for, whom it signals, the instruction in short; runs of LOADs or SAVEs are one line.

    Letters are the engines (L, S, C, M), own bits are left out; `b8:26` is bank 8, line 26; `R2+n` byte n of REG_2; `a/b` what stands for
    the next pixel and the next row, or for the first and second visit of a bank group.
    """
    return [_row(program, run, arch) for run in _runs(program, arch)]


def _runs(program: Sequence[Instruction], arch: Arch) -> Iterator[range]:
    """Yield runs of moves that differ in their places only; within one, only the first waits and only the last signals."""
    first = 0
    for index in range(1, len(program) + 1):
        if index == len(program) or not _follows(program[index - 1], program[index], arch):
            yield range(first, index)
            first = index


def _follows(one: Instruction, other: Instruction, arch: Arch) -> bool:
    if type(one) is not type(other) or not isinstance(one, Load | Save) or not isinstance(other, Load | Save):
        return False
    same = all(getattr(one, name) == getattr(other, name) for name, *_ in one.layout if name not in {"bank_id", "bank_addr", "ddr_addr"})
    same &= _region(one.bank_id, arch) == _region(other.bank_id, arch)
    return same and not _others(one.by, one) and not _others(other.on, other)


def _others(mask: int, item: Instruction) -> str:
    return "".join(str(engine.name)[0] for engine in ENGINES if mask & engine and engine != item.engine)


def _row(program: Sequence[Instruction], run: range, arch: Arch) -> str:
    first, last = program[run[0]], program[run[-1]]
    number = str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"
    text = _short(first) if len(run) == 1 else _many(program, run, arch)
    return f"{number:>13}  {_others(first.on, first):3}  {_others(last.by, last):3}  {text}"


def _many(program: Sequence[Instruction], run: range, arch: Arch) -> str:
    """Return a run of moves as one line."""
    moves = [item for item in (program[index] for index in run) if isinstance(item, Load | Save)]
    first, last = moves[0], moves[-1]
    steps = {after.ddr_addr - before.ddr_addr for before, after in pairwise(moves)}
    step = f" (step {steps.pop()})" if len(steps) == 1 else ""
    what = _region(first.bank_id, arch)
    places = f"b{first.bank_id}:{first.bank_addr} .. b{last.bank_id}:{last.bank_addr}"
    return f"{first.mnemonic} x{len(run)} {what} {places}{_shape(first)} R{first.reg_id}+{first.ddr_addr}..{last.ddr_addr}{step}"


def _region(bank: int, arch: Arch) -> str:
    if bank < arch.weight_bank:
        return "rows"
    return "weight banks" if bank < arch.alu_bank else "parameters"


def _shape(move: Load | Save) -> str:
    extra = ""
    if isinstance(move, Load):
        extra += f" pad s{move.pad_start} e{move.pad_end} i{move.pad_idx}" if move.pad_start or move.pad_end else ""
        extra += f" const {move.const_value}" if move.broadcast == CONSTANT else ""
    else:
        extra += f" argmax {move.argmax}" if move.argmax else ""
        extra += f" const {move.const_value}" if move.const_en else ""
        extra += f" hp {move.hp_id}"
    return f" len {move.length} ch {move.channel} jr {move.jump_read} jw {move.jump_write}{extra}"


def _short(item: Instruction) -> str:
    match item:
        case Load() | Save():
            text = f" b{item.bank_id}:{item.bank_addr}{_shape(item)} R{item.reg_id}+{item.ddr_addr}"
        case ConvInit():
            text = f"{_kernel(item)} vpp {item.valid_pixel_parallel}{_jumps(item)}{_shifts(item)}"
        case AluInit():
            size = f" mode {item.exec_mode}{_kernel(item)} len {item.length} cg {item.channel_group} co {item.channel_offset}"
            text = f"{size}{_jumps(item)}{_shifts(item)} factor {item.multi_factor} jrw {item.jump_read_weights}"
        case Conv():
            text = f"{_places(item)} len {item.length} cg {item.channel_group} co {item.channel_offset}{_pads(item)}"
        case Alu():
            depth = f" kd {item.kernel_d}" if item.kernel_d > 1 else ""
            text = f"{_places(item)} vpp {item.valid_pixel_parallel}{depth}{_pads(item)}"
        case ElewInit():
            jumps = f"jr {item.jump_read}/{item.jump_read_endl} jb {item.jump_bank} shift_read {item.shift_read}"
            text = f" id {item.id} b{item.bank_id_in}:{item.bank_addr_in} {jumps}{' share' if item.share_pp else ''}"
        case Elew():
            place = f" type {item.elew_type} num {item.num} out b{item.bank_id_out}:{item.bank_addr_out} len {item.length}"
            size = f" cg {item.channel_group} vpp {item.valid_pixel_parallel} jw {item.jump_write}/{item.jump_write_endl}"
            text = f"{place}{size} shift_write {item.shift_write} act {item.act_type}"
        case _:
            text = ""
    return item.mnemonic + text


def _kernel(init: ConvInit | AluInit) -> str:
    return f" k {init.kernel_h}x{init.kernel_w} s {init.stride_h}x{init.stride_w}"


def _jumps(init: ConvInit | AluInit) -> str:
    jumps = f" jr {init.jump_read}/{init.jump_read_endl} jw {init.jump_write}/{init.jump_write_endl}"
    return f"{jumps} so {init.stride_out} soi {init.stride_offset_in} soo {init.stride_offset_out}"


def _shifts(init: ConvInit | AluInit) -> str:
    return f" cut {init.shift_cut} bias {init.shift_bias} act {init.act_type}"


def _places(work: Conv | Alu) -> str:
    places = f" in b{work.bank_id_in}:{work.bank_addr_in}/{work.bank_addr_in_1} out b{work.bank_id_out}:{work.bank_addr_out}"
    return f"{places} w {work.bank_addr_weights} bias {work.bank_addr_bias}"


def _pads(work: Conv | Alu) -> str:
    return f" pad t{work.pad_top} l{work.pad_left} b{work.pad_bottom} r{work.pad_right}"
