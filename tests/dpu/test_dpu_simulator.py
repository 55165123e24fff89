"""The simulator on programs whose results are known."""

from pathlib import Path

import numpy as np
import pytest

from net2bit.dpu import simulator
from net2bit.dpu.arch import arch, standard
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save, disassemble
from net2bit.errors import ProgramError

B512 = standard("B512")
CASES = [
    "alu_hard_sigmoid",
    "alu_prelu",
    "avgpool3x3_s1",
    "avgpool7x7",
    "concat_20_12_by_save",
    "conv1x1_16_16_8x8",
    "conv1x1_leaky_5_7",
    "conv3x3_20rows",
    "conv3x3_2icg_3ocg",
    "conv3x3_dilation2",
    "conv3x3_pad1",
    "conv3x3_s2_20ch_b1152",
    "conv3x3_s2_20ch_b1600",
    "conv3x3_s2_20ch_b2304",
    "conv3x3_s2_20ch_b3136",
    "conv3x3_s2_20ch_b512",
    "conv3x3_s2_pad1",
    "conv3x3_s2_pad1_odd",
    "conv5x3_s3x2_odd_channels",
    "conv_then_conv_s2_on_chip",
    "dwconv3x3_pad1",
    "dwconv3x3_s2_pad1",
    "eltwise_add",
    "eltwise_add_4in",
    "eltwise_add_relu_neg",
    "eltwise_mul",
    "fc_as_conv_4x4",
    "first_conv_channel_augmentation",
    "inverted_residual_on_chip",
    "maxpool2x2",
    "maxpool3x3_s2_pad1",
    "maxpool_shift_up",
    "save_argmax",
    "transposed_conv3x3_s2",
    "upsample_nearest2_by_load",
    "upsample_nearest2_by_save",
]


def memory(*parts: np.ndarray, spare: int = 0) -> np.ndarray:
    """Return int8 memory with some parts one after the other."""
    return np.concatenate([*(part.reshape(-1).view(np.int8) for part in parts), np.zeros(spare, np.int8)])


@pytest.mark.parametrize("words", ["words", "words_overlapped"])
@pytest.mark.parametrize("case", CASES)
def test_golden(reference: Path, case: str, words: str) -> None:
    """A program that AMD's instruction simulator has run gives the same bytes here, and stands the strict mode."""
    golden = np.load(reference / "golden" / f"isa_{case}.npz")
    inputs = [golden[name] for name in sorted(golden.files) if name.startswith("in")]
    out = golden["out"]
    registers = {
        0: memory(golden["reg0"]),
        1: memory(spare=int(golden["reg1_size"]) + 1),
        2: memory(*inputs),
        3: memory(spare=out.size),
    }
    program = [*disassemble(golden[words].astype("<u4").tobytes()), End(on=2, by=2)]
    simulator.run(program, arch(int(golden["fingerprint"])), registers, strict=True)
    assert np.array_equal(registers[3], out.reshape(-1).view(np.int8))


def test_nothing_is_cleared() -> None:
    """What a program reads before it writes is arbitrary, never zero, and the same in every run."""
    found = []
    for _ in range(2):
        registers = {3: memory(spare=4096)}
        simulator.run([Save(0, 0, 3, 0, length=512, channel=8, jump_write=8)], B512, registers)
        found.append(registers[3])
    assert np.array_equal(*found)
    assert len(np.unique(found[0])) == 256


CONV = ConvInit(1, 1, 1, 1, 1)
ALU = {"kernel_h": 1, "kernel_w": 1, "length": 1, "channel_group": 1, "jump_read": 1, "jump_write": 1}
REFUSED: dict[str, tuple[list[Instruction], str]] = {
    "reg": ([Load(0, 0, 5, 0, 1, 8, 8)], "REG_5"),
    "load end": ([Load(0, 0, 0, 60, 2, 8, 8)], "bytes 60 to 75 of REG_0 are used, which has 64"),
    "load bank": ([Load(18, 0, 0, 0, 1, 8, 8)], "bank 18 does not exist"),
    "broadcast": ([Load(0, 0, 0, 0, 1, 8, 8, broadcast=3)], "broadcasts"),
    "mean": ([Load(0, 0, 0, 0, 1, 8, 8, mode_avg=1)], "mean"),
    "save bank": ([Save(8, 0, 0, 0, 1, 8, 8)], "bank 8 is no image bank"),
    "save end": ([Save(0, 0, 0, 60, 1, 8, 8)], "bytes 60 to 67 of REG_0"),
    "argmax": ([Save(0, 0, 0, 0, 1, 8, 8, argmax=2)], "argmax"),
    "conv init": ([Conv(0, 0, 0, 0, 0, 0, 1, 1)], "CONVINIT"),
    "conv in": ([CONV, Conv(8, 0, 0, 0, 0, 0, 1, 1)], "bank 8"),
    "conv out": ([CONV, Conv(0, 0, 9, 0, 0, 0, 1, 1)], "bank 9"),
    "act": ([ConvInit(1, 1, 1, 1, 1, act_type=2), Conv(0, 0, 0, 0, 0, 0, 1, 1)], "act_type 2"),
    "bias": ([ConvInit(1, 1, 1, 1, 1, shift_bias=63), Conv(0, 0, 0, 0, 0, 0, 1, 1)], "shift_bias 63"),
    "visits": ([ConvInit(16, 1, 4, 1, 1), Conv(3, 0, 0, 0, 0, 0, 1, 1, pad_bottom=15)], "more than 4 times"),
    "offset": ([ConvInit(1, 1, 1, 1, 1, stride_offset_in=2), Conv(0, 0, 0, 0, 0, 0, 1, 1)], "stride_offset_in 2"),
    "mode": ([AluInit(9, **ALU), Alu(0, 0, 0, 0, 1)], "exec_mode 9"),
    "alu leaky": ([AluInit(0, **ALU, act_type=3), Alu(0, 0, 0, 0, 1)], "leaky"),
    "elew init": ([Elew(0, 0, 1, 1, 1, 1, 1)], "ELEW of 1 operands"),
    "elew type": ([ElewInit(0, 0, 0, 1), Elew(0, 0, 1, 1, 1, 1, 1, elew_type=2)], "elew_type 2"),
    "elew in": ([ElewInit(0, 9, 0, 1), Elew(0, 0, 1, 1, 1, 1, 1)], "bank 9"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(case: str) -> None:
    """What the machine cannot do is an error that names the instruction, not a result."""
    program, words = REFUSED[case]
    with pytest.raises(ProgramError, match=words) as caught:
        simulator.run(program, B512, {0: memory(spare=64)})
    assert caught.value.where == f"instruction {len(program) - 1}"


@pytest.mark.parametrize(
    "wrong", [np.zeros(8, np.uint8), np.zeros((2, 4), np.int8), np.zeros(16, np.int8)[::2], np.frombuffer(bytes(8), np.int8)]
)
def test_registers_are_bytes(wrong: np.ndarray) -> None:
    """A register that is no plain int8 memory is refused by its number, before anything is written."""
    with pytest.raises(ProgramError, match="REG_2"):
        simulator.run([], B512, {2: wrong})
