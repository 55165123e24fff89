"""Passes on padding: TensorFlow's SAME and VALID become numbers, as the DPU and AMD's files want it, and margins become padding."""

from net2bit.xir.access import ints, reals, text
from net2bit.xir.fold import ends
from net2bit.xir.graph import Graph, Op
from net2bit.xir.shapes import same_padding

FRAMEWORK_MODES = ("SAME", "VALID")
WINDOWS = ("conv2d", "depthwise-conv2d", "maxpool2d", "avgpool2d", "transposed-conv2d", "transposed-depthwise-conv2d")
"""The op types that have a pad_mode."""


def explain_padding(graph: Graph) -> int:
    """Give every window explicit padding and the mode FLOOR; return how many changed."""
    found = [op for op in graph.of_type(*WINDOWS) if op.attrs.get("pad_mode") in FRAMEWORK_MODES]
    for op in found:
        op.attrs["pad"] = _padding(graph, op)
        op.attrs["pad_mode"] = "FLOOR"
    return len(found)


def _padding(graph: Graph, op: Op) -> list[int]:
    """Return `[left, right, top, bottom]`."""
    if op.attrs["pad_mode"] == "VALID" or op.attrs.get("global"):
        return [0, 0, 0, 0]
    _, height, width, _ = graph.op(op.arg("input")).tensor.shape
    kernel, stride = ints(op, "kernel", 2), ints(op, "stride", 2)
    dilation = ints(op, "dilation", 2) if "dilation" in op.attrs else [1, 1]
    reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    if op.type.startswith("transposed"):
        # What SAME cuts off the full output, the odd one behind: the gradient of a SAME convolution.
        cut = [(reach[at] - stride[at]) for at in (0, 1)]
        return [part for total in cut for part in (total // 2, total - total // 2)]
    return [*same_padding(width, reach[0], stride[0]), *same_padding(height, reach[1], stride[1])]


def fold_padding(graph: Graph) -> int:
    """Fold a margin of zeros around height and width into the convolutions that alone take it; return how many margins disappeared.

    A convolution never pads more than its kernel reaches, as the DPU wants it.
    """
    folded = 0
    for op in graph.of_type("pad"):
        users, margin = graph.consumers(op.name), _margin(op)
        if margin and users and op.name not in ends(graph) and all(_takes(user, op, margin) for user in users):
            for user in users:
                user.args["input"] = [op.arg("input")]
                user.attrs["pad"] = [one + other for one, other in zip(ints(user, "pad", 4), margin, strict=True)]
            graph.remove(op.name)
            folded += 1
    return folded


def _margin(op: Op) -> list[int]:
    """Return `[left, right, top, bottom]` of a margin of zeros around height and width; nothing where it is another margin."""
    paddings = ints(op, "paddings")
    filled = any(reals(op, "constant_values")) if "constant_values" in op.attrs else False
    if len(paddings) != 8 or any(paddings[:2]) or any(paddings[6:]) or filled or text(op, "mode") != "CONSTANT":  # noqa: PLR2004  NHWC
        return []
    top, bottom, left, right = paddings[2:6]
    return [left, right, top, bottom]


def _takes(user: Op, op: Op, margin: list[int]) -> bool:
    if user.type not in {"conv2d", "depthwise-conv2d"} or text(user, "pad_mode") != "FLOOR" or user.args["input"] != [op.name]:
        return False
    reach = [(size - 1) * step for size, step in zip(ints(user, "kernel", 2), ints(user, "dilation", 2), strict=True)]
    limits = [reach[0], reach[0], reach[1], reach[1]]
    return all(one + other <= limit for one, other, limit in zip(ints(user, "pad", 4), margin, limits, strict=True))
