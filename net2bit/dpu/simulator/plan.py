"""What to do for a program, decided once: neighbours that move alike are moved together, and CONVs of one window computed together.

A program reads the same window once for each group of output channels, with LOADs of weights in between. The window and the weights are
copied where their instruction stands, so nothing can change them; the sums are made where something next touches the lines they go to, or
the lines the window came from. All this follows from addresses alone, so one plan serves every picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.isa import Alu, AluInit, Conv, ConvInit, Elew, ElewInit, Instruction, Load, Save
from net2bit.dpu.simulator import lanes, move, windows
from net2bit.dpu.simulator.banks import group_of, strips
from net2bit.dpu.simulator.integers import check
from net2bit.dpu.simulator.windows import Window
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step, steps
from net2bit.errors import ProgramError

Region = tuple[int, int]
"""First line and number of lines, modulo the depth of a bank."""


@dataclass(slots=True)
class Loads:
    """LOADs to neighbouring banks, from places `step` bytes apart, alike otherwise."""

    indices: list[int]
    load: Load
    masked: NDArray[np.bool_] | None
    lines: int
    step: int = 0


@dataclass(slots=True)
class Saves:
    """SAVEs from neighbouring banks, to places `step` bytes apart that do not overlap, alike otherwise."""

    indices: list[int]
    save: Save
    lines: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights and bias of a CONV; two that are equal are the same bytes."""

    line: int
    lines: int
    version: int
    """Which LOAD wrote there last; -1 if it is not worth remembering."""


@dataclass(slots=True)
class Convolve:
    """Make the sums of one window."""

    index: int
    init: ConvInit
    first: Conv
    window: Window
    regions: list[Region]
    """Lines that the outputs may go to, in the group of image banks at `group`."""
    group: int
    reads: list[Region]
    """Lines that the window may come from, in the group of image banks at `source`."""
    source: int
    alone: bool
    """Whether the outputs may be part of the window, or one row's of another's, so that it counts which CONV comes first."""
    outputs: int = 0
    """How many CONVs it stands for, whose outputs lie side by side."""

    def takes(self, init: ConvInit, conv: Conv, window: Window) -> bool:
        """Tell whether a CONV is the next of them."""
        beside = conv.bank_addr_out == self.first.bank_addr_out + self.outputs and conv.bank_id_out == self.first.bank_id_out
        return beside and not self.alone and init is self.init and window == self.window and self.outputs < init.jump_write


@dataclass(frozen=True, slots=True)
class Begin:
    """Copy a window."""

    window: Window


@dataclass(frozen=True, slots=True)
class Take:
    """Copy weights and a bias."""

    weights: Weights
    bias: int


@dataclass(frozen=True, slots=True)
class Lanes:
    """Execute an ALU."""

    init: AluInit
    alu: Alu
    window: Window


@dataclass(frozen=True, slots=True)
class Elements:
    """Execute an ELEW."""

    operands: tuple[ElewInit, ...]
    elew: Elew


Task = Loads | Saves | Begin | Take | Convolve | Lanes | Elements


def overlap(first: Region, second: Region) -> bool:
    """Tell whether two runs of lines share one."""
    return (second[0] - first[0]) % DEPTH < first[1] or (first[0] - second[0]) % DEPTH < second[1]


def plan(program: Sequence[Instruction], arch: Arch) -> list[Task]:
    """Return what to do for a program.

    Raises:
        ProgramError: It asks for what the machine cannot do; the instruction is named.
    """
    planner = _Planner(arch)
    for step in steps(program):
        try:
            planner.add(step)
        except ProgramError as error:
            raise ProgramError(error.what, where=f"instruction {step.index}", remedy=error.remedy) from None
    planner.flush()
    return planner.tasks


@dataclass
class _Planner:
    arch: Arch
    tasks: list[Task] = field(default_factory=list)
    batch: Convolve | None = None
    written: NDArray[np.int64] = field(default_factory=lambda: np.zeros(DEPTH, np.int64))
    """For each line of the weight banks, the LOAD that wrote it last."""

    def add(self, step: Step) -> None:
        match step:
            case LoadStep(index=index, load=load):
                self._load(index, load)
            case SaveStep(index=index, save=save):
                self._save(index, save)
            case ConvStep():
                self._conv(step.index, step.init, step.conv)
            case AluStep():
                self.flush()
                window = lanes.prepare(self.arch, step.init, step.alu)
                self.tasks.append(Lanes(step.init, step.alu, window))
            case ElewStep():
                self.flush()
                lanes.prepare_elew(self.arch, step.operands, step.elew)
                self.tasks.append(Elements(step.operands, step.elew))

    def flush(self) -> None:
        """Make the sums that were put off."""
        if self.batch is not None:
            self.tasks.append(self.batch)
            self.batch = None

    def _touch(self, bank: int, region: Region, *, writes: bool) -> None:
        """Make ready for an access to an image bank."""
        batch = self.batch
        if batch is None:
            return
        group = bank - bank % self.arch.pp
        taken = group == batch.group and any(overlap(out, region) for out in batch.regions)
        if taken or (writes and group == batch.source and any(overlap(line, region) for line in batch.reads)):
            self.flush()

    def _load(self, index: int, load: Load) -> None:
        move.check_load(self.arch, load)
        lines = self.arch.lines(load.channel)
        size = (load.length - 1) * load.jump_write + lines
        if load.bank_id < self.arch.weight_bank:
            self._touch(load.bank_id, (load.bank_addr, size), writes=True)
        elif load.bank_id < self.arch.alu_bank:
            first = load.bank_addr % DEPTH
            self.written[slice(first, first + size) if first + size <= DEPTH else slice(None)] = index + 1
        last = self.tasks[-1] if self.tasks else None
        if isinstance(last, Loads) and _beside(last, load):
            last.step = load.ddr_addr - last.load.ddr_addr if len(last.indices) == 1 else last.step
            last.indices.append(index)
        else:
            self.tasks.append(Loads([index], load, move.hidden(load, self.arch.cp), lines))

    def _save(self, index: int, save: Save) -> None:
        move.check_save(self.arch, save)
        lines = self.arch.lines(save.channel)
        self._touch(save.bank_id, (save.bank_addr, (save.length - 1) * save.jump_read + lines), writes=False)
        last = self.tasks[-1] if self.tasks else None
        if isinstance(last, Saves) and _after(last, save):
            last.step = save.ddr_addr - last.save.ddr_addr if len(last.indices) == 1 else last.step
            last.indices.append(index)
        else:
            self.tasks.append(Saves([index], save, lines))

    def _conv(self, index: int, init: ConvInit, conv: Conv) -> None:
        window = windows.conv_window(init, conv)
        if self.batch is None or not self.batch.takes(init, conv, window):
            self.flush()
            self.batch = self._begin(index, init, conv, window)
            self.tasks.append(Begin(window))
        self.batch.outputs += 1
        lines = init.kernel_h * init.kernel_w * conv.channel_group
        line = conv.bank_addr_weights % DEPTH
        version = int(self.written[line : line + lines].max()) if line + lines <= DEPTH else -1
        self.tasks.append(Take(Weights(line, lines, version), conv.bank_addr_bias % DEPTH))

    def _begin(self, index: int, init: ConvInit, conv: Conv, window: Window) -> Convolve:
        check(init.act_type, init.shift_bias, leaky=self.arch.leaky)
        (group, start), (source, _) = group_of(self.arch, conv.bank_id_out), group_of(self.arch, window.bank)
        size = conv.length * init.jump_write
        found = strips(self.arch.pp, start, init.stride_out, init.stride_offset_out, 0, window.rows)
        regions = [(conv.bank_addr_out + (at.visit * init.stride_out + at.sub) * init.jump_write_endl, size) for at in found]
        left, right = window.inner_columns
        span = max(0, right - left - 1) * window.jump + window.lines
        reads = [(window.line(at) + left * window.jump, span) for at in window.strips(self.arch.pp)]
        alone = group == source and any(overlap(out, line) for out in regions for line in reads)
        alone |= any(overlap(*both) for both in combinations(regions, 2))
        return Convolve(index, init, conv, window, regions, group, reads, source, alone)


def _beside(task: Loads, load: Load) -> bool:
    """Tell whether a LOAD goes on where *task* ends."""
    first, count = task.load, len(task.indices)
    step = load.ddr_addr - first.ddr_addr
    return (
        load.bank_id == first.bank_id + count
        and (step >= 0 if count == 1 else step == count * task.step)
        and (load.bank_addr, load.reg_id, load.length, load.channel) == (first.bank_addr, first.reg_id, first.length, first.channel)
        and (load.jump_read, load.jump_write) == (first.jump_read, first.jump_write)
        and (load.pad_start, load.pad_end, load.pad_idx) == (first.pad_start, first.pad_end, first.pad_idx)
        and (load.broadcast, load.const_value) == (first.broadcast, first.const_value)
    )


def _after(task: Saves, save: Save) -> bool:
    """Tell whether a SAVE goes on where *task* ends."""
    first, count = task.save, len(task.indices)
    step = save.ddr_addr - first.ddr_addr
    return (
        save.bank_id == first.bank_id + count
        and (step >= (save.length - 1) * save.jump_write + save.channel if count == 1 else step == count * task.step)
        and (save.bank_addr, save.reg_id, save.length, save.channel) == (first.bank_addr, first.reg_id, first.length, first.channel)
        and (save.jump_read, save.jump_write) == (first.jump_read, first.jump_write)
        and save.jump_write >= save.channel
        and not (save.argmax or save.const_en or first.argmax or first.const_en)
    )
