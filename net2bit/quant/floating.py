"""Executes float and fake-quantized graphs in float32: what calibration and the accuracy ladder look at.

A fake-quantized graph (one with `fix` ops) is executed exactly. Every number in it is a whole multiple of a power of two, so float32
arithmetic is integer arithmetic while sums stay below 2**24 steps; a convolution whose sums could go beyond runs in float64, as do
additions, products and slopes. Averages and hard sigmoids of quantized maps use the DPU's factors. Its codes are therefore those of the
integer executor on the lowered graph, bit for bit, with these exceptions, in which the hardware itself departs from the float op: RELU6 at
an output position below 4 (capped at code 96), an addition of positions more than 7 apart, and a slope behind a bias that is finer than
half an accumulator step.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import QuantError, near
from net2bit.quant import arith, kernels_float
from net2bit.quant import kernels_window as windows
from net2bit.quant.kernels_float import Array, Inputs
from net2bit.xir.access import flag, number, text
from net2bit.xir.graph import Graph, Op

_CONVOLUTIONS = ("conv2d", "depthwise-conv2d", "transposed-conv2d", "transposed-depthwise-conv2d")
_MOVING = ("relu", "maxpool2d", "pad", "reshape", "flatten", "squeeze", "identity", "upload", "download", "strided_slice", "transpose")
_WIDENED = ("add", "sub", "mul", "leaky-relu", "prelu", "reduction_mean", "reduction_sum", "hard-swish")


def run_float(graph: Graph, inputs: Mapping[str, NDArray[np.float32]], keep: Iterable[str] = ()) -> dict[str, NDArray[np.float32]]:
    """Execute *graph* once.

    Args:
        graph: A float or fake-quantized graph; int8 ops belong to `net2bit.quant.executor`.
        inputs: Name of every `data` op -> float32 map, NHWC; the batch may differ from the graph's.
        keep: Further ops whose outputs are wanted.

    Returns:
        The outputs of the graph and of the ops in *keep*, by name, float32 (the indices of an `argmax`: int32).

    Raises:
        QuantError: An input or an op named in *keep* is missing or has another shape, or an op has no float kernel.
        ModelError: An op lacks an attribute or does not fit its inputs; it names the op.
    """
    return FloatExecutor(graph).run(inputs, keep)


class FloatExecutor:
    """A graph ready to run many times: constants and what depends on constants only are computed once.

    Attributes:
        graph: What it executes; it must not change from now on.
    """

    def __init__(self, graph: Graph) -> None:
        """Check that every op can be executed, and fold the constants.

        Raises:
            QuantError: An op has no float kernel.
        """
        self.graph = graph
        self._torch = _torch()
        if self._torch is not None and graph.of_type("fix"):
            self._torch.trust()
        self._positions = positions(graph)
        self._rescaled = rescaled(graph, self._positions)
        self._spent = last_uses(graph, {name: source.producers for name, source in self._rescaled.items()})
        self._constants: dict[str, Array] = {}
        for op in graph:
            _check(op)
            if op.data is not None:
                self._constants[op.name] = np.asarray(op.data)
            elif op.producers and all(name in self._constants for name in op.producers):
                self._constants[op.name] = self._execute(op, self._constants)

    def run(self, inputs: Mapping[str, NDArray[np.float32]], keep: Iterable[str] = ()) -> dict[str, NDArray[np.float32]]:
        """Execute the graph on *inputs*; see `run_float`."""
        wanted = {op.name for op in self.graph.outputs()} | set(keep)
        unknown = sorted(name for name in wanted if name not in self.graph)
        if unknown:
            raise QuantError(
                f"the graph has no op '{unknown[0]}' to keep", where=self.graph.name, suggestion=near(unknown[0], names(self.graph))
            )
        values = dict(self._constants)
        for op in self.graph:
            if op.name not in values:
                values[op.name] = feed(op, inputs, np.float32) if op.type == "data" else self._execute(op, values)
            for name in self._spent.get(op.name, ()):
                if name not in wanted and name not in self._constants:
                    del values[name]
        return {op.name: _narrow(values[op.name]) for op in self.graph if op.name in wanted}

    def _execute(self, op: Op, values: Mapping[str, Array]) -> Array:
        op = self._rescaled.get(op.name, op)
        inputs = {arg: [values[name] for name in producers] for arg, producers in op.args.items()}
        fixed = self._fixed(op)
        if op.type in _CONVOLUTIONS:
            return self._convolve(op, inputs, fixed)
        if op.type in ("inner-product", "matmul"):
            return _product(op, inputs, fixed)
        if fixed is not None:
            if op.type in _EXACTLY:
                return _EXACTLY[op.type](op, inputs)
            if op.type in _WIDENED:
                inputs = {arg: [x.astype(np.float64) for x in arrays] for arg, arrays in inputs.items()}
        return kernels_float.KERNELS[op.type](op, inputs)

    def _fixed(self, op: Op) -> int | None:
        """Return the finest position of the op's operands together where all are quantized: products have steps of `2**-position`."""
        found = {arg: [self._positions.get(name) for name in producers] for arg, producers in op.args.items()}
        if not found or any(position is None for listed in found.values() for position in listed):
            return None
        known = {arg: max(position for position in listed if position is not None) for arg, listed in found.items()}
        return max(known.get("input", 0) + known.get("weights", 0), known.get("bias", 0))

    def _convolve(self, op: Op, inputs: Inputs, fixed: int | None) -> Array:
        x, weights = inputs["input"][0], inputs["weights"][0]
        bias = inputs["bias"][0].reshape(-1) if inputs.get("bias") else None
        groups = number(op, "group") if op.type == "conv2d" else 1
        if "depthwise" in op.type:
            weights, groups = windows.filters(weights), x.shape[3]
        if _overflows(fixed, x, weights, bias):
            x, weights, bias = x.astype(np.float64), weights.astype(np.float64), None if bias is None else bias.astype(np.float64)
        if op.type.startswith("transposed"):
            return _raised(self._transposed(x, weights, windows.spread_of(op, x.shape), groups), bias)
        window = windows.window_of(op, x.shape)
        if self._torch is None:
            return _raised(windows.convolve(x, weights, window, groups), bias)
        return np.asarray(self._torch.convolve_arrays(x, weights, bias, window, groups))

    def _transposed(self, x: Array, weights: Array, spread: windows.Spread, groups: int) -> Array:
        if self._torch is None:
            return windows.convolve(spread.spread(x), weights, spread.window, groups)
        return np.asarray(self._torch.convolve_transposed_arrays(x, weights, spread, groups))


def positions(graph: Graph) -> dict[str, int | None]:
    """Return for every op the fix position its values are multiples of (the finest, where inputs are mixed), or None where unknown."""
    found: dict[str, int | None] = {}
    for op in graph:
        sources = [found.get(name) for name in op.args.get("input", [])]
        known = [position for position in sources if position is not None]
        if op.type == "fix":
            found[op.name] = number(op, "fix_point")
        elif op.type in _MOVING or op.type in ("concat", "stack") or (op.type == "resize" and text(op, "mode") == "NEAREST"):
            found[op.name] = max(known) if known and len(known) == len(sources) else None
        else:
            found[op.name] = None
    return found


def rescaled(graph: Graph, known: Mapping[str, int | None]) -> dict[str, Op]:
    """Return the multiplications by which the vendor's quantizer turns a mean or a hard sigmoid into the DPU's, with the op in front.

    Both together are the DPU's formula, which is computed at once, from the numbers in front of the pair, so that nothing is lost.
    """
    found: dict[str, Op] = {}
    for op in graph.of_type("mul"):
        sources = [graph.op(name) for name in op.producers]
        inner = [source for source in sources if source.type in _EXACTLY and known.get(source.arg("input")) is not None]
        scalars = [source.data.flat[0] for source in sources if source.data is not None and source.data.size == 1]
        if len(sources) == 2 and inner and scalars and np.isclose(float(scalars[0]), _factor(graph, inner[0]), rtol=1e-6):  # noqa: PLR2004
            found[op.name] = inner[0]
    return found


def _factor(graph: Graph, op: Op) -> float:
    """Return how the DPU's average or hard sigmoid differs from the exact one."""
    if op.type == "hard-sigmoid":
        return 6 * arith.HSIGMOID_FACTOR / 2**14
    height, width = windows.window_of(op, graph.op(op.arg("input")).tensor.shape).kernel
    factor, shift = arith.average_factor(height, width)
    return height * width * factor / 2.0**shift


def last_uses(graph: Graph, further: Mapping[str, Sequence[str]] | None = None) -> dict[str, list[str]]:
    """Return for every op the names of those values that nobody needs once it has run; *further* are uses that no argument shows."""
    user: dict[str, str] = {}
    for op in graph:
        user[op.name] = op.name
        user.update(dict.fromkeys([*op.producers, *(further or {}).get(op.name, ())], op.name))
    spent: dict[str, list[str]] = {}
    for name, last in user.items():
        spent.setdefault(last, []).append(name)
    return spent


def feed(op: Op, inputs: Mapping[str, NDArray[Any]], dtype: type[np.generic]) -> Array:
    """Return the input array for the `data` op *op*, contiguous.

    Raises:
        QuantError: It is missing, or its shape (but for the batch) or its type is not the op's.
    """
    if op.name not in inputs:
        raise QuantError(f"no value is given for the input '{op.name}'", where=op.name, suggestion=near(op.name, inputs))
    array = np.asarray(inputs[op.name])
    if array.ndim != len(op.tensor.shape) or array.shape[1:] != tuple(op.tensor.shape[1:]) or not array.shape[0]:
        wanted = " x ".join(["N", *map(str, op.tensor.shape[1:])])
        raise QuantError(f"the input '{op.name}' has the shape {array.shape}, not {wanted}", where=op.name)
    if array.dtype != dtype and not (dtype is np.float32 and array.dtype.kind == "f"):
        raise QuantError(f"the input '{op.name}' holds {array.dtype}, not {np.dtype(dtype)}", where=op.name)
    return np.ascontiguousarray(array, dtype)


def names(graph: Graph) -> list[str]:
    """Return the names of all ops."""
    return [op.name for op in graph]


def _check(op: Op) -> None:
    known = [*kernels_float.KERNELS, *_CONVOLUTIONS, "inner-product", "matmul", "data"]
    if op.data is None and op.type not in known:
        raise QuantError(
            f"the float executor has no kernel for {op.type} '{op.name}'",
            where=op.name,
            remedy="int8 graphs run in net2bit.quant.executor" if op.type.endswith("-fix") else "",
            suggestion=near(op.type, known),
        )


def _overflows(fixed: int | None, x: Array, weights: Array, bias: Array | None) -> bool:
    """Tell whether sums of quantized products may leave float32's whole numbers."""
    if fixed is None or x.dtype != np.float32:
        return x.dtype != np.float32
    most = float(np.abs(weights).reshape(weights.shape[0], -1).sum(1, dtype=np.float64).max()) * float(max(x.max(), -x.min()))
    most += float(np.abs(bias).max()) if bias is not None else 0.0
    return most * 2.0**fixed > arith.EXACT


def _raised(sums: Array, bias: Array | None) -> Array:
    return sums if bias is None else np.add(sums, bias, out=sums)


def _product(op: Op, inputs: Inputs, fixed: int | None) -> Array:
    """Compute `inner-product` and `matmul`."""
    x = inputs["input"][0]
    if op.type == "matmul":
        x, weights = (
            array.swapaxes(-1, -2) if flag(op, name) else array
            for array, name in zip(inputs["input"], ("transpose_a", "transpose_b"), strict=True)
        )
    else:
        weights = inputs["weights"][0].reshape(inputs["weights"][0].shape[0], -1).T
        axis = number(op, "axis") % x.ndim
        x = x.reshape(*x.shape[:axis], -1)
    bias = inputs["bias"][0].reshape(-1) if inputs.get("bias") else None
    wide = fixed is not None
    sums = x.astype(np.float64) @ weights.astype(np.float64) if wide else x @ weights
    return np.asarray(sums if bias is None else sums + bias)


def _average(op: Op, inputs: Inputs) -> Array:
    """Average a quantized map as the DPU does: `sum * factor / 2**shift`."""
    x = inputs["input"][0].astype(np.float64)
    window = windows.window_of(op, x.shape)
    if any((*window.before, *window.after)) and not flag(op, "count_include_pad"):
        return kernels_float.KERNELS["avgpool2d"](op, inputs)
    factor, shift = arith.average_factor(*window.kernel)
    return np.asarray(kernels_float.window_sums(x, window) * (factor / 2.0**shift))


def _hard_sigmoid(_op: Op, inputs: Inputs) -> Array:
    """Return `max(0, x + 3) * 2731 / 2**14`: the DPU's sixth, which only the output's saturation ends."""
    return np.asarray(np.maximum(inputs["input"][0].astype(np.float64) + 3, 0) * (arith.HSIGMOID_FACTOR / 2**14))


_EXACTLY: dict[str, Callable[[Op, Inputs], Array]] = {"avgpool2d": _average, "hard-sigmoid": _hard_sigmoid}


def _narrow(x: Array) -> Array:
    return x.astype(np.float32, copy=False) if x.dtype.kind == "f" else x


def _torch() -> ModuleType | None:
    """Return the torch kernels where torch is installed; numpy does the work where it is not."""
    try:
        from net2bit.quant import kernels_torch  # noqa: PLC0415 - torch takes a second to import; most users of this module never need it
    except ImportError:
        return None
    return kernels_torch
