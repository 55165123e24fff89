"""The stage that writes the quantized network in the form that vai_q_pytorch gives it: a float graph with fake quantizers.

Each constant `w` becomes its rounded numbers and a quantizer `w_fix`; behind each point `x` (`net2bit.quant.points`) stands `x_fix`, which
all its readers take. Average poolings and hard sigmoids stay as they are, and whoever executes the graph uses the DPU's factors for
them (as the compiler does; the vendor's newer releases multiply by what is missing instead); a leaky ReLU gets the DPU's slope.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError
from net2bit.job import Job
from net2bit.quant.arith import Rounding, dequantize, quantize
from net2bit.quant.limits import Adjuster, Limits, Move
from net2bit.quant.points import Point, find, group
from net2bit.quant.positions import non_overflow
from net2bit.quant.table import Table, load
from net2bit.xir import build
from net2bit.xir.access import ints, real
from net2bit.xir.graph import Attr, Graph, Op
from net2bit.xir.verify import verify
from net2bit.xir.xmodel import read, write

FIX = "_fix"
SLOPE = 26 / 256
"""The DPU's leaky ReLU."""
SLOPE_SLACK = 0.005
"""By how much a trained slope may differ from it: 0.1 is what people write for it."""


def run(job: Job) -> None:
    """Make `int.xmodel` from `float.xmodel` and `positions.json`; reads `quant.rounding` and `quant.limits`.

    Raises:
        QuantError: The positions are another network's, or the limits of the target cannot be met.
    """
    config = job.config["quant"]
    graph, table = read(job.inputs["float.xmodel"]), load(job.inputs["positions.json"])
    positions, moves = fit(graph, table, Limits.of(config["limits"]))
    for at, move in enumerate(moves, start=1):
        job.progress(at, len(moves), str(move))
    made = fake_quantize(graph, positions, Rounding.named(config["rounding"]["weights"]))
    if moves:
        made.attrs["net2bit_moves"] = [str(move) for move in moves]
    verify(made)
    write(made, job.outputs["int.xmodel"])
    job.metric("tensors", len(positions))
    job.metric("moved_positions", len(moves))


def fit(graph: Graph, table: Table, limits: Limits) -> tuple[dict[str, int], list[Move]]:
    """Return the positions of *table*, moved to where the target's shifters reach, and the moves.

    Raises:
        QuantError: A tensor of *graph* has no position, or the limits contradict each other.
    """
    points = find(graph)
    positions = _needed(points, table.positions)
    finest = {name: non_overflow(constant(graph, name)) for point in points.values() for name in point.parameters}
    moves = Adjuster(points, group(points), limits, positions, finest).run()
    return positions, moves


def _needed(points: Mapping[str, Point], positions: Mapping[str, int]) -> dict[str, int]:
    """Return the positions of the points and their parameters, and no others."""
    names = [name for point in points.values() for name in (point.name, *point.parameters)]
    missing = next((name for name in names if name not in positions), "")
    if missing:
        raise QuantError(f"there is no position for '{missing}'", where=missing, remedy="calibrate this very network again")
    return {name: positions[name] for name in names}


def constant(graph: Graph, name: str) -> NDArray[np.float32]:
    """Return the values of a float constant."""
    data = graph.op(name).data
    if data is None:
        raise QuantError(f"'{name}' is no constant", where=name)
    return data.astype(np.float32)


def fake_quantize(graph: Graph, positions: Mapping[str, int], mode: Rounding) -> Graph:
    """Return the fake-quantized form of a float *graph*.

    Args:
        graph: The float network.
        positions: Of every point and every constant.
        mode: How constants are rounded; activations are rounded half up.

    Raises:
        QuantError: An op cannot be quantized.
    """
    writer = _Writer(graph, positions, mode)
    for op in graph:
        writer.put(op)
    writer.made.attrs["return_ops"] = [op.name for op in writer.made.outputs()]
    return writer.made


class _Writer:
    """Copies ops into a new graph and puts the quantizers behind them."""

    def __init__(self, graph: Graph, positions: Mapping[str, int], mode: Rounding) -> None:
        self.graph, self.mode = graph, mode
        self.points = find(graph)
        self.positions = _needed(self.points, positions)
        self.made = Graph(graph.name, attrs=graph.attrs)

    def put(self, op: Op) -> None:
        """Copy one op, its inputs taken from the quantizers."""
        if op.data is not None:
            self._constant(op)
            return
        args = {arg: [self._source(name) for name in names] for arg, names in op.args.items()}
        self.made.add(replace(op, args=args, attrs=self._attrs(op), tensor=replace(op.tensor)))
        if op.name in self.points:
            build.fix(self.made, op.name + FIX, op.name, self.positions[op.name])

    def _constant(self, op: Op) -> None:
        if op.name not in self.positions:
            self.made.add(replace(op))
            return
        position = self.positions[op.name]
        codes = quantize(constant(self.graph, op.name).astype(np.float64), position, self.mode)
        self.made.add(replace(op, data=dequantize(codes, position), tensor=replace(op.tensor)))
        build.fix(self.made, op.name + FIX, op.name, position)

    def _source(self, name: str) -> str:
        return name + FIX if name in self.positions else name

    def _attrs(self, op: Op) -> dict[str, Attr]:
        """Return the op's attributes, with those that the vendor's quantizer adds to a convolution."""
        if op.type == "leaky-relu":
            return {**op.attrs, "alpha": _slope(op)}
        if op.type not in {"conv2d", "depthwise-conv2d", "transposed-conv2d"}:
            return dict(op.attrs)
        source = self.graph.op(op.arg("input")).tensor.shape[-1]
        return {**op.attrs, "in_dim": source, "out_dim": op.tensor.shape[-1], "bias_term": "bias" in op.args}


def window(graph: Graph, op: Op) -> tuple[int, int]:
    """Return height and width of a pooling's window; a global one covers its input."""
    if op.attrs.get("global"):
        shape = graph.op(op.arg("input")).tensor.shape
        return shape[1], shape[2]
    width, height = ints(op, "kernel", 2)
    return height, width


def _slope(op: Op) -> float:
    """Return the DPU's slope for a leaky ReLU that was trained with about that one."""
    alpha = real(op, "alpha")
    if abs(alpha - SLOPE) > SLOPE_SLACK:
        raise QuantError(
            f"leaky-relu '{op.name}' has the slope {alpha:g}; the DPU has 26/256 = {SLOPE} only",
            where=op.name,
            remedy="train with a slope of 0.1, or with ReLU",
        )
    return SLOPE
