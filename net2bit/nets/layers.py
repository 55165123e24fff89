"""The layer list: what a network consists of, said once and free of any framework.

A layer has a name, the names of the layers it takes its input from, and the shape of its output (height, width, channels; the batch is
left out). Names follow Keras 2 (`conv2d_13`, `batch_normalization_1`), which is what the published networks and the DPU tools show.
Weight shapes are Keras' own: convolution `[height, width, in, out]`, depthwise `[height, width, channels, 1]`.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Layer:
    """A layer of a network.

    Attributes:
        name: Unique in its network.
        inputs: Names of the layers it takes its input from, in order.
        shape: Its output: height, width, channels.
    """

    name: str
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each weight, in Keras' order."""
        return {}

    @property
    def macs(self) -> int:
        """Return the multiply-accumulates for one image; as the DPU compiler counts, only convolutions have any."""
        return 0

    @property
    def convolutions(self) -> int:
        """Return how many convolutions the layer becomes in a graph."""
        return 0


@dataclass(frozen=True)
class Input(Layer):
    """The image, already scaled to `x / 127.5 - 1`."""


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution with bias and padding "same".

    Attributes:
        kernel: Height and width of the kernel.
        stride: Step, down and across.
        channels: Input channels.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    channels: int

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return kernel and bias."""
        return {"kernel": (*self.kernel, self.channels, self.shape[2]), "bias": (self.shape[2],)}

    @property
    def macs(self) -> int:
        """Return kernel area x input channels x output elements."""
        return prod(self.kernel) * self.channels * prod(self.shape)

    @property
    def convolutions(self) -> int:
        """Return one."""
        return 1


@dataclass(frozen=True)
class SeparableConv(Conv):
    """A depthwise convolution and a 1x1 convolution behind it; the bias belongs to the second, nothing stands between them."""

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return both kernels and the bias."""
        return {
            "depthwise_kernel": (*self.kernel, self.channels, 1),
            "pointwise_kernel": (1, 1, self.channels, self.shape[2]),
            "bias": (self.shape[2],),
        }

    @property
    def macs(self) -> int:
        """Return the sum over both convolutions."""
        height, width, filters = self.shape
        return height * width * self.channels * (prod(self.kernel) + filters)

    @property
    def convolutions(self) -> int:
        """Return two: depthwise and pointwise."""
        return 2


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalization, right behind a convolution.

    Attributes:
        epsilon: Added to the variance; part of what the network computes.
        momentum: Of the moving averages; matters in training only, where 0.9 suits short epochs.
    """

    epsilon: float = 1e-3
    momentum: float = 0.9

    @property
    def weights(self) -> dict[str, tuple[int, ...]]:
        """Return scale, offset and the two moving averages."""
        channels = (self.shape[2],)
        return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), channels)


@dataclass(frozen=True)
class Activation(Layer):
    """An element by element nonlinearity.

    Attributes:
        kind: Which one.
    """

    kind: Literal["relu"]


@dataclass(frozen=True)
class MaxPool(Layer):
    """The greatest of each window of `size` x `size`; windows do not overlap."""

    size: int


@dataclass(frozen=True)
class Upsample(Layer):
    """Each pixel repeated `size` x `size` times (nearest neighbour)."""

    size: int


@dataclass(frozen=True)
class Concat(Layer):
    """The channels of all inputs, in order."""


@dataclass(frozen=True)
class Softmax(Layer):
    """Class probabilities; the DPU flow cuts the network in front of it."""
