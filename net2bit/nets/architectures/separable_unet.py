"""The Unet with every convolution but the first two separable: 3.07 MB of int8 parameters and 39,882 MOPS at width 1 and 256x512."""

from net2bit.nets.blocks import UnetShape, unet
from net2bit.nets.network import Builder

TITLE = "Unet with separable convolutions behind the first two"
DIVISOR = 16


def build(net: Builder, classes: int, width: float) -> None:
    """Add the Unet with separable convolutions."""
    unet(net, classes, UnetShape(width, plain=2))
