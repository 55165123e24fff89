"""The machine once more, byte by byte in Python's integers and fractions: slow, and written from the rules alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import floor

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save

DEPTH = 2048


def code(value: Fraction | float) -> int:
    """Round half up and saturate."""
    return max(-128, min(127, floor(Fraction(value) + Fraction(1, 2))))


def signed(byte: int) -> int:
    """Return a byte as int8."""
    return byte - 256 if byte > 127 else byte


def activated(value: Fraction, act: int) -> Fraction:
    """Apply act_type."""
    if act == 1:
        return max(value, Fraction(0))
    if act == 3:
        return value * Fraction(26, 256) if value < 0 else value
    if act == 4:
        return min(max(value, Fraction(0)), Fraction(96))
    return value


def power(exponent: int) -> Fraction:
    """Return 2**exponent."""
    return Fraction(2) ** exponent


class Scalar:
    """Banks and registers, a byte at a time."""

    def __init__(self, arch: Arch, cells: NDArray[np.int8], registers: dict[int, NDArray[np.int8]]) -> None:
        """Copy the memory."""
        self.arch = arch
        self.cells = [bank.reshape(-1).tolist() for bank in cells]
        self.registers = {number: memory.tolist() for number, memory in registers.items()}
        self.operands: list[ElewInit] = []
        self.conv_init: ConvInit | None = None
        self.alu_init: AluInit | None = None

    def run(self, program: Sequence[Instruction]) -> None:
        """Execute a program."""
        for item in program:
            getattr(self, type(item).__name__.lower())(item)

    def end(self, _item: Instruction) -> None:
        """Do nothing."""

    def at(self, bank: int, line: int, byte: int) -> int:
        """Read a byte, counted from the beginning of a line."""
        return self.cells[bank][(line % DEPTH * self.arch.cp + byte) % (DEPTH * self.arch.cp)]

    def put(self, bank: int, line: int, values: Sequence[int]) -> None:
        """Write bytes from the beginning of a line; the rest of the last line becomes zero."""
        cp = self.arch.cp
        padded = [*values, *[0] * (-len(values) % cp)]
        for byte, value in enumerate(padded):
            self.cells[bank][(line % DEPTH * cp + byte) % (DEPTH * cp)] = value

    def load(self, item: Load) -> None:
        """LOAD."""
        memory, width = self.registers[item.reg_id], -(-item.channel // self.arch.cp) * self.arch.cp
        for pixel in range(item.length):
            start = item.ddr_addr + pixel * item.jump_read
            values = memory[start : start + item.channel]
            if item.broadcast == 7:
                values = [signed(item.const_value)] * item.channel
            if item.jump_read <= item.channel <= 64:
                late = pixel - (item.length - item.pad_idx)
                edge = width - item.pad_end - late * item.jump_read if late >= 0 else width
                early = item.pad_start - pixel * item.jump_read
                values = [0 if byte < early or byte >= edge else value for byte, value in enumerate(values)]
            self.put(item.bank_id, item.bank_addr + pixel * item.jump_write, values)

    def save(self, item: Save) -> None:
        """SAVE."""
        for pixel in range(item.length):
            values = [self.at(item.bank_id, item.bank_addr + pixel * item.jump_read, byte) for byte in range(item.channel)]
            if item.const_en:
                values = [signed(item.const_value)] * item.channel
            elif item.argmax & 2:
                best = values.index(max(values))
                values = [values[best] if item.argmax & 1 else signed(best % 256)]
            start = item.ddr_addr + pixel * item.jump_write
            self.registers[item.reg_id][start : start + len(values)] = values

    def convinit(self, item: ConvInit) -> None:
        """CONVINIT."""
        self.conv_init = item

    def aluinit(self, item: AluInit) -> None:
        """ALUINIT."""
        self.alu_init = item

    def elewinit(self, item: ElewInit) -> None:
        """ELEWINIT."""
        self.operands.append(item)

    def window(self, init: ConvInit | AluInit, item: Conv | Alu, rows: int, columns: int) -> list[list[tuple[int, int]]]:
        """Return bank and line of every pixel of a window."""
        pp, bank, sub = self.arch.pp, item.bank_id_in, init.stride_offset_in
        first = bank - bank % pp
        lines_at = [item.bank_addr_in, item.bank_addr_in_1, item.bank_addr_in_2, item.bank_addr_in_3]
        found = []
        for _ in range((rows - 1) * init.stride_h + init.kernel_h):
            base = lines_at[0] + sub * init.jump_read_endl
            found.append([(bank, base + column * init.jump_read) for column in range((columns - 1) * init.stride_w + init.kernel_w)])
            sub += 1
            if sub == init.stride_h:
                sub, bank = 0, bank + 1
                if bank == first + pp:
                    bank = first
                    lines_at.pop(0)
        return found

    def counts(self, init: ConvInit | AluInit, item: Conv | Alu, rows: int, columns: int) -> Callable[[int, int], bool]:
        """Return whether a pixel of a window counts."""
        bottom, right = (rows - 1) * init.stride_h + item.pad_bottom, (columns - 1) * init.stride_w + item.pad_right
        return lambda row, column: item.pad_top <= row <= bottom and item.pad_left <= column <= right

    def outputs(self, init: ConvInit | AluInit, item: Conv | Alu, rows: int, columns: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield row, column, bank and line of every output pixel."""
        pp = self.arch.pp
        first, start = item.bank_id_out - item.bank_id_out % pp, item.bank_id_out % pp
        for row in range(rows):
            place, sub = divmod(row + init.stride_offset_out, init.stride_out)
            visit, bank = divmod(start + place, pp)
            line = item.bank_addr_out + (visit * init.stride_out + sub) * init.jump_write_endl
            for column in range(columns):
                yield row, column, first + bank, line + column * init.jump_write

    def conv(self, item: Conv) -> None:
        """CONV."""
        init, arch = self.conv_init, self.arch
        assert init is not None
        rows, lines = init.valid_pixel_parallel, item.channel_group
        places, counts = self.window(init, item, rows, item.length), self.counts(init, item, rows, item.length)
        channels = range(lines * arch.cp - item.channel_offset)
        taps = [(high, wide) for high in range(init.kernel_h) for wide in range(init.kernel_w)]
        made = []
        for row, column, bank, line in self.outputs(init, item, rows, item.length):
            sums = [0] * arch.cp
            for tap, (high, wide) in enumerate(taps):
                y, x = row * init.stride_h + high, column * init.stride_w + wide
                if not counts(y, x):
                    continue
                values = [self.at(*places[y][x], byte) for byte in channels]
                for out in range(arch.cp):
                    weights = item.bank_addr_weights + tap * lines
                    sums[out] += sum(value * self.at(arch.weight_bank + out, weights, byte) for byte, value in enumerate(values))
            bias = [self.at(arch.bias_bank, item.bank_addr_bias, out) for out in range(arch.cp)]
            totals = [Fraction(2 * acc) + b * power(init.shift_bias) for acc, b in zip(sums, bias, strict=True)]
            made.append((bank, line, [code(activated(total / power(init.shift_cut + 1), init.act_type)) for total in totals]))
        for bank, line, codes in made:
            self.put(bank, line, codes)

    def alu(self, item: Alu) -> None:
        """ALU."""
        init, arch = self.alu_init, self.arch
        assert init is not None
        rows, channels, mode = item.valid_pixel_parallel, init.channel_group * arch.cp, init.exec_mode
        places, counts = self.window(init, item, rows, init.length), self.counts(init, item, rows, init.length)
        taps = [(high, wide) for high in range(init.kernel_h) for wide in range(init.kernel_w)]

        def value(y: int, x: int, block: int, channel: int) -> int:
            if mode != 5 and (not counts(y, x) or channel >= channels - init.channel_offset):
                return -128 if mode == 3 else 0
            return self.at(*places[y][x], block * channels + channel)

        made = []
        for row, column, bank, line in self.outputs(init, item, rows, init.length):
            corner = (row * init.stride_h, column * init.stride_w)
            codes = []
            for channel in range(channels):
                blocks = [[value(corner[0] + high, corner[1] + wide, b, channel) for high, wide in taps] for b in range(item.kernel_d)]
                single = value(row, column, 0, channel)
                codes.append(self.lane(init, item, blocks, single, channel))
            made.append((bank, line, codes))
        for bank, line, codes in made:
            self.put(bank, line, codes)

    def lane(self, init: AluInit, item: Alu, blocks: list[list[int]], single: int, channel: int) -> int:
        """Compute one channel of one pixel."""
        mode, cut = init.exec_mode, init.shift_cut
        scale = power(8 - cut if cut >= 8 else cut)
        if mode in {0, 6, 8}:
            total = Fraction(sum(x * w for x, w in self.weighted(init, item, blocks, channel)))
            if mode == 0:
                total += Fraction(self.at(self.arch.bias_bank, item.bank_addr_bias, channel)) * power(init.shift_bias) / 2
            return code(activated(total / power(cut), init.act_type))
        if mode in {3, 5}:
            return code(max(blocks[0]) * scale)
        if mode == 2:
            product = np.float32(sum(blocks[0])) * np.float32(signed(init.multi_factor))
            return code(Fraction(float(np.float32(float(product) * float(scale)))))
        if mode == 7:
            line = 2731 * single + 3 * 2731 * power(init.shift_bias)
            return code(min(Fraction(2**32), max(Fraction(0), line)) / power(cut))
        factor = self.at(self.arch.alu_bank, item.bank_addr_weights, channel) if mode == 1 else signed(init.multi_factor)
        sloped = single * factor if single < 0 else single
        shift = init.shift_prelu_n if sloped < 0 else init.shift_prelu_p
        return code(sloped * (power(32 - shift) if shift >= 32 else power(shift)))

    def weighted(self, init: AluInit, item: Alu, blocks: list[list[int]], channel: int) -> Iterator[tuple[int, int]]:
        """Yield the pairs of value and weight behind one channel."""
        wide, cp = init.exec_mode == 8, self.arch.cp
        for depth, block in enumerate(blocks):
            for tap, x in enumerate(block):
                line = item.bank_addr_weights + tap * init.jump_read_weights
                if not wide:
                    yield x, self.at(self.arch.alu_bank, line, depth * init.channel_group * cp + channel)
                else:
                    byte = (2 * depth * init.channel_group + channel // cp * 2) * cp
                    yield x, self.at(self.arch.alu_bank, line, byte + 1) * 256 + self.at(self.arch.alu_bank, line, byte) % 256

    def elew(self, item: Elew) -> None:
        """ELEW."""
        operands, self.operands = self.operands[: item.num], self.operands[item.num :]
        pp, channels = self.arch.pp, item.channel_group * self.arch.cp
        made = []
        for row in range(item.valid_pixel_parallel):
            visit, bank = divmod(item.bank_id_out % pp + row, pp)
            for column in range(item.length):
                line = item.bank_addr_out + visit * item.jump_write_endl + column * item.jump_write
                codes = [self.combined(item, operands, row, column, channel) for channel in range(channels)]
                made.append((item.bank_id_out - item.bank_id_out % pp + bank, line, codes))
        for bank, line, codes in made:
            self.put(bank, line, codes)

    def combined(self, item: Elew, operands: list[ElewInit], row: int, column: int, channel: int) -> int:
        """Compute one channel of one pixel."""
        values = []
        for init in operands:
            visit, bank = divmod(init.bank_id_in % self.arch.pp + (0 if init.share_pp else row * init.jump_bank), self.arch.pp)
            line = init.bank_addr_in + visit * init.jump_read_endl + column * init.jump_read
            byte = self.at(init.bank_id_in - init.bank_id_in % self.arch.pp + bank, line, channel)
            values.append(floor(Fraction(4 * byte) / power(init.shift_read)))
        total = Fraction(int(np.prod(values)), 16) if item.elew_type else Fraction(sum(values), 4)
        total *= power(16 - item.shift_write if item.shift_write >= 16 else item.shift_write)
        return code(activated(total, item.act_type))
