"""Weights that training takes over: those of a VGG16 in the encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from net2bit.errors import ModelError, near
from net2bit.nets import Network
from net2bit.nets.layers import Conv, Layer, SeparableConv
from net2bit.nets.weights import Array, Weights, fit, read_layers


@dataclass(frozen=True)
class Taken:
    """What came out of a file of weights.

    Attributes:
        taken: Layers that the file had.
        missing: Convolutions of the network that it had not.
        unused: Layers of the file that the network lacks or has in another form.
    """

    taken: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


def take(network: Network, weights: Weights, path: Path) -> tuple[Weights, Taken]:
    """Return *weights* with every full convolution replaced that the file *path* has under the same name.

    Raises:
        ModelError: Not an h5 file with layer names, no layer of that name, or one of another shape.
    """
    found = read_layers(path)
    convs = {layer.name: layer for layer in network if isinstance(layer, Conv) and not isinstance(layer, SeparableConv)}
    names = [name for name in convs if name in found]
    if not names:
        _refuse(found, convs, path)
    taken = {name: fit(convs[name], found[name], path) for name in names}
    missing = [layer.name for layer in network if isinstance(layer, Conv) and layer.name not in taken]
    unused = [name for name in found if name not in taken]
    return {**weights, **taken}, Taken(tuple(names), tuple(missing), tuple(unused))


def _refuse(found: Mapping[str, list[Array]], convs: Mapping[str, Layer], path: Path) -> None:
    first = next(iter(found), "")
    raise ModelError(
        f"none of the {len(found)} layers in the file has the name of a convolution of the network",
        where=str(path),
        suggestion=near(first, convs),
        remedy="model.init takes a VGG16 with Keras' layer names, block1_conv1 to block5_conv3",
    )
