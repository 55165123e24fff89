"""Lowering: the fake-quantized network as the fixed-point ops that the DPU executes.

Each op is named after the tensor it computes, which is that of the float network (`x`); its tensor is named after the quantizer (`x_fix`).
A convolution swallows its activation; a fully connected layer becomes a convolution over its whole input.
"""

from collections.abc import Callable, Mapping

import numpy as np

from net2bit.errors import QuantError
from net2bit.quant.arith import Rounding, quantize
from net2bit.quant.points import Point
from net2bit.quant.quantize import constant, window
from net2bit.quant.strip import Stripped, strip
from net2bit.xir import build
from net2bit.xir.access import ints, real
from net2bit.xir.graph import Attr, Graph, Op

NONLINEAR: Mapping[str, str] = {"": "NONE", "relu": "RELU", "relu6": "RELU6", "leaky-relu": "LEAKYRELU"}
RELU6_POSITION = 4
"""The DPU's ReLU6 ends at code 96, which is 6 at this position only; at finer ones 6 is out of range anyway."""
UNSET = -128
"""What XIR writes for a shift that an op does not have."""
HSIGMOID_BITS = 14
AXES = 4  # of a feature map, NHWC


def lower(graph: Graph) -> Graph:
    """Return the fixed-point form of a fake-quantized *graph*: `data-fix`, `const-fix`, `conv2d-fix`, `pool-fix` and so on.

    It computes the same numbers: its codes, dequantized, equal the fake-quantized tensors bit for bit.

    Raises:
        QuantError: A tensor has no quantizer, or an op has no fixed-point form.
    """
    return _Lowering(strip(graph)).run()


class _Lowering:
    def __init__(self, source: Stripped) -> None:
        self.source, self.graph = source, source.graph
        self.points = source.points()
        self.made = Graph(self.graph.name, attrs={name: value for name, value in self.graph.attrs.items() if name != "return_ops"})
        self.rules: dict[str, Callable[[Point, Op], Op]] = {
            **dict.fromkeys(("conv2d", "depthwise-conv2d", "transposed-conv2d"), self._conv),
            "inner-product": self._dense,
            **dict.fromkeys(("maxpool2d", "avgpool2d"), self._pool),
            **dict.fromkeys(("add", "mul"), self._eltwise),
            **dict.fromkeys(("reshape", "flatten", "squeeze", "identity"), self._reshape),
            "concat": self._concat,
            "resize": self._resize,
            "pad": self._pad,
            "hard-sigmoid": self._sigmoid,
        }

    def run(self) -> Graph:
        for point in self.points.values():
            head = self.graph.op(point.head)
            if point.type == "data":
                op = build.data_fix(self.made, point.name, head.tensor.shape, self.at(point.name))
            else:
                op = self._rule(point, head)(point, head)
            op.tensor.name = self.source.fixes.get(point.name, point.name)
        return self.made

    def at(self, name: str) -> int:
        return self.source.positions[name]

    def _rule(self, point: Point, head: Op) -> Callable[[Point, Op], Op]:
        if point.type not in self.rules:
            raise QuantError(f"{head.type} '{head.name}' has no fixed-point form yet", where=head.name, remedy="replace the layer")
        return self.rules[point.type]

    def _fixed(self, point: Point, kind: str, attrs: dict[str, Attr], **args: list[str]) -> Op:
        return build.fixed(self.made, kind, point.name, args or {"input": list(point.inputs)}, self.at(point.name), **attrs)

    def _constants(self, point: Point, *, shape: tuple[int, ...] | None = None) -> dict[str, list[str]]:
        """Write the weights (in another *shape* where one is given) and the bias, once each."""
        for name in point.parameters:
            values = constant(self.graph, name)
            codes = quantize(values.astype(np.float64), self.at(name), Rounding.HALF_UP)
            if name not in self.made:
                build.const_fix(self.made, name, codes.reshape(shape or codes.shape) if name == point.weights else codes, self.at(name))
        return {arg: [name] for arg, name in (("weights", point.weights), ("bias", point.bias)) if name}

    def _conv(self, point: Point, head: Op) -> Op:
        kept = ("kernel", "stride", "dilation", "pad", "pad_mode", "group")
        attrs = {name: head.attrs[name] for name in kept if name in head.attrs} | self._nonlinear(point)
        return self._fixed(point, f"{head.type}-fix", attrs, input=list(point.inputs), **self._constants(point))

    def _nonlinear(self, point: Point) -> dict[str, Attr]:
        """Return the attributes of the fused activation."""
        if point.activation == "relu6" and self.at(point.name) < RELU6_POSITION:
            raise QuantError(
                f"relu6 '{point.name}' is at position {self.at(point.name)}, where the DPU's ReLU6 does not end at 6",
                where=point.name,
                remedy="replace ReLU6 by ReLU",
            )
        unset: dict[str, Attr] = dict.fromkeys(("hsigmoid_in", "shift_hsigmoid", "shift_hswish"), UNSET)
        slope: dict[str, Attr] = {}
        if point.activation == "leaky-relu":
            slope = {"LEAKYRELU_alpha": real(self.graph.op(point.name), "alpha")}
        return {"nonlinear": NONLINEAR[point.activation], **unset, **slope}

    def _dense(self, point: Point, head: Op) -> Op:
        """Write a fully connected layer as a convolution whose kernel covers the whole map, and reshape its result to two axes."""
        source = self._map(point.inputs[0])
        _, height, width, channels = self.made.op(source).tensor.shape
        outputs = head.tensor.shape[-1]
        constants = self._constants(point, shape=(outputs, height, width, channels))
        attrs: dict[str, Attr] = {"kernel": [width, height], "stride": [1, 1], "dilation": [1, 1], "pad": [0, 0, 0, 0], "pad_mode": "FLOOR"}
        args = {"input": [source], **constants}
        name = f"{point.name}(map)"
        build.fixed(self.made, "conv2d-fix", name, args, self.at(point.name), group=1, **attrs, **self._nonlinear(point))
        return self._fixed(point, "reshape-fix", {"shape": list(head.tensor.shape)}, input=[name])

    def _map(self, name: str) -> str:
        """Return the feature map, of four axes, whose numbers in order are those of the tensor *name*."""
        op = self.made.op(name)
        while len(op.tensor.shape) != AXES and op.type == "reshape-fix":
            op = self.made.op(op.arg("input"))
        if len(op.tensor.shape) == AXES:
            return op.name
        flat = f"{name}(map)"
        shape = [op.tensor.shape[0], 1, 1, int(np.prod(op.tensor.shape[1:]))]
        return build.fixed(self.made, "reshape-fix", flat, {"input": [name]}, self.at(name), shape=shape).name

    def _pool(self, point: Point, head: Op) -> Op:
        height, width = window(self.graph, head)
        whole = bool(head.attrs.get("global"))
        attrs: dict[str, Attr] = {
            "kernel": [width, height],
            "stride": [width, height] if whole else ints(head, "stride", 2),
            "pad": [0, 0, 0, 0] if whole else ints(head, "pad", 4),
            "pad_mode": "FLOOR" if whole else head.attrs["pad_mode"],
            "type": "MAX" if head.type == "maxpool2d" else "AVG",
        }
        return self._fixed(point, "pool-fix", attrs)

    def _eltwise(self, point: Point, head: Op) -> Op:
        return self._fixed(point, "eltwise-fix", {"type": head.type.upper(), "nonlinear": NONLINEAR[point.activation]})

    def _reshape(self, point: Point, head: Op) -> Op:
        return self._fixed(point, "reshape-fix", {"shape": list(head.tensor.shape)})

    def _concat(self, point: Point, head: Op) -> Op:
        return self._fixed(point, "concat-fix", {"axis": head.attrs["axis"]})

    def _resize(self, point: Point, head: Op) -> Op:
        shape, source = head.tensor.shape, self.graph.op(point.inputs[0]).tensor.shape
        attrs: dict[str, Attr] = {"mode": "NEAREST", "scale": [shape[2] / source[2], shape[1] / source[1]]}
        attrs |= {name: head.attrs.get(name, False) for name in ("align_corners", "half_pixel_centers")}
        return self._fixed(point, "upsample-fix", attrs)

    def _pad(self, point: Point, head: Op) -> Op:
        return self._fixed(point, "pad-fix", {"paddings": head.attrs["paddings"], "mode": "CONSTANT"})

    def _sigmoid(self, point: Point, _head: Op) -> Op:
        at = self.at(point.inputs[0])
        return self._fixed(point, "hard-sigmoid-fix", {"hsigmoid_in": at, "shift_hsigmoid": HSIGMOID_BITS + at - self.at(point.name)})
