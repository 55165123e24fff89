"""Strict mode: one small correct program, and every way in which hardware would not forgive a change to it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from net2bit.dpu import simulator
from net2bit.dpu.arch import standard
from net2bit.dpu.depend import depend
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save
from net2bit.errors import ProgramError

B512 = standard("B512")
WEIGHTS, ALU_WEIGHTS, BIAS = B512.weight_bank, B512.alu_bank, B512.bias_bank


def network() -> list[Instruction]:
    """Return a 1x1 convolution 8 -> 5, a depthwise one, an addition and a SAVE of a map of 2 x 4; REG_1 keeps the first's result."""
    own = {"shift_cut": 4, "shift_bias": 1}
    size = {"jump_read": 1, "jump_write": 1}
    return [
        *(Load(row, 0, 2, 32 * row, 4, 8, 8) for row in range(2)),
        *(Load(WEIGHTS + out, 0, 0, 8 * out, 1, 8, 8) for out in range(5)),
        Load(BIAS, 0, 0, 40, 1, 13, 13),
        Load(ALU_WEIGHTS, 0, 0, 56, 1, 5, 5),
        ConvInit(1, 1, 2, 1, 1, **own),
        Conv(0, 0, 4, 0, 0, 0, 4, 1),
        AluInit(0, 1, 1, 4, 1, **size, jump_read_weights=1, channel_offset=3, **own),
        Alu(4, 0, 0, 8, 2, bank_addr_weights=0, bank_addr_bias=1),
        *(Save(4 + row, 0, 1, 20 * row, 4, 5, 5) for row in range(2)),
        *(Load(row, 16, 1, 20 * row, 4, 5, 5) for row in range(2)),
        ElewInit(0, 0, 8, 1),
        ElewInit(1, 0, 16, 1),
        Elew(4, 8, 2, 4, 2, 1, 1),
        *(Save(4 + row, 8, 3, 20 * row, 4, 5, 5) for row in range(2)),
        End(),
    ]


def run(program: list[Instruction], *, dependent: bool = True) -> None:
    """Run strictly, with the dependency bits worked out or as they are."""
    if dependent:
        for item in program:
            item.on = item.by = 0
        depend(program, B512)
    sizes = {0: 64, 1: 40, 2: 64, 3: 40}
    simulator.run(program, B512, {number: np.zeros(size, np.int8) for number, size in sizes.items()}, strict=True)


def at(program: list[Instruction], kind: type[Instruction], number: int = 0) -> int:
    """Return the index of the *number*-th instruction of a kind."""
    return [index for index, item in enumerate(program) if type(item) is kind][number]


def test_correct() -> None:
    """A correct program passes: unloaded weight banks behind the last channel are no fault, and neither is garbage that is left out."""
    run(network())


def _drop(kind: type[Instruction], number: int) -> Callable[[list[Instruction]], None]:
    return lambda program: program.pop(at(program, kind, number)) and None


def _change(kind: type[Instruction], number: int, **values: int) -> Callable[[list[Instruction]], None]:
    def change(program: list[Instruction]) -> None:
        index = at(program, kind, number)
        program[index] = replace(program[index], **values)

    return change


FAULTS: dict[str, tuple[Callable[[list[Instruction]], None], str]] = {
    "input row": (_drop(Load, 1), "CONV reads line 0 of bank 1, which nothing has written"),
    "input column": (_change(Load, 0, length=3), "CONV reads line 3 of bank 0, which nothing has written"),
    "all weights": (_change(Conv, 0, bank_addr_weights=7), "line 7 of bank 8.*no weights"),
    "bias": (_change(Conv, 0, bank_addr_bias=2), f"CONV reads line 2 of bank {BIAS}"),
    "alu weights": (_drop(Load, 8), f"ALU reads line 0 of bank {ALU_WEIGHTS}"),
    "alu bias": (_change(Alu, 0, bank_addr_bias=5), f"ALU reads line 5 of bank {BIAS}"),
    "alu input": (_change(Alu, 0, bank_addr_in=4), "ALU reads line 4 of bank 4"),
    "elew input": (_change(ElewInit, 1, bank_addr_in=30), "ELEW reads line 30 of bank 0"),
    "save line": (_change(Save, 2, bank_addr=9), "SAVE reads line 12 of bank 4"),
    "save garbage": (_change(Save, 0, channel=6), "SAVE reads byte 5 of line 0 of bank 4: garbage"),
    "workspace": (_change(Save, 0, jump_write=6), "LOAD reads byte 5 of REG_1, which nothing has written"),
    "workspace later": (_drop(Save, 1), "LOAD reads byte 20 of REG_1"),
    "register end": (_change(Save, 3, ddr_addr=30), "REG_3, which has 40"),
    "register": (_change(Load, 0, reg_id=6), "REG_6"),
    "image bank": (_change(Elew, 0, bank_id_out=11), "bank_id_out 11 is no image bank"),
    "end": (_drop(End, 0), "END"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str) -> None:
    """Every fault is named with its bank and line, or its register and byte."""
    change, words = FAULTS[name]
    program = network()
    change(program)
    with pytest.raises(ProgramError, match=words) as caught:
        run(program)
    assert caught.value.where


def test_garbage_into_a_convolution() -> None:
    """A convolution that adds up channels of unloaded weights is a fault, unless channel_offset takes them out."""
    for masked in (0, 3):
        program = network()
        again = [Conv(4, 0, 0, 24, 0, 0, 4, 1, channel_offset=masked), Save(0, 24, 3, 0, 4, 5, 5)]
        program[at(program, Conv) + 1 : at(program, Conv) + 1] = again
        if masked:
            run(program)
        else:
            with pytest.raises(ProgramError, match="CONV reads byte 5 of line 0 of bank 4: garbage") as caught:
                run(program)
            assert caught.value.where == f"instruction {at(program, Conv, 1)}"
            assert "channel_offset" in caught.value.remedy


def test_padding_is_not_read() -> None:
    """Rows and columns that are masked need no contents, nor do those between the taps of a wide stride."""
    program = network()
    at_conv = at(program, ConvInit)
    program[at_conv : at_conv + 2] = [
        *(Load(WEIGHTS + out, 8, 0, 0, 9, 5, 5) for out in range(5)),
        ConvInit(3, 3, 2, 1, 1),
        Conv(3, 2047, 4, 0, 8, 0, 4, 1, pad_top=1, pad_left=1, pad_bottom=1, pad_right=1, bank_addr_in_1=2047),
    ]
    run(program)


@pytest.mark.parametrize("fault", ["hazard", "deadlock", "leftover", "own"])
def test_bits(fault: str) -> None:
    """Unordered hazards, engines that wait for ever, counters left over and missing own bits are found though the result is right."""
    program = network()
    depend(program, B512)
    conv = program[at(program, Conv)]
    if fault == "hazard":
        for item in program:
            item.on = item.by = int(item.engine)
    elif fault == "deadlock":
        program[at(program, Load)].on |= 4
    elif fault == "leftover":
        conv.by |= 1
    else:
        conv.on &= ~4
        conv.by &= ~4
    with pytest.raises(ProgramError, match={"own": "order"}.get(fault, fault)):
        run(program, dependent=False)


def test_wants_no_more_than_order() -> None:
    """The default mode runs a program whose bits are wrong: it keeps program order by itself."""
    registers = {number: np.zeros(size, np.int8) for number, size in {0: 64, 1: 40, 2: 64, 3: 40}.items()}
    simulator.run(network(), B512, registers)
