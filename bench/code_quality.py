"""How well compiled code uses the machine: model cycles against bounds and targets, compile time and memory.

    python bench/code_quality.py [NET ...] [--effort fast|search] [--reference FOLDER]

Each network is compiled in a process of its own. Cycles are those of the timing model, in its uncalibrated reference costs (the targets are
given in them) and in the calibrated ones of a board with 19.2 GB/s. The bound is that of the busiest engine if nothing were computed or
loaded twice: CONV cycles (length x kernel x channel groups, rows rounded up to PP), ALU cycles, or bytes to load at 16 a cycle.
With the folder of reference files, the vendor's MNIST model is recompiled for its own target and timed beside the vendor's program.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from measure import table
from zoo import build

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.dpu.compiler.layers import Layer, Network, Work
from net2bit.dpu.compiler.plan_room import weight_lines
from net2bit.dpu.latency import PARAMETERS, Memory, calibrated
from net2bit.dpu.model import load
from net2bit.dpu.timing import simulate
from net2bit.xir.graph import Graph
from net2bit.xir.xmodel import read

MNIST = "mnist"


class Case(NamedTuple):
    """A network on a machine, and what is asked of it."""

    arch: str
    mhz: float
    target: str = ""
    """`bound N` (at most N times the bound), `cycles N` (at most), `peak N` (at least N percent of peak), `vendor` (no more than it)."""


CASES = {
    "unet": Case("B2304", 150, "bound 1.05"),
    MNIST: Case("", 300, "vendor"),
    "mobilenet_v2": Case("B4096", 300, "cycles 675000"),
    "resnet50": Case("B4096", 300, "peak 60"),
    "yolo_v5n": Case("B4096", 300, "peak 45"),
    "separable_unet": Case("B2304", 150),
    "resnet18": Case("B4096", 300),
    "squeezenet": Case("B4096", 300),
    "inception_v1": Case("B4096", 300),
    "vgg16": Case("B4096", 300),
}
HEAD = ("net", "DPU", "cycles", "ms", "bound", "x bound", "% peak", "calibrated ms", "instr", "compile s", "CPU s", "MB", "target")


def bound(network: Network, machine: Arch) -> float:
    """Return the cycles below which no schedule comes: those of the busiest engine."""
    conv = sum(_conv(layer, machine) for layer in network.layers if layer.work is Work.CONV)
    alu = sum(_alu(layer, machine) for layer in network.layers if layer.work.on_alu)
    moved = -(-len(network.parameters) // 16) + sum(_bytes(network, name) // 16 for name in network.inputs)
    return max(conv, alu, moved)


def _bytes(network: Network, name: str) -> int:
    held = network.maps[name]
    return held.height * held.width * held.channels


def _conv(layer: Layer, machine: Arch) -> int:
    out = layer.writes
    return -(-out.height // machine.pp) * out.width * weight_lines(layer, machine) * machine.lines(out.channels)


def _alu(layer: Layer, machine: Arch) -> int:
    out = layer.writes
    positions = layer.kernel.height * layer.kernel.width * machine.lines(out.channels)
    return -(-out.height // machine.alu_pp) * out.width * positions


def one(name: str, effort: str, reference: Path | None) -> dict[str, Any]:
    """Compile and time one network."""
    case, vendor = CASES[name], None
    if name == MNIST:
        if reference is None:
            return {}
        graph = read(reference / "xmodel" / "dpu_mnist_classifier.xmodel")
        (part,) = load(graph)
        machine = part.arch
        vendor = simulate(part.program, machine).total
    else:
        graph, machine = build(name), standard(case.arch)
    return measured(graph, machine, effort, case) | {"vendor": vendor}


def measured(graph: Graph, machine: Arch, effort: str, case: Case) -> dict[str, Any]:
    """Compile a graph; return the figures."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = compile_graph(graph, machine.fingerprint, effort=effort)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    board = calibrated(PARAMETERS, Memory(19.2), clock_mhz=case.mhz, cores=1)
    cycles = sum(simulate(program.instructions, machine).total for program in made.programs)
    real = sum(simulate(program.instructions, machine, board).total for program in made.programs)
    work = 2 * sum(layer.macs for network in made.networks for layer in network.layers)
    return {
        "arch": machine.name,
        "cycles": cycles,
        "bound": sum(bound(network, machine) for network in made.networks),
        "peak": 100 * work / machine.peak / cycles,
        "calibrated": real / case.mhz / 1000,
        "instructions": sum(len(program.instructions) for program in made.programs),
        "wall": wall,
        "cpu": cpu,
        "memory": memory,
    }


def verdict(case: Case, found: dict[str, Any]) -> str:
    """Say what was asked, and whether it is met."""
    kind, _, number = case.target.partition(" ")
    if not kind:
        return ""
    limit = {
        "bound": lambda: (found["cycles"] <= float(number) * found["bound"], f"<= {number} x bound"),
        "cycles": lambda: (found["cycles"] <= float(number), f"<= {float(number):,.0f}"),
        "peak": lambda: (found["peak"] >= float(number), f">= {number} % of peak"),
        "vendor": lambda: (found["cycles"] <= found["vendor"], f"<= vendor's {found['vendor']:,.0f}"),
    }
    met, text = limit[kind]()
    return f"{text}: {'met' if met else 'MISSED'}"


def row(name: str, found: dict[str, Any]) -> list[str]:
    """Return a line of the table."""
    case = CASES[name]
    figures = f"{found['cycles']:,.0f}", f"{found['cycles'] / case.mhz / 1000:.2f}", f"{found['bound']:,.0f}"
    ratios = f"{found['cycles'] / found['bound']:.3f}", f"{found['peak']:.1f}", f"{found['calibrated']:.2f}", f"{found['instructions']:,}"
    costs = f"{found['wall']:.1f}", f"{found['cpu']:.1f}", f"{found['memory']:.0f}"
    return [name, found["arch"], *figures, *ratios, *costs, verdict(case, found)]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", nargs="*", choices=[[], *CASES], default=[], metavar="NET")
    parser.add_argument("--effort", default="fast", choices=["trivial", "fast", "search"])
    parser.add_argument("--reference", type=Path, default=None)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.effort, options.reference)))
        return
    rows = []
    for name in options.nets or CASES:
        command = [sys.executable, __file__, "--one", name, "--effort", options.effort]
        command += ["--reference", str(options.reference)] if options.reference else []
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows += [row(name, found)] if found else []
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
