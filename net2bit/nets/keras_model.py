"""A layer list as a Keras model. This module and `fused` are the only ones of this package that import Keras."""

from functools import singledispatch
from typing import Any

import keras
import numpy as np

from net2bit.errors import ModelError
from net2bit.nets.fused import FusedBatchNorm
from net2bit.nets.layers import Activation, BatchNorm, Concat, Conv, Input, Layer, MaxPool, SeparableConv, Softmax, Upsample
from net2bit.nets.network import Network
from net2bit.nets.weights import Weights

Node = Any


@singledispatch
def _keras_layer(layer: Layer) -> Node:
    raise ModelError(f"layer '{layer.name}' of type {type(layer).__name__} has no form in Keras", where=layer.name)


@_keras_layer.register
def _(layer: Conv) -> Node:
    return keras.layers.Conv2D(layer.shape[2], layer.kernel, layer.stride, padding="same", name=layer.name)


@_keras_layer.register
def _(layer: SeparableConv) -> Node:
    return keras.layers.SeparableConv2D(layer.shape[2], layer.kernel, layer.stride, padding="same", name=layer.name)


@_keras_layer.register
def _(layer: BatchNorm) -> Node:
    return FusedBatchNorm(epsilon=layer.epsilon, momentum=layer.momentum, name=layer.name)


@_keras_layer.register
def _(layer: Activation) -> Node:
    return keras.layers.Activation(layer.kind, name=layer.name)


@_keras_layer.register
def _(layer: MaxPool) -> Node:
    return keras.layers.MaxPooling2D(layer.size, name=layer.name)


@_keras_layer.register
def _(layer: Upsample) -> Node:
    return keras.layers.UpSampling2D(layer.size, interpolation="nearest", name=layer.name)


@_keras_layer.register
def _(layer: Concat) -> Node:
    return keras.layers.Concatenate(name=layer.name)


@_keras_layer.register
def _(layer: Softmax) -> Node:
    return keras.layers.Softmax(name=layer.name)


def build_model(network: Network, *, softmax: bool = True) -> keras.Model:
    """Return the network as a Keras model with the layer list's names, its weights still arbitrary.

    Args:
        network: The layer list.
        softmax: False ends the model with the logits: a loss on them is exact, and it is what the frozen graph gives.
    """
    nodes: dict[str, Node] = {}
    for layer in network:
        if isinstance(layer, Input):
            nodes[layer.name] = keras.Input(layer.shape, name=layer.name)
        elif softmax or not isinstance(layer, Softmax):
            sources = [nodes[name] for name in layer.inputs]
            nodes[layer.name] = _keras_layer(layer)(sources[0] if len(sources) == 1 else sources)
    return keras.Model(nodes[network.input.name], nodes[list(nodes)[-1]], name=network.name)


def set_weights(model: keras.Model, weights: Weights) -> None:
    """Put *weights* into the layers of that name; layers not mentioned keep theirs."""
    for name, arrays in weights.items():
        model.get_layer(name).set_weights(list(arrays.values()))


def get_weights(model: keras.Model, network: Network) -> Weights:
    """Return the model's weights in the order of the layer list."""
    return {
        layer.name: dict(zip(layer.weights, (np.asarray(array) for array in model.get_layer(layer.name).get_weights()), strict=True))
        for layer in network
        if layer.weights
    }
