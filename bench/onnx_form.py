"""A float XIR graph as ONNX, for the peers of the benchmarks: NCHW, opset 17, tensors named after the ops."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from net2bit.xir.access import ints
from net2bit.xir.graph import Graph, Op

OPSET = 17
IR_VERSION = 9
AXES = ((0, 3, 1, 2), (3, 0, 1, 2))
"""Of OHWI weights in OIHW, and of depthwise ones [1, h, w, channels] in [channels, 1, h, w]."""


def save(graph: Graph, path: Path) -> None:
    """Write *graph* to *path*, for one image at a time."""
    constants = {op.name: op.data for op in graph if op.data is not None}
    depthwise = {op.arg("weights") for op in graph.of_type("depthwise-conv2d")}
    parts = [node for op in graph if op.data is None and op.type != "data" for node in _nodes(graph, op)]
    values = [numpy_helper.from_array(_layout(data, AXES[name in depthwise]), name) for name, data in constants.items()]
    values += [_scales(graph, op) for op in graph.of_type("resize")]
    ends = [[_port(graph, op) for op in ops] for ops in (graph.inputs(), graph.outputs())]
    model = helper.make_model(helper.make_graph(parts, graph.name, *ends, values), opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _layout(data: NDArray[np.generic], axes: tuple[int, ...]) -> NDArray[np.float32]:
    """Return weights in ONNX's order of axes; a bias has one only."""
    return np.ascontiguousarray(data.transpose(axes) if data.ndim > 1 else data, np.float32)


def _port(graph: Graph, op: Op) -> onnx.ValueInfoProto:
    batch, height, width, channels = graph.op(op.name).tensor.shape
    return helper.make_tensor_value_info(op.name, onnx.TensorProto.FLOAT, [batch, channels, height, width])


def _scales(graph: Graph, op: Op) -> onnx.TensorProto:
    shape, source = op.tensor.shape, graph.op(op.arg("input")).tensor.shape
    return numpy_helper.from_array(np.array([1, 1, shape[1] / source[1], shape[2] / source[2]], np.float32), f"{op.name}_scales")


def _nodes(graph: Graph, op: Op) -> list[NodeProto]:
    if op.type not in _WRITERS:
        raise SystemExit(f"{op.type} '{op.name}' has no ONNX form here")
    return [_WRITERS[op.type](graph, op)]


def _window(op: Op) -> dict[str, list[int]]:
    """Return a window's attributes, ONNX's height first."""
    left, right, top, bottom = ints(op, "pad", 4)
    sides = {"kernel_shape": ints(op, "kernel", 2)[::-1], "strides": ints(op, "stride", 2)[::-1]}
    return sides | {"pads": [top, left, bottom, right]}


def _conv(graph: Graph, op: Op) -> NodeProto:
    groups = graph.op(op.arg("input")).tensor.shape[3] if op.type.startswith("depthwise") else 1
    names = [op.arg("input"), op.arg("weights"), *op.args.get("bias", [])]
    return helper.make_node("Conv", names, [op.name], op.name, group=groups, dilations=ints(op, "dilation", 2)[::-1], **_window(op))


def _pool(_graph: Graph, op: Op) -> NodeProto:
    return helper.make_node("MaxPool", op.args["input"], [op.name], op.name, **_window(op))


def _resize(_graph: Graph, op: Op) -> NodeProto:
    names = [op.arg("input"), "", f"{op.name}_scales"]
    how = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    return helper.make_node("Resize", names, [op.name], op.name, **how)


def _plain(kind: str, **attrs: int) -> Callable[[Graph, Op], NodeProto]:
    return lambda _graph, op: helper.make_node(kind, op.args["input"], [op.name], op.name, **attrs)


_WRITERS: dict[str, Callable[[Graph, Op], NodeProto]] = {
    **dict.fromkeys(("conv2d", "depthwise-conv2d"), _conv),
    "relu": _plain("Relu"),
    "add": _plain("Add"),
    "concat": _plain("Concat", axis=1),
    "maxpool2d": _pool,
    "resize": _resize,
}
