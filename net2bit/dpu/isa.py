"""The instruction set ISA1 of the DPUCZDX8G (IP 4.x): typed instructions, and their words.

Field positions, meanings and limits: the project's ISA notes, taken from the public instruction table (dpuv2.xml of AMD's runtime) and
proved by re-encoding the vendor's programs byte for byte. A field stored minus one is held here as what it means (a length of 1 is 1).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ProgramError


class Engine(enum.IntFlag):
    """The four in-order instruction queues; the value is the engine's bit in the dependency masks."""

    LOAD = 1
    SAVE = 2
    CONV = 4
    MISC = 8


ENGINES: Final = (Engine.LOAD, Engine.SAVE, Engine.CONV, Engine.MISC)


class _Bits(NamedTuple):
    name: str
    word: int
    first: int
    length: int
    less_one: bool


def _bits(text: str) -> tuple[_Bits, ...]:
    """Read `name:first:length` fields, `-` for stored minus one, `|` between words."""
    found = []
    for word, part in enumerate(text.split("|")):
        for item in part.split():
            name, first, length = item.rstrip("-").split(":")
            found.append(_Bits(name, word, int(first), int(length), item.endswith("-")))
    return tuple(found)


@dataclass(slots=True)
class Instruction:
    """One instruction; `on` and `by` are its dependency masks (what it waits for, whom it signals when done)."""

    opcode: ClassVar[int]
    words: ClassVar[int]
    engine: ClassVar[Engine]
    layout: ClassVar[tuple[_Bits, ...]]

    on: int = field(default=0, kw_only=True)
    by: int = field(default=0, kw_only=True)

    @property
    def mnemonic(self) -> str:
        """The name of the vendor's instruction table: `LOAD`, `CONVINIT`."""
        return type(self).__name__.upper()

    def encode(self) -> list[int]:
        """Return the instruction's 32-bit words.

        Raises:
            ProgramError: A field's value does not fit its bits.
        """
        out = [0] * self.words
        out[0] = self.opcode << 28 | self.on << 24 | self.by << 20
        for name, word, first, length, less_one in self.layout:
            raw = getattr(self, name) - less_one
            if not 0 <= raw < 1 << length:
                low, high = int(less_one), (1 << length) - 1 + less_one
                raise ProgramError(f"{self.mnemonic} field {name} is {raw + less_one}, outside {low} to {high}", where="machine code")
            out[word] |= raw << first
        return out


def _instruction(opcode: int, words: int, engine: Engine, layout: str) -> Any:
    def name(cls: Any) -> Any:
        cls.opcode, cls.words, cls.engine, cls.layout = opcode, words, engine, _bits(layout)
        return cls

    return name


@_instruction(
    0x0,
    5,
    Engine.LOAD,
    "bank_addr:0:12 bank_id:14:6|jump_write:0:10- jump_read:10:16-|length:0:10- channel:10:14- pad_idx:27:5-"
    "|reg_id:0:3 const_value:8:8 broadcast:16:4 mode_avg:20:2 pad_end:22:5 pad_start:27:5|ddr_addr:0:29",
)
@dataclass(slots=True)
class Load(Instruction):
    """DDR to a bank: `length` pixels of `channel` bytes, `jump_read` bytes apart, to lines `jump_write` apart."""

    bank_id: int
    bank_addr: int
    reg_id: int
    ddr_addr: int
    length: int
    channel: int
    jump_read: int
    jump_write: int = 1
    pad_start: int = 0
    pad_end: int = 0
    pad_idx: int = 1
    const_value: int = 0
    broadcast: int = 0
    mode_avg: int = 0


@_instruction(
    0x4,
    5,
    Engine.SAVE,
    "bank_addr:0:12 bank_id:14:6|jump_read:0:10- jump_write:10:16- argmax:27:2 hp_id:29:2|length:0:10- channel:10:12-"
    "|reg_id:0:3 const_value:8:8 const_en:16:1|ddr_addr:0:29",
)
@dataclass(slots=True)
class Save(Instruction):
    """A bank to DDR: `length` pixels of `channel` bytes, from lines `jump_read` apart to bytes `jump_write` apart."""

    bank_id: int
    bank_addr: int
    reg_id: int
    ddr_addr: int
    length: int
    channel: int
    jump_write: int
    jump_read: int = 1
    argmax: int = 0
    hp_id: int = 0
    const_value: int = 0
    const_en: int = 0


@_instruction(
    0x9,
    4,
    Engine.CONV,
    "jump_read:0:10- shift_cut:10:6 act_type:16:4|jump_read_endl:0:10- shift_bias:10:6 stride_out:28:4-"
    "|jump_write:0:10- stride_offset_in:10:3 valid_pixel_parallel:13:3- kernel_h:24:4- stride_h:28:4-"
    "|jump_write_endl:0:10- stride_offset_out:10:3 kernel_w:24:4- stride_w:28:4-",
)
@dataclass(slots=True)
class ConvInit(Instruction):
    """What the following CONVs of the queue share."""

    kernel_h: int
    kernel_w: int
    valid_pixel_parallel: int
    jump_read: int
    jump_write: int
    stride_h: int = 1
    stride_w: int = 1
    jump_read_endl: int = 1
    jump_write_endl: int = 1
    stride_out: int = 1
    stride_offset_in: int = 0
    stride_offset_out: int = 0
    shift_cut: int = 0
    shift_bias: int = 0
    act_type: int = 0


@_instruction(
    0x8,
    5,
    Engine.CONV,
    "bank_addr_in:0:12 pad_top:12:4 pad_left:16:4|bank_addr_out:0:12 pad_bottom:12:4 pad_right:16:4 channel_group:24:8-"
    "|bank_addr_weights:0:12 bank_id_in:12:6 length:22:10-|bank_addr_bias:0:12 bank_id_out:12:6 bank_addr_in_1:18:12"
    "|bank_addr_in_2:0:12 bank_addr_in_3:12:12 channel_offset:24:5",
)
@dataclass(slots=True)
class Conv(Instruction):
    """One convolution: up to PP output rows, `length` columns, one group of output channels."""

    bank_id_in: int
    bank_addr_in: int
    bank_id_out: int
    bank_addr_out: int
    bank_addr_weights: int
    bank_addr_bias: int
    length: int
    channel_group: int
    channel_offset: int = 0
    pad_top: int = 0
    pad_left: int = 0
    pad_bottom: int = 0
    pad_right: int = 0
    bank_addr_in_1: int = 0
    bank_addr_in_2: int = 0
    bank_addr_in_3: int = 0


@_instruction(
    0x1,
    6,
    Engine.MISC,
    "kernel_w:0:8- kernel_h:8:8- exec_mode:16:4|stride_offset_out:0:8 stride_offset_in:8:8 stride_w:16:8- stride_h:24:8-"
    "|length:0:11- channel_offset:11:5 channel_group:16:8- stride_out:24:8-"
    "|shift_prelu_n:0:6 shift_cut:6:6 shift_bias:12:6 act_type:18:4 shift_prelu_p:22:6"
    "|jump_read_endl:0:13- jump_read:13:10- multi_factor:23:8|jump_write_endl:0:13- jump_write:13:10- jump_read_weights:23:9",
)
@dataclass(slots=True)
class AluInit(Instruction):
    """What the following ALUs of the queue share."""

    exec_mode: int
    kernel_h: int
    kernel_w: int
    length: int
    channel_group: int
    jump_read: int
    jump_write: int
    stride_h: int = 1
    stride_w: int = 1
    jump_read_endl: int = 1
    jump_write_endl: int = 1
    stride_out: int = 1
    stride_offset_in: int = 0
    stride_offset_out: int = 0
    channel_offset: int = 0
    shift_cut: int = 0
    shift_bias: int = 0
    act_type: int = 0
    shift_prelu_n: int = 0
    shift_prelu_p: int = 0
    multi_factor: int = 0
    jump_read_weights: int = 0


@_instruction(
    0x2,
    5,
    Engine.MISC,
    "bank_addr_out:0:14 bank_id_out:14:6|bank_addr_in:0:14 bank_id_in:14:6 valid_pixel_parallel:20:3- pad_bottom:23:8"
    "|bank_addr_in_1:0:14 pad_right:14:8 pad_left:22:4 pad_top:26:4|bank_addr_in_2:0:14 bank_addr_weights:14:14 kernel_d:28:4-"
    "|bank_addr_in_3:0:14 bank_addr_bias:14:14",
)
@dataclass(slots=True)
class Alu(Instruction):
    """One depthwise convolution, pooling or pointwise function: up to `alu_pp` output rows, all channel groups."""

    bank_id_in: int
    bank_addr_in: int
    bank_id_out: int
    bank_addr_out: int
    valid_pixel_parallel: int
    pad_top: int = 0
    pad_left: int = 0
    pad_bottom: int = 0
    pad_right: int = 0
    bank_addr_in_1: int = 0
    bank_addr_in_2: int = 0
    bank_addr_in_3: int = 0
    bank_addr_weights: int = 0
    bank_addr_bias: int = 0
    kernel_d: int = 1


@_instruction(
    0xD,
    3,
    Engine.MISC,
    "share_pp:13:1 bank_id_in:14:6|bank_addr_in:0:14 jump_read_endl:14:13- id:27:2 jump_bank:29:3-|jump_read:0:12 shift_read:12:4",
)
@dataclass(slots=True)
class ElewInit(Instruction):
    """One operand of the next ELEW."""

    id: int
    bank_id_in: int
    bank_addr_in: int
    jump_read: int
    jump_read_endl: int = 1
    jump_bank: int = 1
    shift_read: int = 0
    share_pp: int = 0


@_instruction(
    0xE,
    3,
    Engine.MISC,
    "length:0:11- act_type:11:1 elew_type:12:2 bank_id_out:14:6"
    "|bank_addr_out:0:14 jump_write_endl:14:13- num:27:2- valid_pixel_parallel:29:3-"
    "|jump_write:0:12- shift_write:12:5 channel_group:17:8-",
)
@dataclass(slots=True)
class Elew(Instruction):
    """One elementwise sum or product of the `num` operands named before: up to `alu_pp` rows, all channel groups."""

    bank_id_out: int
    bank_addr_out: int
    num: int
    length: int
    valid_pixel_parallel: int
    channel_group: int
    jump_write: int
    jump_write_endl: int = 1
    shift_write: int = 0
    elew_type: int = 0
    act_type: int = 0


@_instruction(0x7, 1, Engine.SAVE, "")
@dataclass(slots=True)
class End(Instruction):
    """The last instruction."""


KINDS: Final[tuple[type[Instruction], ...]] = (Load, Save, ConvInit, Conv, AluInit, Alu, ElewInit, Elew, End)
_BY_OPCODE: Final = {kind.opcode: kind for kind in KINDS}


def assemble(program: Iterable[Instruction]) -> bytes:
    """Return a program's machine code: little-endian 32-bit words, no header.

    Raises:
        ProgramError: A field's value does not fit its bits; the instruction's index is named.
    """
    words: list[int] = []
    for index, instruction in enumerate(program):
        try:
            words += instruction.encode()
        except ProgramError as error:
            raise ProgramError(error.what, where=f"instruction {index}") from None
    return np.asarray(words, dtype="<u4").tobytes()


def disassemble(code: bytes) -> list[Instruction]:
    """Return the instructions of machine code.

    Raises:
        ProgramError: The code is cut off, or holds an opcode that a DPUCZDX8G with ISA1 does not execute.
    """
    return list(_decode(np.frombuffer(code[: len(code) // 4 * 4], dtype="<u4"), len(code)))


def _decode(words: NDArray[np.uint32], size: int) -> Iterator[Instruction]:
    code, at = words.tolist(), 0
    while at < len(code):
        kind = _BY_OPCODE.get(code[at] >> 28)
        if kind is None:
            raise ProgramError(
                f"opcode {code[at] >> 28:#x} is none of ISA1",
                where=f"machine code, word {at}",
                remedy="only DPU IP 4.x programs can be read",
            )
        if at + kind.words > len(code) or size % 4:
            raise ProgramError(f"the machine code is cut off in the middle of {kind.__name__.upper()}", where=f"word {at}")
        found = {name: (code[at + word] >> first & (1 << length) - 1) + less_one for name, word, first, length, less_one in kind.layout}
        yield kind(on=code[at] >> 24 & 15, by=code[at] >> 20 & 15, **found)
        at += kind.words


def values(instruction: Instruction) -> dict[str, int]:
    """Return an instruction's fields by name, without the dependency masks."""
    return {item.name: getattr(instruction, item.name) for item in fields(instruction) if item.name not in {"on", "by"}}
