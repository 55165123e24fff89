"""Frozen graphs into the IR: against OpenCV and TensorFlow, which know nothing of ours."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from frozen_nets import FLOAT, Frozen, ints, random_net, word
from hypothesis import given, settings
from hypothesis import strategies as st

from net2bit.errors import ModelError
from net2bit.export import freeze
from net2bit.job import Job
from net2bit.nets import describe
from net2bit.nets.weights import random_weights, write_weights
from net2bit.proto.graphdef import AttrValue, DataType, NodeDef, shape_proto
from net2bit.quant.floating import run_float
from net2bit.xir import convert, from_pb, xmodel
from net2bit.xir.fold import ends
from net2bit.xir.graph import Graph
from net2bit.xir.passes import STANDARD, apply
from net2bit.xir.verify import verify

RNG = np.random.default_rng(7)
Array = np.ndarray


def imported(net: Frozen, folder: Path) -> Graph:
    """Return the graph of *net*, by way of a file."""
    path = folder / "frozen.pb"
    path.write_bytes(net.bytes())
    graph = from_pb.read_pb(path, "net")
    verify(graph)
    return graph


def run(graph: Graph, **inputs: Array) -> Array:
    """Return what the graph's only output is."""
    (name,) = ends(graph)
    return run_float(graph, inputs, keep=[name])[name]


def close(one: Array, other: Array) -> bool:
    """Tell whether two results are the same up to float32 rounding."""
    return one.shape == other.shape and bool(np.abs(one - other).max() <= 1e-4 * max(1.0, float(np.abs(other).max())))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_opencv_agrees_on_random_networks(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Law: a random frozen network gives what OpenCV's reader gives, both as read and after the standard passes."""
    net, image = random_net(seed), RNG.normal(size=(1, 16, 16, 4)).astype(np.float32)
    referee = cv2.dnn.readNetFromTensorflow(np.frombuffer(net.bytes(), np.uint8))
    referee.setInput(image.transpose(0, 3, 1, 2))
    wanted = np.asarray(referee.forward()).transpose(0, 2, 3, 1)
    graph = imported(net, tmp_path_factory.mktemp("net"))
    assert close(run(graph, input=image), wanted)
    apply(graph, STANDARD)
    assert close(run(graph, input=image), wanted)


@pytest.mark.parametrize("architecture", ["unet", "separable_unet"])
def test_the_stage_converts_what_we_freeze(architecture: str, tmp_path: Path) -> None:
    """The whole way from weights: names carry over, every bias and normalization is folded, and OpenCV sees the same network."""
    model = {"architecture": architecture, "width": 1 / 16, "input_size": [32, 48]}
    network = describe(model, ["a", "b", "c"])
    write_weights(random_weights(network, 1), tmp_path / "weights.h5", keras_version="3.15.0")
    pb, target = tmp_path / "frozen.pb", tmp_path / "unet_float.xmodel"
    job = Job(
        {"model": model, "dataset": {"classes": ["a", "b", "c"]}}, {"weights.h5": tmp_path / "weights.h5"}, {"frozen.pb": pb}, tmp_path
    )
    freeze.run(Job(job.config, job.inputs, {"frozen.pb": pb, "frozen.json": tmp_path / "frozen.json"}, tmp_path))
    events: list[dict[str, Any]] = []
    convert.run(Job({}, {"frozen.pb": pb}, {"float.xmodel": target}, tmp_path, events.append))

    graph = xmodel.read(target)
    verify(graph)
    assert graph.name == "unet"
    assert {"conv2d", "relu", "maxpool2d", "resize", "concat", "data", "const"} <= {op.type for op in graph}
    assert not graph.of_type("batchnorm", "scale", "add", "mul", "identity")
    assert graph.inputs()[0].name == "input_1"
    assert graph.op("block1_conv1/convolution").args["bias"] == ["block1_conv1/bias"]
    last = graph.op(ends(graph)[0])
    assert last.tensor.name.endswith("/BiasAdd")
    metrics = {event["name"]: event["value"] for event in events if event["event"] == "metric"}
    assert metrics["ops"] == len(graph) - len(graph.of_type("const"))
    assert metrics["params"] == network.params

    image = RNG.uniform(-1, 1, (1, 32, 48, 3)).astype(np.float32)
    referee = cv2.dnn.readNetFromTensorflow(str(pb))
    referee.setInput(image.transpose(0, 3, 1, 2))
    assert close(run(graph, input_1=image), np.asarray(referee.forward()).transpose(0, 2, 3, 1))


def test_the_stage_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same frozen graph gives the same .xmodel, wherever it lies."""
    (tmp_path / "frozen.pb").write_bytes(random_net(5).bytes())
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        convert.run(Job({}, {"frozen.pb": tmp_path / "frozen.pb"}, {"float.xmodel": tmp_path / folder / "n_float.xmodel"}, tmp_path))
    assert (tmp_path / "a" / "n_float.xmodel").read_bytes() == (tmp_path / "b" / "n_float.xmodel").read_bytes()


@pytest.mark.parametrize("variance", [-1.0, float("nan")])
def test_weights_that_diverged_are_named(variance: float, tmp_path: Path) -> None:
    """A weight that is no number, or would become none, stops the stage with the constant's name, not the calibration much later."""
    net = Frozen()
    conv = net.conv("conv/convolution", "input", np.ones((1, 1, 4, 2)))
    net.normalize("bn", conv, [np.ones(2), np.ones(2), np.ones(2), np.array([1.0, variance])])
    (tmp_path / "frozen.pb").write_bytes(net.bytes())
    with pytest.raises(ModelError, match="'conv/convolution/kernel' holds values that are no finite numbers"):
        convert.run(Job({}, {"frozen.pb": tmp_path / "frozen.pb"}, {"float.xmodel": tmp_path / "n_float.xmodel"}, tmp_path))
    assert not (tmp_path / "n_float.xmodel").exists()


KERAS = """
import keras, numpy as np, sys, tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
layers = keras.layers
source = keras.Input((16, 16, 3), name="image")
x = layers.Conv2D(4, 3, padding="same", activation="relu")(source)
x = layers.BatchNormalization()(x)
x = layers.SeparableConv2D(6, 3, strides=2, padding="same")(x)
x = skip = layers.ReLU(max_value=6)(layers.BatchNormalization()(x))
x = layers.UpSampling2D()(layers.MaxPooling2D()(x))
x = layers.Concatenate()([x, skip])
x = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2DTranspose(5, 3, strides=2, padding="same")(x))
x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
x = maps = layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(1)(x))
x = layers.Softmax()(layers.Dense(7)(layers.GlobalAveragePooling2D()(x)))
model = keras.Model(source, [x, layers.Flatten()(maps), layers.Add()([skip, skip])])
rng = np.random.default_rng(0)
model.set_weights([np.abs(rng.normal(size=w.shape)) / 4 + 0.1 if "variance" in v.path else rng.normal(size=w.shape) / 4
                   for v, w in zip(model.weights, model.get_weights())])
function = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((BATCH, 16, 16, 3), name="image"))
frozen = convert_variables_to_constants_v2(function).graph.as_graph_def()
open(sys.argv[1] + "/keras.pb", "wb").write(frozen.SerializeToString(deterministic=True))
image = rng.normal(size=(1, 16, 16, 3)).astype("float32")
np.savez(sys.argv[1] + "/keras.npz", image, *[np.asarray(one) for one in function(tf.constant(image))])
"""


@pytest.mark.slow
@pytest.mark.parametrize("batch", ["1", "None"])
def test_keras_networks_frozen_by_tensorflow_2_convert(tmp_path: Path, batch: str) -> None:
    """What TensorFlow 2 freezes - normalizations and upsampling in pieces, biases reshaped - gives Keras' own outputs.

    With an open batch the shapes are worked out in the graph, for the batch of 1 that the IR has.
    """
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    code = KERAS.replace("BATCH", batch)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    image, *wanted = np.load(tmp_path / "keras.npz").values()
    graph = from_pb.read_pb(tmp_path / "keras.pb", "keras")
    for step in ((), STANDARD):
        apply(graph, step)
        found = run_float(graph, {"image": image}, keep=ends(graph))
        assert all(close(found[name], one) for name, one in zip(ends(graph), wanted, strict=True))
    assert not graph.of_type("batchnorm", "scale", "mul", "pad")
    assert [op.attrs["scale"] for op in graph.of_type("resize")] == [[2.0, 2.0]]


def test_transposed_convolutions_match_opencv(tmp_path: Path) -> None:
    """A kernel that is not symmetric, with SAME and VALID, comes out as OpenCV and TensorFlow define it: flipped, cut at the right side."""
    for padding, size in (("SAME", 16), ("VALID", 17)):
        net, image = Frozen((1, 8, 8, 4)), RNG.normal(size=(1, 8, 8, 4)).astype(np.float32)
        shape, kernel = net.const("shape", np.array([1, size, size, 5])), net.const("kernel", RNG.normal(size=(3, 3, 5, 4)))
        attrs = {"strides": ints(1, 2, 2, 1), "padding": word(padding), "data_format": word("NHWC")}
        net.layer("up", "Conv2DBackpropInput", shape, kernel, "input", **attrs)
        referee = cv2.dnn.readNetFromTensorflow(np.frombuffer(net.bytes(), np.uint8))
        referee.setInput(image.transpose(0, 3, 1, 2))
        found = run(imported(net, tmp_path), input=image)
        assert close(found, np.asarray(referee.forward()).transpose(0, 2, 3, 1))


Make = Callable[[Frozen], object]
FORMS: dict[str, tuple[Make, Callable[[Array], Array]]] = {
    "mean of channels": (
        lambda n: n.layer("y", "Mean", "input", n.const("a", np.array([3])), keep_dims=AttrValue(b=True)),
        lambda x: x.mean(3, keepdims=True),
    ),
    "global mean": (lambda n: n.layer("y", "Mean", "input", n.const("a", np.array([1, 2]))), lambda x: x.mean((1, 2))),
    "resize": (lambda n: n.layer("y", "ResizeNearestNeighbor", "input", n.const("s", np.array([32, 16]))), lambda x: x.repeat(2, 1)),
    "transpose": (lambda n: n.layer("y", "Transpose", "input", n.const("p", np.array([0, 3, 1, 2]))), lambda x: x.transpose(0, 3, 1, 2)),
    "argmax": (lambda n: n.layer("y", "ArgMax", "input", n.const("a", np.array(3))), lambda x: x.argmax(3)),
    "mirror": (
        lambda n: n.layer("y", "MirrorPad", "input", n.const("m", np.array([[0, 0], [1, 2], [0, 0], [0, 0]])), mode=word("REFLECT")),
        lambda x: np.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), mode="reflect"),
    ),
    "squeeze": (
        lambda n: n.layer("y", "Squeeze", n.layer("m", "Mean", "input", n.const("a", np.array([3])), keep_dims=AttrValue(b=True))),
        lambda x: x.mean(3)[0],
    ),
    "new axis": (
        lambda n: n.layer("y", "Relu", n.layer("e", "ExpandDims", "input", n.const("a", np.array(1)))),
        lambda x: np.maximum(x, 0)[:, None],
    ),
    "slice": (
        lambda n: n.layer(
            "y",
            "StridedSlice",
            "input",
            *(n.const(part, np.array(values)) for part, values in (("b", [0, 1, 2]), ("e", [0, 9, 3]), ("s", [1, 2, 1]))),
            begin_mask=AttrValue(i=1),
            end_mask=AttrValue(i=1),
            shrink_axis_mask=AttrValue(i=4),
        ),
        lambda x: x[:, 1:9:2, 2],
    ),
    "constant folding": (
        lambda n: n.layer(
            "y",
            "Mul",
            "input",
            n.layer("r", "Rsqrt", n.layer("a", "AddV2", n.const("v", np.array([4.0, 9.0, 16.0, 25.0])), n.const("e", np.array(0.0)))),
        ),
        lambda x: x / np.array([2, 3, 4, 5], np.float32),
    ),
    "difference and quotient": (
        lambda n: n.layer("y", "RealDiv", n.layer("d", "Sub", n.const("c", np.array(1.0)), "input"), n.const("h", np.array(2.0))),
        lambda x: (1 - x) / 2,
    ),
    "explicit padding": (
        lambda n: n.conv("y", "input", np.ones((1, 1, 4, 1)), padding="EXPLICIT", explicit_paddings=ints(0, 0, 1, 0, 0, 2, 0, 0)),
        lambda x: np.pad(x.sum(3, keepdims=True), ((0, 0), (1, 0), (0, 2), (0, 0))),
    ),
    "groups": (
        lambda n: n.conv("y", "input", np.ones((1, 1, 2, 2))),
        lambda x: np.stack([x[..., :2].sum(3), x[..., 2:].sum(3)], 3),
    ),
    "fully connected": (
        lambda n: n.layer(
            "y",
            "MatMul",
            n.layer("f", "Reshape", "input", n.const("s", np.array([-1, 1024]))),
            n.const("w", np.eye(1024)[:, :3]),
        ),
        lambda x: x.reshape(1, -1)[:, :3],
    ),
    "shared output": (
        lambda n: (n.layer("mid", "Relu", "input"), n.layer("shown", "Identity", "mid"), n.layer("y", "Relu6", "mid")),
        lambda x: np.clip(x, 0, None),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_computes_what_tensorflow_says(form: str, tmp_path: Path) -> None:
    """Every form of an operation that the importer knows gives NumPy's result of TensorFlow's definition."""
    make, wanted = FORMS[form]
    net, image = Frozen(), RNG.normal(size=(1, 16, 16, 4)).astype(np.float32)
    make(net)
    graph = imported(net, tmp_path)
    first = ends(graph)[0]
    assert close(run_float(graph, {"input": image}, keep=[first])[first], np.asarray(wanted(image)))


def unknown(net: Frozen) -> None:
    """Add an operation that no DPU has."""
    net.layer("y", "Relu7", "input")


BROKEN: dict[str, tuple[Make, str]] = {
    "operation": (unknown, "TensorFlow's operation Relu7 (node 'y') cannot be converted"),
    "training": (lambda n: n.normalize("y", "input", [np.ones(4)] * 4, training=True), "is in training mode"),
    "variable": (lambda n: n.layer("y", "Relu", n.node("v", "VariableV2")), "nothing flows through it"),
    "dropout": (lambda n: n.layer("y", "Add", "input", n.node("v", "RandomUniform", n.const("s", np.array([1])))), "RandomUniform"),
    "channels first": (lambda n: n.layer("y", "BiasAdd", "input", n.const("b", np.ones(4)), data_format=word("NCHW")), "layout NCHW"),
    "kernel": (
        lambda n: n.layer("y", "Conv2D", "input", n.layer("r", "Relu", "input"), strides=ints(1, 1, 1, 1), padding=word("SAME")),
        "needs a constant as its input 1, but 'r' depends on the network's input",
    ),
    "strides": (
        lambda n: n.layer("y", "MaxPool", "input", ksize=ints(2, 2, 2, 1), strides=ints(1, 1, 1, 1), padding=word("SAME")),
        "reach across images or channels",
    ),
    "padding": (lambda n: n.pool("y", "MaxPool", "input", (2, 2), (1, 1), "CIRCULAR"), "unknown padding 'CIRCULAR'"),
    "resize": (lambda n: n.layer("y", "ResizeBilinear", "input", n.const("s", np.array([24, 24]))), "only whole factors"),
    "tile": (lambda n: n.layer("y", "Tile", "input", n.const("t", np.array([1, 2, 1, 1]))), "only tiling that upsamples"),
    "value": (
        lambda n: n.layer("y", "PadV2", "input", n.const("m", np.zeros((4, 2), int)), n.const("v", np.array(1.0))),
        "a number other than zero",
    ),
    "missing": (lambda n: n.layer("y", "Relu", "inptu"), "takes its input from 'inptu', which is not there"),
    "second output": (lambda n: n.layer("y", "Relu", "input:1"), "takes output 1 of 'input'"),
    "twice": (lambda n: (n.layer("y", "Relu", "input"), n.layer("y", "Relu", "input")), "two nodes called 'y'"),
    "loop": (lambda n: (n.layer("a", "Add", "input", "b"), n.layer("b", "Relu", "a")), "depends on itself"),
    "nothing": (lambda n: n.const("c", np.ones(1)), "nothing flows through it"),
    "inputs": (lambda n: n.layer("y", "Relu6", n.layer("x", "Reshape", "input")), "lacks number 1"),
    "shape": (lambda n: n.layer("y", "Reshape", "input", n.const("s", np.array([7, 7]))), "cannot become"),
    "constant": (
        lambda n: n.layer("y", "Add", "input", n.layer("r", "Reshape", n.const("c", np.ones(3)), n.const("s", np.array([2])))),
        "cannot be worked out from its constant inputs",
    ),
    "text": (
        lambda n: n.layer("y", "Add", "input", n.node("c", "Const", value=AttrValue(tensor={"dtype": DataType.STRING}))),
        "constant 'c': a tensor of TensorFlow's element type 7 holds no numbers",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_cannot_be_converted_names_the_node(fault: str, tmp_path: Path) -> None:
    """Each form that has no place in the IR is an error that names the file, the node and the reason."""
    net = Frozen()
    BROKEN[fault][0](net)
    path = tmp_path / "frozen.pb"
    path.write_bytes(net.bytes())
    with pytest.raises(ModelError) as caught:
        from_pb.read_pb(path, "net")
    assert BROKEN[fault][1] in caught.value.what
    assert str(path) in caught.value.where


def test_an_unknown_operation_comes_with_a_remedy(tmp_path: Path) -> None:
    """The near miss is suggested, and what to do is said: another layer, or freezing for inference."""
    path = tmp_path / "frozen.pb"
    for fault, remedy in (("operation", "replace the layer"), ("dropout", "freeze the network for inference")):
        net = Frozen()
        BROKEN[fault][0](net)
        path.write_bytes(net.bytes())
        with pytest.raises(ModelError) as caught:
            from_pb.read_pb(path, "net")
        assert remedy in caught.value.remedy
        assert caught.value.suggestion == ("Relu" if fault == "operation" else "")


@pytest.mark.parametrize("shape", [(-1, -1, -1, 3), None])
def test_an_open_input_size_is_refused(shape: tuple[int, ...] | None, tmp_path: Path) -> None:
    """The DPU needs the size of the input: an open one is an error with its remedy."""
    net = Frozen(shape or ())
    if shape is None:
        net.graph.node[0].attr["shape"].shape.unknown_rank = True
    net.layer("y", "Relu", "input")
    with pytest.raises(ModelError, match="has the shape") as caught:
        imported(net, tmp_path)
    assert "fixed input size" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"\x0a\xff\xff", b"\x89PNG\r\n\x1a\n0000"])
def test_another_file_is_no_frozen_graph(content: bytes, tmp_path: Path) -> None:
    """An empty, a cut and a foreign file are refused by name; so is one that is not there."""
    path = tmp_path / "frozen.pb"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"frozen.pb is no frozen graph"):
        from_pb.read_pb(path, "net")
    with pytest.raises(ModelError, match="No such file"):
        from_pb.read_pb(tmp_path / "none.pb", "net")


def test_control_inputs_do_not_count(tmp_path: Path) -> None:
    """Assertions and no-ops that hang on control inputs are left out, and are no outputs."""
    net = Frozen()
    net.layer("y", "Relu", "input")
    net.graph.node.append(NodeDef(name="check", op="Assert", input=["y", "^input"]))
    net.graph.node.append(NodeDef(name="init", op="NoOp", input=["^check"]))
    net.graph.node.append(NodeDef(name="out", op="Identity", input=["y", "^init"], attr={"T": FLOAT}))
    graph = imported(net, tmp_path)
    assert [op.name for op in graph] == ["input", "y"]
    assert ends(graph) == ["y"]


def test_a_placeholder_of_a_fixed_batch_becomes_one(tmp_path: Path) -> None:
    """The IR's batch is 1, whatever batch the network was frozen for; the rest of the shape stays."""
    net = Frozen()
    net.graph.node[0].attr["shape"].shape.CopyFrom(shape_proto((8, 16, 16, 4)))
    net.layer("y", "Relu", "input")
    assert imported(net, tmp_path).op("y").tensor.shape == (1, 16, 16, 4)
