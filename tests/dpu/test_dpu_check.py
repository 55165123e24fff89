"""What the checker finds, and what it leaves in peace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_programs import B512, B2304, conflicting, finished_before, programs
from hypothesis import given

from net2bit.dpu import tokens
from net2bit.dpu.arch import Arch, arch
from net2bit.dpu.check import Finding, Kind, check
from net2bit.dpu.depend import depend, serialize
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save, disassemble
from net2bit.dpu.model import load

SIZES = dict.fromkeys(range(8), 1 << 12)
_TOKENS = {Kind.HAZARD, Kind.DEADLOCK, Kind.LEFTOVER, Kind.COUNTER, Kind.ORDER}


def _small() -> list[Instruction]:
    """Load a pixel and weights, convolve, pool, add, save."""
    arch = B512
    program: list[Instruction] = [
        Load(bank_id=0, bank_addr=0, reg_id=2, ddr_addr=0, length=4, channel=8, jump_read=8),
        *[
            Load(bank_id=arch.weight_bank + o, bank_addr=0, reg_id=0, ddr_addr=8 * o, length=1, channel=8, jump_read=8)
            for o in range(arch.cp)
        ],
        Load(bank_id=arch.bias_bank, bank_addr=0, reg_id=0, ddr_addr=64, length=1, channel=8, jump_read=8),
        ConvInit(kernel_h=1, kernel_w=1, valid_pixel_parallel=1, jump_read=1, jump_write=1),
        Conv(
            bank_id_in=0,
            bank_addr_in=0,
            bank_id_out=4,
            bank_addr_out=0,
            bank_addr_weights=0,
            bank_addr_bias=0,
            length=4,
            channel_group=1,
        ),
        AluInit(exec_mode=3, kernel_h=1, kernel_w=1, length=4, channel_group=1, jump_read=1, jump_write=1),
        Alu(bank_id_in=4, bank_addr_in=0, bank_id_out=0, bank_addr_out=100, valid_pixel_parallel=1),
        ElewInit(id=0, bank_id_in=0, bank_addr_in=100, jump_read=1),
        ElewInit(id=1, bank_id_in=0, bank_addr_in=0, jump_read=1),
        Elew(
            bank_id_out=0, bank_addr_out=200, num=2, length=4, valid_pixel_parallel=1, channel_group=1, jump_write=1
        ),
        Save(bank_id=0, bank_addr=200, reg_id=3, ddr_addr=0, length=4, channel=8, jump_write=8),
        Save(bank_id=0, bank_addr=200, reg_id=3, ddr_addr=32, length=4, channel=8, jump_write=8),
        End(),
    ]  # fmt: skip
    depend(program, arch)
    return program


def _found(program: list[Instruction], machine: Arch = B512, limit: int = tokens.SAFE) -> list[Finding]:
    return check(program, machine, SIZES, limit=limit)


def test_vendor_program_is_clean(reference: Path) -> None:
    """The vendor's own MNIST program has no fault: what is found elsewhere is no whim of the checker."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    assert check(one.program, one.arch, one.sizes) == []


def test_reference_programs_are_clean(reference: Path) -> None:
    """Programs proved on AMD's simulator have no fault, with serial and with overlapping bits."""
    for file in sorted((reference / "golden").glob("isa_*.npz")):
        with np.load(file) as golden:
            inputs = sum(golden[name].size for name in golden if name.startswith("in"))
            sizes = {0: golden["reg0"].size, 1: int(golden["reg1_size"]), 2: inputs + 4096, 3: golden["out"].size}
            for words in ("words", "words_overlapped"):
                program = disassemble(golden[words].tobytes())
                assert check(program, arch(int(golden["fingerprint"])), sizes, fragment=True) == [], file.name


def test_small_program_is_clean() -> None:
    """The program that the mutations below start from has no fault, with overlapping and with serial bits."""
    program = _small()
    assert _found(program) == []
    serialize(program)
    assert _found(program) == []


def test_every_needed_bit_is_missed() -> None:
    """Dropping any single bit of any mask is found: no fault of the dependency bits slips through."""
    program = _small()
    for index, item in enumerate(program):
        for mask in ("on", "by"):
            for bit in (1, 2, 4, 8):
                if getattr(item, mask) & bit:
                    changed = [copy(one) for one in program]
                    setattr(changed[index], mask, getattr(item, mask) & ~bit)
                    assert {finding.kind for finding in _found(changed)} & _TOKENS, (index, mask, bit)


def _every_token_is_missed(program: list[Instruction], machine: Arch, sizes: Mapping[int, int]) -> int:
    paired = tokens.pair(program)
    pairs = np.argwhere(paired.source >= 0)
    for index, x in pairs:
        changed = [copy(one) for one in program]
        changed[index].on &= ~(1 << x)
        changed[paired.source[index, x]].by &= ~int(program[index].engine)
        found = check(changed, machine, sizes)
        assert found
        assert {finding.kind for finding in found} <= {Kind.HAZARD, Kind.ORDER}
    return len(pairs)


def test_every_dropped_token_is_missed() -> None:
    """Dropping a wait together with its signal leaves the counters balanced, and is found as a hazard or as an END too early."""
    assert _every_token_is_missed(_small(), B512, SIZES) == 3


def test_vendor_tokens_are_all_missed(reference: Path) -> None:
    """Each of the 22 tokens of the vendor's MNIST program is there for a hazard, which is found when the token is dropped."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    assert _every_token_is_missed(one.program, one.arch, one.sizes) == 22


@given(programs(B512))
def test_hazards_are_the_unordered_conflicts(program: list[Instruction]) -> None:
    """With no tokens at all, hazards are found exactly where two engines touch one place, each at the latest instruction of an engine."""
    for item in program:
        item.on = item.by = int(item.engine)
    found = {finding.instructions for finding in check(program, B512, {}) if finding.kind is Kind.HAZARD and finding.instructions}
    pairs = set(conflicting(program, B512))
    assert found <= pairs
    assert {second for _, second in found} == {second for _, second in pairs}


@given(programs(B2304))
def test_hazards_between_what_tokens_order(program: list[Instruction]) -> None:
    """With the tokens of half of the conflicts, no unordered conflict is overlooked."""
    depend(program, B2304)
    paired = tokens.pair(program)
    for index, x in np.argwhere(paired.source >= 0)[::2]:
        program[index].on &= ~(1 << x)
        program[paired.source[index, x]].by &= ~int(program[index].engine)
    before = finished_before(program)
    unordered = {second for first, second in conflicting(program, B2304) if first not in before[second]}
    hazards = [finding for finding in check(program, B2304, {}) if finding.kind is Kind.HAZARD]
    assert {finding.instructions[1] for finding in hazards} == unordered


def test_hazard_says_where() -> None:
    """A hazard names both instructions, the place and how they meet."""
    program = _small()
    for item in program:
        item.on = item.by = int(item.engine)
    texts = [finding.message for finding in _found(program) if finding.kind is Kind.HAZARD]
    assert "CONV and the earlier LOAD (9): bank 17 line 0 is read after it is written (one of 1 lines), and no token orders them" in texts


def test_many_hazards_are_counted() -> None:
    """A hundred hazards are listed, the rest counted: the list stays readable."""
    save = Save(bank_id=0, bank_addr=0, reg_id=3, ddr_addr=0, length=1, channel=8, jump_write=8, on=2, by=2)
    program = [replace(_small()[0], on=1, by=1), *[replace(save) for _ in range(150)]]
    hazards = [finding for finding in check(program, B512, SIZES, fragment=True) if finding.kind is Kind.HAZARD]
    assert len(hazards) == 101
    assert hazards[-1].message == "and 50 more instructions that are not ordered"


def test_deadlock_is_named() -> None:
    """A wait without its signal is a deadlock that names engine and instruction, and does not bury it under what never runs."""
    program = _small()
    program[0].on |= 8
    found = _found(program)
    assert [finding.kind for finding in found if finding.instructions == (0,)] == [Kind.DEADLOCK]
    assert any("LOAD stands still at LOAD, which waits for MISC, which never signals it" in str(finding) for finding in found)
    assert Kind.HAZARD not in {finding.kind for finding in found}


def test_wait_for_a_later_instruction() -> None:
    """A token that goes back in the program is found: it holds only as long as the queues can take all that lies between."""
    program = _small()
    program[0].on |= 4
    program[10].by |= 1
    found = [str(finding) for finding in _found(program) if finding.kind is Kind.ORDER]
    assert found == ["order 0 10: LOAD waits for the later instruction 10: if its queue is full by then, that never comes"]


def test_counter_limit() -> None:
    """A counter that can grow beyond the limit is found, though all is balanced in the end."""
    program = [item for _ in range(9) for item in (replace(_small()[0], on=1, by=5), replace(_small()[10], on=5, by=4))]
    program = [*program, replace(End(), on=2, by=2)]
    assert [finding.kind for finding in _found(program, limit=8) if finding.kind is Kind.COUNTER] == [Kind.COUNTER]
    assert not [finding for finding in _found(program, limit=9) if finding.kind is Kind.COUNTER]


def test_paired_saves_may_run_side_by_side() -> None:
    """The vendor's pairs of SAVEs, own bit in the first one's wait and the second one's signal only, are accepted."""
    program = _small()
    first, second = (index for index, item in enumerate(program) if isinstance(item, Save))
    program[first].by &= ~2
    program[second].on &= ~2
    assert _found(program) == []
    program[second].by &= ~2
    assert {finding.kind for finding in _found(program)} == {Kind.ORDER, Kind.LEFTOVER}


@pytest.mark.parametrize(
    "change", [lambda p: p.pop(), lambda p: p.insert(0, replace(p[-1])), lambda p: p.append(replace(p[0], on=1, by=1))]
)
def test_end_comes_last_and_once(change: Callable[[list[Instruction]], object]) -> None:
    """A program without END, with two, or with something behind it is found: the machine runs on, or stops early."""
    program = _small()
    change(program)
    assert Kind.ORDER in {finding.kind for finding in _found(program)}


def test_end_waits_for_everything() -> None:
    """An END that the last LOAD may outlive is found."""
    program = [replace(_small()[0], on=1, by=1), replace(End(), on=2, by=2)]
    assert [str(finding) for finding in _found(program)] == ["order 0 1: END does not wait for the last 1 instructions of LOAD"]


def test_missing_init() -> None:
    """A CONV before its CONVINIT is one finding, not a crash."""
    program = _small()
    del program[10]
    assert any(finding.kind is Kind.ORDER and "CONV without CONVINIT" in finding.message for finding in _found(program))


FAULTS = {
    "broadcast": (0, {"broadcast": 3}, Kind.FIELD, "broadcast 3"),
    "mode_avg": (0, {"mode_avg": 1}, Kind.FIELD, "mode_avg"),
    "bank": (0, {"bank_id": 18}, Kind.RANGE, "bank 18; there are banks 0 to 17"),
    "wraps onto itself": (0, {"length": 1024, "jump_write": 3}, Kind.RANGE, "take 3070 lines"),
    "past the register": (0, {"ddr_addr": 4096 - 31}, Kind.RANGE, "bytes 4065 to 4096 of REG_2, which has 4096"),
    "stride offset": (10, {"stride_offset_in": 1}, Kind.FIELD, "stride_offset_in 1 is not below stride_h 1"),
    "offset out": (10, {"stride_offset_out": 1}, Kind.FIELD, "stride_offset_out 1 is not below"),
    "stride out": (10, {"stride_out": 5}, Kind.FIELD, "stride_out 5 is above 4"),
    "rows": (10, {"valid_pixel_parallel": 5}, Kind.FIELD, "at most 4 rows"),
    "activation": (10, {"act_type": 6}, Kind.FIELD, "act_type 6 is none"),
    "shift_bias": (10, {"shift_bias": 21}, Kind.FIELD, "shift_bias 21 is above 20"),
    "visits": (10, {"kernel_h": 16, "valid_pixel_parallel": 2}, Kind.FIELD, "goes round its bank group 5 times"),
    "taps": (10, {"kernel_h": 16, "kernel_w": 16}, Kind.RANGE, "take 2304 lines"),
    "image bank in": (11, {"bank_id_in": 9}, Kind.RANGE, "bank_id_in 9 is no image bank; those are 0 to 7"),
    "image bank out": (11, {"bank_id_out": 8}, Kind.RANGE, "bank_id_out 8 is no image bank"),
    "channel_offset": (11, {"channel_offset": 8}, Kind.FIELD, "leaves no channel of 8"),
    "alu mode": (12, {"exec_mode": 9}, Kind.FIELD, "exec_mode 9"),
    "alu act": (12, {"exec_mode": 0, "act_type": 3}, Kind.FIELD, "leaky ReLU needs a DPU built with it"),
    "alu rows": (13, {"valid_pixel_parallel": 3}, Kind.FIELD, "at most 2 rows"),
    "banks apart": (15, {"jump_bank": 5}, Kind.FIELD, "do not fit a group of 4 banks"),
    "elew type": (16, {"elew_type": 2}, Kind.FIELD, "elew_type 2"),
    "save bank": (17, {"bank_id": 8}, Kind.RANGE, "bank_id 8 is no image bank"),
    "argmax": (17, {"argmax": 2}, Kind.FIELD, "SAVE_ARGMAX_ENABLE"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fields_and_ranges(name: str) -> None:
    """What a field asks for that the machine does not do, and every place that is not there, is found at its instruction."""
    index, values, kind, text = FAULTS[name]
    program = _small()
    if name == "taps":
        program[11].channel_group = 9  # type: ignore[attr-defined]
    for field, value in values.items():
        setattr(program[index], field, value)
    assert any(finding.kind is kind and text in finding.message for finding in _found(program)), [str(one) for one in _found(program)]


def test_product_of_three() -> None:
    """A product has two factors."""
    program = _small()
    program.insert(15, copy(program[15]))
    program[17].num, program[17].elew_type = 3, 1  # type: ignore[attr-defined]
    assert any("a product of 3 operands" in finding.message for finding in _found(program))


def test_operand_without_use() -> None:
    """An ELEWINIT that no ELEW uses is found: the next run of the program would start with it."""
    program = _small()
    program.insert(-1, copy(program[15]))
    assert [str(finding) for finding in _found(program)] == [
        "leftover: 1 times ELEWINIT without an ELEW that uses it: the next ELEW would take it",
        "order 19 20: END does not wait for the last 1 instructions of MISC",
    ]


def test_argmax_of_nothing() -> None:
    """The value bit of argmax without its enabling bit is found on a machine that has argmax."""
    program = _small()
    program[17].argmax = 1  # type: ignore[attr-defined]
    machine = replace(B512, argmax=True)
    assert any("argmax 1 does nothing" in finding.message for finding in check(program, machine, SIZES))


def test_unknown_register() -> None:
    """A register that the runtime does not give is found."""
    assert any("REG_3 is not given" in finding.message for finding in check(_small(), B512, {0: 4096, 2: 4096}))
