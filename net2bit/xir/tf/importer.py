"""Turns the nodes of a frozen graph into ops, one after the other; the rules for the operations stand in `layers` and `shaping`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError, near
from net2bit.xir import build
from net2bit.xir.graph import Graph, Op
from net2bit.xir.tf.constant import fold
from net2bit.xir.tf.node import INPUT, Node, flow, read_nodes

Array = NDArray[Any]


@dataclass(frozen=True)
class Constant:
    """A value known while the graph is read, and the `Const` that holds it; no name where it was worked out from several."""

    values: Array
    name: str


@dataclass(frozen=True)
class Spread:
    """What `ExpandDims` and `Tile` made of an op: a new axis *axis*, repeated *times* times. It has no op of its own yet.

    A `Reshape` that merges the axis with the one before is a nearest-neighbour resizing; this is how frozen Keras networks upsample.
    """

    source: Op
    axis: int
    times: int


Value = Op | Constant | Spread
Rule = Callable[["Importer", Node], Value]


class Importer:
    """Walks a frozen graph.

    Attributes:
        graph: The ops so far.
        values: Node name -> what it computes.
    """

    def __init__(self, name: str, rules: Mapping[str, Rule]) -> None:
        """Begin a graph called *name*; *rules* maps TensorFlow's operations to what converts them."""
        self.graph = Graph(name)
        self.values: dict[str, Value] = {}
        self.rules = rules

    def run(self, message: Any) -> Graph:
        """Return the ops of a `GraphDef`; the graph's attribute `return_ops` names its outputs.

        Raises:
            ModelError: An operation, or a form of it, cannot be converted; it names the node.
        """
        order, outputs = flow(read_nodes(message))
        for node in order:
            self.values[node.name] = self._convert(node)
        ends = [self._end(node) for node in outputs]
        self.graph.attrs["return_ops"] = list(dict.fromkeys(ends))
        return self.graph

    def map(self, node: Node, index: int) -> Op:
        """Return the op that feeds input *index* of *node*; a constant there becomes an op.

        Raises:
            ModelError: The node has no such input, or a repetition feeds it that is no upsampling.
        """
        value = self._input(node, index)
        if isinstance(value, Spread) and value.times == 1:
            shape = value.source.tensor.shape
            return build.reshape(self.graph, node.inputs[index], value.source, (*shape[: value.axis], 1, *shape[value.axis :]))
        if isinstance(value, Spread):
            raise node.fail("takes a tiled tensor: only tiling that upsamples can be converted")
        return value if isinstance(value, Op) else self.const(value, f"{node.name}_{index}")

    def constant(self, node: Node, index: int) -> Array:
        """Return the constant that feeds input *index* of *node*.

        Raises:
            ModelError: The node has no such input, or it depends on the network's input.
        """
        return self.held(node, index).values

    def held(self, node: Node, index: int) -> Constant:
        """Return the constant of input *index* with its name; see `constant`."""
        value = self._input(node, index)
        if not isinstance(value, Constant):
            raise node.fail(f"needs a constant as its input {index}, but '{node.inputs[index]}' depends on the network's input")
        return value

    def spread(self, node: Node) -> Spread | None:
        """Return the first input where it is an axis that `ExpandDims` made."""
        value = self._input(node, 0)
        return value if isinstance(value, Spread) else None

    def const(self, constant: Constant, fallback: str, values: Array | None = None) -> Op:
        """Append a constant op.

        Args:
            constant: Gives the name, where it says something: a variable of Keras 3 is only called `ReadVariableOp/resource`.
            fallback: The name otherwise.
            values: The values in XIR's layout; those of *constant* where None.
        """
        speaking = constant.name and constant.name not in self.graph and "ReadVariableOp" not in constant.name
        return build.const(self.graph, constant.name if speaking else fallback, constant.values if values is None else values)

    def _input(self, node: Node, index: int) -> Value:
        if index >= len(node.inputs):
            raise node.fail(f"has {len(node.inputs)} inputs, and lacks number {index}")
        return self.values[node.inputs[index]]

    def _convert(self, node: Node) -> Value:
        if node.op == "Const":
            return Constant(node.value(), node.name)
        if node.op == INPUT:
            return self._data(node)
        if node.op == "Shape" and isinstance(self._input(node, 0), Op):
            return Constant(np.array(self.map(node, 0).tensor.shape, np.int32), "")
        sources = [self.values[name] for name in node.inputs]
        if sources and all(isinstance(source, Constant) for source in sources):
            value = fold(node, [source.values for source in sources if isinstance(source, Constant)])
            if value is not None:
                return sources[0] if node.op == "Identity" else Constant(value, "")
        if node.op not in self.rules:
            raise _unknown(node, self.rules)
        return self.rules[node.op](self, node)

    def _data(self, node: Node) -> Op:
        shape = node.shape()
        if not shape or any(size < 1 for size in shape[1:]):
            known = "unknown" if shape is None else str(shape)
            raise node.fail(f"has the shape {known}", "freeze the network with a fixed input size; only the batch may be open")
        return build.data(self.graph, node.name, (1, *shape[1:]))

    def _end(self, node: Node) -> str:
        value = self.values[node.name]
        if not isinstance(value, Op):
            raise node.fail("is an output, but computes nothing that depends on the input")
        if (self.graph.consumers(value.name) or value.type == "data") and node.name not in self.graph:
            value = build.place(self.graph, "identity", node.name, {"input": [value]})
        return value.name


_TRAINING = ("Switch", "Merge", "Enter", "Exit", "VariableV2", "VarHandleOp", "ReadVariableOp", "PlaceholderWithDefault", "RandomUniform")


def _unknown(node: Node, known: Mapping[str, Rule]) -> ModelError:
    remedy = "replace the layer, or cut the network in front of it"
    if node.op in _TRAINING:
        remedy = "freeze the network for inference: variables as constants, dropout and control flow removed"
    what = f"TensorFlow's operation {node.op} (node '{node.name}') cannot be converted"
    return ModelError(what, where=node.name, remedy=remedy, suggestion=near(node.op, known))
