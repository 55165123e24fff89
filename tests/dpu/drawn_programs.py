"""Random programs, what they touch said again in the plainest way, and the order that their tokens leave open."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

from net2bit.dpu.arch import DEPTH, Arch, standard
from net2bit.dpu.isa import ENGINES, Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps

B512, B2304 = standard("B512"), standard("B2304")
Place = tuple[str, int, int]
"""A line of a bank, or a byte of a register."""


def whole(kind: type[Instruction]) -> st.SearchStrategy[Instruction]:
    """Instructions of a kind, every field anywhere in its range."""
    fields = {name: st.integers(int(less_one), (1 << length) - 1 + less_one) for name, _, _, length, less_one in kind.layout}
    return st.builds(kind, on=st.integers(0, 15), by=st.integers(0, 15), **fields)


def _small(most: int) -> st.SearchStrategy[int]:
    return st.integers(0, most)


def _count(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most)


LINE = st.sampled_from([0, 1, 2, 5, 8, 12, DEPTH - 3, DEPTH - 1])


def _load(arch: Arch) -> st.SearchStrategy[Instruction]:
    bank = st.sampled_from([0, 1, arch.pp, arch.weight_bank, arch.alu_bank, arch.bias_bank])
    return st.builds(
        Load,
        bank_id=bank,
        bank_addr=LINE,
        reg_id=st.sampled_from([1, 2]),
        ddr_addr=_small(40),
        length=_count(4),
        channel=_count(20),
        jump_read=_count(30),
        jump_write=_count(4),
        broadcast=st.sampled_from([0, 0, 0, 7]),
    )


def _save(arch: Arch) -> st.SearchStrategy[Instruction]:
    return st.builds(
        Save,
        bank_id=_small(arch.weight_bank - 1),
        bank_addr=LINE,
        reg_id=st.sampled_from([1, 2]),
        ddr_addr=_small(40),
        length=_count(4),
        channel=_count(20),
        jump_write=_count(30),
        jump_read=_count(4),
        argmax=st.sampled_from([0, 0, 2]),
        const_en=st.sampled_from([0, 0, 0, 1]),
    )


_PADS = {name: _small(3) for name in ("pad_top", "pad_left", "pad_bottom", "pad_right")}
_BASES = dict.fromkeys(("bank_addr_in", "bank_addr_in_1", "bank_addr_in_2", "bank_addr_in_3", "bank_addr_weights", "bank_addr_bias"), LINE)


def _init(most: int) -> dict[str, st.SearchStrategy[int]]:
    jumps = {name: _count(most) for name in ("jump_read", "jump_write", "jump_read_endl", "jump_write_endl")}
    sizes = {name: _count(3) for name in ("kernel_h", "kernel_w", "stride_w", "stride_out")}
    return jumps | sizes | {"stride_offset_out": _small(2)}


def _conv(arch: Arch) -> st.SearchStrategy[list[Instruction]]:
    stride = st.sampled_from([(1, 0), (2, 0), (2, 1)])
    init = st.builds(ConvInit, stride_h=st.just(1), valid_pixel_parallel=_count(arch.pp), **_init(6))
    bank = _small(arch.weight_bank - 1)
    conv = st.builds(
        Conv, bank_id_in=bank, bank_id_out=bank, bank_addr_out=LINE, length=_count(4), channel_group=_count(3), **_PADS, **_BASES
    )
    return st.tuples(init, st.lists(conv, min_size=1, max_size=2), stride).map(_strided)


def _alu(arch: Arch) -> st.SearchStrategy[list[Instruction]]:
    stride = st.sampled_from([(1, 0), (2, 0), (2, 1)])
    shape = {"length": _count(4), "channel_group": _count(3), "jump_read_weights": _count(3)}
    init = st.builds(AluInit, exec_mode=_small(8), stride_h=st.just(1), **shape, **_init(6))
    bank, rows = _small(arch.weight_bank - 1), _count(arch.alu_pp)
    places = {"bank_id_in": bank, "bank_id_out": bank, "bank_addr_out": LINE, "valid_pixel_parallel": rows, "kernel_d": _count(2)}
    alu = st.builds(Alu, **places, **_PADS, **_BASES)
    return st.tuples(init, st.lists(alu, min_size=1, max_size=2), stride).map(_strided)


def _strided(parts: tuple[ConvInit | AluInit, Sequence[Instruction], tuple[int, int]]) -> list[Instruction]:
    init, work, stride = parts
    init.stride_h, init.stride_offset_in = stride
    return [init, *work]


def _elew(arch: Arch) -> st.SearchStrategy[list[Instruction]]:
    bank = _small(arch.weight_bank - 1)
    share = st.sampled_from([0, 0, 0, 1])
    init = st.builds(
        ElewInit,
        id=st.just(0),
        bank_id_in=bank,
        bank_addr_in=LINE,
        jump_read=_small(4),
        jump_read_endl=_count(6),
        jump_bank=_count(2),
        share_pp=share,
    )
    elew = st.builds(
        Elew,
        bank_id_out=bank,
        bank_addr_out=LINE,
        num=st.just(2),
        length=_count(4),
        valid_pixel_parallel=_count(arch.alu_pp),
        channel_group=_count(3),
        jump_write=_count(4),
        jump_write_endl=_count(6),
    )
    return st.tuples(init, init, elew).map(list)


def programs(arch: Arch, most: int = 12) -> st.SearchStrategy[list[Instruction]]:
    """Small programs whose instructions get in one another's way, closed by END."""
    one = st.one_of(_load(arch).map(_alone), _save(arch).map(_alone), _conv(arch), _alu(arch), _elew(arch))
    return st.lists(one, max_size=most).map(lambda parts: [item for part in parts for item in part] + [End()])


def _alone(item: Instruction) -> list[Instruction]:
    return [item]


def touched(step: Step, arch: Arch) -> tuple[set[Place], set[Place]]:
    """What a step reads and writes, walked line by line."""
    match step:
        case LoadStep(load=m):
            memory = _bytes(m.reg_id, m.ddr_addr, m.length, m.jump_read, m.channel)
            return set() if m.broadcast == 7 else memory, _lines(m.bank_id, m.bank_addr, m.length, m.jump_write, arch.lines(m.channel))
        case SaveStep(save=m):
            size = 1 if m.argmax and not m.const_en else m.channel
            lines = _lines(m.bank_id, m.bank_addr, m.length, m.jump_read, arch.lines(m.channel))
            return set() if m.const_en else lines, _bytes(m.reg_id, m.ddr_addr, m.length, m.jump_write, size)
        case ConvStep(init=init, conv=m):
            reads = _window(init, m, init.valid_pixel_parallel, m.length, m.channel_group, arch)
            for bank in range(arch.weight_bank, arch.alu_bank):
                reads |= _lines(bank, m.bank_addr_weights, 1, 0, init.kernel_h * init.kernel_w * m.channel_group)
            reads |= _lines(arch.bias_bank, m.bank_addr_bias, 1, 0, 1)
            return reads, _output(init, m, init.valid_pixel_parallel, m.length, 1, arch)
        case AluStep(init=init, alu=m):
            reads = _window(init, m, m.valid_pixel_parallel, init.length, init.channel_group * m.kernel_d, arch) | _weights(init, m, arch)
            return reads, _output(init, m, m.valid_pixel_parallel, init.length, init.channel_group, arch)
        case ElewStep():
            return _elementwise(step, arch)


def _lines(bank: int, line: int, runs: int, step: int, size: int) -> set[Place]:
    return {("bank", bank, (line + run * step + at) % DEPTH) for run in range(runs) for at in range(size)}


def _bytes(reg: int, start: int, runs: int, step: int, size: int) -> set[Place]:
    return {("reg", reg, start + run * step + at) for run in range(runs) for at in range(size)}


def _weights(init: AluInit, m: Alu, arch: Arch) -> set[Place]:
    found: set[Place] = set()
    groups = init.channel_group
    if init.exec_mode in {0, 6, 8}:
        size = groups * m.kernel_d * (2 if init.exec_mode == 8 else 1)
        found |= _lines(arch.alu_bank, m.bank_addr_weights, init.kernel_h * init.kernel_w, init.jump_read_weights, size)
    if init.exec_mode == 1:
        found |= _lines(arch.alu_bank, m.bank_addr_weights, 1, 0, groups)
    if init.exec_mode == 0:
        found |= _lines(arch.bias_bank, m.bank_addr_bias, 1, 0, groups)
    return found


def _window(init: ConvInit | AluInit, m: Conv | Alu, rows: int, length: int, size: int, arch: Arch) -> set[Place]:
    bases = [m.bank_addr_in, m.bank_addr_in_1, m.bank_addr_in_2, m.bank_addr_in_3]
    bank, visit, sub = m.bank_id_in, 0, init.stride_offset_in
    height, width = (rows - 1) * init.stride_h + init.kernel_h, (length - 1) * init.stride_w + init.kernel_w
    padded = not (isinstance(init, AluInit) and init.exec_mode == 5)
    found: set[Place] = set()
    for row in range(height):
        above = padded and (row < m.pad_top or row > (rows - 1) * init.stride_h + m.pad_bottom)
        for column in range(width):
            beside = padded and (column < m.pad_left or column > (length - 1) * init.stride_w + m.pad_right)
            if not above and not beside and visit < 4:
                line = bases[visit] + sub * init.jump_read_endl + column * init.jump_read
                found |= _lines(bank, line, 1, 0, size)
        sub += 1
        if sub == init.stride_h:
            sub, bank = 0, bank + 1
            if bank % arch.pp == 0:
                bank, visit = bank - arch.pp, visit + 1
    return found


def _output(init: ConvInit | AluInit, m: Conv | Alu, rows: int, length: int, size: int, arch: Arch) -> set[Place]:
    group, first = m.bank_id_out // arch.pp * arch.pp, m.bank_id_out % arch.pp
    found: set[Place] = set()
    for row in range(rows):
        at = row + init.stride_offset_out
        visit, bank = divmod(first + at // init.stride_out, arch.pp)
        line = m.bank_addr_out + (visit * init.stride_out + at % init.stride_out) * init.jump_write_endl
        found |= _lines(group + bank, line, length, init.jump_write, size)
    return found


def _elementwise(step: ElewStep, arch: Arch) -> tuple[set[Place], set[Place]]:
    m = step.elew
    reads: set[Place] = set()
    writes: set[Place] = set()
    for row in range(m.valid_pixel_parallel):
        for item in step.operands:
            away = 0 if item.share_pp else row * item.jump_bank
            visit, bank = divmod(item.bank_id_in % arch.pp + away, arch.pp)
            line = item.bank_addr_in + visit * item.jump_read_endl
            reads |= _lines(item.bank_id_in // arch.pp * arch.pp + bank, line, m.length, item.jump_read, m.channel_group)
        visit, bank = divmod(m.bank_id_out % arch.pp + row, arch.pp)
        line = m.bank_addr_out + visit * m.jump_write_endl
        writes |= _lines(m.bank_id_out // arch.pp * arch.pp + bank, line, m.length, m.jump_write, m.channel_group)
    return reads, writes


def conflicting(program: Sequence[Instruction], arch: Arch) -> Iterator[tuple[int, int]]:
    """Every pair of instructions of two engines that touch one place, one of them writing."""
    seen = [(step.index, program[step.index].engine, *touched(step, arch)) for step in steps(program)]
    for at, (later, engine, reads, writes) in enumerate(seen):
        for earlier, other, read, written in seen[:at]:
            if engine != other and (written & (reads | writes) or read & writes):
                yield earlier, later


def finished_before(program: Sequence[Instruction]) -> list[set[int]]:
    """Per instruction, all that are surely finished when it starts: its own queue's, and what the k-th wait for an engine implies."""
    sources: list[list[int]] = [[] for _ in program]
    for x in ENGINES:
        mine = [index for index, item in enumerate(program) if item.engine == x]
        for one, other in itertools.pairwise(mine):
            sources[other].append(one)
        for y in ENGINES:
            sent = [index for index in mine if program[index].by & y and x != y]
            taken = [index for index, item in enumerate(program) if item.engine == y and item.on & x and x != y]
            for one, other in zip(sent, taken, strict=True):
                sources[other].append(one)
    found: list[set[int]] = []
    for index, before in enumerate(sources):
        assert all(one < index for one in before), "a token goes back in the program"
        found.append(set(before).union(*(found[one] for one in before)))
    return found
