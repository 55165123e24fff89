"""The benchmark networks: their published sizes, and forms that the compiler's front end reads."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from net2bit.errors import ConfigError
from net2bit.quant.executor import Executor

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the package of benchmark networks, which is no part of the installed project."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("zoo")


@pytest.mark.parametrize(
    ("name", "mega"),
    [
        ("mobilenet_v1", 1137),
        ("mobilenet_v2", 602),
        ("resnet18", 3628),
        ("squeezenet", 698),
        ("inception_v1", 3165),
        ("separable_unet", 39882),
    ],
)
def test_network_sizes(zoo: ModuleType, name: str, mega: int) -> None:
    """A benchmark network has the operations that are published for it."""
    assert round(2 * zoo.macs(zoo.build(name)) / 1e6) == mega


def test_networks_are_the_same_every_time(zoo: ModuleType) -> None:
    """Two builds of a network have the same weights, so that measurements can be repeated."""
    first, second = (zoo.build("mobilenet_v1_0.25_128") for _ in range(2))
    for op in first.of_type("const-fix"):
        assert op.data is not None
        np.testing.assert_array_equal(op.data, second.op(op.name).data)


def test_networks_compute(zoo: ModuleType) -> None:
    """The integer executor runs a network, and its codes are neither all zero nor saturated: fix positions are plausible."""
    graph = zoo.build("mobilenet_v1_0.25_128")
    codes = np.random.default_rng(0).integers(-100, 100, (1, 128, 128, 3), np.int8)
    found = Executor(graph).run({"image1": codes})[graph.outputs()[0].name]
    assert 2 < np.std(found.astype(float)) < 100


def test_unknown_network(zoo: ModuleType) -> None:
    """A misspelt name is answered with the right one."""
    with pytest.raises(ConfigError) as error:
        zoo.build("resnet5O")
    assert "resnet50" in str(error.value.suggestion)
