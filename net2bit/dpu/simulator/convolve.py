"""CONV: the convolutions of one window, output group by output group, are computed together, as late as nobody notices.

A program reads the same window once for each group of output channels, with LOADs of weights in between. The window and the weights are
copied when a CONV is met, so nothing can change them; the sums are made when something touches the lines they go to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH
from net2bit.dpu.isa import Conv, ConvInit
from net2bit.dpu.simulator.banks import Banks, Cells, strips
from net2bit.dpu.simulator.contract import contract
from net2bit.dpu.simulator.integers import check, finish
from net2bit.dpu.simulator.windows import Window, conv_window, read

Region = tuple[int, int]
"""First line and number of lines, modulo the depth of a bank."""

_KEPT: Final = 256


@dataclass(slots=True)
class _Batch:
    """CONVs of one window whose output groups lie side by side."""

    init: ConvInit
    first: Conv
    window: Window
    x: Cells
    regions: list[Region]
    """Lines that the outputs may go to, in the group of image banks at `group`."""
    group: int
    reads: list[Region]
    """Lines that the window may come from, in the group of image banks at `source`."""
    source: int
    alone: bool
    """Whether the outputs may be part of the window, or one row's of another's, so that it counts which CONV comes first."""
    weights: list[Cells] = field(default_factory=list)
    bias: list[Cells] = field(default_factory=list)

    def takes(self, init: ConvInit, conv: Conv, window: Window) -> bool:
        """Tell whether a CONV is the next of the batch."""
        beside = conv.bank_addr_out == self.first.bank_addr_out + len(self.weights) and conv.bank_id_out == self.first.bank_id_out
        return beside and not self.alone and init is self.init and window == self.window and len(self.weights) < init.jump_write


def overlap(first: Region, second: Region) -> bool:
    """Tell whether two runs of lines share one."""
    return (second[0] - first[0]) % DEPTH < first[1] or (first[0] - second[0]) % DEPTH < second[1]


class Convolver:
    """Holds back the CONVs of one window."""

    def __init__(self, banks: Banks) -> None:
        """Work on *banks*."""
        self.banks = banks
        self._batch: _Batch | None = None
        self._written: NDArray[np.int64] = np.zeros(DEPTH, np.int64)
        self._clock = 0
        self._packed: dict[Region, tuple[int, Cells]] = {}

    def add(self, init: ConvInit, conv: Conv) -> None:
        """Take a CONV.

        Raises:
            ProgramError: Its window or its output is outside of the image banks, or it asks for what the machine does not compute.
        """
        window = conv_window(init, conv)
        if self._batch is None or not self._batch.takes(init, conv, window):
            self.flush()
            self._batch = self._begin(init, conv, window)
        self._batch.weights.append(self._weights(init, conv))
        self._batch.bias.append(self.banks.cells[self.banks.arch.bias_bank, conv.bank_addr_bias % DEPTH].copy())

    def _begin(self, init: ConvInit, conv: Conv, window: Window) -> _Batch:
        check(init.act_type, init.shift_bias, leaky=self.banks.arch.leaky)
        (group, start), (source, _) = self.banks.group(conv.bank_id_out), self.banks.group(window.bank)
        x, size = read(self.banks, window), conv.length * init.jump_write
        found = strips(self.banks.arch.pp, start, init.stride_out, init.stride_offset_out, 0, window.rows)
        regions = [(conv.bank_addr_out + (at.visit * init.stride_out + at.sub) * init.jump_write_endl, size) for at in found]
        left, right = window.inner_columns
        span = max(0, right - left - 1) * window.jump + window.lines
        reads = [(window.line(at) + left * window.jump, span) for at in window.strips(self.banks.arch.pp)]
        alone = group == source and any(overlap(out, line) for out in regions for line in reads)
        alone |= any(overlap(*both) for both in combinations(regions, 2))
        return _Batch(init, conv, window, x, regions, group, reads, source, alone)

    def _weights(self, init: ConvInit, conv: Conv) -> Cells:
        """Return the weights `[cp, kernel_h * kernel_w * channels]`, kept until a LOAD writes there."""
        arch, lines = self.banks.arch, init.kernel_h * init.kernel_w * conv.channel_group
        key = (conv.bank_addr_weights % DEPTH, lines)
        since = self._written[key[0] : key[0] + lines].max() if sum(key) <= DEPTH else self._clock + 1
        if key in self._packed and self._packed[key][0] >= since:
            return self._packed[key][1]
        if len(self._packed) >= _KEPT:
            self._packed.clear()
        found = self.banks.read(arch.weight_bank, arch.cp, key[0], 1, lines, lines).reshape(arch.cp, -1)
        self._packed[key] = self._clock, found if found.base is None else found.copy()
        return self._packed[key][1]

    def loads(self, bank: int, region: Region) -> None:
        """Make ready for a LOAD to the lines *region* of *bank*."""
        arch = self.banks.arch
        if bank < arch.weight_bank:
            self.touch(bank, region, writes=True)
        elif bank < arch.alu_bank:
            self._clock += 1
            first, size = region[0] % DEPTH, region[1]
            self._written[slice(first, first + size) if first + size <= DEPTH else slice(None)] = self._clock

    def touch(self, bank: int, region: Region, *, writes: bool = False) -> None:
        """Make ready for an access to the lines *region* of an image bank."""
        batch = self._batch
        if batch is None:
            return
        group = bank - bank % self.banks.arch.pp
        taken = group == batch.group and any(overlap(out, region) for out in batch.regions)
        if taken or (writes and group == batch.source and any(overlap(line, region) for line in batch.reads)):
            self.flush()

    def flush(self) -> None:
        """Compute what was held back."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        init, arch = batch.init, self.banks.arch
        weights = batch.weights[0] if len(batch.weights) == 1 else np.concatenate(batch.weights)
        sums, reach = contract(batch.x, weights, batch.window)
        made = finish(sums, reach, np.concatenate(batch.bias), init.shift_bias, init.shift_cut, init.act_type, leaky=arch.leaky)
        self.banks.write_rows(
            made.reshape(*made.shape[:2], len(batch.weights), arch.cp),
            batch.first.bank_id_out,
            batch.first.bank_addr_out,
            step=init.stride_out,
            offset=init.stride_offset_out,
            jump=init.jump_write,
            jump_row=init.jump_write_endl,
        )
