"""Frozen graphs written node by node, as TensorFlow 1 wrote them, for the tests of the importer."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.proto.graphdef import AttrValue, DataType, GraphDef, ListValue, NodeDef, TensorProto, VersionDef, numpy_to_tensor, shape_proto

FLOAT = AttrValue(type=DataType.FLOAT)


def ints(*values: int) -> Any:
    """Return an attribute of whole numbers."""
    return AttrValue(list=ListValue(i=values))


def word(text: str) -> Any:
    """Return an attribute of one word."""
    return AttrValue(s=text.encode())


class Frozen:
    """A `GraphDef` under construction, with a placeholder `input`."""

    def __init__(self, shape: Iterable[int] = (-1, 16, 16, 4)) -> None:
        """Begin with an input of *shape*."""
        self.graph = GraphDef(versions=VersionDef(producer=134))
        self.node("input", "Placeholder", dtype=FLOAT, shape=AttrValue(shape=shape_proto(shape)))

    def node(self, name: str, op: str, *inputs: str, **attrs: Any) -> str:
        """Append a node; return its name."""
        self.graph.node.append(NodeDef(name=name, op=op, input=inputs, attr=attrs))
        return name

    def const(self, name: str, value: NDArray[Any] | float | list[int]) -> str:
        """Append a constant; floats become float32, whole numbers int32; single values stand in `int_val`, where OpenCV looks for them."""
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int32)
        tensor = numpy_to_tensor(array)
        if array.dtype == np.int32 and array.ndim == 0:
            tensor = TensorProto(dtype=DataType.INT32, tensor_shape=shape_proto(()), int_val=[int(array)])
        return self.node(name, "Const", dtype=AttrValue(type=tensor.dtype), value=AttrValue(tensor=tensor))

    def layer(self, name: str, op: str, *inputs: str, **attrs: Any) -> str:
        """Append a node on float maps."""
        return self.node(name, op, *inputs, T=FLOAT, **attrs)

    def conv(
        self, name: str, source: str, kernel: NDArray[Any], strides: tuple[int, int] = (1, 1), padding: str = "SAME", **attrs: Any
    ) -> str:
        """Append a convolution; *strides* is (h, w)."""
        op = attrs.pop("op", "Conv2D")
        weights = self.const(f"{name}/kernel", kernel)
        return self.layer(name, op, source, weights, strides=ints(1, *strides, 1), padding=word(padding), data_format=word("NHWC"), **attrs)

    def bias(self, name: str, source: str, values: NDArray[Any]) -> str:
        """Append a bias."""
        return self.layer(name, "BiasAdd", source, self.const(f"{name}/bias", values), data_format=word("NHWC"))

    def normalize(self, name: str, source: str, moments: Iterable[NDArray[Any]], *, training: bool = False) -> str:
        """Append a batch normalization; *moments* are gamma, beta, mean and variance."""
        names = [self.const(f"{name}/{at}", values) for at, values in enumerate(moments)]
        attrs = {"epsilon": AttrValue(f=1e-3), "is_training": AttrValue(b=training), "data_format": word("NHWC"), "U": FLOAT}
        return self.layer(name, "FusedBatchNormV3", source, *names, **attrs)

    def pool(self, name: str, op: str, source: str, kernel: tuple[int, int], strides: tuple[int, int], padding: str) -> str:
        """Append a pooling; pairs are (h, w)."""
        attrs = {"ksize": ints(1, *kernel, 1), "strides": ints(1, *strides, 1), "padding": word(padding), "data_format": word("NHWC")}
        return self.layer(name, op, source, **attrs)

    def concat(self, name: str, *sources: str) -> str:
        """Append a concatenation of channels."""
        axis = self.const(f"{name}/axis", np.array(3))
        return self.layer(name, "ConcatV2", *sources, axis, N=AttrValue(i=len(sources)), Tidx=AttrValue(type=DataType.INT32))

    def bytes(self) -> bytes:
        """Return the file's content."""
        return bytes(self.graph.SerializeToString(deterministic=True))


def random_net(seed: int, length: int = 7) -> Frozen:
    """Return a random network of layers that TensorFlow, OpenCV and the importer all know; the same one for the same *seed*."""
    rng = np.random.default_rng(seed)
    net = Frozen()
    last, channels = "input", 4
    kinds = list(LAYERS)
    for index in range(length):
        last, channels = LAYERS[kinds[int(rng.integers(len(kinds)))]](net, f"layer{index}", last, channels, rng)
    return net


Made = tuple[str, int]
Rng = np.random.Generator


def _conv(net: Frozen, name: str, last: str, channels: int, rng: Rng) -> Made:
    made = int(rng.integers(1, 7))
    kernel = _values(rng, int(rng.integers(1, 4)), int(rng.integers(1, 4)), channels, made)
    conv = net.conv(f"{name}/convolution", last, kernel, (int(rng.integers(1, 3)), 1))
    return net.bias(f"{name}/BiasAdd", conv, _values(rng, made)), made


def _depthwise(net: Frozen, name: str, last: str, channels: int, rng: Rng) -> Made:
    return net.conv(name, last, _values(rng, 3, 2, channels, 1), op="DepthwiseConv2dNative"), channels


def _normalize(net: Frozen, name: str, last: str, channels: int, rng: Rng) -> Made:
    moments = [*(_values(rng, channels) for _ in range(3)), np.abs(_values(rng, channels)) + 0.1]
    return net.normalize(name, last, moments), channels


def _unary(op: str, **attrs: Any) -> "Layer":
    def layer(net: Frozen, name: str, last: str, channels: int, _rng: Rng) -> Made:
        return net.layer(name, op, last, **attrs), channels

    return layer


def _pool(op: str) -> "Layer":
    def layer(net: Frozen, name: str, last: str, channels: int, rng: Rng) -> Made:
        return net.pool(name, op, last, (2, 2), (1, 1), str(rng.choice(["SAME", "VALID"]))), channels

    return layer


def _join(net: Frozen, name: str, last: str, channels: int, _rng: Rng) -> Made:
    return net.concat(name, last, net.layer(f"{name}/Relu", "Relu", last)), 2 * channels


def _add(net: Frozen, name: str, last: str, channels: int, _rng: Rng) -> Made:
    return net.layer(name, "AddV2", last, net.layer(f"{name}/Relu", "Relu", last)), channels


def _values(rng: Rng, *shape: int) -> NDArray[np.float32]:
    return (rng.normal(size=shape) / 2).astype(np.float32)


Layer = Callable[[Frozen, str, str, int, Rng], Made]
LAYERS: dict[str, Layer] = {
    "conv": _conv,
    "strided": _conv,
    "depthwise": _depthwise,
    "normalize": _normalize,
    "relu": _unary("Relu"),
    "relu6": _unary("Relu6"),
    "leaky": _unary("LeakyRelu", alpha=AttrValue(f=0.25)),
    "max": _pool("MaxPool"),
    "mean": _pool("AvgPool"),
    "join": _join,
    "add": _add,
}
