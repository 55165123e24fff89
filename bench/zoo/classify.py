"""Image classifiers."""

from functools import partial

from net2bit.xir.graph import Graph, Op
from zoo.net import Net

_MOBILENET_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
_MOBILENET_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_BOTTLENECKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_VGG = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_INCEPTION = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


def _classified(net: Net, x: Op, classes: int = 1000) -> Graph:
    net.flat(net.dense(net.mean(x), classes))
    return net.graph


def _eighths(channels: float) -> int:
    """Round to a multiple of eight as the MobileNets do."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def mobilenet_v1(size: int = 224, width: float = 1.0) -> Graph:
    """MobileNet 1 (Howard et al., 2017), TensorFlow's padding."""
    net = Net("mobilenet_v1")
    x = net.conv(net.image(size, size), int(32 * width), stride=2, act="RELU6")
    for channels, stride in _MOBILENET_V1:
        x = net.conv(net.depthwise(x, stride=stride, act="RELU6"), int(channels * width), 1, act="RELU6")
    return _classified(net, x, 1001)


def mobilenet_v2(size: int = 224, width: float = 1.0) -> Graph:
    """MobileNet 2 (Sandler et al., 2018), TensorFlow's padding."""
    net = Net("mobilenet_v2")
    x = net.conv(net.image(size, size), _eighths(32 * width), stride=2, act="RELU6")
    for expansion, channels, count, stride in _MOBILENET_V2:
        for index in range(count):
            x = _inverted(net, x, expansion, _eighths(channels * width), stride if index == 0 else 1)
    return _classified(net, net.conv(x, _eighths(1280 * max(width, 1.0)), 1, act="RELU6"), 1001)


def _inverted(net: Net, source: Op, expansion: int, channels: int, stride: int, kernel: int = 3) -> Op:
    inputs = source.tensor.shape[3]
    x = source if expansion == 1 else net.conv(source, inputs * expansion, 1, act="RELU6")
    x = net.conv(net.depthwise(x, kernel, stride=stride, act="RELU6"), channels, 1, act="NONE")
    return net.add(source, x) if stride == 1 and inputs == channels else x


def proxyless_mobile(size: int = 224, width: float = 1.0) -> Graph:
    """ProxylessNAS for mobile phones (Cai et al., 2019): depthwise kernels of 3, 5 and 7."""
    stages = (
        (32, 2, ((3, 5), (3, 3))),
        (40, 2, ((3, 7), (3, 3), (3, 5), (3, 5))),
        (80, 2, ((6, 7), (3, 5), (3, 5), (3, 5))),
        (96, 1, ((6, 5), (3, 5), (3, 5), (3, 5))),
        (192, 2, ((6, 7), (6, 7), (3, 7), (3, 7))),
        (320, 1, ((6, 7),)),
    )
    net = Net("proxyless_mobile")
    x = net.conv(net.image(size, size), _eighths(32 * width), stride=2, act="RELU6")
    x = _inverted(net, x, 1, _eighths(16 * width), 1)
    for channels, stride, blocks in stages:
        for index, (expansion, kernel) in enumerate(blocks):
            x = _inverted(net, x, expansion, _eighths(channels * width), stride if index == 0 else 1, kernel)
    return _classified(net, net.conv(x, _eighths(1280 * max(width, 1.0)), 1, act="RELU6"))


def resnet(depth: int = 50, size: int = 224, *, late: bool = False) -> Graph:
    """ResNet v1 of bottlenecks (He et al., 2015); *late*: TF-slim's form, whose stages take their step in the last block's 3x3."""
    net = Net(f"resnet{depth}")
    x = net.pool(net.conv(net.image(size, size), 64, 7, stride=2, pad=3), 3, 2, pad=(0, 0, 1, 1))
    for stage, count in enumerate(_BOTTLENECKS[depth]):
        for index in range(count):
            last = index == count - 1 and stage < len(_BOTTLENECKS[depth]) - 1
            stride = 2 if (last if late else index == 0 and stage > 0) else 1
            x = _bottleneck(net, x, 64 << stage, stride, late=late)
    return _classified(net, x)


def _bottleneck(net: Net, source: Op, channels: int, stride: int, *, late: bool) -> Op:
    if source.tensor.shape[3] != 4 * channels:
        side = net.conv(source, 4 * channels, 1, stride=stride, pad=0, act="NONE")
    else:
        side = net.pool(source, 1, stride) if stride > 1 else source
    x = net.conv(source, channels, 1, stride=1 if late else stride, pad=0)
    x = net.conv(x, channels, 3, stride=stride if late else 1, pad=1)
    return net.add(net.conv(x, 4 * channels, 1, act="NONE"), side, act="RELU")


def resnet18(size: int = 224, classes: int = 1000) -> Graph:
    """ResNet18 (He et al., 2015)."""
    net = Net("resnet18")
    x = net.pool(net.conv(net.image(size, size), 64, 7, stride=2, pad=3), 3, 2, pad=1)
    for stage in range(4):
        for index in range(2):
            stride = 2 if index == 0 and stage > 0 else 1
            side = net.conv(x, 64 << stage, 1, stride=2, pad=0, act="NONE") if stride > 1 else x
            x = net.conv(net.conv(x, 64 << stage, stride=stride, pad=1), 64 << stage, act="NONE")
            x = net.add(x, side, act="RELU")
    return _classified(net, x, classes)


def vgg(depth: int = 16, size: int = 224) -> Graph:
    """VGG (Simonyan and Zisserman, 2014)."""
    net = Net(f"vgg{depth}")
    x = net.image(size, size)
    for stage, count in enumerate(_VGG[depth]):
        for _ in range(count):
            x = net.conv(x, min(64 << stage, 512))
        x = net.pool(x)
    net.flat(net.dense(net.dense(net.dense(x, 4096, "RELU"), 4096, "RELU"), 1000))
    return net.graph


def alexnet(classes: int = 2) -> Graph:
    """AlexNet without groups and response normalization, 227x227, as profiled in the vendor's tutorial (two classes)."""
    net = Net("alexnet")
    x = net.pool(net.conv(net.image(227, 227), 96, 11, stride=4, pad=0), 3, 2)
    x = net.pool(net.conv(x, 256, 5), 3, 2)
    x = net.pool(net.conv(net.conv(net.conv(x, 384), 384), 256), 3, 2)
    net.flat(net.dense(net.dense(net.dense(x, 4096, "RELU"), 4096, "RELU"), classes))
    return net.graph


def inception_v1(size: int = 224) -> Graph:
    """GoogLeNet (Szegedy et al., 2014)."""
    net = Net("inception_v1")
    x = net.pool(net.conv(net.image(size, size), 64, 7, stride=2, pad=3), 3, 2, pad="same")
    x = net.conv(net.conv(x, 64, 1), 192)
    for stage in _INCEPTION:
        x = net.pool(x, 3, 2, pad="same")
        for one, reduce3, three, reduce5, five, pooled in stage:
            branches = [net.conv(x, one, 1), net.conv(net.conv(x, reduce3, 1), three), net.conv(net.conv(x, reduce5, 1), five, 5)]
            x = net.concat(*branches, net.conv(net.pool(x, 3, 1, pad="same"), pooled, 1))
    return _classified(net, x)


def squeezenet(size: int = 224) -> Graph:
    """SqueezeNet 1.1 (Iandola et al., 2016)."""
    net = Net("squeezenet")
    x = net.conv(net.image(size, size), 64, 3, stride=2, pad=0)
    for stage in ((16, 16), (32, 32), (48, 48, 64, 64)):
        x = net.pool(x, 3, 2, pad=(0, 0, 1, 1))
        for squeezed in stage:
            narrow = net.conv(x, squeezed, 1)
            x = net.concat(net.conv(narrow, 4 * squeezed, 1), net.conv(narrow, 4 * squeezed, 3))
    net.flat(net.mean(net.conv(x, 1000, 1)))
    return net.graph


CLASSIFIERS = {
    "alexnet": alexnet,
    "inception_v1": inception_v1,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v1_0.25_128": partial(mobilenet_v1, 128, 0.25),
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v2_1.4": partial(mobilenet_v2, 224, 1.4),
    "proxyless_mobile": proxyless_mobile,
    "resnet18": resnet18,
    "resnet50": resnet,
    "resnet50_slim": partial(resnet, 50, late=True),
    "resnet101_slim": partial(resnet, 101, late=True),
    "resnet152_slim": partial(resnet, 152, late=True),
    "squeezenet": squeezenet,
    "vgg16": vgg,
    "vgg19": partial(vgg, 19),
}
