"""One step of training and one of validation, compiled. The only module here that imports TensorFlow."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from net2bit.nets import Network
from net2bit.nets.keras_model import build_model, get_weights, set_weights
from net2bit.nets.layers import Conv
from net2bit.nets.weights import Weights
from net2bit.train.muon import Muon

State = Mapping[str, NDArray[Any]]
"""Everything a resumed run must have besides the weights, by name."""

KERAS: str = keras.__version__
_SMOOTH = 1.0  # pixels; keeps a class that is absent from a batch from dividing by zero


def pin(threads: int, seed: int) -> None:
    """Make the framework repeatable: fixed threads, fixed seeds, deterministic kernels only."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def segmentation_loss(labels: Any, logits: Any) -> Any:
    """Return cross entropy plus one minus the mean soft Dice over the classes.

    The first term alone neglects small classes, the second alone learns slowly from nothing.

    Args:
        labels: uint8 `[n, H, W]`.
        logits: float32 `[n, H, W, C]`.
    """
    truth = tf.one_hot(labels, logits.shape[-1])
    logs = tf.nn.log_softmax(logits)
    chance = tf.exp(logs)
    entropy = -tf.reduce_mean(tf.reduce_sum(truth * logs, axis=-1))
    both = tf.reduce_sum(truth * chance, axis=(0, 1, 2))
    sums = tf.reduce_sum(truth, axis=(0, 1, 2)) + tf.reduce_sum(chance, axis=(0, 1, 2))
    return entropy + 1 - tf.reduce_mean((2 * both + _SMOOTH) / (sums + _SMOOTH))


def _marked(model: keras.Model, network: Network) -> tuple[list[Any], list[bool]]:
    """Return the trainable variables, and which of them are kernels of hidden convolutions: neither the first, the last, nor depthwise."""
    convs = [layer.name for layer in network if isinstance(layer, Conv)]
    hidden = {id(variable) for name in convs[1:-1] for variable in model.get_layer(name).trainable_variables if _is_kernel(variable)}
    return model.trainable_variables, [id(variable) in hidden for variable in model.trainable_variables]


def _is_kernel(variable: Any) -> bool:
    return variable.name in ("kernel", "pointwise_kernel")


class Learner:
    """A model under training with its optimizer.

    Attributes:
        network: The layer list it was built from.
    """

    def __init__(self, network: Network, weights: Weights) -> None:
        """Build the model and compile its steps."""
        self.network = network
        self._model = build_model(network, softmax=False)
        set_weights(self._model, weights)
        self._optimizer = Muon(*_marked(self._model, network))
        image = tf.TensorSpec((None, *network.input.shape), tf.float32)
        label = tf.TensorSpec((None, *network.input.shape[:2]), tf.uint8)
        self._step = tf.function(self._fit, input_signature=[image, label, tf.TensorSpec((), tf.float32)])
        self._judge = tf.function(self._infer, input_signature=[image, label])

    def _fit(self, images: Any, labels: Any, rate: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = segmentation_loss(labels, self._model(images, training=True))
        self._optimizer.apply(tape.gradient(loss, self._model.trainable_variables), rate)
        return loss

    def _infer(self, images: Any, labels: Any) -> Any:
        logits = self._model(images, training=False)
        return segmentation_loss(labels, logits), tf.argmax(logits, axis=-1, output_type=tf.int32)

    def fit(self, images: NDArray[np.float32], labels: NDArray[np.uint8], rate: float) -> float:
        """Take one step at learning rate *rate*; return the loss before it."""
        return float(self._step(images, labels, np.float32(rate)))

    def infer(self, images: NDArray[np.float32], labels: NDArray[np.uint8]) -> tuple[float, NDArray[np.int32]]:
        """Return loss and predicted classes `[n, H, W]`."""
        loss, found = self._judge(images, labels)
        return float(loss), np.asarray(found)

    @property
    def weights(self) -> Weights:
        """Return a copy of the weights."""
        return get_weights(self._model, self.network)

    @property
    def state(self) -> State:
        """Return a copy of the optimizer's variables."""
        return {f"{index:04}": np.array(variable) for index, variable in enumerate(self._optimizer.variables)}

    def restore(self, weights: Weights, state: State) -> None:
        """Continue from *weights* and an optimizer's *state*."""
        set_weights(self._model, weights)
        for name, variable in zip(sorted(state), self._optimizer.variables, strict=True):
            variable.assign(state[name])
