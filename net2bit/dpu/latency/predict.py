"""From a program to a prediction: the clock of `net2bit.dpu.timing` with the calibrated costs, and each layer's part of its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import Arch
from net2bit.dpu.isa import Instruction
from net2bit.dpu.latency.calibration import CALIBRATION, Calibration
from net2bit.dpu.latency.costs import calibrated
from net2bit.dpu.latency.intervals import intervals
from net2bit.dpu.latency.memory import Memory
from net2bit.dpu.latency.prediction import Bound, Busy, LayerPrediction, Prediction, Roof
from net2bit.dpu.steps import AluStep, ConvStep, Step, steps
from net2bit.dpu.timing import Timeline, moved, simulate
from net2bit.errors import ConfigError, ModelError

GOVERNS = 0.6
"""An engine that fills at least this part of the critical path governs; else the waiting of all for one another does."""

_NAMES: tuple[Bound, ...] = ("load", "save", "compute", "compute")  # of ENGINES


def predict(  # noqa: PLR0913 - each is a fact of its own
    program: Sequence[Instruction],
    layer_of: Sequence[int],
    names: Sequence[str],
    arch: Arch,
    *,
    clock_mhz: float,
    cores: int = 1,
    memory: Memory,
    macs: Mapping[str, int] | None = None,
) -> Prediction:
    """Predict the latency of one program.

    Args:
        program: With its dependency masks.
        layer_of: Per instruction the layer that it works for, as an index into *names*; -1: none. Empty: not known.
        names: Of the layers; a name may stand several times (parts of one op), and its parts are counted together.
        arch: The machine.
        clock_mhz: The DPU's clock (not that of its DSPs, which is twice as fast).
        cores: How many cores the design has.
        memory: The board's.
        macs: Layer name -> multiply-accumulates of the op.

    Raises:
        ConfigError: Clock or number of cores is not positive.
        ModelError: The layer map is not that of this program.
        ProgramError: The program cannot run to its end.
    """
    _check(program, layer_of, names, clock_mhz, cores)
    known = CALIBRATION
    runs = [simulate(program, arch, calibrated(known.parameters, memory, clock_mhz=clock_mhz, cores=n)) for n in range(1, cores + 1)]
    return _Reading(program, layer_of, names, arch, clock_mhz, memory, known, macs or {}).prediction(runs)


def _check(program: Sequence[Instruction], layer_of: Sequence[int], names: Sequence[str], clock_mhz: float, cores: int) -> None:
    if not clock_mhz > 0:
        raise ConfigError(f"a clock of {clock_mhz} MHz", where="dpu.clock_mhz", remedy="give the DPU's clock, as 300")
    if cores < 1:
        raise ConfigError(f"{cores} cores", where="dpu.cores", remedy="a design has at least one")
    if len(layer_of) not in {0, len(program)}:
        raise ModelError(
            f"the layer map has {len(layer_of)} entries, the program {len(program)} instructions",
            where="layer map",
            remedy="compile the model again, or leave the map out",
        )
    wrong = next((index for index in layer_of if not -1 <= index < len(names)), None)
    if wrong is not None:
        raise ModelError(f"the layer map names layer {wrong} of {len(names)}", where="layer map", remedy="compile the model again")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads predictions off timelines."""

    program: Sequence[Instruction]
    layer_of: Sequence[int]
    names: Sequence[str]
    arch: Arch
    clock_mhz: float
    memory: Memory
    known: Calibration
    macs: Mapping[str, int]

    def prediction(self, runs: Sequence[Timeline]) -> Prediction:
        first = runs[0]
        error = self.known.error(self._depthwise(first))
        moves, work = self._counted()
        own = self._layers()
        layers, critical = self._parts(first, own, moves, work), first.critical()
        ms = self._ms(first.total)
        total = sum(layer.macs for layer in layers) if layers else int(work.sum())
        return Prediction(
            arch=self.arch.name,
            clock_mhz=self.clock_mhz,
            cores=len(runs),
            cycles=first.total,
            ms=ms,
            low_ms=ms / (1 + error.band),
            high_ms=ms / (1 - error.band),
            fps=tuple(1e3 * count / self._ms(run.total) for count, run in enumerate(runs, 1)),
            utilisation=2 * total / (first.total * self.arch.peak) if first.total else 0.0,
            bound=_bound(first, np.asarray(critical, np.intp)),
            macs=total,
            ddr_bytes=int(moves.sum()),
            busy=Busy(*first.busy),
            layers=layers,
            roof=self._roof(),
            timeline=intervals(first, own),
            error=error,
            run=first,
            text=self.known.text(error),
        )

    def _depthwise(self, run: Timeline) -> float:
        """Return the part of the run in which depthwise instructions work."""
        spans = run.end - run.start
        work = sum(float(spans[step.index]) for step in steps(self.program) if isinstance(step, AluStep) and step.init.exec_mode == 0)
        return work / run.total if run.total else 0.0

    def _roof(self) -> Roof:
        costs = calibrated(self.known.parameters, self.memory, clock_mhz=self.clock_mhz, cores=1)
        return Roof(self.arch.peak * self.clock_mhz * 1e-3, costs.shared * self.clock_mhz * 1e-3)

    def _ms(self, cycles: float) -> float:
        return cycles / self.clock_mhz * 1e-3 + self.known.parameters.launch_us * 1e-3

    def _layers(self) -> NDArray[np.intp]:
        """Return the layer of each instruction, parts of one op under the number of the first."""
        same = {name: index for index, name in reversed(list(enumerate(self.names)))}
        first = np.asarray([*(same[name] for name in self.names), -1], np.intp)
        return first[np.asarray(self.layer_of, np.intp)] if len(self.layer_of) else np.full(len(self.program), -1, np.intp)

    def _counted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the DDR bytes and the data path's MACs of each instruction."""
        moves, work = np.zeros((2, len(self.program)), np.int64)
        for step in steps(self.program):
            moves[step.index], work[step.index] = moved(step), _macs(step, self.arch)
        return moves, work

    def _parts(
        self, timeline: Timeline, own: NDArray[np.intp], moves: NDArray[np.int64], work: NDArray[np.int64]
    ) -> tuple[LayerPrediction, ...]:
        chain = np.asarray(timeline.critical(), np.intp)
        found = []
        for index in np.unique(own[own >= 0]).tolist():
            mine = own == index
            found.append(
                self._part(timeline, self.names[index], mine, chain[own[chain] == index], int(moves[mine].sum()), int(work[mine].sum()))
            )
        return tuple(found)

    def _part(
        self, timeline: Timeline, name: str, mine: NDArray[np.bool_], chain: NDArray[np.intp], moves: int, work: int
    ) -> LayerPrediction:
        spans = timeline.end - timeline.start
        busy = Busy(*np.bincount(timeline.engine[mine], spans[mine], 4).tolist())
        cycles, macs = float(spans[chain].sum()), self.macs.get(name, work)
        longest = max(cycles, busy.conv, busy.misc)
        return LayerPrediction(
            name=name,
            cycles=cycles,
            ms=cycles / self.clock_mhz * 1e-3,
            macs=macs,
            utilisation=2 * macs / (longest * self.arch.peak) if longest else 0.0,
            bound=_bound(timeline, chain if len(chain) else np.flatnonzero(mine)),
            ddr_bytes=moves,
            busy=busy,
        )


def _macs(step: Step, arch: Arch) -> int:
    """Return the multiply-accumulates of the data path, unused channels counted."""
    match step:
        case ConvStep(init=init, conv=conv):
            positions = conv.length * init.kernel_h * init.kernel_w * conv.channel_group
            return positions * init.valid_pixel_parallel * arch.cp * arch.cp
        case AluStep(init=init, alu=alu) if init.exec_mode == 0:
            return init.length * init.kernel_h * init.kernel_w * init.channel_group * alu.valid_pixel_parallel * arch.cp
        case _:
            return 0


def _bound(timeline: Timeline, which: NDArray[np.intp]) -> Bound:
    """Return what governs the time of some instructions: the kind of engine with most of it, or their waiting for one another."""
    spans = timeline.end[which] - timeline.start[which]
    shares = dict.fromkeys(_NAMES, 0.0)
    for engine, span in zip(timeline.engine[which].tolist(), spans.tolist(), strict=True):
        shares[_NAMES[engine]] += span
    name = max(shares, key=lambda item: shares[item])
    return name if shares[name] >= GOVERNS * sum(shares.values()) else "dependency"
