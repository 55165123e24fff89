"""The layer lists against the published counts, and what `describe` refuses."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from net2bit.errors import ModelError
from net2bit.nets import Network, architectures, describe, names
from net2bit.nets.layers import BatchNorm, Concat, MaxPool, SeparableConv, Softmax, Upsample

CLASSES = ("background", "person", "car", "road")


def made(architecture: str = "unet", width: float = 1.0, size: tuple[int, int] = (256, 512)) -> Network:
    return describe({"architecture": architecture, "width": width, "input_size": size}, CLASSES)


def test_unet_published_report() -> None:
    """The full-size Unet has the parameter size, workload, nodes and tensors that the vendor's compiler printed for the published one."""
    network = made()
    assert network.params == 25_856_900
    assert f"{network.params / 2**20:.2f}MB" == "24.66MB"
    assert network.macs == 113_405_591_552
    assert f"{network.workload_mops:.2f}MOPS" == "226811.19MOPS"
    assert (network.nodes, network.tensors, network.convolutions) == (34, 39, 26)


def test_unet_names() -> None:
    """Layers carry the published names, from the image to the cut in front of the softmax."""
    network = made()
    assert network.input.name == "input_1"
    assert [layer.name for layer in network][1:4] == ["block1_conv1", "batch_normalization_1", "activation_1"]
    assert network.output.inputs == ("conv2d_13",)
    assert isinstance(network.output, Softmax)


@pytest.mark.parametrize(
    ("architecture", "width", "params", "variables", "mops"),
    [
        ("unet", 1.0, 25_856_900, 25_885_316, 226_811),
        ("unet", 0.25, 1_618_148, 1_625_252, 14_374),
        ("unet", 0.125, 405_236, 408_788, 3_660),
        ("separable_unet", 1.0, 3_219_780, 3_248_196, 39_882),
        ("separable_unet", 0.25, 215_124, 222_228, 2_874),
    ],
)
def test_counts(architecture: str, width: float, params: int, variables: int, mops: int) -> None:
    """Counts at 256x512 and four classes agree with those found independently for both architectures and several widths."""
    network = made(architecture, width)
    assert (network.params, network.variables, round(network.workload_mops)) == (params, variables, mops)


def test_separable_form() -> None:
    """All convolutions but the first two are separable, which makes 50 convolutions of 26."""
    network = made("separable_unet")
    assert network.convolutions == 50
    assert sum(isinstance(layer, SeparableConv) for layer in network) == 24
    assert not isinstance(network.layer("block1_conv2"), SeparableConv)


@pytest.mark.parametrize("architecture", names())
@pytest.mark.parametrize("size", [(16, 16), (48, 112), (1024, 2048)])
def test_shapes(architecture: str, size: tuple[int, int]) -> None:
    """Law: for every size divisible by 16 the output is as large as the image and every concatenation joins equal heights and widths."""
    network = made(architecture, 0.25, size)
    assert network.output.shape == (*size, len(CLASSES))
    kinds = [sum(isinstance(layer, kind) for layer in network) for kind in (MaxPool, Upsample, Concat, BatchNorm)]
    assert kinds == [4, 4, 4, 25]
    for layer in network:
        sources = [network.layer(name) for name in layer.inputs]
        if isinstance(layer, Concat):
            assert {source.shape[:2] for source in sources} == {layer.shape[:2]}
            assert sum(source.shape[2] for source in sources) == layer.shape[2]


def test_producers_first() -> None:
    """Every layer stands behind the layers it takes its input from, so one pass over the list can build anything."""
    seen: set[str] = set()
    for layer in made():
        assert set(layer.inputs) <= seen
        seen.add(layer.name)


def test_size_refused() -> None:
    """A size that is not divisible by 16 is refused with the nearest one that is."""
    with pytest.raises(ModelError, match="multiples of 16") as caught:
        made(size=(250, 500))
    assert caught.value.suggestion == "256x496"
    assert caught.value.where == "model.input_size"


def test_size_zero() -> None:
    """Zero is divisible by everything and still refused."""
    with pytest.raises(ModelError) as caught:
        made(size=(0, 512))
    assert caught.value.suggestion == "16x512"


@pytest.mark.parametrize(("width", "close"), [(0.3, "0.296875"), (0.01, "0.0625"), (0.0, "0.0625"), (-1.0, "0.0625")])
def test_width_refused(width: float, close: str) -> None:
    """A width that gives broken or too few channels is refused with one that works, and that one does."""
    with pytest.raises(ModelError) as caught:
        made(width=width)
    assert close in caught.value.remedy
    assert made(width=float(close)).params > 0


def test_unknown_architecture() -> None:
    """A misspelt architecture is answered with the one that was meant."""
    with pytest.raises(ModelError) as caught:
        made("separable_unett")
    assert caught.value.suggestion == "separable_unet"


def test_one_class() -> None:
    """One class cannot be told from itself: refused before anything is built."""
    with pytest.raises(ModelError, match="not enough"):
        describe({"architecture": "unet", "width": 0.25, "input_size": (32, 32)}, ["road"])


def test_unknown_layer() -> None:
    """Asking for a layer that is not there names the near miss."""
    with pytest.raises(ModelError) as caught:
        made().layer("block1_conv9")
    assert caught.value.suggestion == "block1_conv2"


_TINY = '''"""A one-convolution network."""

TITLE = "tiny"
DIVISOR = 1


def build(net, classes, width):
    net.softmax(net.conv(net.input, classes, 3))
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "tiny.py").write_text(_TINY)
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield "tiny"
    sys.modules.pop("net2bit.nets.architectures.tiny", None)


def test_listing(added: str) -> None:
    """A file put into the folder is an architecture at once, without being registered anywhere."""
    assert added in names()
    assert made(added, size=(5, 7)).params == 3 * 3 * 3 * 4 + 4
