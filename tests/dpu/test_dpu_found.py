"""Networks at the edge that once went wrong: each compiled for small machines, run in strict mode, compared with the integer engine."""

from __future__ import annotations

import numpy as np
import pytest
from fixed_nets import Fixed, image

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import Compiled, compile_graph
from net2bit.dpu.runner import Runner
from net2bit.quant.executor import run_integer

ARCHES = ("B512", "B1024", "B4096")


def agree(net: Fixed, arch: str, effort: str = "fast") -> Compiled:
    """Compile, run and compare, byte for byte."""
    made = compile_graph(net.graph, standard(arch).fingerprint, effort=effort)  # type: ignore[arg-type]
    feeds = image(net.graph)
    found, wanted = Runner(made.graph).run(feeds, strict=True), run_integer(net.graph, feeds)
    assert {name.removesuffix("_download_0") for name in found} == set(wanted)
    for name, codes in found.items():
        assert np.array_equal(codes, wanted[name.removesuffix("_download_0")]), name
    return made


@pytest.mark.parametrize("arch", ARCHES)
def test_one_map_is_joined_with_what_is_made_of_it_along_each_axis(arch: str) -> None:
    """A layer may read one part of a map and write another beside or below it: they share channels, but no pixel."""
    net = Fixed()
    beside = net.concat(first := net.conv(net.image, 8), net.conv(first, 8), axis=2)
    net.concat(beside, net.conv(beside, 8), axis=1)
    agree(net, arch)


@pytest.mark.parametrize("arch", ARCHES)
def test_the_integer_engine_crops_into_the_padding(arch: str) -> None:
    """A stride greater than the kernel can skip the whole map, so that the window reads padding alone; the engine broke down at that."""
    net = Fixed(size=(1, 7))
    net.depthwise(net.image, (1, 3), stride=4, pad=[1, 2, 2, 1])
    agree(net, arch)
