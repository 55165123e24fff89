"""What a CONV or an ALU reads of a feature map: a window of rows that walks over the banks of a group, its margins masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from net2bit.dpu.arch import VISITS
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit
from net2bit.dpu.simulator.banks import Banks, Cells, Strip, group_of, strips
from net2bit.errors import ProgramError


@dataclass(frozen=True, slots=True)
class Window:
    """A window, as the fields of CONV and ALU give it; two that are equal read the same bytes."""

    bank: int
    addresses: tuple[int, int, int, int]
    rows: int
    """Output rows."""
    columns: int
    """Output columns."""
    kernel: tuple[int, int]
    stride: tuple[int, int]
    offset: int
    """Which of the rows of the first bank is the window's first."""
    jump: int
    jump_row: int
    lines: int
    """Lines of a pixel, in all its blocks."""
    blocks: int
    """Parts of a pixel, each with masked channels of its own (kernel_d)."""
    top: int
    left: int
    bottom: int
    right: int
    masked: int
    """Channels at the end of each block that do not count."""

    @property
    def height(self) -> int:
        """Input rows."""
        return (self.rows - 1) * self.stride[0] + self.kernel[0]

    @property
    def width(self) -> int:
        """Input columns."""
        return (self.columns - 1) * self.stride[1] + self.kernel[1]

    @property
    def inner_rows(self) -> tuple[int, int]:
        """The first row that is read, and the one behind the last."""
        return min(self.top, self.height), min(self.height, (self.rows - 1) * self.stride[0] + self.bottom + 1)

    @property
    def inner_columns(self) -> tuple[int, int]:
        """The first column that counts, and the one behind the last."""
        return min(self.left, self.width), min(self.width, (self.columns - 1) * self.stride[1] + self.right + 1)

    def strips(self, pp: int) -> tuple[Strip, ...]:
        """Return where the rows lie that are read, bank numbers inside of the group.

        Raises:
            ProgramError: The window comes round more often than there are addresses, or its offset is none of its stride.
        """
        if self.offset >= self.stride[0]:
            raise ProgramError(f"stride_offset_in {self.offset} is not below stride_h {self.stride[0]}", where="")
        found = strips(pp, self.bank % pp, self.stride[0], self.offset, *self.inner_rows)
        if found and found[-1].visit >= VISITS:
            raise ProgramError(f"a window of {self.height} rows comes round more than {VISITS} times", where="")
        return found

    def line(self, strip: Strip) -> int:
        """Return the line at which the rows of *strip* begin."""
        return self.addresses[strip.visit] + strip.sub * self.jump_row


def conv_window(init: ConvInit, conv: Conv) -> Window:
    """Return what a CONV reads."""
    return Window(
        bank=conv.bank_id_in,
        addresses=(conv.bank_addr_in, conv.bank_addr_in_1, conv.bank_addr_in_2, conv.bank_addr_in_3),
        rows=init.valid_pixel_parallel,
        columns=conv.length,
        kernel=(init.kernel_h, init.kernel_w),
        stride=(init.stride_h, init.stride_w),
        offset=init.stride_offset_in,
        jump=init.jump_read,
        jump_row=init.jump_read_endl,
        lines=conv.channel_group,
        blocks=1,
        top=conv.pad_top,
        left=conv.pad_left,
        bottom=conv.pad_bottom,
        right=conv.pad_right,
        masked=conv.channel_offset,
    )


def alu_window(init: AluInit, alu: Alu, *, padded: bool = True) -> Window:
    """Return what an ALU reads; *padded* is False for the mode that ignores margins."""
    return Window(
        bank=alu.bank_id_in,
        addresses=(alu.bank_addr_in, alu.bank_addr_in_1, alu.bank_addr_in_2, alu.bank_addr_in_3),
        rows=alu.valid_pixel_parallel,
        columns=init.length,
        kernel=(init.kernel_h, init.kernel_w),
        stride=(init.stride_h, init.stride_w),
        offset=init.stride_offset_in,
        jump=init.jump_read,
        jump_row=init.jump_read_endl,
        lines=init.channel_group * alu.kernel_d,
        blocks=alu.kernel_d,
        top=alu.pad_top if padded else 0,
        left=alu.pad_left if padded else 0,
        bottom=alu.pad_bottom if padded else init.kernel_h,
        right=alu.pad_right if padded else init.kernel_w,
        masked=init.channel_offset if padded else 0,
    )


def read(banks: Banks, window: Window, filler: int = 0) -> Cells:
    """Return the window `[height, width, channels]`, contiguous, *filler* where it is masked.

    Raises:
        ProgramError: It begins outside of the image banks, or comes round too often.
    """
    group, _ = group_of(banks.arch, window.bank)
    made = np.empty((window.height, window.width, window.lines, banks.arch.cp), np.int8)
    for strip in window.strips(banks.arch.pp):
        made[strip.rows] = banks.read(group + strip.bank, strip.banks, window.line(strip), window.width, window.jump, window.lines)
    mask(made, window, filler)
    return made.reshape(window.height, window.width, -1)


def mask(cells: Cells, window: Window, filler: int) -> None:
    """Overwrite what does not count of a window `[height, width, lines, cp]`."""
    (above, below), (left, right) = window.inner_rows, window.inner_columns
    cells[:above] = filler
    cells[max(below, 0) :] = filler
    cells[:, :left] = filler
    cells[:, max(right, 0) :] = filler
    if window.masked:
        cells.reshape(*cells.shape[:2], window.blocks, -1)[..., -window.masked :] = filler
