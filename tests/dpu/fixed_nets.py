"""Small `-fix` networks with random codes, for the compiler's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph, Op

UNSET: dict[str, Attr] = dict.fromkeys(("hsigmoid_in", "shift_hsigmoid", "shift_hswish"), -128)


class Fixed:
    """Appends fixed-point layers with random codes; positions are of the outputs, in bits."""

    def __init__(self, size: tuple[int, int] = (12, 10), channels: int = 5, seed: int = 0, at: int = 5) -> None:
        """Start with an input called `image`."""
        self.random = np.random.default_rng(seed)
        self.graph = Graph("net")
        self.image = build.data_fix(self.graph, "image", (1, *size, channels), at)
        self.count = 0

    def name(self, kind: str) -> str:
        """Return a new name."""
        self.count += 1
        return f"{kind}{self.count}"

    def codes(self, *shape: int) -> NDArray[np.int8]:
        """Return random codes, small ones more often."""
        return np.clip(np.rint(self.random.normal(size=shape) * 40), -128, 127).astype(np.int8)

    def conv(  # noqa: PLR0913 - all keywords
        self,
        source: Op,
        outputs: int,
        kernel: tuple[int, int] = (3, 3),
        *,
        stride: int = 1,
        pad: Sequence[int] | None = None,
        dilation: int = 1,
        act: str = "RELU",
        at: int = 4,
        bias_at: int | None = 6,
        kind: str = "conv2d",
        weights_at: int = 7,
        **attrs: Attr,
    ) -> Op:
        """Append a convolution; *kernel* is (height, width), *pad* left, right, top, bottom, by default as much as keeps the size."""
        name, channels = self.name("conv"), source.tensor.shape[3]
        depthwise = "depthwise" in kind
        groups = int(attrs.get("group", 1))  # type: ignore[call-overload]
        shape = (1, *kernel, channels) if depthwise else (outputs, *kernel, channels // groups)
        weights = build.const_fix(self.graph, f"{name}_w", self.codes(*shape), weights_at)
        args = {"input": [source], "weights": [weights]}
        if bias_at is not None:
            args["bias"] = [build.const_fix(self.graph, f"{name}_b", self.codes(channels if depthwise else outputs), bias_at)]
        reach = [(size - 1) * dilation for size in kernel]
        usual = [reach[1] // 2, reach[1] - reach[1] // 2, reach[0] // 2, reach[0] - reach[0] // 2]
        given: dict[str, Attr] = {
            "kernel": [kernel[1], kernel[0]],
            "stride": [stride, stride],
            "dilation": [dilation, dilation],
            "pad": list(usual if pad is None else pad),
            "pad_mode": "FLOOR",
            "nonlinear": act,
            **UNSET,
        }
        if kind == "conv2d":
            given["group"] = groups
        return build.fixed(self.graph, f"{kind}-fix", name, args, at, **(given | attrs))

    def depthwise(self, source: Op, kernel: tuple[int, int] = (3, 3), **more: object) -> Op:
        """Append a depthwise convolution."""
        return self.conv(source, source.tensor.shape[3], kernel, kind="depthwise-conv2d", **more)  # type: ignore[arg-type]

    def transposed(self, source: Op, outputs: int, kernel: int = 3, stride: int = 2, pad: int = 1, **more: object) -> Op:
        """Append a transposed convolution."""
        return self.conv(
            source,
            outputs,
            (kernel, kernel),
            kind="transposed-conv2d",
            stride=stride,
            pad=[pad] * 4,
            **more,  # type: ignore[arg-type]
        )

    def pool(self, source: Op, kernel: tuple[int, int], stride: int, kind: str = "MAX", pad: int = 0, at: int | None = None) -> Op:
        """Append a pooling, by default at the input's position."""
        position = source.tensor.attrs["fix_point"] if at is None else at
        attrs: dict[str, Attr] = {"kernel": [kernel[1], kernel[0]], "stride": [stride] * 2, "pad": [pad] * 4, "pad_mode": "FLOOR"}
        return build.fixed(self.graph, "pool-fix", self.name("pool"), {"input": [source]}, int(position), type=kind, **attrs)  # type: ignore[call-overload]

    def eltwise(self, *sources: Op, kind: str = "ADD", act: str = "NONE", at: int = 3) -> Op:
        """Append a sum or a product."""
        return build.fixed(self.graph, "eltwise-fix", self.name("elt"), {"input": sources}, at, type=kind, nonlinear=act)

    def concat(self, *sources: Op, at: int = 4, axis: int = 3) -> Op:
        """Append a concatenation."""
        return build.fixed(self.graph, "concat-fix", self.name("cat"), {"input": sources}, at, axis=axis)

    def up(self, source: Op, factor: int = 2, at: int | None = None) -> Op:
        """Append a nearest upsampling."""
        position = source.tensor.attrs["fix_point"] if at is None else at
        attrs: dict[str, Attr] = {"mode": "NEAREST", "scale": [float(factor)] * 2, "align_corners": False, "half_pixel_centers": False}
        return build.fixed(self.graph, "upsample-fix", self.name("up"), {"input": [source]}, int(position), **attrs)  # type: ignore[call-overload]

    def reshape(self, source: Op, *shape: int) -> Op:
        """Append a new shape."""
        position = source.tensor.attrs["fix_point"]
        return build.fixed(self.graph, "reshape-fix", self.name("flat"), {"input": [source]}, int(position), shape=list(shape))  # type: ignore[call-overload]

    def sigmoid(self, source: Op, at: int = 7) -> Op:
        """Append a hard sigmoid."""
        entering = int(source.tensor.attrs["fix_point"])  # type: ignore[call-overload]
        attrs: dict[str, Attr] = {"hsigmoid_in": entering, "shift_hsigmoid": 14 + entering - at}
        return build.fixed(self.graph, "hard-sigmoid-fix", self.name("sig"), {"input": [source]}, at, **attrs)

    def margin(self, source: Op, top: int, bottom: int, left: int, right: int) -> Op:
        """Append zeros around a map."""
        position = int(source.tensor.attrs["fix_point"])  # type: ignore[call-overload]
        paddings: dict[str, Attr] = {"paddings": [0, 0, top, bottom, left, right, 0, 0], "mode": "CONSTANT"}
        return build.fixed(self.graph, "pad-fix", self.name("pad"), {"input": [source]}, position, **paddings)


def _plain(net: Fixed) -> None:
    first = net.conv(net.image, 20, stride=2)
    net.conv(net.conv(first, 9, (1, 1), act="NONE", at=3), 17, (5, 3), pad=[1, 0, 2, 3])


def _biases(net: Fixed) -> None:
    none = net.conv(net.image, 8, bias_at=None)
    fine = net.conv(none, 8, bias_at=15, act="LEAKYRELU")
    net.conv(fine, 8, bias_at=3, act="RELU6")


def _separable(net: Fixed) -> None:
    wide = net.conv(net.image, 21, (1, 1))
    deep = net.depthwise(net.depthwise(wide), stride=2, pad=[0, 1, 0, 1], act="RELU6", bias_at=14)
    net.eltwise(net.conv(deep, 12, (1, 1), act="NONE"), net.conv(deep, 12, (1, 1), act="NONE", at=5), act="RELU")


def _pools(net: Fixed) -> None:
    source = net.conv(net.image, 10)
    net.pool(net.pool(source, (2, 2), 2, at=6), (3, 3), 1, "AVG", pad=1, at=5)
    net.pool(net.pool(source, (3, 3), 2, pad=1, at=2), (3, 2), 1, "AVG")
    net.pool(source, (12, 10), 1, "AVG", at=5)
    net.pool(source, (1, 1), 2)


def _head(net: Fixed) -> None:
    source = net.pool(net.conv(net.image, 10), (3, 3), 3)
    flat = net.reshape(source, 1, 1, 1, 4 * 3 * 10)
    hidden = net.conv(flat, 30, (1, 1))
    net.reshape(net.conv(hidden, 7, (1, 1), act="NONE"), 1, 7)


def _residual(net: Fixed) -> None:
    first = net.conv(net.image, 16)
    second = net.conv(first, 16, act="NONE", at=6)
    third = net.eltwise(first, second, at=4, act="RELU")
    gate = net.sigmoid(net.conv(net.pool(third, (12, 10), 1, "AVG"), 16, (1, 1), act="NONE"))
    net.eltwise(net.eltwise(third, gate, kind="MUL", at=4), third, second, at=3)


def _unet(net: Fixed) -> None:
    skip = net.conv(net.image, 12)
    deep = net.conv(net.pool(skip, (2, 2), 2), 24, at=5)
    up = net.up(deep, at=4)
    joined = net.concat(up, skip, net.conv(net.up(deep), 5, (2, 2)))
    net.conv(net.concat(net.conv(joined, 8), net.image, net.conv(joined, 4, at=6), at=5), 3, (1, 1), act="NONE")


def _nested(net: Fixed) -> None:
    parts = [net.conv(net.image, size, (1, 1)) for size in (3, 8, 5)]
    inner = net.concat(parts[0], parts[1])
    outer = net.concat(inner, parts[2], parts[0])
    net.conv(outer, 4)
    net.conv(inner, 4, (1, 1))
    net.concat(net.conv(parts[2], 5), net.conv(parts[2], 5), axis=1)


def _dilated(net: Fixed) -> None:
    first = net.conv(net.image, 9, dilation=2)
    second = net.conv(first, 6, dilation=3, act="NONE")
    net.concat(net.depthwise(second, dilation=2), net.conv(second, 5, dilation=12), net.conv(second, 7, (3, 3), dilation=7))


def _transposed(net: Fixed) -> None:
    first = net.transposed(net.conv(net.image, 6, (3, 3)), 8)
    net.transposed(first, 5, kernel=4, pad=1, act="NONE", at=3)
    net.transposed(net.image, 7, kernel=2, stride=2, pad=0)
    net.transposed(net.image, 3, kernel=2, stride=3, pad=0)
    net.conv(net.image, 5, (3, 3), kind="transposed-depthwise-conv2d", stride=2, pad=[1] * 4)


def _groups(net: Fixed) -> None:
    first = net.conv(net.image, 32, (1, 1))
    net.conv(first, 24, group=4, act="NONE")
    net.conv(net.up(first), 8, (1, 1), stride=2)


def _swish(net: Fixed) -> None:
    act = {"hsigmoid_in": 4, "shift_hsigmoid": 11, "shift_hswish": 8}
    first = net.conv(net.image, 16, act="HSWISH", at=3, **act)  # type: ignore[arg-type]
    net.conv(first, 8, (1, 1), act="HSIGMOID", at=7, **act)  # type: ignore[arg-type]


def _margins(net: Fixed) -> None:
    first = net.conv(net.margin(net.image, 0, 1, 0, 1), 16, stride=2, pad=[0] * 4)
    net.depthwise(net.margin(first, 2, 1, 1, 2), pad=[0] * 4)
    net.pool(net.margin(first, 1, 1, 1, 1), (3, 3), 2, "AVG")


NETS: dict[str, Callable[[Fixed], None]] = {
    "plain": _plain,
    "biases": _biases,
    "separable": _separable,
    "pools": _pools,
    "head": _head,
    "residual": _residual,
    "unet": _unet,
    "nested": _nested,
    "dilated": _dilated,
    "transposed": _transposed,
    "groups": _groups,
    "swish": _swish,
    "margins": _margins,
}
"""Networks that between them use every op and every way to look at a map."""


def network(name: str, seed: int = 0) -> Graph:
    """Return the network of that name."""
    net = Fixed(seed=seed)
    NETS[name](net)
    return net.graph


def image(graph: Graph, seed: int = 1) -> dict[str, NDArray[np.int8]]:
    """Return random codes for every input, batch included."""
    random = np.random.default_rng(seed)
    return {op.name: random.integers(-128, 128, op.tensor.shape).astype(np.int8) for op in graph.inputs()}
