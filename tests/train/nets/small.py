"""A small net with every kind of layer the Unets have: compiled in a fraction of the time."""

from net2bit.nets.network import Builder

TITLE = "small"
DIVISOR = 2


def build(net: Builder, classes: int, width: float) -> None:
    """Add one pool, one upsampling and four convolutions of 64 x *width* channels."""
    channels = int(64 * width)

    def block(source: str, name: str | None = None) -> str:
        return net.relu(net.batch_norm(net.conv(source, channels, 3, name=name)))

    skip = block(net.input, "block1_conv1")
    deep = block(net.max_pool(skip), "block2_conv1")
    net.softmax(net.conv(block(net.concat(net.upsample(deep), skip)), classes, 3))
