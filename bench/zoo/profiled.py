"""Layers of the vendor's published hardware profiles, each as a graph of its own: what one job of the profiler computes.

The profiler runs a convolution with the pooling behind it as one job, every map through DDR.
"""

from collections.abc import Callable, Mapping
from functools import partial

from net2bit.xir.graph import Graph
from zoo.net import Net


def conv(size: int, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, pool: int = 0, padded: bool = True) -> Graph:
    """A convolution over a square map, and a pooling with step 2 where *pool* is its size."""
    net = Net("layer")
    x = net.conv(net.image(size, size, inputs), outputs, kernel, stride=stride, pad="same" if padded else 0)
    if pool:
        net.pool(x, pool, 2)
    return net.graph


def dense(inputs: int, outputs: int, size: int = 1) -> Graph:
    """A fully connected layer."""
    net = Net("layer")
    net.dense(net.image(size, size, inputs), outputs, "RELU")
    return net.graph


def transposed(size: int, inputs: int, outputs: int, stride: int) -> Graph:
    """A transposed convolution whose kernel is its stride."""
    net = Net("layer")
    net.transposed(net.image(size, size, inputs), outputs, stride, stride)
    return net.graph


def add(size: int, channels: int, operands: int) -> Graph:
    """A sum of several maps."""
    net = Net("layer")
    net.add(*(net.image(size, size, channels) for _ in range(operands)))
    return net.graph


def depthwise(size: int, channels: int, kernel: int, stride: int = 1) -> Graph:
    """A depthwise convolution over a square map."""
    net = Net("layer")
    net.depthwise(net.image(size, size, channels), kernel, stride=stride)
    return net.graph


_VGG = {
    "block1_conv1": (224, 3, 64, 0),
    "block1_conv2": (224, 64, 64, 2),
    "block2_conv1": (112, 64, 128, 0),
    "block2_conv2": (112, 128, 128, 2),
    "block3_conv1": (56, 128, 256, 0),
    "block3_conv2": (56, 256, 256, 0),
    "block3_conv3": (56, 256, 256, 2),
    "block4_conv1": (28, 256, 512, 0),
    "block4_conv2": (28, 512, 512, 0),
    "block4_conv3": (28, 512, 512, 2),
    "block5_conv1": (14, 512, 512, 0),
    "block5_conv2": (14, 512, 512, 0),
    "block5_conv3": (14, 512, 512, 2),
}
_SHARED: dict[str, Callable[[], Graph]] = {
    **{name: partial(conv, size, inputs, outputs, pool=pool) for name, (size, inputs, outputs, pool) in _VGG.items()},
    "pool4_11": partial(conv, 14, 512, 12, 1),
    "pool3_11": partial(conv, 28, 256, 12, 1),
    "add_layer_add_1": partial(add, 28, 12, 3),
}

PROFILED: Mapping[str, Mapping[str, Callable[[], Graph]]] = {
    "alexnetBNnoLRN_0": {
        "conv1": partial(conv, 227, 3, 96, 11, stride=4, pool=3, padded=False),
        "conv2": partial(conv, 27, 96, 256, 5, pool=3),
        "conv3": partial(conv, 13, 256, 384),
        "conv4": partial(conv, 13, 384, 384),
        "conv5": partial(conv, 13, 384, 256, pool=3),
        "fc6": partial(dense, 256, 4096, 6),
        "fc7": partial(dense, 4096, 4096),
        "fc8": partial(dense, 4096, 2),
    },
    "fcn8": {
        **_SHARED,
        "conv6": partial(conv, 7, 512, 512, 7),
        "conv7": partial(conv, 7, 512, 512, 1),
        "conv2d_transpose_1": partial(transposed, 7, 512, 12, 4),
        "conv2d_transpose_2": partial(transposed, 14, 12, 12, 2),
        "conv2d_transpose_3": partial(transposed, 28, 12, 12, 8),
    },
    "fcn8ups": {
        **_SHARED,
        "pool411_b": partial(conv, 14, 12, 12, 1),
        "conv7_4a": partial(conv, 7, 512, 12, 7),
        "conv7_4b": partial(conv, 7, 12, 12, 1),
        "conv2d_transpose_1": partial(transposed, 28, 12, 12, 8),
    },
}
"""Profiled network -> beginning of a node's name -> its layer; what the host does (bilinear resizing) is left out."""
