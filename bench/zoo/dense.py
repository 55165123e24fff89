"""Networks that answer for every pixel, and detectors."""

from functools import partial

from net2bit.nets.architectures import separable_unet, unet
from net2bit.nets.layers import Activation, Concat, Conv, Input, MaxPool, SeparableConv, Softmax, Upsample
from net2bit.nets.network import Builder
from net2bit.xir.graph import Graph, Op
from zoo.net import Net


def segmenter(separable: bool = False, size: tuple[int, int] = (256, 512), width: float = 1.0, classes: int = 4) -> Graph:  # noqa: FBT001, FBT002 - partial
    """The published Unet, or its separable variant: the project's own layer list."""
    builder = Builder(size)
    (separable_unet if separable else unet).build(builder, classes, width)
    layers, net, made = builder.network("unet"), Net("separable_unet" if separable else "unet"), dict[str, Op]()
    active = {layer.inputs[0] for layer in layers if isinstance(layer, Activation)}
    active |= {layers.layer(name).inputs[0] for name in active}
    for layer in layers:
        sources = [made[name] for name in layer.inputs]
        match layer:
            case Input():
                made[layer.name] = net.image(*layer.shape)
            case SeparableConv():
                narrow = net.depthwise(sources[0], layer.kernel, act="NONE")
                made[layer.name] = net.conv(narrow, layer.shape[2], 1, act="RELU" if layer.name in active else "NONE")
            case Conv():
                made[layer.name] = net.conv(sources[0], layer.shape[2], layer.kernel, act="RELU" if layer.name in active else "NONE")
            case MaxPool():
                made[layer.name] = net.pool(sources[0], layer.size)
            case Upsample():
                made[layer.name] = net.upsample(sources[0], layer.size)
            case Concat():
                made[layer.name] = net.concat(*sources)
            case Softmax():
                pass  # the host's
            case _:
                made[layer.name] = sources[0]
    return net.graph


def fcn8(size: int = 224, classes: int = 12) -> Graph:
    """FCN8 on VGG16 as profiled in the vendor's tutorial: conv6 with 512 channels, transposed convolutions of 4, 2 and 8."""
    net, thirds = Net("fcn8"), []
    x = net.image(size, size)
    for count, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            x = net.conv(x, channels)
        x = net.pool(x)
        thirds.append(x)
    deep = net.transposed(net.conv(net.conv(x, 512, 7), 512, 1), classes, 4, 4)
    middle = net.transposed(net.conv(thirds[3], classes, 1), classes, 2, 2)
    net.transposed(net.add(deep, middle, net.conv(thirds[2], classes, 1)), classes, 8, 8)
    return net.graph


def _leaky(net: Net, x: Op, channels: int, kernel: int, stride: int = 1) -> Op:
    return net.conv(x, channels, kernel, stride=stride, pad=2 if kernel == 6 else kernel // 2, act="LEAKYRELU")  # noqa: PLR2004


def yolo_v3(size: int = 416, outputs: int = 75) -> Graph:
    """YOLO version 3 on Darknet53 (Redmon and Farhadi, 2018)."""
    net, skips = Net("yolo_v3"), []
    x = _leaky(net, net.image(size, size), 32, 3)
    for channels, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        x = _leaky(net, x, channels, 3, 2)
        for _ in range(count):
            x = net.add(x, _leaky(net, _leaky(net, x, channels // 2, 1), channels, 3))
        skips.append(x)
    for channels, skip in ((512, None), (256, skips[3]), (128, skips[2])):
        x = x if skip is None else net.concat(net.upsample(_leaky(net, x, channels, 1)), skip)
        for _ in range(2):
            x = _leaky(net, _leaky(net, x, channels, 1), 2 * channels, 3)
        x = _leaky(net, x, channels, 1)
        net.conv(_leaky(net, x, 2 * channels, 3), outputs, 1, act="NONE")
    return net.graph


def yolo_v2(size: int = 448, outputs: int = 125) -> Graph:
    """The Darknet19 half of YOLO version 2 (Redmon and Farhadi, 2016), without its reordering branch."""
    net = Net("yolo_v2")
    x = net.pool(_leaky(net, net.image(size, size), 32, 3))
    x = net.pool(_leaky(net, x, 64, 3))
    for channels, pairs in ((128, 1), (256, 1), (512, 2), (1024, 2)):
        x = _leaky(net, x, channels, 3)
        for _ in range(pairs):
            x = _leaky(net, _leaky(net, x, channels // 2, 1), channels, 3)
        x = net.pool(x) if channels < 1024 else x  # noqa: PLR2004
    for _ in range(3):
        x = _leaky(net, x, 1024, 3)
    net.conv(x, outputs, 1, act="NONE")
    return net.graph


def yolo_v5n(size: int = 640, outputs: int = 255) -> Graph:
    """YOLO version 5 nano (release 6), SiLU replaced by the DPU's leaky ReLU."""
    net = Net("yolo_v5n")
    x, skips = _leaky(net, net.image(size, size), 16, 6, 2), []
    for channels, count in ((32, 1), (64, 2), (128, 3), (256, 1)):
        x = _csp(net, _leaky(net, x, channels, 3, 2), channels, count)
        skips.append(x)
    x, tops = _fast_pyramid(net, x, 256), []
    for channels, skip in ((128, skips[2]), (64, skips[1])):
        tops.append(_leaky(net, x, channels, 1))
        x = _csp(net, net.concat(net.upsample(tops[-1]), skip), channels, 1, add=False)
    heads = [x]
    for channels, top in ((64, tops[1]), (128, tops[0])):
        x = _csp(net, net.concat(_leaky(net, x, channels, 3, 2), top), 2 * channels, 1, add=False)
        heads.append(x)
    for head in heads:
        net.conv(head, outputs, 1, act="NONE")
    return net.graph


def _csp(net: Net, source: Op, channels: int, count: int, *, add: bool = True) -> Op:
    """Append a C3 block: bottlenecks on one half, the other half past them."""
    x = _leaky(net, source, channels // 2, 1)
    for _ in range(count):
        made = _leaky(net, _leaky(net, x, channels // 2, 1), channels // 2, 3)
        x = net.add(x, made) if add else made
    return _leaky(net, net.concat(x, _leaky(net, source, channels // 2, 1)), channels, 1)


def _fast_pyramid(net: Net, source: Op, channels: int) -> Op:
    """Append SPPF: three poolings of 5x5 one behind the other."""
    maps = [_leaky(net, source, channels // 2, 1)]
    for _ in range(3):
        maps.append(net.pool(maps[-1], 5, 1, pad=2))
    return _leaky(net, net.concat(*maps), channels, 1)


DENSE = {
    "fcn8": fcn8,
    "separable_unet": partial(segmenter, separable=True),
    "unet": segmenter,
    "yolo_v2": yolo_v2,
    "yolo_v3": yolo_v3,
    "yolo_v5n": yolo_v5n,
}
