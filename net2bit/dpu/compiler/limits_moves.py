"""What a target can compute of the ops that are no windows: sums and products, hard sigmoids, and what moves data."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from net2bit.dpu.arch import Arch
from net2bit.errors import QuantError
from net2bit.quant.arith import Act, Activation
from net2bit.quant.kernels_read import position, step_of
from net2bit.quant.kernels_steps import Concat, Convolution, Eltwise, Upsample
from net2bit.quant.kernels_window import Window
from net2bit.xir.access import ints
from net2bit.xir.graph import Graph, Op

KERNEL: Final = 16
FACTOR: Final = 127
"""The greatest code."""
SHIFT_READ: Final = 15
SHIFT_WRITE: Final = (-15, 15)
SHIFT_LEAKY: Final = (-7, 23)
GUARD: Final = 2
"""Bits below the point that ELEW keeps."""
OPERANDS: Final = 4
BLIND: Final = "a window of its kernel sees nothing but padding", "use less padding, or a smaller dilation"
"""Why a window stays on the processor that hangs wholly over the edge of its map."""
AXES: Final = 4
SIDES: Final = 8

Why = tuple[str, str] | None
"""The reason and the remedy."""


def position_within(graph: Graph, op: Op, what: str, value: int, bounds: tuple[int, int]) -> None:
    """Refuse a shift outside of *bounds*.

    Raises:
        QuantError: It names the tensors and their positions.
    """
    if not bounds[0] <= value <= bounds[1]:
        named = ", ".join(f"'{name}' {position(graph.op(name))}" for name in [*op.producers, op.name])
        raise QuantError(
            f"{op.type} '{op.name}' needs {what} {value}; the DPU has {bounds[0]} to {bounds[1]}",
            where=f"{op.name}: fix positions {named}",
            remedy="quantize again with the DPU's limits (quant.limits)",
        )


def eltwise(graph: Graph, op: Op, arch: Arch) -> Why:
    """Return why a sum or product stays on the processor; shifts beyond the fields are an error."""
    step = step_of(graph, op)
    assert isinstance(step, Eltwise)  # noqa: S101 - the table of rules says so
    act = step.activation
    if act.act is Act.LEAKYRELU and len(step.inputs) == 1:
        return _leaky(graph, op, step, arch)
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


def _leaky(graph: Graph, op: Op, step: Eltwise, arch: Arch) -> Why:
    """Return why a leaky ReLU by itself stays on the processor."""
    position_within(graph, op, "shift", step.positions[0] - step.out, SHIFT_LEAKY)
    if why := slope(step.activation):
        return why
    return None if arch.alu_leaky else ("the ALU of this DPU is configured without LeakyReLU", "build it with ALU_RELU_LEAKYRELU_RELU6")


def slope(act: Activation) -> Why:
    """Return why a leaky ReLU is not the DPU's."""
    top, down = act.slope
    if top * 256 != 26 << down:
        return f"its LeakyReLU has slope {top / (1 << down):g}; the DPU's is 0.1015625 (26/256)", "train with that slope"
    return None


def _product(graph: Graph, op: Op, step: Eltwise) -> Why:
    position_within(graph, op, "shift_write", step.out - sum(step.positions), SHIFT_WRITE)
    return None


def _sum(graph: Graph, op: Op, step: Eltwise) -> Why:
    lowest = min(step.positions)
    read = [at - lowest for at in step.positions]
    position_within(graph, op, "shift_read", max(read), (0, SHIFT_READ))
    position_within(graph, op, "shift_write", step.out - lowest, SHIFT_WRITE)
    fine = sum(shift > GUARD for shift in read)
    if fine > 1 or (fine and step.out - lowest >= GUARD):
        return (
            f"its operands' fix positions {list(step.positions)} and {step.out} of the sum need more bits than the DPU's adder keeps",
            "quantize with positions closer together",
        )
    return None


def around(graph: Graph, op: Op, window: Window) -> tuple[Window, tuple[int, ...]]:
    """Return the window as it slides over the map inside of a margin, which its reader adds itself, and the shape of that map."""
    source = graph.op(op.arg("input"))
    if source.type != "pad-fix" or len(ints(source, "paddings")) != SIDES:
        return window, tuple(source.tensor.shape)
    top, bottom, left, right = ints(source, "paddings")[2:6]
    before, after = (window.before[0] + top, window.before[1] + left), (window.after[0] + bottom, window.after[1] + right)
    return replace(window, before=before, after=after), tuple(graph.op(source.arg("input")).tensor.shape)


def sigmoid(graph: Graph, op: Op, arch: Arch) -> Why:
    """Refuse a hard sigmoid whose shifts the DPU lacks."""
    del arch
    entering = op.attrs.get("hsigmoid_in")
    at = entering if isinstance(entering, int) else position(graph.op(op.arg("input")))
    given = op.attrs.get("shift_hsigmoid")
    position_within(graph, op, "hsigmoid_in", at, (0, 15))
    position_within(graph, op, "shift_hsigmoid", given if isinstance(given, int) else 14 + at - position(op), (0, 63))
    return None


def concat(graph: Graph, op: Op, arch: Arch) -> Why:
    """Return why a concatenation stays on the processor."""
    del arch
    step = step_of(graph, op)
    assert isinstance(step, Concat)  # noqa: S101 - the table of rules says so
    if len(op.tensor.shape) != AXES or step.axis == 0:
        return "it does not join maps along height, width or channels", "join maps of four axes"
    return None


def upsample(graph: Graph, op: Op, arch: Arch) -> Why:
    """Return why a resizing stays on the processor."""
    del arch
    if not isinstance(step_of(graph, op), Upsample):
        return (
            "the DPU resizes by repeating pixels a whole number of times only",
            "use nearest upsampling by 2, or a transposed convolution",
        )
    return None


def reshape(graph: Graph, op: Op, arch: Arch) -> Why:
    """Return why a new shape stays on the processor."""
    del arch
    if position(graph.op(op.arg("input"))) != position(op):
        return "it changes the fix position", "quantize both sides alike"
    return None


def pad(graph: Graph, op: Op, arch: Arch) -> Why:
    """Return why a margin stays on the processor."""
    del graph, arch
    paddings = ints(op, "paddings")
    filled = op.attrs.get("constant_values")
    zero = not filled or not any(filled if isinstance(filled, bytes | list) else [1])
    if len(paddings) != SIDES or any(paddings[:2]) or any(paddings[6:]) or op.attrs.get("mode") != "CONSTANT" or not zero:
        return "it is no margin of zeros around height and width", "pad with zeros"
    return None


def move_behind(graph: Graph, held: dict[str, tuple[str, str]]) -> None:
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
