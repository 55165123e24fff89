"""The frozen graph computes what the weights say: three independent programs agree on random images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from net2bit.export import freeze
from net2bit.job import Job
from net2bit.nets import describe
from net2bit.nets.weights import random_weights, write_weights

CLASSES = ["background", "person", "car", "road"]
Images = NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """A frozen graph with what Keras gives for its weights."""

    pb: Path
    output: str
    images: Images
    logits: Images


@pytest.fixture(scope="module", params=["unet", "separable_unet"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("equal")
    model = {"architecture": request.param, "width": 1 / 16, "input_size": [32, 48]}
    network = describe(model, CLASSES)
    write_weights(random_weights(network, 1), folder / "weights.h5", keras_version="3.15.0")
    outputs = {name: folder / name for name in ("frozen.pb", "frozen.json")}
    freeze.run(Job({"model": model, "dataset": {"classes": CLASSES}}, {"weights.h5": folder / "weights.h5"}, outputs, folder))
    keras_model = pytest.importorskip("net2bit.nets.keras_model").build_model(network, softmax=False)
    keras_model.load_weights(str(folder / "weights.h5"))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 48, 3)).astype(np.float32)
    return Made(outputs["frozen.pb"], f"{network.output.inputs[0]}/BiasAdd", images, np.asarray(keras_model(images)))


def opencv(made: Made) -> Images:
    net = cv2.dnn.readNetFromTensorflow(str(made.pb))
    net.setInput(made.images.transpose(0, 3, 1, 2))
    return np.asarray(net.forward()).transpose(0, 2, 3, 1)


def tensorflow(made: Made) -> Images:
    tf = pytest.importorskip("tensorflow")  # here and not above: importing it takes seconds, which a run of other tests should not pay
    definition = tf.compat.v1.GraphDef.FromString(made.pb.read_bytes())
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return np.asarray(session.run(f"{made.output}:0", {"input_1:0": made.images}))


@pytest.mark.parametrize("referee", [opencv, tensorflow])
def test_same_logits(made: Made, referee: Callable[[Made], Images]) -> None:
    """OpenCV and TensorFlow, running the frozen file, give Keras' logits up to float32 rounding, and the same classes."""
    found = referee(made)
    assert np.abs(found - made.logits).max() <= 1e-5 * max(1.0, float(np.abs(made.logits).max()))
    assert np.mean(found.argmax(-1) == made.logits.argmax(-1)) > 0.999
