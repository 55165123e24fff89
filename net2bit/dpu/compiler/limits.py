"""What a target can compute (the vendor's table of supported operators, UG1414, and the widths of the instruction fields).

An op beyond a limit goes to the processor, with the reason and what to change. Fix positions beyond the shifters are an error: the
processor would compute them, but the network would have been quantized for another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.front.phases import possible, slides
from net2bit.dpu.compiler.front.reasons import Reason
from net2bit.errors import QuantError
from net2bit.quant.arith import Act, average_factor
from net2bit.quant.kernels_read import position, step_of
from net2bit.quant.kernels_steps import Concat, Convolution, Eltwise, Pool, Upsample
from net2bit.quant.kernels_window import Spread, Window
from net2bit.xir.access import ints
from net2bit.xir.graph import CONSTANTS, Graph, Op

KERNEL: Final = 16
STRIDE: Final = 8
PAD: Final = 15
GROUPS: Final = 256
"""Channel groups of a map that instructions can count."""
POOL_KERNEL: Final = 256
SHIFT_CUT: Final = (0, 63)
SHIFT_BIAS: Final = 20
SHIFT_READ: Final = 15
SHIFT_WRITE: Final = (-15, 15)
GUARD: Final = 2
"""Bits below the point that ELEW keeps."""
OPERANDS: Final = 4
EXACT: Final = 1 << 24
"""Below it the float32 arithmetic of average pooling is exact."""
FACTOR: Final = 127
AXES: Final = 4
SIDES: Final = 8

Why = tuple[str, str] | None
"""The reason and the remedy."""

_UNKNOWN: Final = {
    "fix2float": ("it leaves fixed point", ""),
    "float2fix": ("it enters fixed point", ""),
    "softmax": ("it works on floating-point numbers", "leave it to the host, or take the greatest score instead"),
    "sigmoid": ("the DPU has no sigmoid, nor SiLU", "use a hard sigmoid; for a SiLU, LeakyReLU with slope 0.1015625 (26/256), or ReLU"),
    "swish": ("the DPU has no SiLU", "use LeakyReLU with slope 0.1015625 (26/256), or ReLU, and train again"),
    "mish": ("the DPU has no Mish", "use LeakyReLU with slope 0.1015625 (26/256), or ReLU, and train again"),
    "gelu": ("the DPU has no GELU", "use ReLU, and train again"),
}


def reasons(graph: Graph, arch: Arch) -> Iterator[Reason]:
    """Yield why ops of a `-fix` graph stay on the processor, in graph order.

    Raises:
        QuantError: Fix positions ask for shifts that the DPU does not have.
    """
    held = {op.name: why for op in graph if op.type not in ("data", "data-fix", *CONSTANTS) and (why := _why(graph, op, arch))}
    _move_behind(graph, held)
    for op in graph:
        if op.name in held:
            yield Reason(op.name, op.type, *held[op.name])


def _why(graph: Graph, op: Op, arch: Arch) -> Why:
    if op.type not in _RULES:
        return _UNKNOWN.get(op.type, (f"the DPU has no {op.type}", "replace the layer"))
    if any(graph.op(name).type in CONSTANTS for name in op.args.get("input", [])):
        return "one of its inputs is a constant", "fold the constant into the layer before"
    lines = max((arch.lines(graph.op(name).tensor.shape[-1]) for name in [op.name, *op.args.get("input", [])]), default=0)
    if lines > GROUPS:
        return (
            f"its {lines * arch.cp} channels are more than {GROUPS * arch.cp}",
            "use fewer channels, or a DPU with more parallel channels",
        )
    return _RULES[op.type](graph, op, arch)


def _position(graph: Graph, op: Op, what: str, value: int, bounds: tuple[int, int]) -> None:
    """Refuse a shift outside of *bounds*."""
    if not bounds[0] <= value <= bounds[1]:
        named = ", ".join(f"'{name}' {position(graph.op(name))}" for name in [*op.producers, op.name])
        raise QuantError(
            f"{op.type} '{op.name}' needs {what} {value}; the DPU has {bounds[0]} to {bounds[1]}",
            where=f"{op.name}: fix positions {named}",
            remedy="quantize again with the DPU's limits (quant.limits)",
        )


def _convolution(graph: Graph, op: Op, arch: Arch) -> Why:
    step = step_of(graph, op)
    assert isinstance(step, Convolution)  # noqa: S101 - the table of rules says so
    _position(graph, op, "shift_cut", step.shift_cut, SHIFT_CUT)
    _position(graph, op, "shift_bias", step.shift_bias, (-64, SHIFT_BIAS - 1))
    return _act(step, arch, depthwise="depthwise" in op.type) or _window(graph, op, step) or _weights(graph, op, step, arch)


def _act(step: Convolution, arch: Arch, *, depthwise: bool) -> Why:
    act = step.activation
    if act.act is Act.PRELU:
        return "convolutions of this DPU have no PReLU", "use LeakyReLU with slope 0.1015625 (26/256)"
    if act.act is Act.LEAKYRELU:
        top, down = act.slope
        if top * 256 != 26 << down:
            return f"its LeakyReLU has slope {top / (1 << down):g}; the DPU's is 0.1015625 (26/256)", "train with that slope"
        if not (arch.alu_leaky if depthwise else arch.leaky):
            option = "ALU_RELU_LEAKYRELU_RELU6" if depthwise else "CONV_RELU_LEAKYRELU_RELU6"
            return "this DPU is configured without LeakyReLU", f"build it with {option}, or use ReLU"
    return None


def _window(graph: Graph, op: Op, step: Convolution) -> Why:
    geometry = step.geometry
    source = graph.op(op.arg("input")).tensor.shape
    if isinstance(geometry, Spread):
        if geometry.window.dilation != (1, 1):
            return "it is transposed and dilated at once", "use dilation 1"
        kernel, stride, pads = geometry.window.kernel, (1, 1), (0, 0)
    else:
        if geometry.dilation != (1, 1) and geometry.stride != (1, 1):
            return "it has a dilation and a stride", "use one of the two"
        kernel, stride, pads = geometry.kernel, geometry.stride, geometry.before
    phases = [slides(geometry, axis, source[axis + 1], op.tensor.shape[axis + 1]) for axis in (0, 1)]
    kernel = max(phase.taps.number for phase in phases[0]), max(phase.taps.number for phase in phases[1])
    del pads
    return _sizes(kernel, stride, max(phase.before for axis in phases for phase in axis), KERNEL, STRIDE) or (
        None if all(map(possible, phases)) else ("a phase of its kernel sees nothing of the map", "use a smaller dilation")
    )


def _sizes(kernel: tuple[int, int], stride: tuple[int, int], pad: int, most: int, steps: int) -> Why:
    if max(kernel) > most:
        return f"its kernel {kernel[1]} x {kernel[0]} exceeds {most}", f"use kernels up to {most}, or a smaller map"
    if max(stride) > steps:
        return f"its stride {max(stride)} exceeds {steps}", f"use strides up to {steps}"
    if pad > PAD:
        return f"its padding {pad} exceeds {PAD}", "use less padding"
    return None


def _weights(graph: Graph, op: Op, step: Convolution, arch: Arch) -> Why:
    _, height, width, inputs = step.weights.shape
    if "depthwise" in op.type:
        if step.weights.shape[0] != graph.op(op.arg("input")).tensor.shape[-1]:
            return "its channel multiplier is not 1", "use a multiplier of 1"
        return None if height * width <= DEPTH else ("its kernel does not fit the weight bank", "use a smaller kernel")
    if isinstance(step.geometry, Spread):
        height, width = (-(-size // step_) for size, step_ in zip((height, width), step.geometry.stride, strict=True))
    lines = height * width * arch.lines(inputs)
    if lines > DEPTH:
        return (
            f"its weights take {lines} lines of a bank with {DEPTH} ({height} x {width} taps of {inputs} channels)",
            "use fewer channels, a smaller kernel or input, or a DPU with more parallel channels",
        )
    return None


def _pool(graph: Graph, op: Op, arch: Arch) -> Why:
    step = step_of(graph, op)
    assert isinstance(step, Pool)  # noqa: S101 - the table of rules says so
    window = step.window
    why = _sizes(window.kernel, (1, 1), max(window.before), POOL_KERNEL, POOL_KERNEL)
    rows = 1 if op.tensor.shape[1] == 1 else window.stride[0]
    if why is None and -(-window.kernel[0] // max(1, rows)) > 3 * arch.pp and op.tensor.shape[1] > 1:
        why = f"its window of {window.kernel[0]} rows is too high for {arch.pp} banks", "use a smaller window"
    if why is None and step.average:
        why = _average(*window.kernel)
    return why


def _average(height: int, width: int) -> Why:
    factor, _ = average_factor(height, width)
    while factor > FACTOR and factor % 2 == 0:
        factor //= 2
    if factor > FACTOR or height * width * 128 * factor >= EXACT:
        return f"the DPU cannot average {height} x {width} pixels exactly", "pool in two steps, or use a smaller input"
    return None


def _eltwise(graph: Graph, op: Op, arch: Arch) -> Why:
    del arch
    step = step_of(graph, op)
    assert isinstance(step, Eltwise)  # noqa: S101 - the table of rules says so
    act = step.activation
    if act.act in {Act.LEAKYRELU, Act.PRELU} or (act.act is Act.RELU6 and act.cap < FACTOR):
        return f"elementwise ops have no {act.act.value}", "use ReLU behind it"
    if not 1 + step.product <= len(step.inputs) <= (2 if step.product else OPERANDS):
        return f"it has {len(step.inputs)} operands", f"add {OPERANDS} or multiply 2 at a time"
    out = op.tensor.shape
    for name in step.inputs:
        shape = graph.op(name).tensor.shape
        if len(shape) != len(out) or (shape != out and not (len(shape) == AXES and shape[1:3] == (1, 1) and shape[3] == out[3])):
            return f"its operand '{name}' has the shape {list(shape)}, not {list(out)} or one pixel of it", "repeat the operand"
    return _product(graph, op, step) if step.product else _sum(graph, op, step)


def _product(graph: Graph, op: Op, step: Eltwise) -> Why:
    _position(graph, op, "shift_write", step.out - sum(step.positions), SHIFT_WRITE)
    return None


def _sum(graph: Graph, op: Op, step: Eltwise) -> Why:
    lowest = min(step.positions)
    read = [at - lowest for at in step.positions]
    _position(graph, op, "shift_read", max(read), (0, SHIFT_READ))
    _position(graph, op, "shift_write", step.out - lowest, SHIFT_WRITE)
    fine = sum(shift > GUARD for shift in read)
    if fine > 1 or (fine and step.out - lowest >= GUARD):
        return (
            f"its operands' fix positions {list(step.positions)} and {step.out} of the sum need more bits than the DPU's adder keeps",
            "quantize with positions closer together",
        )
    return None


def _sigmoid(graph: Graph, op: Op, arch: Arch) -> Why:
    del arch
    entering = op.attrs.get("hsigmoid_in")
    at = entering if isinstance(entering, int) else position(graph.op(op.arg("input")))
    given = op.attrs.get("shift_hsigmoid")
    _position(graph, op, "hsigmoid_in", at, (0, 15))
    _position(graph, op, "shift_hsigmoid", given if isinstance(given, int) else 14 + at - position(op), (0, 63))
    return None


def _concat(graph: Graph, op: Op, arch: Arch) -> Why:
    del arch
    step = step_of(graph, op)
    assert isinstance(step, Concat)  # noqa: S101 - the table of rules says so
    if len(op.tensor.shape) != AXES or step.axis == 0:
        return "it does not join maps along height, width or channels", "join maps of four axes"
    return None


def _upsample(graph: Graph, op: Op, arch: Arch) -> Why:
    del arch
    if not isinstance(step_of(graph, op), Upsample):
        return (
            "the DPU resizes by repeating pixels a whole number of times only",
            "use nearest upsampling by 2, or a transposed convolution",
        )
    return None


def _reshape(graph: Graph, op: Op, arch: Arch) -> Why:
    del arch
    if position(graph.op(op.arg("input"))) != position(op):
        return "it changes the fix position", "quantize both sides alike"
    return None


def _pad(graph: Graph, op: Op, arch: Arch) -> Why:
    del graph, arch
    paddings = ints(op, "paddings")
    filled = op.attrs.get("constant_values")
    zero = not filled or not any(filled if isinstance(filled, bytes | list) else [1])
    if len(paddings) != SIDES or any(paddings[:2]) or any(paddings[6:]) or op.attrs.get("mode") != "CONSTANT" or not zero:
        return "it is no margin of zeros around height and width", "pad with zeros"
    return None


def _move_behind(graph: Graph, held: dict[str, tuple[str, str]]) -> None:
    """Hold those ops that only their readers could carry out (a new shape, a margin) and some reader cannot; from the last op back."""
    for op in reversed(list(graph)):
        if op.name in held or op.type not in {"reshape-fix", "pad-fix"}:
            continue
        readers = [user for user in graph.consumers(op.name) if user.name not in held]
        if op.type == "reshape-fix" and not all(_same(graph, op) or _flat(graph, op, user) for user in readers):
            held[op.name] = "its new shape would have to be written anew", "flatten only ahead of a fully connected layer"
        if op.type == "pad-fix" and (len(readers) < max(1, len(graph.consumers(op.name))) or not all(map(_pads, readers))):
            held[op.name] = "only a convolution or an average can take zeros around its map", "put the padding into the layer behind"


def _same(graph: Graph, op: Op) -> bool:
    """Whether a reshape keeps height, width and channels."""
    shapes = [tuple(shape)[1:] for shape in (graph.op(op.arg("input")).tensor.shape, op.tensor.shape)]
    sizes = [(1,) * (3 - len(shape)) + shape if len(shape) < AXES else shape for shape in shapes]
    return sizes[0] == sizes[1]


def _flat(graph: Graph, op: Op, user: Op) -> bool:
    """Whether the reader takes the whole tensor at once, so that its shape does not matter."""
    if user.type == "reshape-fix":
        return True
    if user.type != "conv2d-fix":
        return False
    step = step_of(graph, user)
    assert isinstance(step, Convolution)  # noqa: S101 - its type says so
    source = graph.op(op.arg("input")).tensor.shape
    whole = isinstance(step.geometry, Window) and step.geometry.kernel == tuple(op.tensor.shape[1:3]) and not step.geometry.padded
    return whole and len(source) == AXES and max(source[1:3]) <= KERNEL and step.groups == 1


def _pads(user: Op) -> bool:
    return user.type in {"conv2d-fix", "depthwise-conv2d-fix"} or (user.type == "pool-fix" and user.attrs.get("type") == "AVG")


_RULES: Final[Mapping[str, Callable[[Graph, Op, Arch], Why]]] = {
    **dict.fromkeys(("conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"), _convolution),
    "pool-fix": _pool,
    "eltwise-fix": _eltwise,
    "hard-sigmoid-fix": _sigmoid,
    "concat-fix": _concat,
    "upsample-fix": _upsample,
    "downsample-fix": _upsample,
    "reshape-fix": _reshape,
    "pad-fix": _pad,
}
