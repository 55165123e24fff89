"""Bank lines that a layer on its own needs, counted so that its emission never asks for more."""

from __future__ import annotations

from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.layers import Layer, View, Work

LENGTH: Final = 1024
"""Pixels of one LOAD, SAVE or CONV at most."""
ENDLINE: Final = 1024
"""Lines that CONV can jump from one row of a bank to the next."""


def width(layer: Layer, columns: int) -> int:
    """Input columns behind so many output columns."""
    return min(layer.reads[0].width, (columns - 1) * layer.stride.width + layer.kernel.width)


def weight_lines(layer: Layer, arch: Arch) -> int:
    """Weight bank lines of one output-channel group of a layer; for the ALU, of all channels."""
    if layer.weights is None:
        return 0
    return layer.kernel.height * layer.kernel.width * arch.lines(layer.reads[0].channels) if not layer.augmented else _folded(layer, arch)


def _folded(layer: Layer, arch: Arch) -> int:
    return layer.kernel.height * arch.lines(layer.kernel.width * layer.reads[0].channels)


def _input(view: View, layer: Layer, arch: Arch, rows: int, columns: int) -> int:
    step, reach = layer.stride.height, layer.kernel.height
    if layer.augmented:
        line = columns * arch.lines(layer.kernel.width * view.channels)
    else:
        line = width(layer, columns) * arch.lines(view.channels)
    if max(step, 1) > 1 and line > ENDLINE and layer.work is Work.CONV:
        return DEPTH + 1
    visit = arch.pp * step
    held = min((rows - 1) * step + reach + rows * step + visit - 1, -(-view.height // visit) * visit)
    return -(-held // visit) * step * line


def buffers(layer: Layer, arch: Arch, rows: int, columns: int) -> list[int]:
    """Lines of each buffer of a layer on its own (inputs, then the output), two turns deep."""
    into = [_input(view, layer, arch, rows, columns) for view in layer.reads]
    held = min(2 * rows + arch.pp - 1, -(-layer.writes.height // arch.pp) * arch.pp)
    return [*into, -(-held // arch.pp) * columns * arch.lines(layer.writes.channels)]


def fits(layer: Layer, arch: Arch, rows: int, columns: int) -> bool:
    """Whether the buffers of a layer on its own find room in the image groups."""
    if max(columns, 0 if layer.augmented else width(layer, columns)) > LENGTH:
        return False
    free = [DEPTH] * arch.groups
    for lines in sorted(buffers(layer, arch, rows, columns), reverse=True):
        at = max(range(arch.groups), key=lambda index: free[index])
        free[at] -= lines
    return min(free) >= 0
