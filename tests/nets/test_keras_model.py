"""Keras as the referee of the layer list and of the weights file."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.nets import Network, describe
from net2bit.nets.layers import Layer
from net2bit.nets.weights import random_weights, write_weights


@pytest.fixture(scope="module")
def keras_model() -> ModuleType:
    """Import Keras here and not above: it takes seconds, which a run of other tests should not pay."""
    return importlib.import_module("net2bit.nets.keras_model")


@pytest.fixture(params=["unet", "separable_unet"])
def network(request: pytest.FixtureRequest) -> Network:
    return describe({"architecture": request.param, "width": 1 / 16, "input_size": (32, 48)}, "abcd")


def test_counts(keras_model: ModuleType, network: Network) -> None:
    """Keras counts as many parameters as the layer list, and its layers have the same names."""
    model = keras_model.build_model(network)
    assert model.count_params() == network.variables
    assert [layer.name for layer in model.layers] == list(network.layers)
    assert model.output_shape == (None, *network.output.shape)


def test_full_size_count(keras_model: ModuleType) -> None:
    """The full-size Unet has the 25,885,316 parameters that Keras reports for the published one."""
    network = describe({"architecture": "unet", "width": 1.0, "input_size": (256, 512)}, "abcd")
    assert keras_model.build_model(network).count_params() == 25_885_316


def test_keras_loads(keras_model: ModuleType, network: Network, tmp_path: Path) -> None:
    """Keras itself loads the weights file by its own legacy reader and holds exactly what was written."""
    weights = random_weights(network, 5)
    write_weights(weights, tmp_path / "weights.h5", keras_version=keras_model.keras.__version__)
    model = keras_model.build_model(network)
    model.load_weights(str(tmp_path / "weights.h5"))
    found = keras_model.get_weights(model, network)
    assert list(found) == list(weights)
    assert all(np.array_equal(found[layer][name], array) for layer, arrays in weights.items() for name, array in arrays.items())


def test_cut(keras_model: ModuleType, network: Network) -> None:
    """Without softmax the model gives the logits: the softmax of them is what the whole model gives."""
    whole, cut = keras_model.build_model(network), keras_model.build_model(network, softmax=False)
    weights = random_weights(network, 5)
    keras_model.set_weights(whole, weights)
    keras_model.set_weights(cut, weights)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 32, 48, 3)).astype(np.float32)
    logits = np.exp(np.asarray(cut(image), dtype=np.float64))
    assert np.allclose(logits / logits.sum(axis=-1, keepdims=True), whole(image), atol=1e-5)


def test_unknown_layer(keras_model: ModuleType) -> None:
    """A kind of layer that Keras has no form for is named instead of being left out."""
    odd = Network("odd", {"input_1": describe_input(), "odd": Layer("odd", ("input_1",), (4, 4, 3))})
    with pytest.raises(ModelError, match="'odd' of type Layer has no form in Keras"):
        keras_model.build_model(odd)


def describe_input() -> Layer:
    return describe({"architecture": "unet", "width": 1 / 16, "input_size": (16, 16)}, "abcd").input
