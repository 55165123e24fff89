"""The integer engines on a full-size Unet, against torch's plain float32 convolutions on the same list of layers.

    python bench/executor.py [--size 256x512] [--width 1.0] [--rounds 3] [--threads 1,2]

Times are CPU seconds (all threads together), the best of some interleaved rounds; one MAC is two operations. Plain float32 is the
convolutions only: no rounding, no pooling, no upsampling, no concatenation. The targets are printed beside the ratios.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout need not be installed

from net2bit.quant.arith import EXACT
from net2bit.quant.executor import Executor
from net2bit.quant.kernels_read import step_of
from net2bit.quant.kernels_steps import Convolution
from net2bit.quant.kernels_torch import pack
from net2bit.quant.kernels_window import Window
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph, Op

POSITION = 4
TARGETS = {"exact": 0.8, "vnni": 3.0}


class Unet:
    """Writes the published Unet as a `-fix` graph with random int8 weights whose sums fill the codes but rarely overflow them."""

    def __init__(self, height: int, width: int, scale: float, seed: int = 0) -> None:
        self.graph, self.random, self.scale = Graph("unet"), np.random.default_rng(seed), scale
        source = build.data_fix(self.graph, "image", (1, height, width, 3), POSITION)
        skips = []
        for block, (count, channels) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]):
            if block:
                skips.append(source)
                source = self._op("pool-fix", [source], type="MAX", kernel=[2, 2], stride=[2, 2], pad=[0] * 4)
            for _ in range(count):
                source = self._conv(source, channels, 3)
        for channels in (512, 256, 128, 64):
            source = self._op("upsample-fix", [source], mode="NEAREST", scale=[2.0, 2.0])
            source = self._op("concat-fix", [self._conv(source, channels, 2), skips.pop()], axis=3)
            source = self._conv(self._conv(source, channels, 3), channels, 3)
        self._conv(source, 4, 3, act="NONE", scaled=False)

    def _op(self, kind: str, sources: list[Op], **attrs: Attr) -> Op:
        return build.fixed(self.graph, kind, f"op{len(self.graph)}", {"input": sources}, POSITION, **attrs)

    def _conv(self, source: Op, channels: int, kernel: int, act: str = "RELU", *, scaled: bool = True) -> Op:
        channels, name = int(channels * self.scale) if scaled else channels, f"conv{len(self.graph)}"
        shape = (channels, kernel, kernel, source.tensor.shape[3])
        weights = np.clip(self.random.normal(0, 24, shape).round(), -128, 127).astype(np.int8)
        bias = self.random.integers(-60, 60, channels).astype(np.int8)
        cut = round(np.log2(24 * 24 * np.sqrt(np.prod(shape[1:])) / 40))
        args = {
            "input": [source],
            "weights": [build.const_fix(self.graph, f"{name}_w", weights, cut)],
            "bias": [build.const_fix(self.graph, f"{name}_b", bias, POSITION + 1)],
        }
        margin = [(kernel - 1) // 2, kernel // 2] * 2
        window: dict[str, Attr] = {"kernel": [kernel] * 2, "stride": [1, 1], "dilation": [1, 1], "pad": margin}
        return build.fixed(self.graph, "conv2d-fix", name, args, POSITION, nonlinear=act, **window)


def convolutions(graph: Graph) -> list[tuple[Convolution, Window]]:
    """Return the convolutions with their windows."""
    steps = [step_of(graph, op) for op in graph.of_type("conv2d-fix")]
    return [(step, step.geometry) for step in steps if isinstance(step, Convolution) and isinstance(step.geometry, Window)]


def plain(layers: list[tuple[Convolution, Window]]) -> Callable[[], Any]:
    """Return a function that runs the layers' convolutions in float32, channels last, on ready (and already padded) maps."""
    ready = []
    for step, window in layers:
        margin = 2 * window.before[0] if window.symmetric else 0
        size = [window.out[axis] + window.reach[axis] - 1 - margin for axis in (0, 1)]
        maps = torch.randint(-128, 128, (1, *size, step.weights.shape[3])).to(torch.float32).permute(0, 3, 1, 2)
        bias = torch.zeros(step.weights.shape[0])
        ready.append((maps, pack(step.weights), bias, window.before if window.symmetric else (0, 0)))

    def run() -> None:
        for maps, weights, bias, padding in ready:
            functional.conv2d(maps, weights, bias, 1, padding)

    return run


def measure(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, tuple[float, float]]:
    """Return CPU and wall seconds of each run, the best of some interleaved rounds behind a warm-up."""
    best = dict.fromkeys(runs, (np.inf, np.inf))
    for turn in range(rounds + 1):
        for name, run in runs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            spent = time.process_time() - cpu, time.perf_counter() - wall
            if turn:
                best[name] = min(best[name], spent)
    return {name: (float(cpu), float(wall)) for name, (cpu, wall) in best.items()}


def report(threads: int, times: dict[str, tuple[float, float]], work: float) -> None:
    """Print a table of one thread count."""
    print(f"\n{threads} thread{'s' if threads > 1 else ''}")
    print(f"{'engine':<20}{'CPU s':>9}{'wall s':>9}{'GOPS/core':>11}{'x plain':>9}{'x exact':>9}")
    for name, (cpu, wall) in times.items():
        print(f"{name:<20}{cpu:>9.3f}{wall:>9.3f}{work / cpu:>11.0f}{times['plain'][0] / cpu:>9.2f}{times['exact'][0] / cpu:>9.2f}")
    exact, vnni = times["plain"][0] / times["exact"][0], times["exact"][0] / times["vnni"][0] if "vnni" in times else None
    print(f"exact {exact:.2f} of plain float32 (target {TARGETS['exact']}): {'met' if exact >= TARGETS['exact'] else 'MISSED'}")
    if vnni is not None:
        print(f"vnni {vnni:.2f} times exact (target {TARGETS['vnni']}): {'met' if vnni >= TARGETS['vnni'] else 'MISSED'}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="256x512")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--engines", default="exact,vnni")
    return parser.parse_args()


def main() -> None:
    """Run it."""
    options = arguments()
    height, width = map(int, options.size.split("x"))
    graph = Unet(height, width, options.width).graph
    layers = convolutions(graph)
    work = sum(2 * step.weights.size * window.out[0] * window.out[1] for step, window in layers) / 1e9
    image: NDArray[np.int8] = np.random.default_rng(1).integers(-128, 128, (1, height, width, 3), dtype=np.int8)
    prepared = {}
    for name in options.engines.split(","):
        start = time.process_time()
        prepared[name] = Executor(graph, name)
        print(f"{name}: packed in {time.process_time() - start:.2f} CPU s")
    outputs = [next(iter(executor.run({"image": image}).values())) for executor in prepared.values()]
    if any((outputs[0] != other).any() for other in outputs):
        raise SystemExit("the engines differ")
    over, full = sum(step.reach > EXACT for step, _ in layers), np.isin(outputs[0], (-128, 127)).mean()
    print(f"{len(layers)} convolutions, {work:.1f} GOP, {over} beyond the float32 guard")
    print(f"all {outputs[0].size} output codes of {' and '.join(prepared)} are equal ({full:.1%} saturated)")
    for threads in map(int, options.threads.split(",")):
        torch.set_num_threads(threads)
        runs: dict[str, Callable[[], Any]] = {"plain": plain(layers)}
        runs |= {name: lambda executor=executor: executor.run({"image": image}) for name, executor in prepared.items()}
        report(threads, measure(runs, options.rounds), work)


if __name__ == "__main__":
    main()
