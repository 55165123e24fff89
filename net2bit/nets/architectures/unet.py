"""The Unet published for the Ultra96: 26 convolutions, 24.66 MB of int8 parameters and 226,811 MOPS at width 1, 256x512 and 4 classes."""

from net2bit.nets.blocks import UnetShape, unet
from net2bit.nets.network import Builder

TITLE = "Unet with a VGG16-shaped encoder"
DIVISOR = 16


def build(net: Builder, classes: int, width: float) -> None:
    """Add the Unet with full convolutions."""
    unet(net, classes, UnetShape(width))
