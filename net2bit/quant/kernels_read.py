"""Reading integer steps from the ops of a `-fix` graph, with every attribute checked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError, QuantError
from net2bit.quant import arith, kernels_float
from net2bit.quant.arith import Act, Activation, Codes, Rounding
from net2bit.quant.kernels_steps import Concat, Convolution, Eltwise, Plain, Pool, Step, Upsample
from net2bit.quant.kernels_window import filters, spread_of, window_of
from net2bit.xir.access import ints, number, real, text
from net2bit.xir.graph import Graph, Op

POSITIONS = range(-32, 128)
"""Fix positions that are taken for meant; 127 is what AMD's quantizers give a tensor of zeros."""
SHIFTS = range(-24, 31)
"""Values of shift_cut that the engines compute exactly; the DPU itself has 0..16."""
UNSET = -128
_CONVOLUTIONS = ("conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix")


def step_of(graph: Graph, op: Op) -> Step:
    """Read the integer op *op* of *graph*.

    Raises:
        QuantError: An attribute is missing or impossible, or there is no integer kernel for the type; it names the op.
    """
    try:
        return _READERS[op.type](graph, op)
    except ModelError as error:
        raise QuantError(error.what, where=error.where or op.name, remedy=error.remedy, suggestion=error.suggestion) from error


def known() -> frozenset[str]:
    """Return the types of ops that `step_of` reads."""
    return frozenset(_READERS)


def position(op: Op) -> int:
    """Return the fix position of the op's int8 output.

    Raises:
        QuantError: The op has none, an impossible one, or is not signed and of 8 bits.
    """
    attrs = op.tensor.attrs
    found = attrs.get("fix_point")
    if not isinstance(found, int) or isinstance(found, bool):
        raise QuantError(f"the output of {op.type} '{op.name}' has no fix position", where=op.name, remedy="quantize the network first")
    if found not in POSITIONS:
        raise QuantError(f"the fix position {found} of {op.type} '{op.name}' is outside {POSITIONS[0]}..{POSITIONS[-1]}", where=op.name)
    if attrs.get("bit_width", 8) != 8 or attrs.get("if_signed", True) is not True:  # noqa: PLR2004 - int8
        raise QuantError(f"the output of {op.type} '{op.name}' is no signed 8-bit tensor, the only kind executed", where=op.name)
    return found


def codes_of(op: Op) -> Codes:
    """Return the codes of a `const-fix`.

    Raises:
        QuantError: It has none, or they are not int8.
    """
    if op.data is None or op.data.dtype != np.int8 or not op.data.size:
        raise QuantError(
            f"{op.type} '{op.name}' holds no int8 codes",
            where=op.name,
            remedy="in a compiled model the parameters lie in the DPU subgraph's REG_0: read them from there first",
        )
    return np.asarray(op.data)


def _rounding(op: Op) -> Rounding:
    return Rounding.named(str(op.tensor.attrs.get("round_mode", Rounding.HALF_UP.value)))


def _source(graph: Graph, op: Op) -> Op:
    return graph.op(op.arg("input"))


def _shape(graph: Graph, op: Op, axes: int = 4) -> tuple[int, ...]:
    shape = tuple(_source(graph, op).tensor.shape)
    if len(shape) != axes:
        raise QuantError(f"{op.type} '{op.name}' needs a map of {axes} axes, not of the shape {list(shape)}", where=op.name)
    return shape


def _shift(graph: Graph, op: Op) -> int:
    return position(_source(graph, op)) - position(op)


def _convolution(graph: Graph, op: Op) -> Convolution:
    shape, weights = _shape(graph, op), codes_of(graph.op(op.arg("weights")))
    groups = number(op, "group") if op.type == "conv2d-fix" else 1
    if "depthwise" in op.type:
        weights, groups = filters(weights), shape[3]
    if weights.shape[3] * groups != shape[3] or weights.shape[0] != op.tensor.shape[3]:
        raise QuantError(
            f"the weights {list(weights.shape)} of {op.type} '{op.name}' do not fit its {shape[3]} input channels", where=op.name
        )
    bias = codes_of(graph.op(op.arg("bias"))).reshape(-1) if op.args.get("bias") else None
    if bias is not None and bias.size != weights.shape[0]:
        raise QuantError(f"{op.type} '{op.name}' has {bias.size} bias codes for {weights.shape[0]} channels", where=op.name)
    geometry = spread_of(op, shape) if op.type.startswith("transposed") else window_of(op, shape)
    activation = activation_of(op)
    cut, raised = _shifts(graph, op, activation)
    return Convolution(
        name=op.name,
        inputs=(op.arg("input"),),
        rounding=_rounding(op),
        weights=weights,
        bias=bias,
        groups=groups,
        geometry=geometry,
        shift_bias=raised,
        shift_cut=cut,
        activation=activation,
    )


def _shifts(graph: Graph, op: Op, activation: Activation) -> tuple[int, int]:
    """Return shift_cut and shift_bias; ops with a hard sigmoid may name them, and cut towards its input position."""
    f_in, f_weights, f_out = position(_source(graph, op)), position(graph.op(op.arg("weights"))), position(op)
    cut = arith.shift_cut(f_in, f_weights, activation.hsigmoid_in if activation.tabled else f_out)
    raised = arith.shift_bias(f_in, f_weights, position(graph.op(op.arg("bias")))) if op.args.get("bias") else 0
    if activation.tabled:
        cut, raised = (number(op, name) if name in op.attrs else shift for name, shift in (("shift_cut", cut), ("shift_bias", raised)))
    if cut not in SHIFTS or raised > SHIFTS[-1]:
        raise QuantError(
            f"{op.type} '{op.name}' shifts its sums by {cut} and its bias by {raised}, beyond {SHIFTS[0]}..{SHIFTS[-1]}",
            where=op.name,
            remedy="its fix positions are wrong: the DPU has shift_cut 0..16",
        )
    return cut, raised


def activation_of(op: Op) -> Activation:
    """Return the activation that `nonlinear` and its parameters name.

    Raises:
        QuantError: It is unknown, or a parameter is missing.
    """
    name = text(op, "nonlinear") if "nonlinear" in op.attrs else ""
    if name not in {"", *(act.value for act in Act)}:
        raise QuantError(f"{op.type} '{op.name}' has the unknown activation '{name}'", where=op.name)
    act = Act(name or "NONE")
    if act is Act.RELU6:
        return arith.relu6(position(op))
    if act is Act.LEAKYRELU:
        return arith.leaky(real(op, "LEAKYRELU_alpha")) if "LEAKYRELU_alpha" in op.attrs else Activation(act)
    if act is Act.PRELU:
        return Activation(act, slope=(number(op, "prelu_in"), number(op, "prelu_shift")))
    if act in (Act.NONE, Act.RELU):
        return Activation(act)
    last = _set(op, "shift_hswish") if act is Act.HSWISH else 0
    return Activation(act, hsigmoid_in=_set(op, "hsigmoid_in"), shift_hsigmoid=_set(op, "shift_hsigmoid"), shift_hswish=last)


def _set(op: Op, name: str) -> int:
    value = number(op, name)
    if value == UNSET:
        raise QuantError(f"{op.type} '{op.name}' leaves '{name}' unset ({UNSET}), which its activation needs", where=op.name)
    return value


def _pool(graph: Graph, op: Op) -> Pool:
    window, average = window_of(op, _shape(graph, op)), text(op, "type", "MAX", "AVG") == "AVG"
    if average and window.padded and op.attrs.get("count_include_pad", True) is False:
        raise QuantError(
            f"the average pool '{op.name}' leaves its padding out, which the DPU cannot",
            where=op.name,
            remedy="let the mean count the padding, or pad nothing",
        )
    return Pool(name=op.name, inputs=(op.arg("input"),), rounding=_rounding(op), average=average, window=window, shift=_shift(graph, op))


def _eltwise(graph: Graph, op: Op) -> Eltwise:
    inputs, activation = tuple(op.args.get("input", [])), activation_of(op)
    if not inputs:
        raise QuantError(f"{op.type} '{op.name}' has no inputs", where=op.name)
    return Eltwise(
        name=op.name,
        inputs=inputs,
        rounding=_rounding(op),
        product=text(op, "type", "ADD", "MUL") == "MUL",
        positions=tuple(position(graph.op(name)) for name in inputs),
        out=activation.hsigmoid_in if activation.tabled else position(op),
        activation=activation,
    )


def _concat(graph: Graph, op: Op) -> Concat:
    inputs = tuple(op.args.get("input", []))
    shifts = tuple(position(graph.op(name)) - position(op) for name in inputs)
    return Concat(name=op.name, inputs=inputs, rounding=_rounding(op), axis=number(op, "axis") % len(op.tensor.shape), shifts=shifts)


def _resize(graph: Graph, op: Op) -> Step:
    """Read `upsample-fix` and `downsample-fix`; whole factors have a fast form."""
    shape, out, shift = _shape(graph, op), op.tensor.shape, _shift(graph, op)
    exotic = any(op.attrs.get(name) is True for name in ("align_corners", "half_pixel_centers"))
    whole = out[1] % shape[1] == 0 and out[2] % shape[2] == 0
    if text(op, "mode", "NEAREST", "BILINEAR") == "NEAREST" and whole and not exotic:
        factors = (out[1] // shape[1], out[2] // shape[2])
        return Upsample(name=op.name, inputs=(op.arg("input"),), rounding=_rounding(op), factors=factors, shift=shift)
    rounding = _rounding(op)

    def run(maps: Sequence[Codes]) -> Codes:
        blended = kernels_float.KERNELS["resize"](op, {"input": [maps[0].astype(np.float32)]})
        return arith.saturate(arith.round_real(np.ldexp(blended.astype(np.float64), -shift), rounding))

    return Plain(name=op.name, inputs=(op.arg("input"),), function=run)


def _hard_sigmoid(graph: Graph, op: Op) -> Plain:
    rounding = _rounding(op)
    entering = number(op, "hsigmoid_in") if "hsigmoid_in" in op.attrs else position(_source(graph, op))
    shift = _set(op, "shift_hsigmoid") if "shift_hsigmoid" in op.attrs else 14 + entering - position(op)
    return Plain(name=op.name, inputs=(op.arg("input"),), function=lambda maps: arith.hard_sigmoid(maps[0], entering, shift, rounding))


def _pad(graph: Graph, op: Op) -> Plain:
    constants = op.attrs.get("constant_values")
    filler = _byte(op, constants)
    shift = _shift(graph, op)
    mode, paddings = text(op, "mode", "CONSTANT", "REFLECT", "SYMMETRIC"), ints(op, "paddings", 2 * len(op.tensor.shape))
    margins = list(zip(paddings[::2], paddings[1::2], strict=True))

    def run(maps: Sequence[Codes]) -> Codes:
        if mode == "CONSTANT":
            return arith.requantize(np.pad(maps[0], margins, constant_values=filler), shift)
        return arith.requantize(np.pad(maps[0], margins, mode="reflect" if mode == "REFLECT" else "symmetric"), shift)

    return Plain(name=op.name, inputs=(op.arg("input"),), function=run)


def _byte(op: Op, constants: object) -> int:
    """Return the code that a constant margin is made of: the first byte or number of `constant_values`, zero where there is none."""
    if not constants:
        return 0
    first = constants[0] if isinstance(constants, bytes | list) else None
    if isinstance(first, bytes):
        first = first[0]
    if not isinstance(first, int):
        raise QuantError(f"the 'constant_values' of {op.type} '{op.name}' are no bytes", where=op.name)
    return (first + 128) % 256 - 128


def _moved(graph: Graph, op: Op) -> Plain:
    """Read `reshape-fix` and `strided_slice-fix`: values move, and change position where the tensors say so."""
    kernel = kernels_float.KERNELS[op.type.removesuffix("-fix")]
    shift, rounding = _shift(graph, op), _rounding(op)

    def run(maps: Sequence[Codes]) -> Codes:
        moved: NDArray[Any] = kernel(op, {"input": maps})
        return arith.requantize(moved, shift, rounding) if shift else np.ascontiguousarray(moved)

    return Plain(name=op.name, inputs=(op.arg("input"),), function=run)


_READERS: Mapping[str, Callable[[Graph, Op], Step]] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(("upsample-fix", "downsample-fix"), _resize),
    **dict.fromkeys(("reshape-fix", "strided_slice-fix"), _moved),
    "pool-fix": _pool,
    "eltwise-fix": _eltwise,
    "concat-fix": _concat,
    "hard-sigmoid-fix": _hard_sigmoid,
    "pad-fix": _pad,
}
