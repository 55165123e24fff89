"""LOAD and SAVE: rows of maps between DDR and their rings, weights and biases into their banks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.banks import Ring
from net2bit.dpu.compiler.emit_code import Code
from net2bit.dpu.compiler.kernel import BEAT, LOAD_BYTES, STEP
from net2bit.dpu.compiler.layers import Axis, Layer, Place
from net2bit.dpu.compiler.parts import PIXELS, Part
from net2bit.dpu.compiler.schedule import FitError
from net2bit.dpu.isa import Load, Save

SAVE_BYTES: Final = 4096
"""The widest SAVE pixel."""


@dataclass(frozen=True, slots=True)
class Run:
    """Pixels of one LOAD or SAVE: `length` times `channel` bytes, from byte `ddr` and line `line` on."""

    length: int
    channel: int
    ddr: int
    step: int
    """Bytes from one to the next in DDR."""
    line: int
    jump: int
    """Lines from one to the next."""


def joined(run: Run, arch: Arch, most: int) -> Run:
    """Return the run with several pixels moved as one, where they lie side by side in DDR and in the bank and that saves bus beats."""
    if run.channel % BEAT == 0 or run.channel % arch.cp or run.step != run.channel or run.jump != run.channel // arch.cp:
        return run
    for count in range(min(run.length, most // run.channel), 1, -1):
        if run.length % count == 0:
            return Run(run.length // count, run.channel * count, run.ddr, run.step * count, run.line, run.jump * count)
    return run


def pieces(run: Run, arch: Arch, most: int) -> Iterator[Run]:
    """Yield a run in pieces that the fields can hold.

    Raises:
        FitError: Pixels lie too far apart.
    """
    if run.length > 1 and (run.step > STEP or run.jump > PIXELS):
        raise FitError(
            f"pixels lie {run.step} bytes and {run.jump} lines apart, the fields reach {STEP} and {PIXELS}",
            where="LOAD or SAVE",
            remedy="fewer channels",
        )
    step, jump = (run.step, run.jump) if run.length > 1 else (min(run.step, STEP), 1)
    wide = most // arch.cp * arch.cp
    for first in range(0, run.channel, wide):
        channel = min(wide, run.channel - first)
        for at in range(0, run.length, PIXELS):
            length = min(PIXELS, run.length - at)
            yield Run(length, channel, run.ddr + first + at * run.step, step, run.line + first // arch.cp + at * run.jump, jump)


def columns(axis: Axis, span: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield (first column of the view, count, columns between) for each run of a view's columns that one jump can walk."""
    for phase in range(min(axis.repeat, span[1] - span[0])):
        first = span[0] + phase
        yield first, -(-(span[1] - first) // axis.repeat), axis.repeat


class Mover:
    """Moves rows of maps."""

    def __init__(self, code: Code, arch: Arch, places: Mapping[str, Place]) -> None:
        self.code, self.arch, self.places = code, arch, places

    def load(self, ring: Ring, tile: int, row: int) -> None:
        """Load one row of a buffer, every part of its pixels."""
        buffer = ring.buffer
        running = tile * buffer.span + row
        for view, offset in buffer.loads:
            place = self.places[view.map]
            base = place.offset + view.rows.at(row) * place.row + view.first
            line = ring.line(running) + offset
            if buffer.fold is not None:
                self._folded(buffer.fold, place, (base, ring.bank(running), line), buffer.columns[tile])
                continue
            for first, count, apart in columns(view.columns, buffer.columns[tile]):
                start = base + view.columns.at(first) * place.pixel
                into = line + ring.column(tile, first)
                run = Run(count, view.channels, start, view.columns.step * place.pixel, into, apart * buffer.lines)
                for piece in pieces(joined(run, self.arch, LOAD_BYTES), self.arch, LOAD_BYTES):
                    self._load(piece, ring.bank(running), place.reg)

    def _load(self, run: Run, bank: int, reg: int) -> None:
        self.code.add(Load(bank, run.line % DEPTH, reg, run.ddr, run.length, run.channel, run.step, run.jump))

    def _folded(self, layer: Layer, place: Place, where: tuple[int, int, int], span: tuple[int, int]) -> None:
        """One row with the columns of the kernel folded into channels; what lies beside the map is masked."""
        (view,), (base, bank, line) = layer.reads, where
        channel, step, first = layer.kernel.width * view.channels, layer.stride.width * view.channels, span[0]
        if place.pixel != view.channels:
            raise FitError(f"pixels of {view.map} are {place.pixel} bytes apart, and cannot be folded", where=layer.name)
        before = max(0, layer.pad.left - first * layer.stride.width) * view.channels
        jump = self.arch.lines(channel)
        for at in range(first, span[1], PIXELS):
            length = min(PIXELS, span[1] - at)
            index, end = self._right(layer, at, length)
            left = at * layer.stride.width - layer.pad.left
            load = Load(bank, (line + (at - first) * jump) % DEPTH, place.reg, base + left * view.channels, length, channel, step, jump)
            load.pad_start, load.pad_end, load.pad_idx = before if at == first else 0, end, index
            self.code.add(load)

    def _right(self, layer: Layer, first: int, length: int) -> tuple[int, int]:
        """The fields pad_idx and pad_end: the last pixels that reach beyond the map, and what is masked in the first of them."""
        (view,) = layer.reads
        whole = self.arch.lines(layer.kernel.width * view.channels) * self.arch.cp
        for at in range(first, first + length):
            valid = view.width - (at * layer.stride.width - layer.pad.left)
            if valid < layer.kernel.width:
                return first + length - at, whole - valid * view.channels
        return 1, 0

    def save(self, part: Part, ring: Ring, tile: int, row: int) -> None:
        """Save one row of what a part of the group has made, the tile's share of it."""
        view = part.layer.writes
        place, buffer, span = self.places[view.map], ring.buffer, part.share[tile]
        if span[0] >= span[1]:
            return
        running = tile * buffer.span + row
        start = place.offset + view.rows.at(row) * place.row + view.columns.at(span[0]) * place.pixel + view.first
        line = ring.line(running) + ring.column(tile, span[0]) + part.offset
        run = Run(span[1] - span[0], view.channels, start, view.columns.step * place.pixel, line, buffer.lines)
        for piece in pieces(joined(run, self.arch, SAVE_BYTES), self.arch, SAVE_BYTES):
            self._save(piece, ring.bank(running), place.reg)

    def _save(self, run: Run, bank: int, reg: int) -> None:
        self.code.add(Save(bank, run.line % DEPTH, reg, run.ddr, run.length, run.channel, run.step, run.jump, hp_id=self.code.port()))
