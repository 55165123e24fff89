"""The Inception family, 2 and 3."""

from net2bit.xir.graph import Graph, Op
from zoo.net import Net, Pair

_BN = (
    ((64, (64, 64), (64, 96), 32), (64, (64, 96), (64, 96), 64), (0, (128, 160), (64, 96), 0)),
    (
        (224, (64, 96), (96, 128), 128),
        (192, (96, 128), (96, 128), 128),
        (160, (128, 160), (128, 160), 96),
        (96, (128, 192), (160, 192), 96),
        (0, (128, 192), (192, 256), 0),
    ),
    ((352, (192, 320), (160, 224), 128), (352, (192, 320), (192, 224), 128)),
)


def inception_v2(size: int = 224) -> Graph:
    """Inception with batch normalization (Ioffe and Szegedy, 2015), as in Caffe."""
    net = Net("inception_v2")
    x = net.pool(net.conv(net.image(size, size), 64, 7, stride=2, pad=3), 3, 2, pad="same")
    x = net.pool(net.conv(net.conv(x, 64, 1), 192), 3, 2, pad="same")
    for stage in _BN:
        for one, three, double, pooled in stage:
            x = _block(net, x, one, three, double, pooled)
    net.flat(net.dense(net.mean(x), 1000))
    return net.graph


def _block(net: Net, x: Op, one: int, three: tuple[int, int], double: tuple[int, int], pooled: int) -> Op:
    stride = 1 if one else 2
    branches = [
        net.conv(net.conv(x, three[0], 1), three[1], stride=stride),
        net.conv(net.conv(net.conv(x, double[0], 1), double[1]), double[1], stride=stride),
    ]
    if not one:
        return net.concat(*branches, net.pool(x, 3, 2, pad="same"))
    return net.concat(net.conv(x, one, 1), *branches, net.conv(net.pool(x, 3, 1, pad=1, kind="AVG"), pooled, 1))


def inception_v3(size: int = 299) -> Graph:
    """Inception 3 (Szegedy et al., 2015), torchvision's form without the auxiliary classifier."""
    net = Net("inception_v3")
    x = net.conv(net.conv(net.conv(net.image(size, size), 32, stride=2, pad=0), 32, pad=0), 64)
    x = net.pool(net.conv(net.conv(net.pool(x, 3, 2), 80, 1), 192, pad=0), 3, 2)
    for pooled in (32, 64, 64):
        branches = [net.conv(x, 64, 1), _chain(net, x, (48, 1), (64, 5)), _chain(net, x, (64, 1), (96, 3), (96, 3))]
        x = net.concat(*branches, _pooled(net, x, pooled))
    long = net.conv(_chain(net, x, (64, 1), (96, 3)), 96, stride=2, pad=0)
    x = net.concat(net.conv(x, 384, stride=2, pad=0), long, net.pool(x, 3, 2))
    for c in (128, 160, 160, 192):
        short = _chain(net, x, (c, 1), (c, (1, 7)), (192, (7, 1)))
        long = _chain(net, x, (c, 1), (c, (7, 1)), (c, (1, 7)), (c, (7, 1)), (192, (1, 7)))
        x = net.concat(net.conv(x, 192, 1), short, long, _pooled(net, x, 192))
    long = _chain(net, x, (192, 1), (192, (1, 7)), (192, (7, 1)))
    x = net.concat(net.conv(net.conv(x, 192, 1), 320, stride=2, pad=0), net.conv(long, 192, stride=2, pad=0), net.pool(x, 3, 2))
    for _ in range(2):
        parts = [net.conv(x, 384, 1), _chain(net, x, (448, 1), (384, 3))]
        split = [net.conv(part, 384, kernel) for part in parts for kernel in ((1, 3), (3, 1))]
        x = net.concat(net.conv(x, 320, 1), *split, _pooled(net, x, 192))
    net.flat(net.dense(net.mean(x), 1000))
    return net.graph


def _chain(net: Net, x: Op, *steps: tuple[int, Pair]) -> Op:
    for channels, kernel in steps:
        x = net.conv(x, channels, kernel)
    return x


def _pooled(net: Net, x: Op, channels: int) -> Op:
    return net.conv(net.pool(x, 3, 1, pad=1, kind="AVG"), channels, 1)


INCEPTIONS = {"inception_v2": inception_v2, "inception_v3": inception_v3}
