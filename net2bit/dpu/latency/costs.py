"""The calibrated cycles of each instruction: a set-up and a rate for every engine, LOAD and SAVE limited by banks, ports and DRAM."""

from __future__ import annotations

import math
from dataclasses import dataclass

from net2bit.dpu.arch import Arch
from net2bit.dpu.latency.memory import Memory
from net2bit.dpu.steps import AluStep, ConvStep, ElewStep, LoadStep, SaveStep, Step


@dataclass(frozen=True, slots=True)
class Parameters:
    """The physical parameters of the model, in cycles of the DPU's clock where nothing else is said; values: `calibration.json`."""

    load_setup: float
    """A LOAD beyond its data: address phase, and the part of the DRAM's latency that the next LOAD does not hide."""
    load_ports: float
    """Ports' worth of data that LOAD moves: two, less what is lost between bursts."""
    load_lines: float
    """Bank lines that LOAD writes in a cycle."""
    save_setup: float
    """A SAVE beyond its data."""
    save_ports: float
    """Ports' worth of data that SAVE moves."""
    save_lines: float
    """Bank lines that SAVE reads in a cycle."""
    memory_efficiency: float
    """Part of the DRAM's peak that all cores together reach."""
    conv_setup: float
    """A CONV beyond length x kernel x channel groups: filling and draining its pipeline."""
    alu_setup: float
    """An ALU beyond its window positions."""
    alu_rate: float
    """Window positions (of `cp` channels and `alu_pp` rows) that the ALU computes in a cycle."""
    elew_setup: float
    """An ELEW beyond its operands' lines."""
    init: float
    """An INIT instruction, or END."""
    launch_us: float
    """Microseconds of a job outside its instructions: start, first fetch, interrupt."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Cycles of instructions on one of the `cores` cores of a board (a `net2bit.dpu.timing.CostModel`)."""

    parameters: Parameters
    load_width: float
    """Bytes per cycle that one core's LOAD can reach."""
    save_width: float
    """Bytes per cycle that one core's SAVE can reach."""
    shared: float
    """Bytes per cycle that one core's LOAD and SAVE have together."""

    @property
    def init(self) -> float:
        """Cycles of an INIT instruction, and of END."""
        return self.parameters.init

    def cycles(self, step: Step, arch: Arch) -> float:
        """Return the cycles of an instruction that has its engine, and the memory, for itself."""
        p = self.parameters
        match step:
            case LoadStep(load=i):
                return p.load_setup + max(
                    i.length * arch.lines(i.channel) / p.load_lines, _bytes(i.length, i.channel, i.jump_read) / self.load_width
                )
            case SaveStep(save=i):
                moved = _bytes(i.length, i.channel, i.jump_write)
                return p.save_setup + max(i.length * arch.lines(i.channel) / p.save_lines, moved / self.save_width)
            case ConvStep(init=init, conv=conv):
                return p.conv_setup + conv.length * init.kernel_h * init.kernel_w * conv.channel_group
            case AluStep(init=init, alu=alu):
                return p.alu_setup + init.length * init.kernel_h * init.kernel_w * init.channel_group * alu.kernel_d / p.alu_rate
            case ElewStep(elew=elew):
                return p.elew_setup + elew.length * elew.channel_group * elew.num


BEAT = 16
"""Bytes of one beat of a 128-bit port: what a pixel that stands alone in DDR costs at least."""


def _bytes(pixels: int, size: int, step: int) -> int:
    """Return the bytes that cross the port: pixels that touch in DDR are one run, others are rounded up to beats."""
    if pixels == 1 or step <= size:
        return (pixels - 1) * step + size
    return pixels * math.ceil(size / BEAT) * BEAT


def calibrated(parameters: Parameters, memory: Memory, *, clock_mhz: float, cores: int) -> Calibrated:
    """Return the costs on a board whose memory *cores* cores share evenly."""
    p, share = parameters, memory.share(clock_mhz, cores, parameters.memory_efficiency)
    return Calibrated(p, min(p.load_ports * memory.port, share), min(p.save_ports * memory.port, share), share)
