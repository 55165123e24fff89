"""How TensorFlow's layers become XIR's: convolutions, products, normalizations, activations, pooling, resizing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.xir import build
from net2bit.xir.graph import Attr, Op
from net2bit.xir.tf.constant import axes
from net2bit.xir.tf.importer import Importer, Rule
from net2bit.xir.tf.node import Node

Array = NDArray[Any]
MAP_RANK = 4


def conv2d(net: Importer, node: Node) -> Op:
    """Convert a convolution; its kernel `[h, w, in, out]` becomes OHWI. Fewer input channels than the map has mean groups."""
    source, kernel = net.map(node, 0), _kernel(net, node, 1)
    weights = net.const(net.held(node, 1), f"{node.name}_weights", kernel.transpose(3, 0, 1, 2))
    group = source.tensor.shape[-1] // kernel.shape[2] if kernel.shape[2] else 1
    return build.conv2d(net.graph, node.name, source, weights, **_window(node), dilation=_pair(node, "dilations"), group=group)


def depthwise(net: Importer, node: Node) -> Op:
    """Convert a depthwise convolution; its kernel `[h, w, channels, multiplier]` becomes `[multiplier, h, w, channels]`."""
    source, kernel = net.map(node, 0), _kernel(net, node, 1)
    weights = net.const(net.held(node, 1), f"{node.name}_weights", kernel.transpose(3, 0, 1, 2))
    return build.depthwise_conv2d(net.graph, node.name, source, weights, **_window(node), dilation=_pair(node, "dilations"))


def transposed(net: Importer, node: Node) -> Op:
    """Convert a transposed convolution, which TensorFlow calls a gradient: inputs are the output's shape, kernel and map.

    Its kernel `[h, w, out, in]` is flipped in both directions; what SAME cuts off follows from the output's shape.
    """
    source, kernel = net.map(node, 2), _kernel(net, node, 1)
    _, height, width, _ = (int(size) for size in net.constant(node, 0))
    stride = _pair(node, "strides")
    if _pair(node, "dilations") != [1, 1]:
        raise node.fail("is dilated, which a transposed convolution of the DPU cannot be")
    flipped = np.ascontiguousarray(kernel[::-1, ::-1]).transpose(2, 0, 1, 3)
    pad: list[int] = []
    for axis, out in ((2, width), (1, height)):
        total = (source.tensor.shape[axis] - 1) * stride[2 - axis] + kernel.shape[axis - 1] - out
        if total < 0:
            raise node.fail("has a kernel smaller than its stride, and an output larger than both make")
        pad += [total // 2, total - total // 2]
    weights = net.const(net.held(node, 1), f"{node.name}_weights", flipped)
    return build.transposed_conv2d(net.graph, node.name, source, weights, stride=stride, pad=pad)


def matmul(net: Importer, node: Node) -> Op:
    """Convert a product of a map `[1, in]` and a constant matrix: a fully connected layer with weights `[out, in]`."""
    source, matrix = net.map(node, 0), net.constant(node, 1)
    if node.flag("transpose_a") or matrix.ndim != 2 or len(source.tensor.shape) != 2:  # noqa: PLR2004  matrices have two axes
        raise node.fail("is no fully connected layer: a map [1, in] times a constant matrix [in, out]")
    weights = matrix if node.flag("transpose_b") else matrix.T
    return build.inner_product(net.graph, node.name, source, net.const(net.held(node, 1), f"{node.name}_weights", weights))


def batchnorm(net: Importer, node: Node) -> Op:
    """Convert a batch normalization with fixed moments."""
    if node.flag("is_training", default=True):
        raise node.fail("is in training mode", "freeze the network for inference (is_training=False)")
    _nhwc(node)
    parts = ("gamma", "beta", "moving_mean", "moving_var")
    moments = {part: net.const(net.held(node, at), f"{node.name}_{part}") for at, part in enumerate(parts, start=1)}
    return build.batchnorm(net.graph, node.name, net.map(node, 0), moments, node.real("epsilon", 1e-4))


def leaky_relu(net: Importer, node: Node) -> Op:
    """Convert a leaky rectifier; TensorFlow's default slope is 0.2."""
    return build.leaky_relu(net.graph, node.name, net.map(node, 0), node.real("alpha", 0.2))


def unary(op_type: str, **attrs: Attr) -> Rule:
    """Return the rule for an operation that has the same form in XIR."""

    def rule(net: Importer, node: Node) -> Op:
        return build.place(net.graph, op_type, node.name, {"input": [net.map(node, 0)]}, attrs)

    return rule


def binary(op_type: str) -> Rule:
    """Return the rule for an operation on two maps, or on a map and a constant."""

    def rule(net: Importer, node: Node) -> Op:
        return build.place(net.graph, op_type, node.name, {"input": [net.map(node, 0), net.map(node, 1)]})

    return rule


def bias_add(net: Importer, node: Node) -> Op:
    """Convert a bias: a sum with one constant for each channel."""
    _nhwc(node)
    return build.add(net.graph, node.name, net.map(node, 0), net.map(node, 1))


def max_pool(net: Importer, node: Node) -> Op:
    """Convert a maximum over windows."""
    return build.maxpool2d(net.graph, node.name, net.map(node, 0), _pair(node, "ksize"), **_window(node))


def avg_pool(net: Importer, node: Node) -> Op:
    """Convert a mean over windows; TensorFlow leaves padding out of the mean."""
    attrs = _window(node) | {"count_include_pad": False, "count_include_invalid": True}
    return build.avgpool2d(net.graph, node.name, net.map(node, 0), _pair(node, "ksize"), **attrs)


def mean(net: Importer, node: Node) -> Op:
    """Convert a mean over axes; over height and width it is a global pooling, which the DPU can do."""
    source, over = net.map(node, 0), {axis % len(net.map(node, 0).tensor.shape) for axis in axes(net.constant(node, 1))}
    keep, shape = node.flag("keep_dims"), source.tensor.shape
    if over != {1, 2} or len(shape) != MAP_RANK:
        return build.reduction_mean(net.graph, node.name, source, sorted(over), keep_dims=keep)
    pooled = build.avgpool2d(net.graph, node.name if keep else f"{node.name}_pool", source, (shape[2], shape[1]), **{"global": True})
    return pooled if keep else build.reshape(net.graph, node.name, pooled, (shape[0], shape[3]))


def resize(mode: str) -> Rule:
    """Return the rule for a resizing to a constant size."""

    def rule(net: Importer, node: Node) -> Op:
        source, size = net.map(node, 0), [int(side) for side in net.constant(node, 1)]
        height, width = source.tensor.shape[1:3]
        scale = (size[1] / width, size[0] / height)
        if any(abs(round(factor) - factor) > 0 for factor in scale):
            raise node.fail(f"turns {height}x{width} into {size[0]}x{size[1]}: only whole factors can be converted")
        flags: dict[str, Attr] = {name: node.flag(name) for name in ("align_corners", "half_pixel_centers")}
        return build.resize(net.graph, node.name, source, scale, mode, **flags)

    return rule


def _kernel(net: Importer, node: Node, index: int) -> Array:
    kernel = net.constant(node, index)
    if kernel.ndim != MAP_RANK:
        raise node.fail(f"has a kernel of {kernel.ndim} axes, not {MAP_RANK}")
    return kernel


def _nhwc(node: Node) -> None:
    if node.text("data_format", "NHWC") != "NHWC":
        remedy = "build the network with data_format='channels_last' and freeze it again"
        raise node.fail(f"has the layout {node.text('data_format')}, only NHWC can be converted", remedy)


def _pair(node: Node, name: str) -> list[int]:
    """Return the attribute *name* (`strides`, of four axes) as `[w, h]`."""
    _nhwc(node)
    values = node.ints(name, (1, 1, 1, 1))
    if len(values) != MAP_RANK or values[0] != 1 or values[3] != 1:
        raise node.fail(f"has {name} {values}, which reach across images or channels")
    return [values[2], values[1]]


def _window(node: Node) -> dict[str, Any]:
    """Return stride and padding; explicit ones are `[n, n, top, bottom, left, right, c, c]`."""
    mode = node.text("padding")
    if mode == "EXPLICIT":
        top, bottom, left, right = node.ints("explicit_paddings")[2:6]
        return {"stride": _pair(node, "strides"), "pad_mode": "FLOOR", "pad": [left, right, top, bottom]}
    if mode not in {"SAME", "VALID"}:
        raise node.fail(f"has the unknown padding '{mode}'")
    return {"stride": _pair(node, "strides"), "pad_mode": mode}


RULES: dict[str, Rule] = {
    "Conv2D": conv2d,
    "DepthwiseConv2dNative": depthwise,
    "Conv2DBackpropInput": transposed,
    "MatMul": matmul,
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), batchnorm),
    "BiasAdd": bias_add,
    **dict.fromkeys(("Add", "AddV2"), binary("add")),
    "Sub": binary("sub"),
    "Mul": binary("mul"),
    "RealDiv": binary("div"),
    "Maximum": binary("max"),
    "Minimum": binary("min"),
    "Relu": unary("relu"),
    "Relu6": unary("relu6"),
    "LeakyRelu": leaky_relu,
    "Elu": unary("elu"),
    "Sigmoid": unary("sigmoid"),
    "Tanh": unary("tanh"),
    "Softmax": unary("softmax", axis=-1),
    "MaxPool": max_pool,
    "AvgPool": avg_pool,
    "Mean": mean,
    "ResizeNearestNeighbor": resize("NEAREST"),
    "ResizeBilinear": resize("BILINEAR"),
}
