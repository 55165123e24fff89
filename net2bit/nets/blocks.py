"""What the Unets share: the VGG16-shaped encoder and the decoder with skip connections.

Source of the shape: the Unet of keras-image-segmentation with every transposed convolution replaced by upsampling and a 2x2
convolution, which is the form that was published for the Ultra96.
"""

from dataclasses import dataclass

from net2bit.errors import ModelError
from net2bit.nets.network import Builder

_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
_LEAST = 4


@dataclass(frozen=True)
class UnetShape:
    """What distinguishes one Unet from another.

    Attributes:
        width: Multiplier on every channel count; 1.0 has 64 channels in the first block.
        plain: How many convolutions, from the input on, stay full convolutions; None for all of them.
    """

    width: float
    plain: int | None = None


def scale(channels: int, width: float) -> int:
    """Return *channels* x *width*.

    Raises:
        ModelError: The first block would not have a whole number of channels, or fewer than four.
    """
    first = _BLOCKS[0][1]
    if width * first < _LEAST or (width * first) % 1:
        close = max(round(width * first), _LEAST) / first
        raise ModelError(
            f"width {width:g} gives {width * first:g} channels in the first block",
            where="model.width",
            remedy=f"use a multiple of 1/{first} that leaves at least {_LEAST} channels, for example {close:g}",
        )
    return int(channels * width)


class _Unet:
    """Adds convolution blocks to a builder and keeps count of the convolutions."""

    def __init__(self, net: Builder, shape: UnetShape) -> None:
        self.net = net
        self.shape = shape
        self.done = 0

    def conv(self, source: str, filters: int, kernel: int, name: str | None = None) -> str:
        separable = self.shape.plain is not None and self.done >= self.shape.plain
        self.done += 1
        return self.net.conv(source, filters, kernel, name=name, separable=separable)

    def block(self, source: str, filters: int, kernel: int = 3, name: str | None = None) -> str:
        return self.net.relu(self.net.batch_norm(self.conv(source, filters, kernel, name)))


def unet(net: Builder, classes: int, shape: UnetShape) -> None:
    """Add a whole Unet behind the builder's input: five encoder blocks, four up blocks, a 3x3 convolution to *classes*, softmax."""
    build = _Unet(net, shape)
    skips: list[str] = []
    x = net.input
    for number, (convs, channels) in enumerate(_BLOCKS, 1):
        x = net.max_pool(x) if skips else x
        for index in range(1, convs + 1):
            x = build.block(x, scale(channels, shape.width), name=f"block{number}_conv{index}")
        skips.append(x)
    for (_, channels), skip in zip(_BLOCKS[-2::-1], skips[-2::-1], strict=True):
        filters = scale(channels, shape.width)
        x = net.concat(build.block(net.upsample(x), filters, kernel=2), skip)
        x = build.block(build.block(x, filters), filters)
    net.softmax(build.conv(x, classes, 3))
