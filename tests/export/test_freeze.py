"""The frozen graph: its names, its vocabulary, its bytes, and what the weights file that it comes from must hold."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.export import freeze
from net2bit.export.ends import find_ends, producer
from net2bit.job import Job
from net2bit.nets import Network, describe
from net2bit.nets.weights import random_weights, write_weights
from net2bit.proto.graphdef import GraphDef, NodeDef

CLASSES = ["background", "person", "car", "road"]
ARCHITECTURES = ["unet", "separable_unet"]

# Operation -> attributes that TensorFlow 1.15 registers for it.
TF_1_15 = {
    "Placeholder": {"dtype", "shape"},
    "Const": {"dtype", "value"},
    "Conv2D": {"T", "strides", "use_cudnn_on_gpu", "padding", "explicit_paddings", "data_format", "dilations"},
    "DepthwiseConv2dNative": {"T", "strides", "padding", "data_format", "dilations"},
    "BiasAdd": {"T", "data_format"},
    "FusedBatchNormV3": {"T", "U", "epsilon", "data_format", "is_training"},
    "Relu": {"T"},
    "MaxPool": {"T", "ksize", "strides", "padding", "data_format"},
    "ResizeNearestNeighbor": {"T", "align_corners", "half_pixel_centers"},
    "ConcatV2": {"N", "T", "Tidx"},
}


def model(architecture: str) -> dict[str, Any]:
    return {"architecture": architecture, "width": 1 / 16, "input_size": [32, 48]}


def network(architecture: str) -> Network:
    return describe(model(architecture), CLASSES)


Frozen = Callable[[str], Path]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    made: dict[str, Path] = {}

    def make(architecture: str) -> Path:
        if architecture not in made:
            folder = made[architecture] = tmp_path_factory.mktemp(architecture)
            write_weights(random_weights(network(architecture), 1), folder / "weights.h5", keras_version="3.15.0")
            freeze.run(job(folder, architecture))
        return made[architecture]

    return make


def job(folder: Path, architecture: str) -> Job:
    outputs = {name: folder / name for name in ("frozen.pb", "frozen.json")}
    config = {"model": model(architecture), "dataset": {"classes": CLASSES}}
    return Job(config, {"weights.h5": folder / "weights.h5"}, outputs, folder)


def graph(folder: Path) -> Any:
    return GraphDef.FromString((folder / "frozen.pb").read_bytes())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_vocabulary(frozen: Frozen, architecture: str) -> None:
    """Node by node, only operations and attributes that TensorFlow 1.15 registers are used, and nothing newer or private."""
    found = graph(frozen(architecture))
    for node in found.node:
        assert set(node.attr) <= TF_1_15[node.op], node.name
    assert found.versions.producer == 134
    assert not found.library.function


def test_names(frozen: Frozen) -> None:
    """Nodes are called as in the published graph, which is what kernel names on the board are made of."""
    names = {node.name: node.op for node in graph(frozen("unet")).node}
    assert names["input_1"] == "Placeholder"
    assert names["block1_conv1/convolution"] == "Conv2D"
    assert names["conv2d_13/BiasAdd"] == "BiasAdd"
    assert not any("softmax" in name for name in names)


def test_facts(frozen: Frozen) -> None:
    """frozen.json gives the ends that were found in the graph with their shapes, and the counts of the network."""
    facts = json.loads((frozen("unet") / "frozen.json").read_text())
    assert facts["inputs"] == [{"name": "input_1", "layer": "input_1", "shape": [-1, 32, 48, 3], "dtype": "float32"}]
    assert facts["outputs"] == [{"name": "conv2d_13/BiasAdd", "layer": "conv2d_13", "shape": [-1, 32, 48, 4], "dtype": "float32"}]
    assert facts["params"] == network("unet").params
    assert facts["node_count"] == 275 == sum(facts["ops"].values())
    assert (facts["dpu_nodes"], facts["dpu_tensors"]) == (34, 39)


def test_separable_output(frozen: Frozen) -> None:
    """The output of the other architecture is found under its own name: nobody typed it in."""
    facts = json.loads((frozen("separable_unet") / "frozen.json").read_text())
    assert [port["name"] for port in facts["outputs"]] == ["separable_conv2d_13/BiasAdd"]
    assert facts["ops"]["DepthwiseConv2dNative"] == 24


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_same_bytes(frozen: Frozen, tmp_path: Path, seed: str) -> None:
    """Another process with another hash seed freezes the same weights to the same bytes."""
    (tmp_path / "weights.h5").write_bytes((frozen("unet") / "weights.h5").read_bytes())
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_freeze as t; t.freeze.run(t.job(t.Path(sys.argv[2]), 'unet'))"
    words = [sys.executable, "-c", code, Path(__file__).parent, tmp_path]
    subprocess.run(words, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    for name in ("frozen.pb", "frozen.json"):
        assert hashlib.sha256((tmp_path / name).read_bytes()).digest() == hashlib.sha256((frozen("unet") / name).read_bytes()).digest()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_opencv_reads(frozen: Frozen, architecture: str) -> None:
    """OpenCV, which shares no code with this project, parses the file and gives an output for each pixel."""
    net = cv2.dnn.readNetFromTensorflow(str(frozen(architecture) / "frozen.pb"))
    net.setInput(np.zeros((1, 3, 32, 48), np.float32))
    assert net.forward().shape == (1, 4, 32, 48)


def test_without_framework() -> None:
    """Freezing imports no framework, which would cost ten times the work itself."""
    code = "import sys, net2bit.export.freeze; sys.exit(bool({'tensorflow', 'keras', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_foreign_weights(tmp_path: Path) -> None:
    """Weights of another architecture stop the stage with the layer's name."""
    write_weights(random_weights(network("separable_unet"), 1), tmp_path / "weights.h5", keras_version="3.15.0")
    with pytest.raises(ModelError, match="no layer 'conv2d_1'"):
        freeze.run(job(tmp_path, "unet"))


def test_ends_of_nothing() -> None:
    """A graph of constants has no ends: an error, not an empty answer."""
    with pytest.raises(ModelError, match="0 inputs and 0 outputs"):
        find_ends(GraphDef(node=[NodeDef(name="alone", op="Const")]))


def test_ends_dangling() -> None:
    """An input from a node that is not there is named."""
    with pytest.raises(ModelError, match="no node 'lost'"):
        find_ends(GraphDef(node=[NodeDef(name="relu", op="Relu", input=["lost:0"])]))


@pytest.mark.parametrize("reference", ["a/b", "a/b:1", "^a/b"])
def test_producer(reference: str) -> None:
    """All three forms of an input reference point to the node itself."""
    assert producer(reference) == "a/b"
