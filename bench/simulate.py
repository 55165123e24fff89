"""How fast machine code is simulated: against the plain integer executor on the same network, in one run, and in GOP/s on 3x3 convolutions.

    python bench/simulate.py [--target B2304] [--nets unet,mobilenet_v2,resnet50] [--rounds 3]

Both are given one thread and the same picture, and must agree bit for bit; CPU seconds are compared, the best of some interleaved rounds,
so a busy machine changes little. Operations are those of the network, two for each multiply-accumulate, without padding to groups; the
target is 5 GOP/s on 3x3 convolutions.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

import zoo
from measure import table

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import compile_graph
from net2bit.dpu.runner import Runner
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph, Op

TARGET = 5.0


def chain(channels: int, size: int, layers: int = 4) -> Graph:
    """Return 3x3 convolutions one after the other."""
    random, graph = np.random.default_rng(channels), Graph(f"conv3x3_{channels}")
    source = build.data_fix(graph, "image", (1, size, size, channels), 4)
    for index in range(layers):
        source = _conv(graph, f"conv{index}", source, random.integers(-40, 40, (channels, 3, 3, channels)).astype(np.int8))
    return graph


def _conv(graph: Graph, name: str, source: Op, weights: np.ndarray) -> Op:
    args = {
        "input": [source],
        "weights": [build.const_fix(graph, f"{name}_w", weights, 8)],
        "bias": [build.const_fix(graph, f"{name}_b", np.arange(len(weights), dtype=np.int8), 6)],
    }
    window: dict[str, Attr] = {"kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "pad": [1] * 4, "pad_mode": "FLOOR", "group": 1}
    return build.fixed(graph, "conv2d-fix", name, args, 4, nonlinear="RELU", **window)


def measure(runs: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return CPU seconds of each run, the best of some interleaved rounds behind a warm-up."""
    best = dict.fromkeys(runs, np.inf)
    for turn in range(rounds + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            if turn:
                best[name] = min(best[name], time.process_time() - began)
    return best


def compare(graph: Graph, target: str, rounds: int) -> list[str]:
    """Compile a network, run it both ways, and return a row of the table.

    Raises:
        SystemExit: They differ.
    """
    compiled = compile_graph(graph, standard(target).fingerprint)
    runner, random = Runner(compiled.graph), np.random.default_rng(1)
    feeds = {item.name: random.integers(-128, 128, item.shape).astype(np.int8) for item in runner.inputs}
    found: dict[str, dict[str, np.ndarray]] = {}
    runs = {name: lambda name=name: found.update({name: runner.run(feeds, name)}) for name in ("simulator", "integer")}
    seconds = measure(runs, rounds)
    if any((found["simulator"][name] != found["integer"][name]).any() for name in found["integer"]):
        raise SystemExit(f"{graph.name}: machine code and graph differ")
    work, count = 2 * zoo.macs(graph) / 1e9, sum(len(program.instructions) for program in compiled.programs)
    rates = [seconds["simulator"], seconds["integer"], seconds["integer"] / seconds["simulator"], work / seconds["simulator"]]
    return [graph.name, str(count), f"{work:.2f}", *(f"{value:.3f}" for value in rates[:2]), f"{rates[2]:.2f}", f"{rates[3]:.0f}"]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="B2304")
    parser.add_argument("--nets", default="mobilenet_v2,resnet50,unet")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    """Run it."""
    options = arguments()
    torch.set_num_threads(1)
    convolutions = [chain(channels, size) for channels, size in ((24, 128), (64, 64), (256, 32))]
    networks = [zoo.build(name) for name in options.nets.split(",") if name]
    rows = [compare(graph, options.target, options.rounds) for graph in [*convolutions, *networks]]
    print(table(["network", "instructions", "GOP", "simulator s", "executor s", "executor / simulator", "GOP/s"], rows))
    slowest = min(float(row[-1]) for row in rows[: len(convolutions)])
    print(f"\n3x3 convolutions: {slowest:.0f} GOP/s on one core (target {TARGET:.0f}): {'met' if slowest >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
