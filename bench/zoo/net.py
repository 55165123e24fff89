"""Writing `-fix` graphs tersely: seeded random int8 weights, fix positions at which sums fill the codes but rarely overflow them.

The forms are those that `net2bit.quant.lower` writes. Kernels, strides and pads stand height first here; a pad is top, left, bottom, right.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.quant.lower import UNSET
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph, Op

POSITION = 4
"""Of every feature map; at finer ones than this ReLU6 would not end at 6."""
LEAKY = 26 / 256
_WEIGHTS = 64  # weights lie between -64 and 64, evenly
_DEVIATION = 37 * 24 / 30  # of a product of weight and code, over what an output should have

Pair = int | tuple[int, int]
Pad = str | int | tuple[int, int, int, int]


class Net:
    """A graph under construction; every method appends an op and returns it."""

    def __init__(self, name: str, seed: int = 0) -> None:
        """Start an empty graph; the same *seed* gives the same weights."""
        self.graph, self._random, self._counts = Graph(name), np.random.default_rng(seed), dict[str, int]()

    def image(self, height: int, width: int, channels: int = 3) -> Op:
        """Append the input."""
        return build.data_fix(self.graph, self._name("image"), (1, height, width, channels), POSITION)

    def conv(
        self, source: Op, channels: int, kernel: Pair = 3, *, stride: Pair = 1, pad: Pad = "same", act: str = "RELU", dilation: int = 1
    ) -> Op:
        """Append a convolution with bias and activation (NONE, RELU, RELU6, LEAKYRELU)."""
        (rows, columns), inputs = _pair(kernel), source.tensor.shape[3]
        attrs = _window(source, (rows, columns), _pair(stride), pad, dilation) | _nonlinear(act) | {"group": 1}
        return self._weighted("conv2d-fix", source, (channels, rows, columns, inputs), rows * columns * inputs, attrs)

    def depthwise(self, source: Op, kernel: Pair = 3, *, stride: Pair = 1, pad: Pad = "same", act: str = "RELU") -> Op:
        """Append a depthwise convolution."""
        (rows, columns), inputs = _pair(kernel), source.tensor.shape[3]
        attrs = _window(source, (rows, columns), _pair(stride), pad) | _nonlinear(act)
        return self._weighted("depthwise-conv2d-fix", source, (1, rows, columns, inputs), rows * columns, attrs)

    def transposed(self, source: Op, channels: int, kernel: int, stride: int, act: str = "NONE") -> Op:
        """Append a transposed convolution whose output is *stride* times the size."""
        inputs, pad = source.tensor.shape[3], (kernel - stride + 1) // 2
        over = kernel - stride - pad
        attrs: dict[str, Attr] = {"kernel": [kernel] * 2, "stride": [stride] * 2, "dilation": [1, 1], "pad": [pad, over, pad, over]}
        attrs |= {"pad_mode": "FLOOR"} | _nonlinear(act)
        return self._weighted("transposed-conv2d-fix", source, (channels, kernel, kernel, inputs), inputs * (kernel // stride) ** 2, attrs)

    def dense(self, source: Op, outputs: int, act: str = "NONE") -> Op:
        """Append a fully connected layer: a convolution over the whole map."""
        _, height, width, _ = source.tensor.shape
        return self.conv(source, outputs, (height, width), pad=0, act=act)

    def flat(self, source: Op) -> Op:
        """Append the reshape that ends a classifier."""
        return self._op("reshape-fix", [source], shape=[1, source.tensor.shape[-1]])

    def pool(self, source: Op, kernel: int = 2, stride: int = 0, *, pad: Pad = 0, kind: str = "MAX") -> Op:
        """Append a pooling (MAX or AVG)."""
        attrs = _window(source, (kernel, kernel), _pair(stride or kernel), pad)
        del attrs["dilation"]
        return self._op("pool-fix", [source], **attrs, type=kind)

    def mean(self, source: Op) -> Op:
        """Append the average over the whole map."""
        _, height, width, _ = source.tensor.shape
        size: dict[str, Attr] = {"kernel": [width, height], "stride": [width, height]}
        return self._op("pool-fix", [source], **size, pad=[0, 0, 0, 0], pad_mode="FLOOR", type="AVG")

    def add(self, *sources: Op, act: str = "NONE") -> Op:
        """Append an elementwise sum."""
        return self._op("eltwise-fix", sources, type="ADD", nonlinear=act)

    def concat(self, *sources: Op) -> Op:
        """Append a concatenation of channels."""
        return self._op("concat-fix", sources, axis=3)

    def upsample(self, source: Op, scale: int = 2) -> Op:
        """Append a nearest upsampling."""
        attrs: dict[str, Attr] = {"align_corners": False, "half_pixel_centers": False}
        return self._op("upsample-fix", [source], mode="NEAREST", scale=[float(scale)] * 2, **attrs)

    def _name(self, stem: str) -> str:
        self._counts[stem] = self._counts.get(stem, 0) + 1
        return f"{stem}{self._counts[stem]}"

    def _op(self, kind: str, sources: Sequence[Op], **attrs: Attr) -> Op:
        name = self._name(kind.removesuffix("-fix").replace("-", "_"))
        return build.fixed(self.graph, kind, name, {"input": list(sources)}, POSITION, **attrs)

    def _weighted(self, kind: str, source: Op, shape: tuple[int, ...], products: int, attrs: dict[str, Attr]) -> Op:
        name, outputs = self._name(kind.removesuffix("-fix").replace("-", "_")), shape[0 if shape[0] > 1 or "depthwise" not in kind else 3]
        args: dict[str, Sequence[Op]] = {
            "input": [source],
            "weights": [build.const_fix(self.graph, f"{name}_weights", self._codes(_WEIGHTS, shape), _position(products))],
            "bias": [build.const_fix(self.graph, f"{name}_bias", self._codes(_WEIGHTS, (outputs,)), POSITION + 1)],
        }
        return build.fixed(self.graph, kind, name, args, POSITION, **attrs)

    def _codes(self, bound: int, shape: tuple[int, ...]) -> NDArray[np.int8]:
        return self._random.integers(-bound, bound, shape, np.int8, endpoint=True)


def _position(products: int) -> int:
    """Return the weights' fix position: what a sum of so many products is divided by, as the maps share theirs."""
    return max(1, round(math.log2(_DEVIATION * math.sqrt(products))))


def _pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _window(source: Op, kernel: tuple[int, int], stride: tuple[int, int], pad: Pad, dilation: int = 1) -> dict[str, Attr]:
    """Return the attributes of a sliding window; `same` is TensorFlow's (more below and on the right)."""
    if isinstance(pad, str):
        rows, columns = (_same(source.tensor.shape[1 + axis], kernel[axis], stride[axis], dilation) for axis in (0, 1))
        sides = (*columns, *rows)
    else:
        top, left, bottom, right = pad if isinstance(pad, tuple) else (pad,) * 4
        sides = (left, right, top, bottom)
    return {
        "kernel": [kernel[1], kernel[0]],
        "stride": [stride[1], stride[0]],
        "dilation": [dilation] * 2,
        "pad": list(sides),
        "pad_mode": "FLOOR",
    }


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _nonlinear(act: str) -> dict[str, Attr]:
    unset: dict[str, Attr] = dict.fromkeys(("hsigmoid_in", "shift_hsigmoid", "shift_hswish"), UNSET)
    return {"nonlinear": act, **unset, **({"LEAKYRELU_alpha": LEAKY} if act == "LEAKYRELU" else {})}
