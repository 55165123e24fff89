"""Emitted programs, each on the simulator and through the checker: every kind of layer on its own."""

from __future__ import annotations

import pytest
from emitted import Bench, execute

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.compiler.layers import Axis, Network, Pad, Pair, View, Work
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan, Schedule

ARCHS = [standard("B512"), standard("B1152", high=True), standard("B2304"), standard("B4096", high=True)]
SOME = [standard("B1152"), standard("B4096")]


def alone(network: Network, rows: int, tiles: int = 1, *, resident: bool = False) -> Schedule:
    """Every layer on its own, in so many column tiles."""
    groups = []
    for index, layer in enumerate(network.layers):
        width = layer.writes.width
        cuts = sorted({width * t // tiles for t in range(tiles)} | {width})
        groups.append(Group((LayerPlan(index, rows, resident),), tuple(cuts)))
    return Schedule(tuple(groups))


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
@pytest.mark.parametrize("tiles", [1, 3])
def test_a_convolution_runs_as_computed(arch: Arch, tiles: int) -> None:
    """A padded convolution of odd sizes gives numpy's result in stripes, tiles, and with weights that stay or not."""
    bench = Bench()
    bench.conv(bench.map("x", 21, 19, 21), bench.map("y", 21, 19, 37), Pair(3, 3), pad=Pad(1, 1, 1, 1))
    network = bench.network("y")
    for rows, resident in ((8, True), (16, False), (5, False), (21, True)):
        execute(network, alone(network, rows, tiles, resident=resident), arch)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [((3, 3), (2, 2), (1, 1)), ((5, 3), (3, 2), (0, 1)), ((1, 1), (1, 1), (0, 0)), ((7, 7), (2, 2), (3, 3))]
)
def test_strides_and_kernels(arch: Arch, kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]) -> None:
    """Row groups follow the stride, and padding is right at all four sides."""
    bench, height, width = Bench(), 23, 18
    out = [(size + 2 * p - k) // s + 1 for size, p, k, s in zip((height, width), pad, kernel, stride, strict=True)]
    bench.conv(bench.map("x", height, width, 20), bench.map("y", out[0], out[1], 20), Pair(*kernel), Pair(*stride), Pad(*pad, *pad))
    network = bench.network("y")
    for rows, tiles in ((arch.pp, 1), (6, 2)):
        execute(network, alone(network, rows, tiles), arch)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_the_alu_runs_as_computed(arch: Arch) -> None:
    """Depthwise convolution, pools, hard sigmoid and leaky ReLU give numpy's results."""
    bench = Bench()
    x = bench.map("x", 17, 14, 29)
    bench.depthwise(x, bench.map("d", 17, 14, 29), Pair(3, 3), pad=Pad(1, 1, 1, 1))
    bench.depthwise(x, bench.map("s", 9, 7, 29), Pair(3, 3), Pair(2, 2), Pad(1, 1, 1, 1))
    bench.other(Work.MAX, (x,), bench.map("m", 8, 7, 29), Pair(2, 2), Pair(2, 2), shift_cut=0)
    bench.other(Work.MAX, (x,), bench.map("n", 9, 7, 29), Pair(3, 3), Pair(2, 2), pad=Pad(1, 1, 1, 0), shift_cut=9)
    bench.other(Work.AVERAGE, (x,), bench.map("a", 15, 12, 29), Pair(3, 3), factor=7, shift_cut=14)
    bench.other(Work.AVERAGE, (x,), bench.map("g", 1, 1, 29), Pair(17, 14), Pair(3, 1), factor=17, shift_cut=20)
    bench.other(Work.SIGMOID, (x,), bench.map("h", 17, 14, 29), shift_cut=14, shift_bias=5)
    bench.other(Work.LEAKY, (x,), bench.map("l", 17, 14, 29), shift_cut=9, factor=26)
    network = bench.network("d", "s", "m", "n", "a", "g", "h", "l")
    for rows, tiles in ((arch.pp, 1), (3, 2), (17, 1)):
        execute(network, alone(network, rows, tiles), arch)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_elementwise_runs_as_computed(arch: Arch) -> None:
    """Sums of two and four maps, products, and a pixel spread over a map give numpy's results."""
    bench = Bench()
    a, b, c = (bench.map(name, 13, 11, 29) for name in "abc")
    point = bench.map("p", 1, 1, 29)
    spread = View("p", 13, 11, 0, 29, Axis(repeat=13), Axis(repeat=11))
    bench.other(Work.ADD, (a, b), bench.map("u", 13, 11, 29), shift_read=(0, 2), shift_write=1, act=1)
    bench.other(Work.ADD, (a, b, c, a), bench.map("v", 13, 11, 29), shift_read=(1, 0, 2, 0), shift_write=17)
    bench.other(Work.MULTIPLY, (a, b), bench.map("w", 13, 11, 29), shift_read=(0, 0), shift_write=23)
    bench.other(Work.MULTIPLY, (a, spread), bench.map("z", 13, 11, 29), shift_read=(0, 0), shift_write=22)
    assert point.map == "p"
    network = bench.network("u", "v", "w", "z")
    for rows, tiles in ((arch.pp, 1), (5, 2), (13, 1)):
        execute(network, alone(network, rows, tiles), arch)


@pytest.mark.parametrize("arch", SOME, ids=lambda arch: arch.name)
def test_views_are_addressing(arch: Arch) -> None:
    """Upsampled, stepped and sliced views are read, and phases and slices written, by the addresses of LOAD and SAVE alone."""
    bench = Bench()
    x = bench.map("x", 6, 7, 24)
    up = View("x", 12, 14, 0, 24, Axis(repeat=2), Axis(repeat=2))
    bench.conv(up, bench.map("y", 12, 14, 9), Pair(3, 3), pad=Pad(1, 1, 1, 1))
    z = bench.map("z", 12, 14, 20)
    bench.conv(View("y", 6, 7, 0, 9, Axis(0, 2), Axis(0, 2)), View("z", 6, 7, 0, 20, Axis(0, 2), Axis(0, 2)))
    for i, j in ((0, 1), (1, 0), (1, 1)):
        bench.conv(View("x", 6, 7, 4, 13), View("z", 6, 7, 0, 20, Axis(i, 2), Axis(j, 2)))
    bench.other(Work.MAX, (z,), View("c", 12, 14, 3, 20), shift_cut=0)
    bench.other(Work.MAX, (View("y", 12, 14, 0, 3),), View("c", 12, 14, 0, 3), shift_cut=0)
    bench.map("c", 12, 14, 23)
    assert x.channels == 24
    network = bench.network("y", "z", "c")
    for rows, tiles in ((arch.pp, 1), (3, 2)):
        execute(network, alone(network, rows, tiles), arch)


def test_a_layer_reads_and_writes_parts_of_one_map() -> None:
    """Halves of a map beside each other, or row by row in turn, are no dependence of a layer on itself."""
    bench = Bench()
    bench.map("c", 8, 10, 12)
    left, right = View("c", 8, 5, 0, 12), View("c", 8, 5, 0, 12, columns=Axis(5))
    even, odd = View("d", 4, 10, 0, 12, Axis(0, 2)), View("d", 4, 10, 0, 12, Axis(1, 2))
    bench.map("d", 8, 10, 12)
    bench.conv(bench.map("x", 8, 5, 7), left)
    bench.conv(left, right)
    bench.conv(bench.map("z", 4, 10, 7), even)
    bench.conv(even, odd)
    network = bench.network("c", "d")
    for rows in (4, 8):
        execute(network, alone(network, rows), SOME[1])


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
@pytest.mark.parametrize(("width", "kernel", "stride", "pad"), [(20, 3, 2, 1), (20, 3, 1, 0), (15, 5, 2, 2), (20, 7, 2, 3)])
def test_a_folded_first_convolution(arch: Arch, width: int, kernel: int, stride: int, pad: int) -> None:
    """Channel augmentation masks exactly what lies beside the map."""
    bench = Bench()
    out = (width + 2 * pad - kernel) // stride + 1
    x, size, step = bench.map("x", width, width, 3), Pair(kernel, kernel), Pair(stride, stride)
    bench.conv(x, bench.map("y", out, out, 13), size, step, Pad(pad, pad, pad, pad), augmented=True)
    network = bench.network("y")
    for rows, tiles in ((arch.pp, 1), (5, 3)):
        execute(network, alone(network, rows, tiles), arch)


def test_two_folds_of_one_map() -> None:
    """Two augmented layers that fold one map differently, in one group, each have rows of their own."""
    bench = Bench()
    x = bench.map("x", 12, 13, 3)
    bench.conv(x, bench.map("y", 11, 6, 13), Pair(2, 2), Pair(1, 2), augmented=True)
    bench.conv(x, bench.map("z", 11, 7, 13), Pair(2, 2), Pair(1, 2), Pad(0, 0, 0, 1), augmented=True)
    network = bench.network("y", "z")
    execute(network, Schedule((Group((LayerPlan(0, 8), LayerPlan(1, 8)), (0, 4, 7)),)), SOME[1])


@pytest.mark.parametrize("arch", SOME, ids=lambda arch: arch.name)
def test_a_dense_layer_streams_its_weights(arch: Arch) -> None:
    """A kernel as large as the map, with more weights than the banks hold, runs through the ring of weights."""
    bench = Bench()
    bench.conv(bench.map("x", 7, 7, 50), bench.map("y", 1, 1, 300), Pair(7, 7))
    network = bench.network("y")
    execute(network, alone(network, 1), arch)


def test_rows_longer_than_one_instruction() -> None:
    """Rows of more pixels than LOAD's field holds come in pieces; what CONV cannot hold is refused with the way out."""
    bench = Bench()
    bench.conv(bench.map("x", 3, 1300, 1), bench.map("y", 3, 650, 1), Pair(1, 2), Pair(1, 2))
    bench.conv(bench.map("v", 3, 1300, 4), bench.map("w", 2, 1299, 3), Pair(2, 2), augmented=True)
    network = bench.network("y", "w")
    execute(network, alone(network, 3, 2), SOME[1])
    with pytest.raises(FitError, match="longer") as caught:
        execute(network, alone(network, 3, 1), SOME[1])
    assert "narrower" in str(caught.value)


def test_pixels_wider_than_one_instruction() -> None:
    """Pixels of more channels than SAVE's field holds are moved in pieces, and more than CONV can read are refused."""
    bench = Bench()
    bench.conv(bench.map("x", 2, 1, 3), bench.map("y", 2, 1, 5000))
    network = bench.network("y")
    execute(network, alone(network, 2), SOME[0])
    bench.conv(View("y", 2, 1, 0, 5000), bench.map("z", 2, 1, 3))
    network = bench.network("z")
    with pytest.raises(FitError, match="groups of 12 channels"):
        execute(network, alone(network, 2), SOME[0])
