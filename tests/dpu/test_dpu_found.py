"""Networks at the edge that once went wrong: each compiled for small machines, run in strict mode, compared with the integer engine."""

from __future__ import annotations

import numpy as np
import pytest
from fixed_nets import Fixed, image
from test_dpu_front_islands import Fake, values

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.compile import Compiled, compile_graph
from net2bit.dpu.runner import Runner
from net2bit.quant.executor import run_integer
from net2bit.xir import build

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


def test_the_integer_engine_crops_into_the_padding() -> None:
    """A stride greater than the kernel can skip the whole map, so that the window reads padding alone; the engine broke down at that."""
    net = Fixed(size=(1, 7))
    net.conv(net.depthwise(net.image, (1, 3), stride=4, pad=[1, 2, 2, 1]), 5)
    agree(net, "B1024")


def test_what_lies_beyond_the_last_pixel_is_not_read() -> None:
    """With strides greater than the kernel the last window may begin behind the map; LOAD once read on there."""
    for more in ({"pad": [0, 0, 1, 1], "pad_mode": "CEIL"}, {"pad": [0, 2, 1, 1]}):
        net = Fixed(size=(6, 4))
        net.conv(net.conv(net.image, 8, (3, 1), stride=2, **more), 5)  # type: ignore[arg-type]
        made = agree(net, "B1024")
        assert [reason.op for reason in made.partition.cpu] == ["conv1"]


@pytest.mark.parametrize("kind", ["conv", "depthwise", "pool", "margin", "left"])
def test_windows_over_padding_alone_go_to_the_processor(kind: str) -> None:
    """The engines have no window that sees no pixel: compilation once broke off there."""
    net = Fixed(size=(6, 6))
    match kind:
        case "conv":
            first = net.conv(net.image, 8, (2, 3), pad=[0, 3, 0, 0])
        case "depthwise":
            first = net.depthwise(net.image, (2, 2), pad=[0, 0, 0, 2])
        case "pool":
            first = net.pool(net.image, (2, 2), 1, pad=2)
        case "margin":
            first = net.conv(net.margin(net.image, 0, 1, 0, 1), 8, (2, 2), pad=[0, 1, 0, 1])
        case _:
            first = net.conv(net.image, 8, (3, 1), stride=7, pad=[1, 0, 0, 2])
    net.conv(first, 4)
    made = agree(net, "B1024")
    assert "padding" in str(next(reason for reason in made.partition.cpu if reason.op == first.name))


def test_an_island_between_the_ends() -> None:
    """An input that only islands read has its codes all the same, and an island's quantizer at the end of the network is kept."""
    net = Fake()
    first = net.fix(build.place(net.graph, "tanh", "first", {"input": [net.image]}), 6)
    net.fix(build.place(net.graph, "tanh", "last", {"input": [net.conv("middle", first, 5, "relu")]}), 6)
    feeds, wanted = values(net.graph)
    made = compile_graph(net.graph, standard("B1024").fingerprint)
    (found,) = Runner(made.graph).run(feeds, reals=True).values()
    np.testing.assert_array_equal(found, wanted)


def test_a_row_may_fill_a_bank() -> None:
    """Columns of padding are no lines: a row that takes all of them is no fault, and its padding does not wrap onto it."""
    net = Fixed(size=(1, 128), channels=160)
    net.conv(net.image, 8, weights_at=9)
    made = agree(net, "B1600")
    assert made.schedules[0].groups[0].columns == (0, 128)
