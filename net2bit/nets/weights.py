"""Weights by layer name, and the h5 layout of Keras 2 that carries those names.

The layout: the root's attribute `layer_names` lists the layers; each layer is a group with the attribute `weight_names`, and every weight
is a data set under that group (`block1_conv1/block1_conv1/kernel:0`). A whole saved model has the same below `model_weights`.
"""

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ModelError, near
from net2bit.nets.layers import Layer
from net2bit.nets.network import Network

Array = NDArray[np.float32]
LayerWeights = dict[str, Array]
Weights = dict[str, LayerWeights]

_SCALES = ("gamma", "moving_variance")
_MAKE = "give a weights file in Keras' legacy layout (`model.save_weights('name.h5')` of Keras 2, or the h5 this project writes)"


def write_weights(weights: Weights, path: Path, *, keras_version: str) -> None:
    """Write *weights* in the order of the mapping; the same weights give the same bytes."""
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["keras_version"] = np.bytes_(keras_version)
        file.attrs["layer_names"] = np.array(list(weights), dtype="S")
        for layer, arrays in weights.items():
            _write_layer(file.create_group(layer), layer, arrays)


def _write_layer(group: h5py.Group, layer: str, arrays: LayerWeights) -> None:
    names = [f"{layer}/{weight}:0" for weight in arrays]
    group.attrs["weight_names"] = np.array(names, dtype="S")
    for name, array in zip(names, arrays.values(), strict=True):
        group.create_dataset(name, data=np.ascontiguousarray(array, dtype=np.float32), track_times=False)


def read_layers(path: Path) -> dict[str, list[Array]]:
    """Return the arrays of each layer of an h5 file that has any, in the file's order.

    Raises:
        ModelError: It is not an h5 file, or one in another layout.
    """
    if not path.is_file() or not h5py.is_hdf5(path):
        raise ModelError("this is not an h5 file" if path.exists() else "there is no such file", where=str(path), remedy=_MAKE)
    try:
        with h5py.File(path, "r") as file:
            return _layers(file, path)
    except (OSError, KeyError) as error:
        raise ModelError(f"the h5 file is damaged or incomplete: {error}", where=str(path), remedy="fetch or make it again") from error


def _layers(file: h5py.File, path: Path) -> dict[str, list[Array]]:
    root = file.get("model_weights", file)
    if "layer_names" not in root.attrs:
        kind = "Keras 3's layout, which keeps no layer names" if "layers" in file else "an unknown layout"
        raise ModelError(f"the h5 file has {kind}: no attribute 'layer_names'", where=str(path), remedy=_MAKE)
    found = {
        name: [np.asarray(root[name][weight], dtype=np.float32) for weight in _words(root[name], "weight_names")]
        for name in _words(root, "layer_names")
    }
    return {name: arrays for name, arrays in found.items() if arrays}


def _words(group: h5py.Group, attribute: str) -> list[str]:
    return [word.decode() if isinstance(word, bytes) else str(word) for word in group.attrs[attribute]]


def read_weights(path: Path, network: Network) -> Weights:
    """Return the weights of every layer of *network* that has any.

    Raises:
        ModelError: Not such a file, a layer is missing or unknown, or a shape differs.
    """
    found = read_layers(path)
    wanted = {layer.name: layer for layer in network if layer.weights}
    for name in [*(name for name in wanted if name not in found), *(name for name in found if name not in wanted)]:
        _refuse_layer(name, known=name in wanted, others=found if name in wanted else wanted, path=path)
    return {name: fit(layer, found[name], path) for name, layer in wanted.items()}


def _refuse_layer(name: str, *, known: bool, others: Iterable[str], path: Path) -> None:
    what = f"the weights have no layer '{name}'" if known else f"the weights have a layer '{name}' that the network lacks"
    raise ModelError(what, where=str(path), suggestion=near(name, others), remedy="use weights of the same architecture")


def fit(layer: Layer, arrays: list[Array], path: Path) -> LayerWeights:
    """Return *arrays* under the names of the layer's weights.

    Raises:
        ModelError: Their number or a shape differs from the layer's.
    """
    shapes = layer.weights
    if len(arrays) != len(shapes):
        raise ModelError(f"layer '{layer.name}' has {len(shapes)} weights, the file gives {len(arrays)}", where=str(path))
    for (weight, shape), array in zip(shapes.items(), arrays, strict=True):
        if array.shape != shape:
            raise ModelError(
                f"layer '{layer.name}': {weight} of the file has the shape {array.shape}, the network needs {shape}",
                where=str(path),
                remedy="use weights made for the same model.width and number of classes",
            )
    return dict(zip(shapes, arrays, strict=True))


def random_weights(network: Network, seed: int, *, fresh: bool = False) -> Weights:
    """Return random weights with He's variance: 2 / fan-in for kernels, half of it for depthwise ones, which no ReLU follows.

    Args:
        network: Whose layers get them.
        seed: The same seed gives the same weights.
        fresh: True makes biases and normalization neutral, as training starts; False makes them random too, so that a test or a
            benchmark sees every one of them at work.
    """
    rng = np.random.default_rng(seed)
    draw = _fresh if fresh else _worn
    return {layer.name: {name: draw(rng, name, shape) for name, shape in layer.weights.items()} for layer in network if layer.weights}


def _fresh(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    if name.endswith("kernel"):
        return _kernel(rng, name, shape)
    return np.full(shape, name in _SCALES, np.float32)


def _worn(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    if name.endswith("kernel"):
        return _kernel(rng, name, shape)
    return rng.uniform(0.5, 1.5, shape).astype(np.float32) if name in _SCALES else rng.normal(0, 0.1, shape).astype(np.float32)


def _kernel(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    area = shape[0] * shape[1]
    variance = 1 / area if name == "depthwise_kernel" else 2 / (area * shape[2])
    return rng.normal(0, np.sqrt(variance), shape).astype(np.float32)
