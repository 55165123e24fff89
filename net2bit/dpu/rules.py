"""What one instruction may hold on a machine, taken by itself (PG338, target_factory's limits, notes on the instruction set)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from net2bit.dpu.arch import DEPTH, VISITS, Arch
from net2bit.dpu.footprint import CONSTANT, MAX_REDUCE
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, ElewInit, Load, Save
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step

MODES: Final = range(9)
"""ALU exec_modes of an ISA1 target."""
MAX_SHIFT_BIAS: Final = 20
MAX_STRIDE_OUT: Final = 4
_RELU, _LEAKY, _RELU6 = 1, 3, 4
_DEPTHWISE: Final = 0
_ON, _VALUE = 2, 1
_MULTIPLY: Final = 1


def fields(step: Step, arch: Arch) -> Iterator[str]:
    """Yield what the instruction's fields ask for that the machine does not do."""
    match step:
        case LoadStep(load=load):
            yield from _load(load)
        case SaveStep(save=save):
            yield from _save(save, arch)
        case ConvStep(init=init, conv=conv):
            yield from _conv(init, conv, arch)
        case AluStep(init=init, alu=alu):
            yield from _alu(init, alu, arch)
        case ElewStep():
            yield from _elew(step, arch)


def _load(load: Load) -> Iterator[str]:
    if load.broadcast not in {0, CONSTANT}:
        yield f"broadcast {load.broadcast} means nothing; 0, or {CONSTANT} for a constant"
    if load.mode_avg:
        yield "mode_avg needs a bank of means, which this machine lacks"


def _save(save: Save, arch: Arch) -> Iterator[str]:
    if save.argmax and not arch.argmax:
        yield "argmax needs a DPU built with SAVE_ARGMAX_ENABLE"
    if save.argmax == _VALUE:
        yield "argmax 1 does nothing; 2 saves the index, 3 the value"


def _conv(init: ConvInit, conv: Conv, arch: Arch) -> Iterator[str]:
    yield from _rows(init.valid_pixel_parallel, arch.pp)
    yield from _window(init, conv, init.valid_pixel_parallel, arch)
    yield from _act(init.act_type, leaky=arch.leaky)
    if init.shift_bias > MAX_SHIFT_BIAS:
        yield f"shift_bias {init.shift_bias} is above {MAX_SHIFT_BIAS}"
    if conv.channel_offset >= conv.channel_group * arch.cp:
        yield f"channel_offset {conv.channel_offset} leaves no channel of {conv.channel_group * arch.cp}"


def _alu(init: AluInit, alu: Alu, arch: Arch) -> Iterator[str]:
    yield from _rows(alu.valid_pixel_parallel, arch.alu_pp)
    yield from _window(init, alu, alu.valid_pixel_parallel, arch)
    if init.exec_mode not in MODES:
        yield f"exec_mode {init.exec_mode} is none of this machine's (0 to {MODES[-1]})"
    if init.exec_mode == _DEPTHWISE:
        yield from _act(init.act_type, leaky=arch.alu_leaky)


def _elew(step: ElewStep, arch: Arch) -> Iterator[str]:
    elew, rows = step.elew, step.elew.valid_pixel_parallel
    yield from _rows(rows, arch.alu_pp)
    if elew.elew_type > _MULTIPLY:
        yield f"elew_type {elew.elew_type} is neither 0 (sum) nor 1 (product)"
    if elew.elew_type == _MULTIPLY and elew.num != 2:  # noqa: PLR2004 - a product has two factors
        yield f"a product of {elew.num} operands; the machine multiplies two"
    for item in step.operands:
        if not item.share_pp and item.jump_bank * rows > arch.pp:
            yield f"{rows} rows, {item.jump_bank} banks apart, do not fit a group of {arch.pp} banks"


def _rows(rows: int, most: int) -> Iterator[str]:
    if rows > most:
        yield f"valid_pixel_parallel {rows}; the machine computes at most {most} rows at once"


def _act(act: int, *, leaky: bool) -> Iterator[str]:
    if act not in {0, _RELU, _RELU6, _LEAKY}:
        yield f"act_type {act} is none of ISA1's (0 none, 1 ReLU, 3 leaky ReLU, 4 ReLU6)"
    elif act == _LEAKY and not leaky:
        yield "leaky ReLU needs a DPU built with it"


def _window(init: ConvInit | AluInit, work: Conv | Alu, rows: int, arch: Arch) -> Iterator[str]:
    if init.stride_offset_in >= init.stride_h:
        yield f"stride_offset_in {init.stride_offset_in} is not below stride_h {init.stride_h}"
    if init.stride_out > MAX_STRIDE_OUT:
        yield f"stride_out {init.stride_out} is above {MAX_STRIDE_OUT}"
    if init.stride_offset_out >= init.stride_out:
        yield f"stride_offset_out {init.stride_offset_out} is not below stride_out {init.stride_out}"
    last = init.stride_offset_in + (rows - 1) * init.stride_h + init.kernel_h - 1
    visits = (work.bank_id_in % arch.pp + last // init.stride_h) // arch.pp + 1
    if visits > VISITS:
        yield f"the window goes round its bank group {visits} times; {VISITS} addresses are all there are"


def ranges(step: Step, arch: Arch, registers: Mapping[int, int]) -> Iterator[str]:
    """Yield which banks, lines and bytes the instruction uses that are not there, or not for this."""
    match step:
        case LoadStep(load=load):
            if load.bank_id >= arch.banks:
                yield f"bank {load.bank_id}; there are banks 0 to {arch.banks - 1}"
            yield from _fits(load.length, load.jump_write, arch.lines(load.channel))
            if load.broadcast != CONSTANT:
                yield from _bytes(load.reg_id, load.ddr_addr + (load.length - 1) * load.jump_read + load.channel, load.ddr_addr, registers)
        case SaveStep(save=save):
            yield from _image("bank_id", save.bank_id, arch)
            yield from _fits(save.length, save.jump_read, arch.lines(save.channel))
            size = 1 if save.argmax & _ON and not save.const_en else save.channel
            yield from _bytes(save.reg_id, save.ddr_addr + (save.length - 1) * save.jump_write + size, save.ddr_addr, registers)
        case ConvStep(init=init, conv=conv):
            yield from _computed(init, conv, conv.length, conv.channel_group, arch)
            yield from _fits(init.kernel_h * init.kernel_w, conv.channel_group, conv.channel_group)
        case AluStep(init=init, alu=alu):
            yield from _computed(init, alu, init.length, init.channel_group * alu.kernel_d, arch)
        case ElewStep(operands=operands, elew=elew):
            yield from _elementwise(operands, step, arch)
            yield from _image("bank_id_out", elew.bank_id_out, arch)


def _computed(init: ConvInit | AluInit, work: Conv | Alu, length: int, lines: int, arch: Arch) -> Iterator[str]:
    yield from _image("bank_id_in", work.bank_id_in, arch)
    yield from _image("bank_id_out", work.bank_id_out, arch)
    yield from _fits((length - 1) * init.stride_w + _reach(init, work), init.jump_read, lines)
    yield from _fits(length, init.jump_write, 1 if isinstance(work, Conv) else init.channel_group)  # type: ignore[union-attr]


def _reach(init: ConvInit | AluInit, work: Conv | Alu) -> int:
    """Return the columns of a kernel, less those that lie in the padding of the first window or of the last."""
    if isinstance(init, AluInit) and init.exec_mode == MAX_REDUCE:
        return init.kernel_w
    return min(init.kernel_w, work.pad_right + 1) - work.pad_left


def _elementwise(operands: tuple[ElewInit, ...], step: ElewStep, arch: Arch) -> Iterator[str]:
    for item in operands:
        yield from _image("bank_id_in", item.bank_id_in, arch)
        yield from _fits(step.elew.length, item.jump_read, step.elew.channel_group)
    yield from _fits(step.elew.length, step.elew.jump_write, step.elew.channel_group)


def _image(name: str, bank: int, arch: Arch) -> Iterator[str]:
    if bank >= arch.weight_bank:
        yield f"{name} {bank} is no image bank; those are 0 to {arch.weight_bank - 1}"


def _fits(runs: int, step: int, lines: int) -> Iterator[str]:
    extent = (runs - 1) * step + lines
    if extent > DEPTH:
        yield f"{runs} runs of {lines} lines, {step} apart, take {extent} lines; a bank has {DEPTH}"


def _bytes(reg: int, end: int, start: int, registers: Mapping[int, int]) -> Iterator[str]:
    size = registers.get(reg)
    if size is None:
        yield f"REG_{reg} is not given"
    elif end > size:
        yield f"bytes {start} to {end - 1} of REG_{reg}, which has {size}"
