"""The words of the instruction set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_programs import whole
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu.isa import (
    ENGINES,
    KINDS,
    Alu,
    ConvInit,
    Elew,
    ElewInit,
    End,
    Engine,
    Instruction,
    Load,
    Save,
    assemble,
    disassemble,
    values,
)
from net2bit.dpu.model import load
from net2bit.dpu.steps import ElewStep, steps
from net2bit.errors import ProgramError


@given(st.lists(st.one_of([whole(kind) for kind in KINDS]), max_size=8))
def test_words_and_back(program: list[Instruction]) -> None:
    """Whatever the fields hold within their ranges, decoding gives back what was encoded."""
    code = assemble(program)
    assert len(code) == 4 * sum(item.words for item in program)
    assert disassemble(code) == program


@given(st.sampled_from(KINDS), st.data())
def test_every_bit_is_some_fields(kind: type[Instruction], data: st.DataObject) -> None:
    """Any words with a known opcode whose unnamed bits are zero come back bit for bit, and no two fields share a bit."""
    masks = [0] * kind.words
    masks[0] = 0xFFF0_0000
    for _, word, first, length, _ in kind.layout:
        bits = (1 << length) - 1 << first
        assert not masks[word] & bits
        masks[word] |= bits
    words = [data.draw(st.integers(0, 0xFFFF_FFFF)) & mask for mask in masks]
    words[0] = words[0] & 0x0FFF_FFFF | kind.opcode << 28
    code = np.array(words, "<u4").tobytes()
    assert assemble(disassemble(code)) == code


def test_vendor_code(reference: Path) -> None:
    """The vendor's program comes back byte for byte."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    program = disassemble(one.code)
    assert [type(item).__name__ for item in program[:3]] == ["Load", "ConvInit", "AluInit"]
    assert assemble(program) == one.code


def test_known_words() -> None:
    """Field positions, the fields stored minus one, opcode and masks are those of the instruction table."""
    load = Load(on=5, by=3, bank_id=33, bank_addr=7, reg_id=2, ddr_addr=0x123, length=10, channel=16, jump_read=32, jump_write=2)
    assert load.encode() == [0x05384007, 0x7C01, 0x00003C09, 0x00000002, 0x00000123]
    assert End(on=2, by=2).encode() == [0x72200000]
    assert ElewInit(id=1, bank_id_in=3, bank_addr_in=9, jump_read=0, shift_read=2).encode() == [0xD000C000, 0x08000009, 0x2000]


@pytest.mark.parametrize("kind", KINDS)
def test_queues(kind: type[Instruction]) -> None:
    """Each instruction goes to the queue that the hardware gives it; END to SAVE's."""
    queue = {"LOAD": Engine.LOAD, "SAVE": Engine.SAVE, "END": Engine.SAVE, "CONV": Engine.CONV, "CONVINIT": Engine.CONV}
    assert kind.engine == queue.get(kind.__name__.upper(), Engine.MISC)
    assert [int(engine) for engine in ENGINES] == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (
            Save(bank_id=0, bank_addr=0, reg_id=3, ddr_addr=0, length=1025, channel=8, jump_write=8),
            "SAVE field length is 1025, outside 1 to 1024",
        ),
        (Save(bank_id=0, bank_addr=-1, reg_id=3, ddr_addr=0, length=1, channel=8, jump_write=8), "bank_addr is -1, outside 0 to 4095"),
        (ConvInit(kernel_h=0, kernel_w=1, valid_pixel_parallel=1, jump_read=1, jump_write=1), "kernel_h is 0, outside 1 to 16"),
    ],
)
def test_field_out_of_its_bits(instruction: Instruction, text: str) -> None:
    """A value that its bits cannot hold is an error that names instruction, field and range, never a silent overflow."""
    with pytest.raises(ProgramError, match=text) as error:
        assemble([End(), instruction])
    assert error.value.where == "instruction 1"


def test_old_opcodes_are_refused() -> None:
    """An opcode that only other instruction sets have is an error that says so."""
    with pytest.raises(ProgramError, match="opcode 0x6 is none of ISA1"):
        disassemble(bytes.fromhex("00000060"))


@pytest.mark.parametrize("size", [4, 19, 21])
def test_code_cut_off(size: int) -> None:
    """Code that ends within an instruction, or within a word, is an error."""
    save = Save(bank_id=0, bank_addr=0, reg_id=3, ddr_addr=0, length=1, channel=8, jump_write=8)
    with pytest.raises(ProgramError):
        disassemble((assemble([save]) * 2)[:size])


def test_values_leave_the_masks_out() -> None:
    """Fields by name are what the instruction computes, without whom it waits for."""
    assert values(End(on=2, by=2)) == {}
    assert values(ElewInit(id=1, bank_id_in=3, bank_addr_in=9, jump_read=4, on=8))["jump_bank"] == 1


def test_steps_carry_their_inits() -> None:
    """Each ELEW uses up the operands named before it, in order; computing instructions see the latest INIT."""
    operands = [ElewInit(id=n, bank_id_in=n, bank_addr_in=0, jump_read=1) for n in range(5)]
    two = Elew(bank_id_out=0, bank_addr_out=0, num=2, length=1, valid_pixel_parallel=1, channel_group=1, jump_write=1)
    three = Elew(bank_id_out=0, bank_addr_out=0, num=3, length=1, valid_pixel_parallel=1, channel_group=1, jump_write=1)
    first, second = steps([*operands, two, three, End()])
    assert isinstance(first, ElewStep)
    assert isinstance(second, ElewStep)
    assert [item.id for item in first.operands] == [0, 1]
    assert [item.id for item in second.operands] == [2, 3, 4]


def test_steps_without_init() -> None:
    """An instruction that lacks its INIT is named with its index."""
    elew = Elew(bank_id_out=0, bank_addr_out=0, num=2, length=1, valid_pixel_parallel=1, channel_group=1, jump_write=1)
    alu = Alu(bank_id_in=0, bank_addr_in=0, bank_id_out=0, bank_addr_out=0, valid_pixel_parallel=1)
    operand = ElewInit(id=0, bank_id_in=0, bank_addr_in=0, jump_read=1)
    with pytest.raises(ProgramError, match="ELEW of 2 operands after 1 ELEWINIT"):
        list(steps([operand, elew]))
    with pytest.raises(ProgramError, match="ALU without ALUINIT") as error:
        list(steps([End(), alu]))
    assert error.value.where == "instruction 1"
