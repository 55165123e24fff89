"""Starting from a VGG16: what is taken, what is counted, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.nets import Network, describe
from net2bit.nets.weights import Weights, random_weights, write_weights
from net2bit.train.start import take


def net(architecture: str = "unet", width: float = 1 / 16) -> Network:
    return describe({"architecture": architecture, "width": width, "input_size": (32, 32)}, "abcd")


def vgg16(width: float = 1 / 16, **more: tuple[int, ...]) -> Weights:
    """Return weights with the layer names of Keras' VGG16, at another width to be small, and *more* layers of one kernel and bias."""
    convs = {name: arrays for name, arrays in random_weights(net(width=width), 9).items() if name.startswith("block")}
    return {
        **convs,
        **{name: {"kernel": np.zeros(shape, np.float32), "bias": np.zeros(shape[-1], np.float32)} for name, shape in more.items()},
    }


def written(weights: Weights, folder: Path) -> Path:
    path = folder / "vgg16.h5"
    write_weights(weights, path, keras_version="2.2.4")
    return path


def test_taken(tmp_path: Path) -> None:
    """The thirteen convolutions of the encoder are taken bit for bit, and everything else keeps its random start."""
    start = random_weights(net(), 0, fresh=True)
    weights, taken = take(net(), start, written(vgg16(fc1=(4, 4)), tmp_path))
    assert len(taken.taken) == 13
    assert np.array_equal(weights["block3_conv2"]["kernel"], vgg16()["block3_conv2"]["kernel"])
    assert np.array_equal(weights["conv2d_1"]["kernel"], start["conv2d_1"]["kernel"])
    assert list(weights) == list(start)
    assert taken.missing == tuple(f"conv2d_{number}" for number in range(1, 14))
    assert taken.unused == ("fc1",)


def test_old_weight_names(tmp_path: Path) -> None:
    """The oldest published VGG16 files call their weights `block1_conv1_W_1:0`: order counts within a layer, not the name."""
    old = {name: {f"{name}_W_1": arrays["kernel"], f"{name}_b_1": arrays["bias"]} for name, arrays in vgg16().items()}
    _, taken = take(net(), random_weights(net(), 0), written(old, tmp_path))
    assert len(taken.taken) == 13


def test_separable(tmp_path: Path) -> None:
    """In the separable Unet only the two full convolutions can be taken; the others are counted as missing, not forced."""
    separable = net("separable_unet")
    _, taken = take(separable, random_weights(separable, 0), written(vgg16(), tmp_path))
    assert taken.taken == ("block1_conv1", "block1_conv2")
    assert len(taken.missing) == 24
    assert len(taken.unused) == 11


def test_other_width(tmp_path: Path) -> None:
    """A network of another width than the file's is refused naming the layer and both shapes."""
    with pytest.raises(ModelError, match=r"'block1_conv1': kernel .* \(3, 3, 3, 4\), the network needs \(3, 3, 3, 8\)") as caught:
        take(net(width=1 / 8), random_weights(net(width=1 / 8), 0), written(vgg16(), tmp_path))
    assert "model.width" in caught.value.remedy


def test_nothing_fits(tmp_path: Path) -> None:
    """A file without any layer of the network would change nothing: refused, with the near miss."""
    with pytest.raises(ModelError, match="none of the 1 layers") as caught:
        take(net(), random_weights(net(), 0), written({"Block1_conv1": vgg16()["block1_conv1"]}, tmp_path))
    assert caught.value.suggestion == "block1_conv1"
