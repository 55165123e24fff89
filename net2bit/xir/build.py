"""Writing graphs tersely: each function appends one op, with its output tensor worked out, and returns it.

Inputs are ops or their names. Weights and bias may be arrays: then constants `<name>_weights` and `<name>_bias` are made on the way.
Layouts are XIR's: NHWC, OHWI, `kernel` and `stride` as `[w, h]`, `pad` as `[left, right, top, bottom]`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError
from net2bit.xir.graph import FLOAT32, XINT8, Attr, DataKind, DataType, Graph, Op, Tensor
from net2bit.xir.shapes import infer

Source = Op | str
Values = Op | str | NDArray[np.generic]

NO_PAD = (0, 0, 0, 0)
INT32 = DataType(DataKind.INT, 32)


def place(
    graph: Graph,
    op_type: str,
    name: str,
    args: Mapping[str, Sequence[Source]],
    attrs: Mapping[str, Attr] | None = None,
    *,
    dtype: DataType | None = None,
    before: str | None = None,
) -> Op:
    """Append an op of any type.

    Args:
        graph: Receives it.
        op_type: Such as `conv2d`; it must have a rule in `net2bit.xir.shapes`.
        name: Of the op and of its tensor.
        args: Argument name -> producers; an empty sequence is left out.
        attrs: As in the op's definition.
        dtype: Of the output; the type's usual one where None.
        before: The op to stand in front of; the end of the graph where None.

    Raises:
        ModelError: The op does not fit its inputs, its type has no rule, or the name is taken.
    """
    named = {arg: [_name(source) for source in sources] for arg, sources in args.items() if sources}
    op = Op(name, op_type, Tensor(name, (), dtype or _dtype(graph, op_type, named)), dict(attrs or {}), named)
    shape = infer(graph, op)
    if shape is None:
        raise ModelError(f"no rule gives the output shape of {op_type} '{name}'", where=name)
    op.tensor.shape = shape
    return graph.add(op, before=before)


def fixed(graph: Graph, op_type: str, name: str, args: Mapping[str, Sequence[Source]], position: int, **attrs: Attr) -> Op:
    """Append a fixed-point op (`conv2d-fix`, `pool-fix`, ...) whose output has the fix position *position*, 8 bits signed.

    Raises:
        ModelError: As `place`.
    """
    op = place(graph, op_type, name, args, attrs)
    op.tensor.attrs |= fix_attrs(position)
    return op


def fix_attrs(position: int, *, bits: int = 8, signed: bool = True, round_mode: str = "DPU_ROUND") -> dict[str, Attr]:
    """Return the four attributes of a fixed-point value: of a `fix` op, and of the tensor of any `-fix` op."""
    return {"fix_point": position, "bit_width": bits, "if_signed": signed, "round_mode": round_mode}


def data(graph: Graph, name: str, shape: Iterable[int], dtype: DataType = FLOAT32) -> Op:
    """Append an input of the graph."""
    return graph.add(Op(name, "data", Tensor(name, tuple(shape), dtype)))


def data_fix(graph: Graph, name: str, shape: Iterable[int], position: int) -> Op:
    """Append an int8 input of the graph with its fix position."""
    return graph.add(Op(name, "data-fix", Tensor(name, tuple(shape), XINT8, fix_attrs(position))))


def const(graph: Graph, name: str, values: NDArray[np.generic], *, before: str | None = None) -> Op:
    """Append a constant; floating-point values become float32.

    Raises:
        ModelError: The element type is neither a floating-point nor an integer one.
    """
    array = np.ascontiguousarray(values, np.float32 if values.dtype.kind == "f" else None)
    if array.dtype.kind not in _KINDS:
        raise ModelError(f"constant '{name}' cannot hold values of {array.dtype}", where=name)
    tensor = Tensor(name, array.shape, DataType(_KINDS[array.dtype.kind], array.dtype.itemsize * 8))
    return graph.add(Op(name, "const", tensor, data=array), before=before)


def const_fix(graph: Graph, name: str, values: NDArray[np.int8], position: int, *, round_mode: str = "STD_ROUND") -> Op:
    """Append an int8 constant with its fix position."""
    tensor = Tensor(name, values.shape, XINT8, fix_attrs(position, round_mode=round_mode))
    return graph.add(Op(name, "const-fix", tensor, data=np.asarray(values, np.int8)))


def fix(graph: Graph, name: str, source: Source, position: int, *, signed: bool = True, round_mode: str = "DPU_ROUND") -> Op:
    """Append a fake quantizer of 8 bits."""
    return place(graph, "fix", name, {"input": [source]}, fix_attrs(position, signed=signed, round_mode=round_mode))


def conv2d(
    graph: Graph,
    name: str,
    source: Source,
    weights: Values,
    bias: Values | None = None,
    *,
    op_type: str = "conv2d",
    **attrs: Attr,
) -> Op:
    """Append a convolution; `kernel` follows from the weights, and stride 1, dilation 1 and no padding are what `attrs` need not say.

    Args:
        graph: Receives it.
        name: Of the op.
        source: Feature map, NHWC.
        weights: `[out, kernel_h, kernel_w, in]`; `[multiplier, kernel_h, kernel_w, channels]` where depthwise.
        bias: `[out]`, or None.
        op_type: `depthwise-conv2d`, `transposed-conv2d` and `transposed-depthwise-conv2d` are built alike.
        attrs: Such as `stride=[2, 2]`, `pad=[1, 1, 1, 1]`, `pad_mode="SAME"`, `group=2`.

    Raises:
        ModelError: The weights or the bias do not fit.
    """
    filters = _values(graph, f"{name}_weights", weights)
    args: dict[str, Sequence[Source]] = {"input": [source], "weights": [filters]}
    if bias is not None:
        args["bias"] = [_values(graph, f"{name}_bias", bias)]
    usual: dict[str, Attr] = {
        "kernel": [filters.tensor.shape[2], filters.tensor.shape[1]],
        "stride": [1, 1],
        "dilation": [1, 1],
        "pad_mode": "FLOOR",
        "pad": list(NO_PAD),
    }
    if op_type == "conv2d":
        usual["group"] = 1
    return place(graph, op_type, name, args, usual | attrs)


def depthwise_conv2d(graph: Graph, name: str, source: Source, weights: Values, bias: Values | None = None, **attrs: Attr) -> Op:
    """Append a depthwise convolution; output channel `c * multiplier + m` is made of input channel `c`."""
    return conv2d(graph, name, source, weights, bias, op_type="depthwise-conv2d", **attrs)


def transposed_conv2d(graph: Graph, name: str, source: Source, weights: Values, bias: Values | None = None, **attrs: Attr) -> Op:
    """Append a transposed convolution.

    Its weights slide over the input spread by the stride, so TensorFlow's and PyTorch's kernels are to be flipped in both directions.
    """
    return conv2d(graph, name, source, weights, bias, op_type="transposed-conv2d", **attrs)


def relu(graph: Graph, name: str, source: Source) -> Op:
    """Append a rectifier."""
    return place(graph, "relu", name, {"input": [source]})


def relu6(graph: Graph, name: str, source: Source) -> Op:
    """Append a rectifier that ends at 6."""
    return place(graph, "relu6", name, {"input": [source]})


def leaky_relu(graph: Graph, name: str, source: Source, alpha: float = 26 / 256) -> Op:
    """Append a leaky rectifier; the default slope is the DPU's."""
    return place(graph, "leaky-relu", name, {"input": [source]}, {"alpha": alpha})


def maxpool2d(graph: Graph, name: str, source: Source, kernel: Sequence[int] = (2, 2), **attrs: Attr) -> Op:
    """Append a maximum over windows of `kernel` (`[w, h]`); the stride is the kernel unless `attrs` say otherwise."""
    return _pool(graph, "maxpool2d", name, source, kernel, attrs)


def avgpool2d(graph: Graph, name: str, source: Source, kernel: Sequence[int] = (2, 2), **attrs: Attr) -> Op:
    """Append a mean over windows of `kernel` (`[w, h]`); the stride is the kernel unless `attrs` say otherwise."""
    return _pool(graph, "avgpool2d", name, source, kernel, attrs)


def add(graph: Graph, name: str, *sources: Source) -> Op:
    """Append a sum, element by element."""
    return place(graph, "add", name, {"input": sources})


def mul(graph: Graph, name: str, *sources: Source) -> Op:
    """Append a product, element by element."""
    return place(graph, "mul", name, {"input": sources})


def concat(graph: Graph, name: str, *sources: Source, axis: int = 3) -> Op:
    """Append a concatenation, of channels unless *axis* says otherwise."""
    return place(graph, "concat", name, {"input": sources}, {"axis": axis})


def resize(graph: Graph, name: str, source: Source, scale: float | Sequence[float] = 2.0, mode: str = "NEAREST", **attrs: Attr) -> Op:
    """Append a resizing by *scale* (one factor, or `[w, h]`)."""
    factors = [float(factor) for factor in (scale if isinstance(scale, Sequence) else (scale, scale))]
    usual: dict[str, Attr] = {"mode": mode, "align_corners": False, "half_pixel_centers": False, "scale": factors}
    return place(graph, "resize", name, {"input": [source]}, usual | attrs)


def pad(graph: Graph, name: str, source: Source, paddings: Sequence[int], mode: str = "CONSTANT") -> Op:
    """Append a margin: *paddings* is before and behind of each axis in turn; a constant margin is zero."""
    attrs: dict[str, Attr] = {"paddings": [int(size) for size in paddings], "mode": mode}
    if mode == "CONSTANT":
        attrs["constant_values"] = [0.0] * len(paddings)
    return place(graph, "pad", name, {"input": [source]}, attrs)


def reshape(graph: Graph, name: str, source: Source, shape: Sequence[int]) -> Op:
    """Append a new shape for the same values; -1 stands for what is left."""
    return place(graph, "reshape", name, {"input": [source]}, {"shape": [int(size) for size in shape]})


def softmax(graph: Graph, name: str, source: Source, axis: int = -1) -> Op:
    """Append a softmax."""
    return place(graph, "softmax", name, {"input": [source]}, {"axis": axis})


def batchnorm(graph: Graph, name: str, source: Source, moments: Mapping[str, Values], epsilon: float) -> Op:
    """Append a batch normalization with its `gamma`, `beta`, `moving_mean` and `moving_var` (in *moments*), along the last axis."""
    args: dict[str, Sequence[Source]] = {"input": [source]}
    for arg in ("gamma", "beta", "moving_mean", "moving_var"):
        args[arg] = [_values(graph, f"{name}_{arg}", moments[arg])]
    return place(graph, "batchnorm", name, args, {"axis": -1, "epsilon": epsilon})


def reduction_mean(graph: Graph, name: str, source: Source, axis: Sequence[int] = (1, 2), *, keep_dims: bool = True) -> Op:
    """Append a mean over whole axes."""
    return place(graph, "reduction_mean", name, {"input": [source]}, {"axis": [int(at) for at in axis], "keep_dims": keep_dims})


def inner_product(graph: Graph, name: str, source: Source, weights: Values, bias: Values | None = None, *, axis: int = 1) -> Op:
    """Append a fully connected layer; *weights* is `[out, in]`, and the input is flattened from *axis* on."""
    args: dict[str, Sequence[Source]] = {"input": [source], "weights": [_values(graph, f"{name}_weights", weights)]}
    if bias is not None:
        args["bias"] = [_values(graph, f"{name}_bias", bias)]
    return place(graph, "inner-product", name, args, {"axis": axis})


def _pool(graph: Graph, op_type: str, name: str, source: Source, kernel: Sequence[int], attrs: Mapping[str, Attr]) -> Op:
    sides = [int(size) for size in kernel]
    usual: dict[str, Attr] = {"kernel": sides, "stride": list(sides), "pad_mode": "FLOOR", "pad": list(NO_PAD), "global": False}
    return place(graph, op_type, name, {"input": [source]}, usual | dict(attrs))


def _name(source: Source) -> str:
    return source.name if isinstance(source, Op) else source


def _values(graph: Graph, name: str, values: Values) -> Op:
    if isinstance(values, Op):
        return values
    return graph.op(values) if isinstance(values, str) else const(graph, name, values)


def _dtype(graph: Graph, op_type: str, args: Mapping[str, Sequence[str]]) -> DataType:
    """Return the usual element type of an op type's output."""
    if op_type in {"upload", "download", "identity", "reshape", "transpose", "squeeze", "concat", "stack"} and args.get("input"):
        return graph.op(args["input"][0]).tensor.dtype
    return XINT8 if op_type.endswith("-fix") or op_type == "float2fix" else FLOAT32


_KINDS = {"f": DataKind.FLOAT, "i": DataKind.INT, "u": DataKind.UINT}
