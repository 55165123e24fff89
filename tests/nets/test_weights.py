"""The h5 layout that carries layer names: exact, repeatable, and clear about what it is not."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.nets import Network, describe
from net2bit.nets.weights import random_weights, read_layers, read_weights, write_weights

MODEL = {"architecture": "unet", "width": 1 / 16, "input_size": (32, 32)}


@pytest.fixture(scope="module")
def network() -> Network:
    return describe(MODEL, "abcd")


@pytest.fixture
def file(network: Network, tmp_path: Path) -> Path:
    path = tmp_path / "weights.h5"
    write_weights(random_weights(network, 3), path, keras_version="3.15.0")
    return path


def test_round_trip(network: Network, file: Path) -> None:
    """Law: reading what was written gives every array back bit for bit, under the same names and in the same order."""
    written, found = random_weights(network, 3), read_weights(file, network)
    assert list(found) == list(written)
    for layer, arrays in written.items():
        assert list(found[layer]) == list(arrays)
        assert all(np.array_equal(found[layer][name], array) for name, array in arrays.items())


def test_legacy_layout(file: Path) -> None:
    """Names and attributes lie where Keras 2 and the tools of its time look for them."""
    with h5py.File(file) as root:
        assert root.attrs["backend"] == b"tensorflow"
        assert root.attrs["layer_names"][0] == b"block1_conv1"
        assert list(root["block1_conv1"].attrs["weight_names"]) == [b"block1_conv1/kernel:0", b"block1_conv1/bias:0"]
        assert root["block1_conv1/block1_conv1/kernel:0"].shape == (3, 3, 3, 4)
        assert "batch_normalization_1/moving_mean:0" in root["batch_normalization_1"]


_WRITE = """
import sys
from pathlib import Path
from net2bit.nets import describe
from net2bit.nets.weights import random_weights, write_weights
network = describe({"architecture": "unet", "width": 1 / 16, "input_size": (32, 32)}, "abcd")
write_weights(random_weights(network, 3), Path(sys.argv[1]), keras_version="3.15.0")
"""


def test_same_bytes(file: Path, tmp_path: Path) -> None:
    """Another process with another hash seed writes the same bytes."""
    other = tmp_path / "other.h5"
    subprocess.run([sys.executable, "-c", _WRITE, other], check=True, env={**os.environ, "PYTHONHASHSEED": "77"})
    assert other.read_bytes() == file.read_bytes()


def test_not_h5(tmp_path: Path) -> None:
    """A file that is no h5 is refused by name, with what would do."""
    path = tmp_path / "weights.h5"
    path.write_text("not an h5 file")
    with pytest.raises(ModelError, match="not an h5 file") as caught:
        read_layers(path)
    assert caught.value.where == str(path)
    assert "legacy layout" in caught.value.remedy


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is said to be so."""
    with pytest.raises(ModelError, match="no such file"):
        read_layers(tmp_path / "none.h5")


def test_truncated(file: Path) -> None:
    """A damaged h5 is told apart from one of another layout."""
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(ModelError, match="damaged"):
        read_layers(file)


def test_keras3_layout(tmp_path: Path) -> None:
    """Keras 3's own layout has no layer names: refused with the way out, not read wrongly."""
    path = tmp_path / "new.weights.h5"
    with h5py.File(path, "w") as root:
        root.create_dataset("layers/conv2d/vars/0", data=np.zeros(3))
    with pytest.raises(ModelError, match="Keras 3's layout"):
        read_layers(path)


def test_whole_model(file: Path, network: Network, tmp_path: Path) -> None:
    """A whole saved model keeps the same layout below `model_weights`, and is read the same."""
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as root, h5py.File(file) as weights:
        weights.copy(weights["/"], root, "model_weights")
    assert list(read_weights(path, network)) == list(read_weights(file, network))


def test_other_width(file: Path) -> None:
    """Weights of another width are refused naming the layer and both shapes."""
    wider = describe({**MODEL, "width": 1 / 8}, "abcd")
    with pytest.raises(ModelError, match=r"'block1_conv1': kernel .* \(3, 3, 3, 4\).* \(3, 3, 3, 8\)"):
        read_weights(file, wider)


def test_other_architecture(file: Path) -> None:
    """Weights of another architecture are refused: where a layer of that name exists its weights differ in number."""
    with pytest.raises(ModelError, match=r"no layer 'separable_conv2d_1'"):
        read_weights(file, describe({**MODEL, "architecture": "separable_unet"}, "abcd"))


def test_extra_layer(file: Path, network: Network) -> None:
    """A layer that the network lacks is not dropped in silence."""
    with h5py.File(file, "r+") as root:
        root.attrs["layer_names"] = np.append(root.attrs["layer_names"], np.bytes_("block9_conv1"))
        root.copy("block1_conv1", "block9_conv1")
        root["block9_conv1"].attrs["weight_names"] = np.array(["block1_conv1/kernel:0"], dtype="S")
    with pytest.raises(ModelError, match="'block9_conv1' that the network lacks"):
        read_weights(file, network)
