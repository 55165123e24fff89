"""Dependency bits from hazards."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from drawn_programs import B512, B2304, conflicting, finished_before, programs
from hypothesis import given, settings
from hypothesis import strategies as st

from net2bit.dpu import tokens
from net2bit.dpu.arch import Arch, arch
from net2bit.dpu.depend import depend, serialize
from net2bit.dpu.footprint import footprint
from net2bit.dpu.hazards import conflicts, describe
from net2bit.dpu.isa import ENGINES, Conv, ConvInit, End, Engine, Instruction, Load, Save, disassemble
from net2bit.dpu.model import load
from net2bit.dpu.steps import steps
from net2bit.errors import ProgramError


def _masks(program: list[Instruction]) -> list[tuple[int, int]]:
    return [(item.on, item.by) for item in program]


def _ordered(program: list[Instruction], machine: Arch) -> None:
    before = finished_before(program)
    for first, second in conflicting(program, machine):
        assert first in before[second], (first, second)
    assert before[-1] == set(range(len(program) - 1)), "END does not come last"
    assert not any(tokens.pair(program).left.values())
    assert all(item.on & item.engine and item.by & item.engine for item in program)


def test_vendor_bits(reference: Path) -> None:
    """On the vendor's MNIST program the hazards give the vendor's own bits, all 230 pairs: the algorithm says what the hardware needs."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    program = one.program
    vendors = _masks(program)
    for item in program:
        item.on = item.by = 0
    depend(program, one.arch)
    assert len(program) == 230
    assert _masks(program) == vendors


def test_bits_of_reference_programs(reference: Path) -> None:
    """Programs proved on AMD's simulator get the bits that the reference algorithm gave them, serial ones the serial bits."""
    files = sorted((reference / "golden").glob("isa_*.npz"))
    assert len(files) == 36
    for file in files:
        with np.load(file) as golden:
            program = disassemble(golden["words_overlapped"].tobytes())
            expected = _masks(program)
            depend(program, arch(int(golden["fingerprint"])))
            assert _masks(program) == expected, file.name
            program = disassemble(golden["words"].tobytes())
            expected = _masks(program)
            serialize(program)
            assert _masks(program) == expected, file.name


@given(programs(B512))
def test_no_conflict_unordered_in_small_groups(program: list[Instruction]) -> None:
    """Every pair of instructions of two engines that conflict is ordered by tokens, whatever the program."""
    depend(program, B512)
    _ordered(program, B512)


@given(programs(B2304, 20))
def test_no_conflict_unordered_in_large_groups(program: list[Instruction]) -> None:
    """Every pair of instructions of two engines that conflict is ordered by tokens, in groups of eight banks too."""
    depend(program, B2304)
    _ordered(program, B2304)


@given(programs(B512, 20), st.integers(1, 3))
def test_counters_within_limit(program: list[Instruction], limit: int) -> None:
    """However far an engine runs ahead, no counter exceeds the limit, and everything stays ordered."""
    depend(program, B512, limit=limit)
    _ordered(program, B512)
    assert max(tokens.greatest(tokens.pair(program)).values()) <= limit


@given(programs(B512, 20))
def test_no_token_without_need(program: list[Instruction]) -> None:
    """A token is there for a conflict (or for END) that the other tokens do not order: waits cost time."""
    depend(program, B512)
    paired = tokens.pair(program)
    needed = set(conflicting(program, B512))
    for index, row in enumerate(paired.source.tolist()):
        for source in row:
            assert source < 0 or isinstance(program[index], End) or (source, index) in needed


@given(programs(B2304))
def test_serial_programs_are_ordered(program: list[Instruction]) -> None:
    """Serial bits let nothing overlap: everything before an instruction is finished when it starts."""
    serialize(program)
    assert finished_before(program) == [set(range(index)) for index in range(len(program))]


@given(programs(B512))
def test_latest_conflict_of_each_engine(program: list[Instruction]) -> None:
    """Whatever conflicts is named, or an instruction of the same engine after it that conflicts as well."""
    latest = conflicts(program, B512)
    for first, second in conflicting(program, B512):
        assert latest[second, ENGINES.index(program[first].engine)] >= first


@settings(max_examples=30)
@given(programs(B512, 8))
def test_conflicts_have_words(program: list[Instruction]) -> None:
    """Of every two instructions that conflict the checker can say where they meet, of the others nothing."""
    made = {step.index: footprint(step, B512) for step in steps(program)}
    pairs = set(conflicting(program, B512))
    for (first, one), (second, other) in combinations(made.items(), 2):
        if program[first].engine != program[second].engine:
            assert bool(describe(one, other)) == ((first, second) in pairs)


def _row(address: int, *, save: bool, channel: int = 8, jump: int = 24) -> Instruction:
    if save:
        return Save(bank_id=0, bank_addr=0, reg_id=1, ddr_addr=address, length=10, channel=channel, jump_write=jump)
    return Load(bank_id=4, bank_addr=0, reg_id=1, ddr_addr=address, length=10, channel=channel, jump_read=jump)


def test_channel_slices_of_one_row_do_not_conflict() -> None:
    """Parts of a concatenation, interleaved pixel by pixel in DDR, do not wait for one another; a read of the other slice does."""
    program = [_row(1000, save=True), _row(1008, save=False), _row(1000, save=False)]
    assert conflicts(program, B512)[:, 1].tolist() == [-1, -1, 0]


def test_registers_of_many_megabytes() -> None:
    """Overlaps are exact to the byte far up in a large register."""
    far = (1 << 29) - 4096
    program = [
        _row(0, save=True, channel=4096, jump=4096),
        _row(far, save=True, channel=5, jump=7),
        _row(far + 68, save=False, channel=1, jump=1),
        _row(far + 62, save=False, channel=2, jump=70),
    ]
    assert conflicts(program, B512)[:, 1].tolist() == [-1, -1, -1, 1]


def test_loads_far_ahead_are_held_back() -> None:
    """Weights for many convolutions, loaded at once: counters of 64 tokens are not exceeded, and no token goes back in the program."""
    init = ConvInit(kernel_h=1, kernel_w=1, valid_pixel_parallel=1, jump_read=1, jump_write=1)
    bank = B512.weight_bank
    loads = [Load(bank_id=bank, bank_addr=line, reg_id=0, ddr_addr=0, length=1, channel=8, jump_read=8) for line in range(200)]
    convs = [
        Conv(bank_id_in=0, bank_addr_in=0, bank_id_out=4, bank_addr_out=0, bank_addr_weights=n, bank_addr_bias=0, length=1, channel_group=1)
        for n in range(200)
    ]
    at_once: list[Instruction] = [init, *loads, *convs, End()]
    in_turn: list[Instruction] = [init, *[item for pair in zip(loads, convs, strict=True) for item in pair], End()]
    for program in (at_once, in_turn):
        depend(program, B512)
        _ordered(program, B512)
        assert 32 <= tokens.greatest(tokens.pair(program))[ENGINES.index(Engine.LOAD), ENGINES.index(Engine.CONV)] <= 64


def test_instruction_without_init_is_named() -> None:
    """A CONV before any CONVINIT is an error that names the instruction, not a guess."""
    conv = Conv(
        bank_id_in=0, bank_addr_in=0, bank_id_out=4, bank_addr_out=0, bank_addr_weights=0, bank_addr_bias=0, length=1, channel_group=1
    )
    with pytest.raises(ProgramError, match="without CONVINIT"):
        depend([conv, End()], B512)
