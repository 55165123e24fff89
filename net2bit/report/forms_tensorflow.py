"""The two forms that TensorFlow runs. Imported only by the stage, which sets TensorFlow's environment first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from net2bit.export.ends import find_ends
from net2bit.nets import describe
from net2bit.nets.keras_model import build_model, set_weights
from net2bit.nets.weights import read_weights
from net2bit.report.forms import Floats, Form


def pin() -> None:
    """Let TensorFlow use one thread: sums split over several come out differently, and these are compared to the last bit."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def trained(path: Path, model: Mapping[str, Any], classes: Sequence[str]) -> Form:
    """Return the Keras network with the weights of `weights.h5`, softmax left out.

    Raises:
        ModelError: The weights do not fit the network that the experiment describes.
    """
    network = describe(model, classes)
    keras_model = build_model(network, softmax=False)
    set_weights(keras_model, read_weights(path, network))
    return Form("float", "Keras network", "weights.h5", ("train",), "", lambda x: np.asarray(keras_model(x, training=False)))


def frozen(path: Path) -> Form:
    """Return the frozen graph; its ends are found by walking it.

    Raises:
        ModelError: Nothing flows through the graph.
    """
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    found = find_ends(graph)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    function = wrapped.prune(f"{found.inputs[0]}:0", f"{found.outputs[0]}:0")

    def run(x: Floats) -> Floats:
        return np.asarray(function(tf.constant(x)))

    return Form("frozen", "TensorFlow graph", "frozen.pb", ("freeze",), "rounding", run)
