"""What a target can compute (the vendor's table of supported operators, UG1414, and the widths of the instruction fields).

An op beyond a limit goes to the processor, with the reason and what to change. Fix positions beyond the shifters are an error: the
processor would compute them, but the network would have been quantized for another machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.front.phases import meets, possible, slides
from net2bit.dpu.compiler.front.reasons import Reason
from net2bit.dpu.compiler.limits_moves import (
    BLIND,
    FACTOR,
    KERNEL,
    Why,
    around,
    concat,
    eltwise,
    move_behind,
    pad,
    position_within,
    reshape,
    sigmoid,
    slope,
    upsample,
)
from net2bit.quant.arith import Act, average_factor
from net2bit.quant.kernels_read import step_of
from net2bit.quant.kernels_steps import Convolution, Pool
from net2bit.quant.kernels_window import Spread, Window
from net2bit.xir.graph import CONSTANTS, Graph, Op

STRIDE: Final = 8
PAD: Final = 15
JUMP: Final = 1 << 16
"""Bytes from pixel to pixel in DDR."""
GROUPS: Final = 256
"""Channel groups of a map that instructions can count."""
POOL_KERNEL: Final = 256
SHIFT_CUT: Final = (0, 63)
SHIFT_BIAS: Final = 20
EXACT: Final = 1 << 24
"""Below it the float32 arithmetic of average pooling is exact."""


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
    move_behind(graph, held)
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


def _convolution(graph: Graph, op: Op, arch: Arch) -> Why:
    step = step_of(graph, op)
    assert isinstance(step, Convolution)  # noqa: S101 - the table of rules says so
    position_within(graph, op, "shift_cut", step.shift_cut, SHIFT_CUT)
    position_within(graph, op, "shift_bias", step.shift_bias, (-64, SHIFT_BIAS - 1))
    return _act(step, arch, depthwise="depthwise" in op.type) or _window(graph, op, step) or _weights(graph, op, step, arch)


def _act(step: Convolution, arch: Arch, *, depthwise: bool) -> Why:
    act = step.activation
    if act.act is Act.PRELU:
        return "convolutions of this DPU have no PReLU", "use LeakyReLU with slope 0.1015625 (26/256)"
    if act.act is Act.LEAKYRELU:
        if why := slope(act):
            return why
        if not (arch.alu_leaky if depthwise else arch.leaky):
            option = "ALU_RELU_LEAKYRELU_RELU6" if depthwise else "CONV_RELU_LEAKYRELU_RELU6"
            return "this DPU is configured without LeakyReLU", f"build it with {option}, or use ReLU"
    return None


def _window(graph: Graph, op: Op, step: Convolution) -> Why:
    geometry = step.geometry
    source = graph.op(op.arg("input")).tensor.shape
    if isinstance(geometry, Window):
        geometry, source = around(graph, op, geometry)
    window = geometry.window if isinstance(geometry, Spread) else geometry
    if window.dilation != (1, 1) and geometry.stride != (1, 1):
        return "it has a dilation and a stride", "use one of the two"
    down, across = (slides(geometry, axis, source[axis + 1], op.tensor.shape[axis + 1]) for axis in (0, 1))
    jump = max(max(phase.read.step * source[3], phase.write.step * op.tensor.shape[3]) for phase in across)
    if jump > JUMP:
        return f"the pixels of one phase of its kernel lie {jump} bytes apart, {JUMP} at most", "use a smaller dilation, or fewer channels"
    kernel = max(phase.taps.number for phase in down), max(phase.taps.number for phase in across)
    stride = max(phase.stride for phase in down), max(phase.stride for phase in across)
    return _sizes(kernel, stride, max(phase.before for phase in (*down, *across)), KERNEL, STRIDE) or (
        None if possible(down, across) else BLIND
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
    window, source = around(graph, op, step.window)
    why = _sizes(window.kernel, (1, 1), max(window.before), POOL_KERNEL, POOL_KERNEL)
    axes = zip(window.kernel, window.stride, window.before, source[1:3], op.tensor.shape[1:3], strict=True)
    if why is None and not all(meets(*axis) for axis in axes):
        why = BLIND
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


_RULES: Final[Mapping[str, Callable[[Graph, Op, Arch], Why]]] = {
    **dict.fromkeys(("conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"), _convolution),
    "pool-fix": _pool,
    "eltwise-fix": eltwise,
    "hard-sigmoid-fix": sigmoid,
    "concat-fix": concat,
    "upsample-fix": upsample,
    "downsample-fix": upsample,
    "reshape-fix": reshape,
    "pad-fix": pad,
}
