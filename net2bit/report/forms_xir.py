"""The three forms that are XIR graphs: float with batch normalization folded, fake-quantized, and integer."""

from pathlib import Path

import numpy as np

from net2bit.data.packed import scale
from net2bit.errors import ModelError
from net2bit.quant.arith import HIGH, LOW, Codes, Rounding, dequantize, quantize
from net2bit.quant.executor import Executor
from net2bit.quant.floating import FloatExecutor
from net2bit.quant.lower import lower
from net2bit.quant.strip import strip
from net2bit.report.forms import Floats, Form
from net2bit.report.ladder import Port, figure
from net2bit.xir.graph import Graph, Op
from net2bit.xir.xmodel import read

BYTES = np.arange(256, dtype=np.uint8)
DEPARTING = frozenset({"relu6", "add", "leaky-relu", "prelu"})
"""Ops whose integer form is the hardware's, which may leave the float op's result by a code (`net2bit.quant.floating`)."""


def ends(graph: Graph) -> tuple[Op, Op]:
    """Return the one input and the one output of a graph.

    Raises:
        ModelError: It has several, or none.
    """
    inputs, outputs = graph.inputs(), graph.outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"the graph has {len(inputs)} inputs and {len(outputs)} outputs; the ladder compares one with one", where=graph.name
        )
    return inputs[0], outputs[0]


def float_form(graph: Graph, name: str, title: str, kind: str, stages: tuple[str, ...], step: str) -> Form:
    """Return a float or fake-quantized graph as a form."""
    executor, (source, sink) = FloatExecutor(graph), ends(graph)
    return Form(name, title, kind, stages, step, lambda x: executor.run({source.name: x})[sink.name])


def folded(graph: Graph) -> Form:
    """Return the float graph of `float.xmodel`."""
    return float_form(graph, "folded", "XIR graph, batch norm folded", "float.xmodel", ("convert",), "rounding")


class Quantized:
    """The quantized network in both forms.

    Attributes:
        graph: The fake-quantized graph.
        lowered: The integer graph.
        engine: What computes it.
    """

    def __init__(self, path: Path, engine: str) -> None:
        """Read `int.xmodel`, lower it and pack it for *engine*.

        Raises:
            ModelError: The file is no graph with one input and one output.
            QuantError: A tensor has no quantizer, or there is no such engine.
        """
        self.graph, self.engine = read(path), engine
        self.lowered = lower(self.graph)
        self._executor = Executor(self.lowered, engine)
        self._source, self._sink = ends(self.lowered)

    @property
    def fake(self) -> Form:
        """The network in float arithmetic with quantizers."""
        title = "XIR graph with quantizers"
        return float_form(self.graph, "fake-quantized", title, "int.xmodel", ("calibrate", "quantize"), "quantization")

    @property
    def integer(self) -> Form:
        """The network in int8."""
        step = "quantization" if self.graph.of_type(*DEPARTING) else "nothing"
        return Form("integer", "int8 arithmetic of the DPU", "int.xmodel", ("lower",), step, self.run)

    def run(self, x: Floats) -> Floats:
        """Return the logits of scaled images `[n, H, W, 3]`, computed in integers."""
        codes = self._executor.run({self._source.name: self._codes(x)})[self._sink.name]
        return dequantize(codes, position(self._sink))

    def _codes(self, x: Floats) -> Codes:
        mode = Rounding.named(str(self._source.tensor.attrs["round_mode"]))
        return quantize(x, position(self._source), mode)

    def first_difference(self, x: Floats) -> str:
        """Return the first layer, in graph order, at which the two forms differ on *x*; empty where none does."""
        ops = [op for op in self.lowered if op.data is None and op.tensor.name in self.graph]
        fake = FloatExecutor(self.graph).run({ends(self.graph)[0].name: x}, [op.tensor.name for op in ops])
        codes = self._executor.run({self._source.name: self._codes(x)}, [op.name for op in ops])
        heads = {point.name: point.head for point in strip(self.graph).points().values()}
        return next(
            (heads[op.name] for op in ops if not np.array_equal(dequantize(codes[op.name], position(op)), fake[op.tensor.name])), ""
        )

    @property
    def input(self) -> Port:
        """How the network takes its input."""
        return _port(self._source)

    @property
    def output(self) -> Port:
        """How the network gives its logits."""
        return _port(self._sink)

    def input_loss(self) -> tuple[float, int]:
        """Return the largest error that scaled bytes suffer as int8 codes, and how many of the 256 byte values do not fit."""
        real, at = scale(BYTES), position(self._source)
        nearest = np.rint(np.ldexp(real, at))
        error = float(np.abs(dequantize(self._codes(real), at) - real).max())
        return figure(error), int(((nearest < LOW) | (nearest > HIGH)).sum())


def _port(op: Op) -> Port:
    at = position(op)
    return Port(op.name, list(op.tensor.shape[1:]), at, 2.0**-at)


def position(op: Op) -> int:
    """Return the fix position of an integer op's output.

    Raises:
        ModelError: It has none.
    """
    found = op.tensor.attrs.get("fix_point")
    if not isinstance(found, int):
        raise ModelError(f"{op.type} '{op.name}' has no fix position", where=op.name)
    return found
