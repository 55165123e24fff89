"""Shape inference: the shape of an op's output from those of its inputs and its attributes, as XIR defines it."""

from collections.abc import Callable
from math import prod

import numpy as np

from net2bit.errors import ModelError
from net2bit.xir.access import flag, ints, number, reals, text
from net2bit.xir.graph import Graph, Op

Shape = tuple[int, ...]

PAD_MODES = ("FLOOR", "CEIL", "SAME", "VALID")


def infer(graph: Graph, op: Op) -> Shape | None:
    """Return the output's shape that *op* implies, or None where its type has no rule here (a vendor's own op).

    *op* need not be in *graph*, but its producers must be.

    Raises:
        ModelError: An attribute is wrong, or the inputs do not fit the op; it names the op.
    """
    rule = _RULES.get(op.type)
    if rule is None:
        return None
    shape = rule(graph, op)
    if any(size < 1 for size in shape):
        raise _misfit(op, f"its output would have the shape {list(shape)}")
    return shape


def window(size: int, kernel: int, stride: int, pad: int, mode: str) -> int:
    """Return how many times a window fits along one axis.

    Args:
        size: Of the input.
        kernel: Reach of the window, dilation included: `(kernel - 1) * dilation + 1`.
        stride: Step of the window.
        pad: Both sides together.
        mode: One of `PAD_MODES`. SAME and VALID are TensorFlow's; CEIL also counts a window that hangs over the end.
    """
    if mode == "SAME":
        return -(-(size + pad) // stride)
    room = size + pad - kernel
    return (room // stride if mode in {"FLOOR", "VALID"} else -(-room // stride)) + 1


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return what TensorFlow's SAME pads before and behind, the odd one behind. *kernel* includes the dilation."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _misfit(op: Op, why: str) -> ModelError:
    return ModelError(f"{op.type} '{op.name}' does not fit its inputs: {why}", where=op.name)


def _shapes(graph: Graph, op: Op, arg: str = "input") -> list[Shape]:
    found = [tuple(graph.op(name).tensor.shape) for name in op.args.get(arg, [])]
    if not found:
        raise _misfit(op, f"nothing feeds its argument '{arg}'")
    return found


def _first(graph: Graph, op: Op) -> Shape:
    return _shapes(graph, op)[0]


def _map(graph: Graph, op: Op, arg: str = "input") -> tuple[int, int, int, int]:
    """Return the four sizes of a feature map or a weight tensor."""
    shape = _shapes(graph, op, arg)[0]
    if len(shape) != 4:  # noqa: PLR2004  NHWC and OHWI have four axes
        raise _misfit(op, f"its argument '{arg}' has the shape {list(shape)}, not four axes")
    return shape[0], shape[1], shape[2], shape[3]


def _axis(op: Op, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise _misfit(op, f"axis {axis} of {rank}")
    return axis % rank


def _slide(op: Op, height: int, width: int) -> tuple[int, int]:
    """Return height and width of what a window of the op's kernel makes."""
    kernel, stride = ints(op, "kernel", 2), ints(op, "stride", 2)
    dilation = ints(op, "dilation", 2) if "dilation" in op.attrs else [1, 1]
    left, right, top, bottom = ints(op, "pad", 4)
    if min(*kernel, *stride, *dilation) < 1:
        raise _misfit(op, "kernel, stride and dilation must be positive")
    mode = text(op, "pad_mode", *PAD_MODES) if "pad_mode" in op.attrs else "FLOOR"
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    return (window(height, reach[1], stride[1], top + bottom, mode), window(width, reach[0], stride[0], left + right, mode))


def _filter(graph: Graph, op: Op, outputs: int) -> None:
    """Check kernel and bias against the weights."""
    _, height, width, _ = _map(graph, op, "weights")
    if ints(op, "kernel", 2) != [width, height]:
        raise _misfit(op, f"kernel {ints(op, 'kernel')} ([w, h]) against weights of height {height} and width {width}")
    if op.args.get("bias") and prod(_shapes(graph, op, "bias")[0]) != outputs:
        raise _misfit(op, f"{prod(_shapes(graph, op, 'bias')[0])} bias values for {outputs} channels")


def _conv(graph: Graph, op: Op) -> Shape:
    batch, height, width, channels = _map(graph, op)
    outputs, *_, fan_in = _map(graph, op, "weights")
    group = number(op, "group") if "group" in op.attrs else 1
    if group < 1 or fan_in * group != channels or outputs % group:
        raise _misfit(op, f"weights for {fan_in} input channels in {group} groups, an input of {channels}, {outputs} output channels")
    _filter(graph, op, outputs)
    return batch, *_slide(op, height, width), outputs


def _depthwise(graph: Graph, op: Op) -> Shape:
    batch, height, width, channels = _map(graph, op)
    multiplier, *_, own = _map(graph, op, "weights")
    if own != channels:
        raise _misfit(op, f"weights for {own} channels, an input of {channels}")
    _filter(graph, op, channels * multiplier)
    return batch, *_slide(op, height, width), channels * multiplier


def _widen(op: Op, size: int, at: int, pad: int) -> int:
    """Return the size of a transposed convolution's output along width (*at* 0) or height (1)."""
    kernel, stride, dilation = (ints(op, name, 2)[at] for name in ("kernel", "stride", "dilation"))
    mode = text(op, "pad_mode", *PAD_MODES) if "pad_mode" in op.attrs else "FLOOR"
    if mode == "SAME":
        return size * stride
    return (size - 1) * stride + (kernel - 1) * dilation + 1 - (pad if mode in {"FLOOR", "CEIL"} else 0)


def _transposed(graph: Graph, op: Op) -> Shape:
    batch, height, width, channels = _map(graph, op)
    outputs, *_, own = _map(graph, op, "weights")
    if own != channels:
        raise _misfit(op, f"weights for {own} input channels, an input of {channels}")
    outputs = channels if op.type.startswith("transposed-depthwise") else outputs
    _filter(graph, op, outputs)
    left, right, top, bottom = ints(op, "pad", 4)
    return batch, _widen(op, height, 1, top + bottom), _widen(op, width, 0, left + right), outputs


def _pool(graph: Graph, op: Op) -> Shape:
    batch, height, width, channels = _map(graph, op)
    if "global" in op.attrs and flag(op, "global"):
        return batch, 1, 1, channels
    return batch, *_slide(op, height, width), channels


def _resize(graph: Graph, op: Op) -> Shape:
    batch, height, width, channels = _map(graph, op)
    if op.args.get("size"):
        data = graph.op(op.arg("size")).data
        if data is None or data.size != 2:  # noqa: PLR2004  height and width
            raise _misfit(op, "its argument 'size' must be a constant of height and width")
        return batch, int(data.flat[0]), int(data.flat[1]), channels
    scale = reals(op, "scale", 2)
    return batch, int(height * scale[1]), int(width * scale[0]), channels


def _broadcast(graph: Graph, op: Op) -> Shape:
    return _spread(op, _shapes(graph, op))


def _spread(op: Op, shapes: list[Shape]) -> Shape:
    """Return the shape that *shapes* broadcast to."""
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        raise _misfit(op, "shapes " + " and ".join(str(list(shape)) for shape in shapes)) from None


def _concat(graph: Graph, op: Op) -> Shape:
    shapes = _shapes(graph, op)
    axis = _axis(op, number(op, "axis"), len(shapes[0]))
    rest = {shape[:axis] + shape[axis + 1 :] for shape in shapes}
    if len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise _misfit(op, f"shapes {[list(shape) for shape in shapes]} differ beside axis {axis}")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _stack(graph: Graph, op: Op) -> Shape:
    shapes = _shapes(graph, op)
    if len(set(shapes)) > 1:
        raise _misfit(op, f"shapes {[list(shape) for shape in shapes]} differ")
    axis = _axis(op, number(op, "axis"), len(shapes[0]) + 1)
    return (*shapes[0][:axis], len(shapes), *shapes[0][axis:])


def _reshape(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    wanted = ints(op, "shape")
    known = prod(size for size in wanted if size != -1)
    if wanted.count(-1) == 1 and known > 0 and prod(shape) % known == 0:
        wanted[wanted.index(-1)] = prod(shape) // known
    if prod(wanted) != prod(shape) or -1 in wanted:
        raise _misfit(op, f"shape {list(shape)} cannot become {ints(op, 'shape')}")
    return tuple(wanted)


def _flatten(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    start, end = (_axis(op, number(op, name), len(shape)) for name in ("start_axis", "end_axis"))
    if start > end:
        raise _misfit(op, f"axes {start} to {end}")
    return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])


def _squeeze(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    axes = {_axis(op, axis, len(shape)) for axis in ints(op, "axis")} or {at for at, size in enumerate(shape) if size == 1}
    if any(shape[axis] != 1 for axis in axes):
        raise _misfit(op, f"axes {sorted(axes)} of {list(shape)} are not all 1")
    return tuple(size for at, size in enumerate(shape) if at not in axes)


def _transpose(graph: Graph, op: Op) -> Shape:
    shape, order = _first(graph, op), ints(op, "order")
    if sorted(order) != list(range(len(shape))):
        raise _misfit(op, f"order {order} of {len(shape)} axes")
    return tuple(shape[axis] for axis in order)


def _pad(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    margins = ints(op, "paddings", 2 * len(shape))
    return tuple(before + size + behind for before, size, behind in zip(margins[::2], shape, margins[1::2], strict=True))


def _slice(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    parts = [ints(op, name, len(shape)) for name in ("begin", "end", "strides")]
    return tuple(len(range(*slice(*part).indices(size))) for size, *part in zip(shape, *parts, strict=True))


def _matmul(graph: Graph, op: Op) -> Shape:
    shapes = _shapes(graph, op)
    if len(shapes) != 2 or min(map(len, shapes)) < 2:  # noqa: PLR2004  two matrices, of two axes at least
        raise _misfit(op, f"matrices {[list(shape) for shape in shapes]}")
    left, right = (
        (*shape[:-2], shape[-1], shape[-2]) if flag(op, name) else shape
        for shape, name in zip(shapes, ("transpose_a", "transpose_b"), strict=True)
    )
    if left[-1] != right[-2]:
        raise _misfit(op, f"{list(left)} times {list(right)}")
    return (*_spread(op, [left[:-2], right[:-2]]), left[-2], right[-1])


def _inner(graph: Graph, op: Op) -> Shape:
    shape, weights = _first(graph, op), _shapes(graph, op, "weights")[0]
    axis = _axis(op, number(op, "axis"), len(shape))
    if prod(shape[axis:]) != prod(weights[1:]):
        raise _misfit(op, f"input {list(shape)} from axis {axis} against weights {list(weights)}")
    return (*shape[:axis], weights[0])


def _reduce(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    axes = {_axis(op, axis, len(shape)) for axis in ints(op, "axis")}
    if flag(op, "keep_dims"):
        return tuple(1 if at in axes else size for at, size in enumerate(shape))
    return tuple(size for at, size in enumerate(shape) if at not in axes)


def _argmax(graph: Graph, op: Op) -> Shape:
    shape = _first(graph, op)
    axis = _axis(op, number(op, "axis"), len(shape))
    kept = (1,) if op.type == "argmax-fix" or number(op, "keepdims") else ()
    return (*shape[:axis], *kept, *shape[axis + 1 :])


def _source(_graph: Graph, op: Op) -> Shape:
    return tuple(op.tensor.shape)


_SAME = (
    *("fix", "float2fix", "fix2float", "upload", "download", "identity", "threshold", "cast", "batchnorm", "scale"),
    *("relu", "leaky-relu", "relu6", "prelu", "elu", "gelu", "clamp", "sigmoid", "hard-sigmoid", "hard-sigmoid-fix"),
    *("swish", "hard-swish", "tanh", "softmax", "hard-softmax"),
)
_RULES: dict[str, Callable[[Graph, Op], Shape]] = {
    **dict.fromkeys(_SAME, _first),
    **dict.fromkeys(("data", "const", "data-fix", "const-fix"), _source),
    **dict.fromkeys(("conv2d", "conv2d-fix"), _conv),
    **dict.fromkeys(("depthwise-conv2d", "depthwise-conv2d-fix"), _depthwise),
    **dict.fromkeys((f"transposed-{what}conv2d{fix}" for what in ("", "depthwise-") for fix in ("", "-fix")), _transposed),
    **dict.fromkeys(("maxpool2d", "avgpool2d", "pool-fix"), _pool),
    **dict.fromkeys(("resize", "upsample-fix", "downsample-fix"), _resize),
    **dict.fromkeys(("add", "sub", "mul", "div", "max", "min", "eltwise-fix", "depthwise-fix"), _broadcast),
    **dict.fromkeys(("concat", "concat-fix"), _concat),
    **dict.fromkeys(("reshape", "reshape-fix"), _reshape),
    **dict.fromkeys(("pad", "pad-fix"), _pad),
    **dict.fromkeys(("strided_slice", "strided_slice-fix"), _slice),
    **dict.fromkeys(("reduction_mean", "reduction_mean-fix", "reduction_max", "reduction_sum"), _reduce),
    **dict.fromkeys(("argmax", "argmax-fix"), _argmax),
    "stack": _stack,
    "flatten": _flatten,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "matmul": _matmul,
    "inner-product": _inner,
}
