"""Machine code as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_programs import B512, whole
from hypothesis import given
from hypothesis import strategies as st

from net2bit.dpu.depend import depend
from net2bit.dpu.isa import KINDS, Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save, assemble, disassemble
from net2bit.dpu.model import load
from net2bit.dpu.text import assembly, listing, parse
from net2bit.errors import ProgramError


@given(st.lists(st.one_of([whole(kind) for kind in KINDS]), max_size=8))
def test_assembly_and_back(program: list[Instruction]) -> None:
    """Whatever the fields hold, the text says all of it."""
    assert parse(assembly(program)) == program


def test_assembly_of_amds_simulator(reference: Path) -> None:
    """The text is what AMD's simulator was given for the reference programs, and gives their words."""
    for file in sorted((reference / "golden").glob("isa_*.npz")):
        with np.load(file) as golden:
            code, lines = golden["words"].tobytes(), [str(line) for line in golden["asm"]]
        assert assembly(disassemble(code)) == lines
        assert assemble(parse(lines)) == code


def test_vendor_listing(reference: Path) -> None:
    """The vendor's MNIST program reads as 50 lines, with its waits and signals."""
    (one,) = load(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
    lines = [" ".join(line.split()) for line in listing(one.program, one.arch)]
    assert "13-28 C LOAD x16 weight banks b16:0 .. b31:0 len 3 ch 3 jr 3 jw 1 R0+4096..4231 (step 9)" in lines
    assert "94 LM L CONV in b0:0/26 out b0:52 w 6 bias 2 len 1 cg 2 co 0 pad t0 l0 b12 r12" in lines
    assert lines[-1] == "229 END"
    assert len(lines) == 50


def test_left_out_fields_are_the_smallest() -> None:
    """A line may leave fields out; blank lines are nothing."""
    (one,) = parse(["", "ELEWINIT 1000 1000 bank_id_in 3 jump_read 2", "  "])
    assert one == ElewInit(id=0, bank_id_in=3, bank_addr_in=0, jump_read=2, on=8, by=8)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("LOED 0001 0001", "there is no instruction LOED"),
        ("END", "followed by two masks"),
        ("LOAD 0001 0001 length", "followed by two masks"),
        ("LOAD 0001 0001 lenght 3", "LOAD has no field lenght"),
        ("LOAD 0001 0021", "0021 is no number to base 2"),
        ("LOAD 0001 0001 length x", "x is no number to base 10"),
    ],
)
def test_bad_lines(line: str, text: str) -> None:
    """A line that is no instruction is an error that names it."""
    with pytest.raises(ProgramError, match=text) as error:
        parse(["END 0010 0010", line])
    assert error.value.where == "line 2"


def test_near_misses() -> None:
    """A mistyped name gets the near one named."""
    with pytest.raises(ProgramError) as error:
        parse(["LOAD 0001 0001 lenght 3"])
    assert error.value.suggestion == "length"


def test_listing_folds_what_moves_alike() -> None:
    """Moves that differ in their places only are one line, as long as only the first waits and only the last signals."""
    loads = [Load(bank_id=row, bank_addr=0, reg_id=2, ddr_addr=32 * row, length=4, channel=8, jump_read=8, on=1, by=1) for row in range(4)]
    weights = [Load(bank_id=8, bank_addr=0, reg_id=2, ddr_addr=128, length=4, channel=8, jump_read=8, on=1, by=1)]
    assert [line.split() for line in listing([*loads, *weights], B512)] == [
        ["0-3", "LOAD", "x4", "rows", "b0:0", "..", "b3:0", "len", "4", "ch", "8", "jr", "8", "jw", "1", "R2+0..96", "(step", "32)"],
        ["4", "LOAD", "b8:0", "len", "4", "ch", "8", "jr", "8", "jw", "1", "R2+128"],
    ]
    loads[1].by |= 4
    loads[3].on |= 4
    loads[2].ddr_addr = 70
    assert [line.split()[0] for line in listing(loads, B512)] == ["0-1", "2", "3"]


def test_listing_says_every_instruction() -> None:
    """Each kind of instruction has its words, and what is special about one is said."""
    pixel = {"bank_id_in": 0, "bank_addr_in": 1, "bank_id_out": 4, "bank_addr_out": 2}
    program = [
        Load(bank_id=0, bank_addr=0, reg_id=2, ddr_addr=7, length=2, channel=9, jump_read=6, pad_start=3, pad_end=1),
        Load(bank_id=0, bank_addr=9, reg_id=2, ddr_addr=0, length=2, channel=8, jump_read=8, broadcast=7, const_value=5),
        ConvInit(kernel_h=3, kernel_w=2, valid_pixel_parallel=4, jump_read=1, jump_write=2, shift_cut=6),
        Conv(**pixel, bank_addr_weights=3, bank_addr_bias=4, length=5, channel_group=1, pad_top=1),
        AluInit(exec_mode=2, kernel_h=3, kernel_w=3, length=5, channel_group=1, jump_read=1, jump_write=1, multi_factor=7),
        Alu(**pixel, valid_pixel_parallel=2, kernel_d=2),
        ElewInit(id=0, bank_id_in=4, bank_addr_in=0, jump_read=0, share_pp=1),
        Elew(bank_id_out=0, bank_addr_out=0, num=1, length=5, valid_pixel_parallel=2, channel_group=1, jump_write=1),
        Save(bank_id=0, bank_addr=0, reg_id=3, ddr_addr=0, length=5, channel=8, jump_write=1, argmax=2),
        Save(bank_id=0, bank_addr=0, reg_id=3, ddr_addr=50, length=5, channel=8, jump_write=8, const_en=1, const_value=3),
        End(),
    ]
    depend(program, B512)
    text = "\n".join(listing(program, B512))
    assert len(text.splitlines()) == len(program)
    for words in (
        "pad s3 e1 i1",
        "const 5",
        "k 3x2",
        "in b0:1/0 out b4:2 w 3 bias 4",
        "factor 7",
        "kd 2",
        "share",
        "argmax 2",
        "const 3 hp 0",
    ):
        assert words in text
