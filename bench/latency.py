"""Calibrates the latency model on published measurements, and cross-validates it.

    python bench/latency.py REFERENCE_FOLDER [--effort fast] [--fit] [--record FILE]

REFERENCE_FOLDER holds `dpu_layer_profiles.csv` and `model_zoo_perf.csv`. Without `--fit` the model's present parameters are
tried on every case. The fit looks for the factors on the parameters of FREE that make the logarithms of the errors least
(beyond HUBER only in proportion), pulled weakly towards the values that it starts from; times follow the factors through
their sensitivities, found by changing one at a time. Not fitted: what the machine's description gives (lines per cycle), the
ALU's rate (published depthwise profiles of 45 to 65 GOPS), and the
memory's efficiency, chosen by hand on several cores at work (VGG16 above all): one core alone hardly feels it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from latency_cases import BOARDS, Case, cases
from zoo import build
from zoo.profiled import PROFILED

from net2bit.dpu.arch import Arch, arch, standard
from net2bit.dpu.compiler.allocate import allocate
from net2bit.dpu.compiler.emit import emit
from net2bit.dpu.compiler.front import network
from net2bit.dpu.compiler.plan import Effort, plan
from net2bit.dpu.compiler.schedule import Program
from net2bit.dpu.depend import depend
from net2bit.dpu.latency import PARAMETERS, Parameters, calibrated
from net2bit.dpu.timing import simulate
from net2bit.xir.graph import Graph

FREE = ("load_setup", "load_ports", "save_setup", "conv_setup", "alu_setup", "launch_us")
"""The fitted parameters; `alu_setup` stands for `elew_setup` too."""
STEP = 1.25
HUBER = 0.1
PULL = 0.02
PROFILER_US = 12.0
"""Launch of one layer by the profiler's driver: what its smallest layers take (14 to 15 microseconds, 2 to 3 of them instructions)."""
AUGMENTATION = 1 << 26

Floats = NDArray[np.float64]


class Bench:
    """Compiled cases and the times that parameters give them."""

    def __init__(self, effort: Effort) -> None:
        self._effort: Effort = effort
        self._programs: dict[tuple[str, str], list[Program]] = {}

    def programs(self, case: Case) -> list[Program]:
        """Return a case's programs, compiled once."""
        key = case.name, case.arch
        if key not in self._programs:
            self._programs[key] = _compile(graph_of(case), arch_of(case), self._effort)
        return self._programs[key]

    def time(self, case: Case, parameters: Parameters) -> float:
        """Return a case's predicted milliseconds."""
        costs = calibrated(parameters, BOARDS[case.board], clock_mhz=case.clock_mhz, cores=case.cores)
        cycles = sum(simulate(program.instructions, arch_of(case), costs).total for program in self.programs(case))
        launch = PROFILER_US if case.kind == "layer" else parameters.launch_us
        return float(cycles) / case.clock_mhz * 1e-3 + launch * 1e-3

    def times(self, found: Sequence[Case], parameters: Parameters) -> Floats:
        """Return the predicted milliseconds of several cases."""
        return np.asarray([self.time(case, parameters) for case in found], np.float64)


def graph_of(case: Case) -> Graph:
    """Return what a case computes."""
    kernel, _, name = case.name.partition("/")
    return PROFILED[kernel][name]() if name else build(case.name)


def arch_of(case: Case) -> Arch:
    """Return the machine of a case; `plain`: without channel augmentation."""
    name, _, plain = case.arch.partition(" ")
    made = standard(name)
    return arch(made.fingerprint & ~AUGMENTATION) if plain else made


def _compile(graph: Graph, target: Arch, effort: Effort) -> list[Program]:
    made = []
    for part in network(graph, target).dpu:
        schedule = plan(part.network, target, effort=effort)
        program = emit(part.network, schedule, allocate(part.network, schedule).places, target)
        depend(program.instructions, target)
        made.append(program)
    return made


def scaled(parameters: Parameters, names: Sequence[str], logs: Floats) -> Parameters:
    """Return *parameters*, those of *names* times the exponentials of *logs*."""
    known = {name: getattr(parameters, name) * float(np.exp(log)) for name, log in zip(names, logs, strict=True)}
    if "alu_setup" in known:
        known["elew_setup"] = known["alu_setup"]
    return replace(parameters, **known)


class Fit:
    """Finds the factors of some parameters from the sensitivities of cases' times."""

    def __init__(self, bench: Bench, found: Sequence[Case], names: Sequence[str], start: Parameters) -> None:
        self.cases, self.names, self.start = found, names, start
        base = np.log(bench.times(found, start))
        steps = np.eye(len(names)) * np.log(STEP)
        up = [np.log(bench.times(found, scaled(start, names, step))) - base for step in steps]
        self.base, self.slope = base, np.stack(up, axis=1) / np.log(STEP)
        self.goal = np.log([case.measured_ms for case in found])

    def solve(self, keep: NDArray[np.bool_]) -> Floats:
        """Return the logarithms of the factors from the cases of *keep*: least squares, large errors count less, weakly pulled to zero."""
        slope, rest = self.slope[keep], (self.goal - self.base)[keep]
        logs = np.zeros(len(self.names))
        for _ in range(50):
            error = rest - slope @ logs
            weight = np.minimum(1.0, HUBER / np.maximum(np.abs(error), 1e-9))
            left = (slope * weight[:, None]).T @ slope + PULL * len(rest) * np.eye(len(logs)) * 0.1
            logs = np.linalg.solve(left, (slope * weight[:, None]).T @ rest)
        return logs

    def predicted(self, logs: Floats) -> Floats:
        """Return the milliseconds of all cases under these factors, by their sensitivities."""
        found: Floats = np.exp(self.base + self.slope @ logs)
        return found

    def held_out(self) -> Floats:
        """Return each case's milliseconds as predicted from the other folds."""
        folds = np.asarray([case.fold for case in self.cases])
        found = np.zeros(len(folds))
        for fold in sorted(set(folds.tolist())):
            found[folds == fold] = self.predicted(self.solve(folds != fold))[folds == fold]
        return found


def errors(found: Sequence[Case], times: Floats) -> Floats:
    """Return signed relative errors."""
    measured = np.asarray([case.measured_ms for case in found])
    return times / measured - 1


def summary(found: Sequence[Case], times: Floats, kind: str) -> dict[str, float]:
    """Return median and 80th percentile of the absolute errors of one kind."""
    mine = np.asarray([case.kind == kind for case in found])
    off = np.abs(errors(found, times))[mine]
    return {"median": float(np.median(off)), "band": float(np.quantile(off, 0.8)), "cases": int(mine.sum())}


def table(found: Sequence[Case], times: Floats, say: Callable[[str], None] = print) -> None:
    """Print every case."""
    for case, time, error in zip(found, times.tolist(), errors(found, times).tolist(), strict=True):
        say(f"{case.kind:8}{case.release:5}{case.board:9}{case.cores} {case.name:38}{case.measured_ms:9.3f}{time:9.3f} ms {error:+7.1%}")


def calibrate(bench: Bench, every: Sequence[Case]) -> tuple[Parameters, dict[str, Any]]:
    """Fit, cross-validate, and return the parameters with the record of what was predicted from the other folds."""
    alone = [case for case in every if fitted(case)]
    fit = Fit(bench, alone, FREE, PARAMETERS)
    parameters = scaled(PARAMETERS, FREE, fit.solve(np.ones(len(alone), bool)))
    out = fit.held_out()
    record = [
        {"kind": case.kind, "name": case.name, "release": case.release, "held_out_ms": round(time, 4)}
        for case, time in zip(alone, out.tolist(), strict=True)
    ]
    return parameters, {"errors": {kind: summary(alone, out, kind) for kind in ("layer", "network")}, "cases": record}


def fitted(case: Case) -> bool:
    """Whether a case takes part in the fit: one core, and of the layers those of the later release, whose memory ran at full speed."""
    return case.kind == "network" or (case.kind == "layer" and case.release == "1.3")


def main() -> None:
    """Try the parameters, or fit them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--effort", default="fast", choices=("trivial", "fast", "search"))
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--record", type=Path)
    options = parser.parse_args()
    every, bench = cases(options.folder), Bench(options.effort)
    parameters, record = calibrate(bench, every) if options.fit else (PARAMETERS, {})
    times = bench.times(every, parameters)
    table(every, times)
    for kind in ("layer", "network", "cores", "isa0"):
        print(kind, summary(every, times, kind))
    print(parameters)
    print(record.get("errors"))
    if options.record:
        options.record.write_text(json.dumps(_named(record, parameters), indent=1) + "\n", encoding="utf-8")


def _named(record: Mapping[str, Any], parameters: Parameters) -> dict[str, Any]:
    return {"parameters": {name: getattr(parameters, name) for name in FREE}, **record}


if __name__ == "__main__":
    main()
