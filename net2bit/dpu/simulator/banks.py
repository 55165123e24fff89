"""The on-chip memory: banks of 2,048 lines, read and written in blocks of pixels that lie at the same lines of neighbouring banks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.errors import ProgramError

Cells = NDArray[np.int8]

_SEED: Final = 2304


class Strip(NamedTuple):
    """Rows of a map that lie at the same line of neighbouring banks: rows `row`, `row + step`, ...; one in each of `banks` banks."""

    row: int
    step: int
    banks: int
    bank: int
    """The first bank, counted inside of the group."""
    visit: int
    """How often the rows have come round to the group's first bank before."""
    sub: int
    """Which of the `step` rows of a bank."""

    @property
    def rows(self) -> slice:
        """The rows."""
        return slice(self.row, self.row + (self.banks - 1) * self.step + 1, self.step)


@lru_cache(maxsize=1 << 14)
def strips(pp: int, bank: int, step: int, offset: int, first: int, last: int) -> tuple[Strip, ...]:
    """Return how rows `first` to `last - 1` lie in a group of *pp* banks, *step* rows a bank.

    Row 0 is the *offset*-th row of bank *bank*. Of the strips that share a bank, earlier rows come first.
    """
    return tuple(_strips(pp, bank, step, first + offset, last + offset, offset)) if last > first else ()


def _strips(pp: int, bank: int, step: int, first: int, last: int, offset: int) -> Iterator[Strip]:
    low, high = first // step + bank, (last - 1) // step + bank
    for visit in range(low // pp, high // pp + 1):
        inside = range(max(low, visit * pp), min(high, visit * pp + pp - 1) + 1)
        for sub in range(step):
            begin = inside[0] + ((inside[0] - bank) * step + sub < first)
            count = inside[-1] - ((inside[-1] - bank) * step + sub >= last) - begin + 1
            if count > 0:
                yield Strip((begin - bank) * step + sub - offset, step, count, begin - visit * pp, visit, sub)


class Banks:
    """All banks of a machine. Line numbers are taken modulo 2,048; pixels are `lines` lines long and begin `jump` lines apart."""

    def __init__(self, arch: Arch, cells: Cells | None = None) -> None:
        """Fill the banks with arbitrary, always equal bytes (hardware does not clear them either), or take *cells*."""
        self.arch = arch
        self.cells: Cells = _noise(arch.banks, arch.cp).copy() if cells is None else cells.reshape(arch.banks, DEPTH, arch.cp)

    def _view(self, bank: int, count: int, line: int, pixels: int, jump: int, lines: int) -> Cells | None:
        """Return the pixels `[count, pixels, lines, cp]` as a view; None where they wrap or overlap."""
        if pixels == 1 and line + lines <= DEPTH:
            return self.cells[bank : bank + count, None, line : line + lines]
        if jump < lines or line + pixels * jump > DEPTH:
            return None
        block = self.cells[bank : bank + count, line : line + pixels * jump]
        return block.reshape(count, pixels, jump, self.arch.cp)[:, :, :lines]

    def read(self, bank: int, count: int, line: int, pixels: int, jump: int, lines: int) -> Cells:
        """Return what *count* banks from *bank* on hold at the same lines: `[count, pixels, lines, cp]`, a view or a copy."""
        line %= DEPTH
        found = self._view(bank, count, line, pixels, jump, lines)
        return self.cells[bank : bank + count, _lines(line, pixels, jump, lines)] if found is None else found

    def write(self, bank: int, line: int, jump: int, pixels: Cells) -> None:
        """Write `[count, pixels, lines, cp]` to the banks from *bank* on; of pixels that overlap the later one stays."""
        line %= DEPTH
        count, width, lines = pixels.shape[:3]
        found = self._view(bank, count, line, width, jump, lines)
        if found is not None:
            found[...] = pixels
        elif jump >= lines and (width - 1) * jump + lines <= DEPTH:
            self.cells[bank : bank + count, _lines(line, width, jump, lines)] = pixels
        else:
            for at in range(width):
                self.cells[bank : bank + count, _lines(line + at * jump, 1, jump, lines)] = pixels[:, at : at + 1]

    def write_rows(self, rows: Cells, bank: int, line: int, *, step: int, offset: int, jump: int, jump_row: int) -> None:
        """Write rows `[rows, pixels, lines, cp]` to an image group as CONV, ALU and ELEW do.

        Raises:
            ProgramError: *bank* is no image bank.
        """
        first, start = group_of(self.arch, bank)
        for strip in strips(self.arch.pp, start, step, offset, 0, rows.shape[0]):
            at = line + (strip.visit * step + strip.sub) * jump_row
            self.write(first + strip.bank, at, jump, rows[strip.rows])


def group_of(arch: Arch, bank: int) -> tuple[int, int]:
    """Return the first bank of the image group that *bank* is in, and its place inside.

    Raises:
        ProgramError: It is no image bank.
    """
    if bank >= arch.weight_bank:
        raise ProgramError(f"bank {bank} is no image bank: {arch.name} has 0 to {arch.weight_bank - 1}", where="")
    return bank - bank % arch.pp, bank % arch.pp


@cache
def _noise(banks: int, cp: int) -> Cells:
    content = np.frombuffer(np.random.default_rng(_SEED).bytes(banks * DEPTH * cp), np.int8)
    return content.reshape(banks, DEPTH, cp)


def _lines(line: int, pixels: int, jump: int, lines: int) -> NDArray[np.int64]:
    return (line + jump * np.arange(pixels)[:, None] + np.arange(lines)) % DEPTH
