"""A network as a checked list of layers, and the builder that architectures write it with."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from net2bit.errors import ModelError, near
from net2bit.nets.layers import (
    Activation,
    BatchNorm,
    Concat,
    Conv,
    Input,
    Layer,
    MaxPool,
    SeparableConv,
    Shape,
    Softmax,
    Upsample,
)


@dataclass(frozen=True)
class Network:
    """A network: layers by name, producers first.

    Attributes:
        name: The architecture's name.
        layers: Layer name -> layer, in topological order.
    """

    name: str
    layers: Mapping[str, Layer]

    def __iter__(self) -> Iterator[Layer]:
        """Walk the layers, producers first."""
        return iter(self.layers.values())

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.layers)

    def layer(self, name: str) -> Layer:
        """Return the layer called *name*.

        Raises:
            ModelError: There is none.
        """
        if name not in self.layers:
            raise ModelError(f"network '{self.name}' has no layer '{name}'", where=self.name, suggestion=near(name, self.layers))
        return self.layers[name]

    @property
    def input(self) -> Layer:
        """Return the layer that takes the image."""
        return next(iter(self))

    @property
    def output(self) -> Layer:
        """Return the layer that nobody takes an input from."""
        used = {source for layer in self for source in layer.inputs}
        return next(layer for layer in self if layer.name not in used)

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return self.output.shape[2]

    @property
    def convolutions(self) -> int:
        """Return the number of convolutions, depthwise ones counted too."""
        return sum(layer.convolutions for layer in self)

    @property
    def params(self) -> int:
        """Return the parameters once batch normalization is folded away: the bytes of the int8 network."""
        return sum(prod(shape) for layer in self if isinstance(layer, Conv) for shape in layer.weights.values())

    @property
    def variables(self) -> int:
        """Return all numbers that the weights file holds; Keras' `count_params()`."""
        return sum(prod(shape) for layer in self for shape in layer.weights.values())

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates for one image."""
        return sum(layer.macs for layer in self)

    @property
    def workload_mops(self) -> float:
        """Return millions of operations for one image, two per multiply-accumulate, in float32 as the DPU compiler prints it."""
        return float(np.float32(2 * self.macs / 1e6))

    @property
    def nodes(self) -> int:
        """Return the nodes the DPU compiler counts: convolutions, pools and upsamplings (the rest is fused or free)."""
        return self.convolutions + sum(isinstance(layer, MaxPool | Upsample) for layer in self)

    @property
    def tensors(self) -> int:
        """Return the tensors the DPU compiler counts: one per node, the input, and one per concatenation."""
        return self.nodes + 1 + sum(isinstance(layer, Concat) for layer in self)


class Builder:
    """Collects layers, works out their shapes, and names the unnamed ones as Keras 2 does."""

    def __init__(self, size: tuple[int, int], channels: int = 3) -> None:
        """Start with the image: *size* is height and width."""
        self._counts: Counter[str] = Counter()
        self._layers: dict[str, Layer] = {}
        self.input = self._add(Input(self._name("input", None), (), (*size, channels)))

    def _name(self, stem: str, given: str | None) -> str:
        if given is not None:
            return given
        self._counts[stem] += 1
        return f"{stem}_{self._counts[stem]}"

    def _add(self, layer: Layer) -> str:
        if layer.name in self._layers:
            raise ModelError(f"two layers are called '{layer.name}'", where=layer.name, remedy="give one of them another name")
        self._layers[layer.name] = layer
        return layer.name

    def _shape(self, name: str) -> Shape:
        return self._layers[name].shape

    def conv(self, source: str, filters: int, kernel: int, *, stride: int = 1, name: str | None = None, separable: bool = False) -> str:
        """Add a convolution, *kernel* x *kernel* with padding "same"; return its name."""
        height, width, channels = self._shape(source)
        shape = (-(-height // stride), -(-width // stride), filters)
        kind, stem = (SeparableConv, "separable_conv2d") if separable else (Conv, "conv2d")
        return self._add(kind(self._name(stem, name), (source,), shape, (kernel, kernel), (stride, stride), channels))

    def batch_norm(self, source: str) -> str:
        """Add a batch normalization; return its name."""
        return self._add(BatchNorm(self._name("batch_normalization", None), (source,), self._shape(source)))

    def relu(self, source: str) -> str:
        """Add a ReLU; return its name."""
        return self._add(Activation(self._name("activation", None), (source,), self._shape(source), "relu"))

    def max_pool(self, source: str, size: int = 2) -> str:
        """Add a pool that divides height and width by *size*; return its name."""
        height, width, channels = self._shape(source)
        return self._add(MaxPool(self._name("max_pooling2d", None), (source,), (height // size, width // size, channels), size))

    def upsample(self, source: str, size: int = 2) -> str:
        """Add an upsampling that multiplies height and width by *size*; return its name."""
        height, width, channels = self._shape(source)
        return self._add(Upsample(self._name("up_sampling2d", None), (source,), (height * size, width * size, channels), size))

    def concat(self, *sources: str) -> str:
        """Put the channels of *sources* behind each other; return the new layer's name.

        Raises:
            ModelError: Their heights or widths differ.
        """
        shapes = [self._shape(source) for source in sources]
        if len({shape[:2] for shape in shapes}) > 1:
            raise ModelError(f"cannot concatenate {', '.join(map(str, shapes))}: heights or widths differ", where=", ".join(sources))
        shape = (*shapes[0][:2], sum(shape[2] for shape in shapes))
        return self._add(Concat(self._name("concatenate", None), sources, shape))

    def softmax(self, source: str) -> str:
        """Add class probabilities under the name `softmax`; return it."""
        return self._add(Softmax("softmax", (source,), self._shape(source)))

    def network(self, name: str) -> Network:
        """Return what was built.

        Raises:
            ModelError: Not exactly one layer is without consumer.
        """
        used = {source for layer in self._layers.values() for source in layer.inputs}
        ends = [layer for layer in self._layers if layer not in used]
        if len(ends) != 1:
            raise ModelError(f"network '{name}' has {len(ends)} outputs, not one: {', '.join(ends)}", where=name)
        return Network(name, dict(self._layers))
