"""A layer list and its weights as a frozen TensorFlow graph, node by node.

Node names are those of a Keras 2 model frozen under TensorFlow 1 (`block1_conv1/convolution`, `conv2d_13/BiasAdd`), and only operations
and attributes that TensorFlow 1.15 knows appear: that is what the DPU tools of that generation parse.
"""

from collections.abc import Iterable
from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError
from net2bit.nets.layers import Activation, BatchNorm, Concat, Conv, Input, Layer, MaxPool, SeparableConv, Softmax, Upsample
from net2bit.nets.network import Network
from net2bit.nets.weights import Weights
from net2bit.proto.graphdef import AttrValue, DataType, GraphDef, ListValue, NodeDef, TensorProto, VersionDef, numpy_to_tensor, shape_proto

_PRODUCER = 134  # TF_GRAPH_DEF_VERSION of TensorFlow 1.15
_MIN_CONSUMER = 12  # the oldest reader TensorFlow 1.15 writes for


def _ints(values: Iterable[int]) -> Any:
    return AttrValue(list=ListValue(i=values))


def _type(kind: DataType) -> Any:
    return AttrValue(type=kind)


_FLOAT = _type(DataType.FLOAT)
_NHWC = AttrValue(s=b"NHWC")


class Freezer:
    """Emits the nodes of each layer and remembers which node carries a layer's output.

    Attributes:
        graph: The `GraphDef` so far.
        weights: Become constants.
        outputs: Layer name -> node that carries its output.
    """

    def __init__(self, weights: Weights) -> None:
        self.graph = GraphDef(versions=VersionDef(producer=_PRODUCER, min_consumer=_MIN_CONSUMER))
        self.weights = weights
        self.outputs: dict[str, str] = {}

    def freeze(self, network: Network) -> Any:
        """Return *network* as a `GraphDef`, up to its softmax, which is cut.

        Raises:
            ModelError: A layer has no form in TensorFlow 1.15, or the softmax is not the last layer.
        """
        for layer in network:
            if isinstance(layer, Softmax):
                self._check_last(layer, network)
            else:
                self.outputs[layer.name] = self.emit(layer, [self.outputs[name] for name in layer.inputs])
        return self.graph

    @staticmethod
    def _check_last(layer: Layer, network: Network) -> None:
        if layer is not network.output:
            raise ModelError(f"softmax '{layer.name}' is not the last layer: it cannot be cut", where=layer.name)

    def node(self, name: str, op: str, inputs: Iterable[str] = (), **attrs: Any) -> str:
        """Append a node; return its name."""
        self.graph.node.append(NodeDef(name=name, op=op, input=inputs, attr=attrs))
        return name

    def const(self, name: str, value: NDArray[Any]) -> str:
        """Append a constant; return its name."""
        tensor = numpy_to_tensor(value)
        return self.node(name, "Const", dtype=AttrValue(type=tensor.dtype), value=AttrValue(tensor=tensor))

    def scalar(self, name: str, value: int) -> str:
        """Append an integer; return its name. TensorFlow writes single values in `int_val`, and OpenCV's reader crashes on another form."""
        tensor = TensorProto(dtype=DataType.INT32, tensor_shape=shape_proto(()), int_val=[value])
        return self.node(name, "Const", dtype=_type(DataType.INT32), value=AttrValue(tensor=tensor))

    def constants(self, layer: Layer) -> dict[str, str]:
        """Emit a constant for each weight; return their names."""
        return {weight: self.const(f"{layer.name}/{weight}", array) for weight, array in self.weights[layer.name].items()}

    @singledispatchmethod
    def emit(self, layer: Layer, sources: list[str]) -> str:
        """Emit the nodes of *layer* behind *sources*; return the one that carries its output."""
        raise ModelError(f"layer '{layer.name}' of type {type(layer).__name__} has no form in TensorFlow 1.15", where=f"{sources}")

    @emit.register
    def _(self, layer: Input, sources: list[str]) -> str:
        return self.node(layer.name, "Placeholder", sources, dtype=_FLOAT, shape=AttrValue(shape=shape_proto((-1, *layer.shape))))

    @emit.register
    def _(self, layer: Conv, sources: list[str]) -> str:
        names = self.constants(layer)
        strides = (1, *layer.stride, 1)
        return self.bias(layer, self.conv(f"{layer.name}/convolution", [*sources, names["kernel"]], strides), names["bias"])

    @emit.register
    def _(self, layer: SeparableConv, sources: list[str]) -> str:
        names = self.constants(layer)
        name = f"{layer.name}/separable_conv2d"
        inputs = [*sources, names["depthwise_kernel"]]
        depthwise = self.conv(f"{name}/depthwise", inputs, (1, *layer.stride, 1), op="DepthwiseConv2dNative")
        return self.bias(layer, self.conv(name, [depthwise, names["pointwise_kernel"]], (1, 1, 1, 1)), names["bias"])

    def conv(self, name: str, inputs: list[str], strides: tuple[int, ...], op: str = "Conv2D") -> str:
        """Append a convolution with padding "same"; return its name."""
        return self.node(name, op, inputs, T=_FLOAT, strides=_ints(strides), padding=AttrValue(s=b"SAME"), data_format=_NHWC)

    def bias(self, layer: Layer, source: str, constant: str) -> str:
        """Append a layer's bias addition, which carries its output; return its name."""
        return self.node(f"{layer.name}/BiasAdd", "BiasAdd", [source, constant], T=_FLOAT, data_format=_NHWC)

    @emit.register
    def _(self, layer: BatchNorm, sources: list[str]) -> str:
        names = self.constants(layer)
        attrs = {"T": _FLOAT, "U": _FLOAT, "data_format": _NHWC, "epsilon": AttrValue(f=layer.epsilon), "is_training": AttrValue(b=False)}
        return self.node(f"{layer.name}/FusedBatchNormV3", "FusedBatchNormV3", [*sources, *names.values()], **attrs)

    @emit.register
    def _(self, layer: Activation, sources: list[str]) -> str:
        return self.node(f"{layer.name}/Relu", "Relu", sources, T=_FLOAT)

    @emit.register
    def _(self, layer: MaxPool, sources: list[str]) -> str:
        window = _ints((1, layer.size, layer.size, 1))
        attrs = {"T": _FLOAT, "ksize": window, "strides": window, "padding": AttrValue(s=b"VALID"), "data_format": _NHWC}
        return self.node(f"{layer.name}/MaxPool", "MaxPool", sources, **attrs)

    @emit.register
    def _(self, layer: Upsample, sources: list[str]) -> str:
        size = self.const(f"{layer.name}/size", np.array(layer.shape[:2], np.int32))
        return self.node(f"{layer.name}/ResizeNearestNeighbor", "ResizeNearestNeighbor", [*sources, size], T=_FLOAT)

    @emit.register
    def _(self, layer: Concat, sources: list[str]) -> str:
        axis = self.scalar(f"{layer.name}/concat/axis", 3)
        attrs = {"T": _FLOAT, "Tidx": _type(DataType.INT32), "N": AttrValue(i=len(sources))}
        return self.node(f"{layer.name}/concat", "ConcatV2", [*sources, axis], **attrs)
