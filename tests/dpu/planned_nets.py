"""Networks for the planner's tests, written layer by layer without a graph: random parameters, shapes as wanted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from net2bit.dpu.compiler.layers import EVERY, NO_PAD, POINT, Axis, Layer, Map, Network, Pad, Pair, Parameter, View, Work


@dataclass
class Nets:
    """Builds one Network; what its methods return is how the next layer looks at the result."""

    name: str = "net"
    seed: int = 0
    layers: list[Layer] = field(default_factory=list)
    maps: dict[str, Map] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    joined: dict[str, tuple[str, int]] = field(default_factory=dict)
    blob: bytearray = field(default_factory=bytearray)

    def input(self, height: int, width: int, channels: int) -> View:
        """Return a new input."""
        name = f"in{len(self.inputs)}"
        self.inputs.append(name)
        return self._map(name, height, width, channels)

    def conv(
        self, x: View, channels: int, kernel: int = 1, stride: int = 1, *, act: int = 1, pad: int | None = None, augmented: bool = False
    ) -> View:
        """Return a convolution's output."""
        out, window = self._window(x, channels, kernel, stride, pad)
        if kernel == 1 and stride > 1:
            x = replace(x, height=out.height, width=out.width, rows=Axis(0, stride), columns=Axis(0, stride))
            window["stride"] = POINT
        weights = self._parameter((channels, kernel, kernel, x.channels))
        macs = out.height * out.width * channels * kernel * kernel * x.channels
        extra = {"weights": weights, "bias": self._parameter((channels,)), "act": act, "macs": macs, "augmented": augmented}
        return self._layer(Work.CONV, (x,), out, shift_cut=7, shift_bias=3, **extra, **window)

    def depthwise(self, x: View, kernel: int = 3, stride: int = 1, act: int = 1) -> View:
        """Return a depthwise convolution's output."""
        out, window = self._window(x, x.channels, kernel, stride, None)
        extra = {"weights": self._parameter((1, kernel, kernel, x.channels)), "bias": self._parameter((x.channels,)), "act": act}
        return self._layer(Work.DEPTHWISE, (x,), out, shift_cut=5, shift_bias=3, macs=out.height * out.width * 9, **extra, **window)

    def pool(self, x: View, kernel: int, stride: int, work: Work = Work.MAX, pad: int = 0) -> View:
        """Return a pooling's output."""
        out, window = self._window(x, x.channels, kernel, stride, pad)
        return self._layer(work, (x,), out, shift_cut=14 if work is Work.AVERAGE else 0, factor=7, **window)

    def add(self, *xs: View, act: int = 0) -> View:
        """Return a sum."""
        out = self._map(f"m{len(self.maps)}", xs[0].height, xs[0].width, xs[0].channels)
        return self._layer(Work.ADD, xs, out, shift_read=(0,) * len(xs), shift_write=17, act=act)

    def up(self, x: View) -> View:
        """Look at a map through nearest upsampling."""
        return replace(x, height=x.height * 2, width=x.width * 2, rows=Axis(0, 1, 2), columns=Axis(0, 1, 2))

    def join(self, *xs: View) -> View:
        """Return the concatenation of maps that nothing else is joined to."""
        out = self._map(f"m{len(self.maps)}", xs[0].height, xs[0].width, sum(x.channels for x in xs))
        at = 0
        for x in xs:
            self.joined[x.map] = (out.map, at)
            at += x.channels
        return out

    def network(self, *outputs: View) -> Network:
        """Return what has been built."""
        layers = tuple(replace(item, reads=tuple(map(self._seen, item.reads)), writes=self._seen(item.writes)) for item in self.layers)
        ends = tuple(self._seen(view).map for view in outputs)
        blob = np.random.default_rng(self.seed).integers(-20, 20, len(self.blob), dtype=np.int8).tobytes()
        used = {view.map for item in layers for view in (*item.reads, item.writes)}
        maps = {name: item for name, item in self.maps.items() if name in used}
        return Network(self.name, maps, layers, tuple(self.inputs), ends, blob)

    def _seen(self, view: View) -> View:
        while view.map in self.joined:
            name, at = self.joined[view.map]
            view = replace(view, map=name, first=view.first + at)
        return view

    def _map(self, name: str, height: int, width: int, channels: int) -> View:
        self.maps[name] = Map(name, height, width, channels)
        return View(name, height, width, 0, channels)

    def _window(self, x: View, channels: int, kernel: int, stride: int, pad: int | None) -> tuple[View, dict[str, object]]:
        margin = (kernel - 1) // 2 if pad is None else pad
        tail = kernel - 1 - margin if pad is None else pad
        height, width = ((size + margin + tail - kernel) // stride + 1 for size in (x.height, x.width))
        out = self._map(f"m{len(self.maps)}", height, width, channels)
        padding = Pad(margin, margin, tail, tail) if margin or tail else NO_PAD
        return out, {"kernel": Pair(kernel, kernel), "stride": Pair(stride, stride), "pad": padding}

    def _parameter(self, shape: tuple[int, ...]) -> Parameter:
        at, size = len(self.blob), int(np.prod(shape))
        self.blob += bytes(-(-size // 64) * 64)
        return Parameter(f"p{at}", at, shape)

    def _layer(self, work: Work, reads: tuple[View, ...], writes: View, **fields: object) -> View:
        self.layers.append(Layer(f"{work.value}{len(self.layers)}", work, reads, writes, **fields))  # type: ignore[arg-type]
        return replace(writes, rows=EVERY, columns=EVERY)


def unet(height: int = 256, width: int = 512, base: int = 64) -> Network:
    """The published Unet: 3x3 convolutions, 2x2 after upsampling."""
    net = Nets("unet")
    x = net.input(height, width, 3)
    skips = []
    for level, (count, channels) in enumerate([(2, base), (2, 2 * base), (3, 4 * base), (3, 8 * base), (3, 8 * base)]):
        if level:
            skips.append(x)
            x = net.pool(x, 2, 2)
        for index in range(count):
            x = net.conv(x, channels, 3, augmented=not level and not index)
    for channels in (8 * base, 4 * base, 2 * base, base):
        x = net.join(net.conv(net.up(x), channels, 2), skips.pop())
        x = net.conv(net.conv(x, channels, 3), channels, 3)
    return net.network(net.conv(x, 4, 3, act=0))


def mnist() -> Network:
    """The vendor's MNIST classifier: convolution, pooling, two dense layers."""
    net = Nets("mnist")
    x = net.conv(net.input(28, 28, 1), 32, 3, pad=0, augmented=True)
    x = net.conv(net.pool(x, 2, 2), 128, 13, pad=0)
    return net.network(net.conv(x, 10, act=0))


def mobilenet(size: int = 224, classes: int = 1000) -> Network:
    """MobileNetV2 1.0."""
    net = Nets("mobilenetv2")
    x = net.conv(net.input(size, size, 3), 32, 3, 2, augmented=True, pad=1)
    x = net.conv(net.depthwise(x), 16, act=0)
    for expand, channels, count, first in [(6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for index in range(count):
            stride = first if not index else 1
            y = net.conv(net.depthwise(net.conv(x, expand * x.channels), 3, stride), channels, act=0)
            x = net.add(x, y) if index else y
    x = net.pool(net.conv(x, 1280), size // 32, 1, Work.AVERAGE)
    return net.network(net.conv(x, classes, act=0))


def resnet(size: int = 224) -> Network:
    """ResNet50 v1.5."""
    net = Nets("resnet50")
    x = net.pool(net.conv(net.input(size, size, 3), 64, 7, 2, augmented=True, pad=3), 3, 2, pad=1)
    for channels, count, first in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for index in range(count):
            stride = first if not index else 1
            y = net.conv(net.conv(x, channels), channels, 3, stride, pad=1)
            skip = x if index else net.conv(x, 4 * channels, 1, stride, act=0)
            x = net.add(net.conv(y, 4 * channels, act=0), skip, act=1)
    x = net.pool(x, size // 32, 1, Work.AVERAGE)
    return net.network(net.conv(x, 1000, act=0))


def yolo(size: int = 640, base: int = 16) -> Network:
    """YOLOv5n with leaky ReLU (6.0): backbone, SPPF, PAN, three heads of 255 channels."""
    net = Nets("yolov5n")

    def conv(x: View, channels: int, kernel: int = 1, stride: int = 1, **more: int) -> View:
        return net.conv(x, channels, kernel, stride, act=3, **more)

    def csp(x: View, channels: int, count: int, *, skip: bool = True) -> View:
        half = channels // 2
        y = conv(x, half)
        for _ in range(count):
            z = conv(conv(y, half), half, 3)
            y = net.add(y, z) if skip else z
        return conv(net.join(y, conv(x, half)), channels)

    x = net.conv(net.input(size, size, 3), base, 6, 2, act=3, pad=2, augmented=True)
    kept = []
    for channels, count in [(2, 1), (4, 2), (8, 3), (16, 1)]:
        x = csp(conv(x, channels * base, 3, 2, pad=1), channels * base, count)
        kept.append(x)
    y = [conv(x, 8 * base)]
    for _ in range(3):
        y.append(net.pool(y[-1], 5, 1, pad=2))
    x = conv(net.join(*y), 16 * base)
    tops = []
    for level, channels in ((2, 8), (1, 4)):
        tops.append(conv(x, channels * base))
        copy = net.pool(net.up(tops[-1]), 1, 1)
        x = csp(net.join(copy, kept[level]), channels * base, 1, skip=False)
    outs = [x]
    for channels in (8, 16):
        x = csp(net.join(conv(x, channels * base // 2, 3, 2, pad=1), tops.pop()), channels * base, 1, skip=False)
        outs.append(x)
    return net.network(*[net.conv(out, 255, act=0) for out in outs])
