"""A small network as a frozen TensorFlow graph, and commands run on it."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from typer.testing import CliRunner, Result

from net2bit.cli.app import app
from net2bit.proto.graphdef import AttrValue, DataType, GraphDef, ListValue, NodeDef, numpy_to_tensor, shape_proto
from net2bit.xir import build
from net2bit.xir.graph import Attr, Graph

FLOAT = AttrValue(type=DataType.FLOAT)
RUNNER = CliRunner()


def net2bit(*words: object) -> Result:
    """Run the command line in this process; an error that it does not turn into a message is raised."""
    return RUNNER.invoke(app, [str(word) for word in words], catch_exceptions=False)


def said(*words: object) -> str:
    """Run a command that succeeds and return what it prints."""
    done = net2bit(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: object, status: int = 1) -> str:
    """Run a command that fails with a message and return the message."""
    done = net2bit(*words)
    assert done.exit_code == status, done.output
    assert not done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def frozen() -> bytes:
    """Return two 3x3 convolutions on 16 x 16 x 3, the first with ReLU and 2x2 maximum behind it, as a frozen graph."""
    graph, random = GraphDef(), np.random.default_rng(0)

    def node(name: str, op: str, *inputs: str, **attrs: Any) -> str:
        graph.node.append(NodeDef(name=name, op=op, input=inputs, attr=attrs))
        return name

    def conv(name: str, source: str, inputs: int, outputs: int) -> str:
        values = {"kernel": random.normal(size=(3, 3, inputs, outputs)) / np.sqrt(9 * inputs), "bias": random.normal(size=outputs) * 0.1}
        for part, array in values.items():
            node(f"{name}/{part}", "Const", dtype=FLOAT, value=AttrValue(tensor=numpy_to_tensor(array.astype(np.float32))))
        window = AttrValue(list=ListValue(i=[1, 1, 1, 1]))
        node(
            name,
            "Conv2D",
            source,
            f"{name}/kernel",
            T=FLOAT,
            strides=window,
            padding=AttrValue(s=b"SAME"),
            data_format=AttrValue(s=b"NHWC"),
        )
        return node(f"{name}/add", "BiasAdd", name, f"{name}/bias", T=FLOAT, data_format=AttrValue(s=b"NHWC"))

    node("input", "Placeholder", dtype=FLOAT, shape=AttrValue(shape=shape_proto((-1, 16, 16, 3))))
    node("relu", "Relu", conv("first", "input", 3, 8), T=FLOAT)
    window = AttrValue(list=ListValue(i=[1, 2, 2, 1]))
    node("pool", "MaxPool", "relu", T=FLOAT, ksize=window, strides=window, padding=AttrValue(s=b"VALID"), data_format=AttrValue(s=b"NHWC"))
    conv("second", "pool", 8, 5)
    return bytes(graph.SerializeToString(deterministic=True))


def pictures(folder: Path, count: int = 4) -> Path:
    """Write some pictures, PNG and JPEG, larger than the network's input."""
    random = np.random.default_rng(1)
    folder.mkdir()
    for index in range(count):
        image = Image.fromarray(random.integers(0, 256, (24, 40, 3), np.uint8))
        image.save(folder / f"{index}.{'png' if index % 2 else 'jpg'}")
    return folder


def two_by_two() -> Graph:
    """Return a quantized network with two inputs, `left` and `right`, and an output of each: `wide` and `narrow`."""
    graph, random = Graph("pair"), np.random.default_rng(4)
    for source, name, outputs in (("left", "wide", 20), ("right", "narrow", 3)):
        image = build.data_fix(graph, source, (1, 6, 7, 4), 5)
        weights = build.const_fix(graph, f"{name}_w", random.integers(-40, 40, (outputs, 1, 1, 4), np.int8), 7)
        kernel: dict[str, Attr] = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "pad": [0, 0, 0, 0], "group": 1}
        unset: dict[str, Attr] = dict.fromkeys(("hsigmoid_in", "shift_hsigmoid", "shift_hswish"), -128)
        attrs: dict[str, Attr] = {**kernel, **unset, "pad_mode": "FLOOR", "nonlinear": "NONE"}
        build.fixed(graph, "conv2d-fix", name, {"input": [image], "weights": [weights]}, 4, **attrs)
    return graph
