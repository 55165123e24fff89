"""Random programs, small and full of coincidences: the same few lines, rings that wrap, maps that overlap."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, End, Instruction, Load, Save

LINES = (0, 3, 40, 2040)
REGISTER = 4096


@dataclass
class Source:
    """Draws instructions."""

    arch: Arch
    seed: int
    program: list[Instruction] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Seed the draws."""
        self.random = np.random.default_rng(self.seed)

    def pick(self, *values: int) -> int:
        """Draw one of some values."""
        return int(self.random.choice(values))

    def below(self, end: int) -> int:
        """Draw from 0 to end - 1."""
        return int(self.random.integers(end))

    def line(self) -> int:
        """Draw a line near the ends of a bank."""
        return (self.pick(*LINES) + self.below(6)) % 2048

    def image(self) -> int:
        """Draw an image bank."""
        return self.below(self.arch.weight_bank)

    def load(self, bank: int | None = None) -> None:
        """Add a LOAD."""
        channel = self.pick(1, 3, self.arch.cp, 2 * self.arch.cp, 21)
        self.program.append(
            Load(
                self.image() if bank is None else bank,
                self.line(),
                self.below(2),
                self.below(512),
                length=1 + self.below(6),
                channel=channel,
                jump_read=1 + self.below(30),
                jump_write=1 + self.below(4),
                pad_start=self.below(9),
                pad_end=self.below(9),
                pad_idx=1 + self.below(3),
                const_value=self.below(256),
                broadcast=self.pick(0, 0, 0, 7),
            )
        )

    def rows(self) -> None:
        """Add LOADs or SAVEs of rows in neighbouring banks, now and then with one that is out of step."""
        step, first, line, length = self.below(60), self.image(), self.line(), 1 + self.below(4)
        channel, apart, kind = 1 + self.below(20), 1 + self.below(24), self.below(2)
        for row in range(2 + self.below(5)):
            bank = min(first + row, self.arch.banks - 1 if kind else self.arch.weight_bank - 1)
            address = row * step + (self.below(4) == 0)
            if kind:
                self.program.append(Load(bank, line, 0, address, length, channel, apart, jump_write=1 + channel // self.arch.cp))
            else:
                self.program.append(Save(bank, line, 1, address, length, channel, apart, jump_read=1 + channel // self.arch.cp))

    def save(self) -> None:
        """Add a SAVE."""
        argmax = self.pick(0, 0, 2, 3) if self.arch.argmax else 0
        self.program.append(
            Save(
                self.image(),
                self.line(),
                1,
                self.below(512),
                length=1 + self.below(6),
                channel=1 + self.below(20),
                jump_write=1 + self.below(30),
                jump_read=1 + self.below(4),
                argmax=argmax,
                const_en=self.pick(0, 0, 0, 1),
                const_value=self.below(256),
            )
        )

    def convs(self) -> None:
        """Add a CONVINIT, and CONVs of one window whose outputs lie side by side, with other things in between."""
        stride, stride_out = 1 + self.below(3), 1 + self.below(2)
        rows, kernel, wide, length = 1 + self.below(self.arch.pp), 1 + self.below(3), 1 + self.below(3), 1 + self.below(3)
        act = self.pick(0, 1, 4, 3 if self.arch.leaky else 0)
        cut, raised = self.pick(0, 1, 7, 11), self.below(10)
        init = ConvInit(
            *(kernel, wide, rows, 1 + self.below(3), 1 + self.below(4), stride, 1 + self.below(3)),
            jump_read_endl=1 + self.below(20),
            jump_write_endl=1 + self.below(20),
            stride_out=stride_out,
            stride_offset_in=self.below(stride),
            stride_offset_out=self.below(stride_out),
            shift_cut=cut,
            shift_bias=raised,
            act_type=act,
        )
        first = Conv(
            *(self.image(), self.line(), self.image(), self.line(), self.line(), self.line(), length, 1 + self.below(2)),
            channel_offset=self.below(self.arch.cp),
            pad_top=self.below(2),
            pad_left=self.below(2),
            pad_bottom=self.below(kernel + 1),
            pad_right=self.below(wide + 1),
            bank_addr_in_1=self.line(),
            bank_addr_in_2=self.line(),
            bank_addr_in_3=self.line(),
        )
        self.program += [init, first]
        for group in range(1, 1 + self.below(3)):
            {0: self.load, 1: self.save, 2: lambda: self.load(self.arch.weight_bank + self.below(self.arch.cp + 2)), 3: int}[
                self.below(4)
            ]()
            values = {name: getattr(first, name) for name in Conv.__slots__}
            self.program.append(
                Conv(**{**values, "bank_addr_out": (first.bank_addr_out + group) % 2048, "bank_addr_weights": self.line()}, on=0, by=0)
            )

    def alu(self) -> None:
        """Add an ALUINIT and an ALU."""
        stride, stride_out, mode, cp = 1 + self.below(3), 1 + self.below(2), self.below(9), self.arch.cp
        kernel, wide, length = 1 + self.below(3), 1 + self.below(3), 1 + self.below(3)
        init = AluInit(
            *(mode, kernel, wide, length, 1 + self.below(2), 1 + self.below(3), 1 + self.below(4), stride, 1 + self.below(2)),
            jump_read_endl=1 + self.below(20),
            jump_write_endl=1 + self.below(20),
            stride_out=stride_out,
            stride_offset_in=self.below(stride),
            stride_offset_out=self.below(stride_out),
            channel_offset=self.below(cp),
            shift_cut=self.pick(0, 2, 7, 9, 14, 17),
            shift_bias=self.below(10),
            act_type=self.pick(0, 1, 4, 3 if self.arch.alu_leaky else 0),
            shift_prelu_n=self.below(42),
            shift_prelu_p=self.below(42),
            multi_factor=self.below(256),
            jump_read_weights=self.below(4),
        )
        work = Alu(
            *(self.image(), self.line(), self.image(), self.line(), 1 + self.below(self.arch.alu_pp)),
            pad_top=self.below(2),
            pad_left=self.below(2),
            pad_bottom=self.below(kernel + 1),
            pad_right=self.below(wide + 1),
            bank_addr_in_1=self.line(),
            bank_addr_in_2=self.line(),
            bank_addr_in_3=self.line(),
            bank_addr_weights=self.line(),
            bank_addr_bias=self.line(),
            kernel_d=self.pick(1, 1, 2),
        )
        self.program += [init, work]

    def elew(self) -> None:
        """Add an ELEW with its operands."""
        product, rows = self.below(2), 1 + self.below(self.arch.alu_pp)
        count = 2 if product else 1 + self.below(4)
        for index in range(count):
            self.program.append(
                ElewInit(
                    *(index, self.image(), self.line(), self.below(4)),
                    jump_read_endl=1 + self.below(20),
                    jump_bank=1 + self.below(2),
                    shift_read=self.below(5),
                    share_pp=self.pick(0, 0, 1),
                )
            )
        self.program.append(
            Elew(
                *(self.image(), self.line(), count, 1 + self.below(5), rows, 1 + self.below(2), 1 + self.below(4)),
                jump_write_endl=1 + self.below(20),
                shift_write=self.pick(0, 1, 2, 17, 20, 24),
                elew_type=product,
                act_type=self.below(2),
            )
        )


def program(arch: Arch, seed: int, length: int = 12) -> list[Instruction]:
    """Return a random program."""
    source = Source(arch, seed)
    for _ in range(length):
        (source.load, source.save, source.convs, source.rows, source.alu, source.elew, source.convs)[source.below(7)]()
    return [*source.program, End()]
