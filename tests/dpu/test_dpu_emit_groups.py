"""Groups of layers in stripes: what stays on the chip between them, ring by ring, gives the same results."""

from __future__ import annotations

import numpy as np
import pytest
from emitted import Bench, execute

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.compiler.layers import Network, Pad, Pair, View, Work
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan, Schedule

ARCHS = [standard("B512"), standard("B1152", high=True), standard("B2304"), standard("B4096", high=True)]
SAME = Pad(1, 1, 1, 1)


def together(network: Network, rows: int, tiles: int = 1, resident: str = "all") -> Schedule:
    """All layers in one group."""
    width = network.layers[-1].writes.width
    cuts = sorted({width * t // tiles for t in range(tiles)} | {width})
    stay = {"all": (True, True), "none": (False, False), "odd": (False, True)}[resident]
    return Schedule((Group(tuple(LayerPlan(i, rows, stay[i % 2]) for i in range(len(network.layers))), tuple(cuts)),))


def residual(height: int, width: int, channels: int, wide: int, stride: int = 1) -> Network:
    """An inverted residual: 1x1, depthwise 3x3, 1x1, sum."""
    bench = Bench()
    x = bench.map("x", height, width, channels)
    e = bench.map("e", height, width, wide)
    rows, columns = -(-height // stride), -(-width // stride)
    d = bench.map("d", rows, columns, wide)
    p = bench.map("p", rows, columns, channels)
    bench.conv(x, e, act=4)
    bench.depthwise(e, d, Pair(3, 3), Pair(stride, stride), SAME)
    bench.conv(d, p, act=0)
    if stride == 1:
        bench.other(Work.ADD, (p, x), bench.map("y", height, width, channels), shift_read=(0, 1), shift_write=17)
    return bench.network("y" if stride == 1 else "p")


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
@pytest.mark.parametrize("stride", [1, 2])
def test_an_inverted_residual_stays_on_the_chip(arch: Arch, stride: int) -> None:
    """Nothing but the input and the output touches DDR, in stripes and column tiles, whatever stays of the weights."""
    network = residual(29, 23, 19, 41, stride)
    for rows, tiles, resident in ((arch.pp, 1, "all"), (arch.pp, 3, "odd"), (5, 2, "none"), (2 * arch.pp, 1, "odd")):
        program = execute(network, together(network, rows, tiles, resident), arch)
        saves = {program.layer[at] for at, item in enumerate(program.instructions) if item.mnemonic == "SAVE"}
        assert saves == {len(network.layers) - 1}


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_a_chain_of_strides(arch: Arch) -> None:
    """Rows of one bank follow the stride of the reader; windows grow through the chain and shrink with the map."""
    bench = Bench()
    x, a, b = bench.map("x", 37, 26, 3), bench.map("a", 19, 13, 20), bench.map("b", 9, 6, 20)
    c, d = bench.map("c", 9, 6, 33), bench.map("d", 5, 3, 17)
    bench.conv(x, a, Pair(3, 3), Pair(2, 2), SAME)
    bench.other(Work.MAX, (a,), b, Pair(3, 3), Pair(2, 2), shift_cut=0)
    bench.conv(b, c, Pair(3, 3), pad=SAME)
    bench.conv(c, d, Pair(3, 3), Pair(2, 2), SAME, act=0)
    network = bench.network("d")
    for rows, tiles, resident in ((arch.pp, 1, "all"), (3, 2, "odd"), (37, 1, "none")):
        execute(network, together(network, rows, tiles, resident), arch)


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_a_concatenation_on_the_chip(arch: Arch) -> None:
    """Producers write slices of one map, an earlier group's slice is loaded beside them, and readers see all or a slice."""
    bench, channels = Bench(), arch.cp
    x = bench.map("x", 17, 12, 11)
    bench.map("c", 17, 12, 3 * channels + 5)
    parts = [View("c", 17, 12, at * channels, size) for at, size in ((0, channels), (1, 2 * channels), (3, 5))]
    bench.conv(x, parts[0], Pair(3, 3), pad=SAME)
    bench.conv(x, parts[1], Pair(3, 3), pad=SAME)
    bench.conv(parts[1], parts[2], Pair(3, 3), pad=SAME)
    bench.conv(View("c", 17, 12, 0, 3 * channels + 5), bench.map("y", 17, 12, 21), act=0)
    network = bench.network("y", "c")
    for rows, tiles in ((arch.pp, 1), (5, 2)):
        execute(network, together(network, rows, tiles), arch)
        first = Group((LayerPlan(0, rows),), (0, 12))
        rest = Group(tuple(LayerPlan(i, rows, resident=True) for i in (1, 2, 3)), (0, 5, 12))
        execute(network, Schedule((first, rest)), arch)


def test_a_slice_that_nobody_reads_here_keeps_apart() -> None:
    """A slice that does not begin with a channel group is saved from a buffer of its own, while its neighbour is read on the chip."""
    bench = Bench()
    bench.map("c", 12, 9, 48)
    first, second = View("c", 12, 9, 0, 24), View("c", 12, 9, 24, 24)
    bench.conv(bench.map("x", 12, 9, 20), first)
    bench.other(Work.MULTIPLY, (first, first), bench.map("m", 12, 9, 24), shift_read=(0, 0), shift_write=22)
    bench.other(Work.MAX, (View("m", 12, 9, 0, 24),), second, shift_cut=0)
    bench.conv(first, bench.map("y", 4, 3, 3), Pair(3, 3), Pair(3, 3), Pad(1, 1, 0, 0))
    network = bench.network("y", "c")
    execute(network, together(network, 8), standard("B3136"))


@pytest.mark.parametrize("arch", ARCHS, ids=lambda arch: arch.name)
def test_a_sum_beside_a_stride(arch: Arch) -> None:
    """A sum reads and writes maps whose rows lie two to a bank for a neighbour's sake, and one saved map has two readers."""
    bench = Bench()
    x, a, b, s = (bench.map(name, 18, 14, 21) for name in "xabs")
    bench.conv(x, a, Pair(3, 3), pad=SAME)
    bench.conv(a, b, Pair(3, 3), pad=SAME)
    bench.other(Work.ADD, (a, b), s, shift_read=(0, 0), shift_write=17)
    bench.conv(s, bench.map("t", 9, 7, 30), Pair(3, 3), Pair(2, 2), SAME)
    bench.other(Work.MAX, (a,), bench.map("m", 9, 7, 21), Pair(2, 2), Pair(2, 2), shift_cut=0)
    network = bench.network("t", "m", "s")
    for rows, tiles in ((arch.pp, 1), (3, 2), (18, 1)):
        execute(network, together(network, rows, tiles, "odd"), arch)


def test_what_does_not_fit_says_so() -> None:
    """A group whose rows are too wide for the banks is refused before anything is emitted."""
    network = residual(64, 256, 96, 576)
    with pytest.raises(FitError, match="lines"):
        execute(network, together(network, 8), standard("B4096"))


@pytest.mark.parametrize("tiles", [2, 4])
def test_readers_of_one_input_need_not_agree(tiles: int) -> None:
    """A row of a shared input that one reader has no use for is loaded for the other, even when it is a tile ahead."""
    bench = Bench()
    x = bench.map("x", 13, 12, 20)
    bench.other(Work.MAX, (x,), bench.map("a", 6, 2, 20), Pair(2, 6), Pair(1, 6), shift_cut=0)
    bench.conv(x, bench.map("b", 13, 12, 200))
    network = bench.network("a", "b")
    for rows in (1, 4, 13):
        execute(network, together(network, rows, tiles), standard("B1152"))


def test_weights_ahead_of_rows_are_not_overwritten() -> None:
    """Weights that are loaded before a group's first turn are still there when it comes, however much its neighbours stream."""
    bench, arch = Bench(), standard("B1152")
    x, a = bench.map("x", 4, 3, 150), bench.map("a", 4, 3, 150)
    bench.conv(x, a)
    for name, channels in (("b", 300), ("c", 200), ("d", 250)):
        bench.conv(a, bench.map(name, 4, 3, channels), Pair(3, 3), pad=SAME)
    network = bench.network("b", "c", "d")
    first = Group((LayerPlan(0, 4),), (0, 3))
    for columns in ((0, 3), (0, 1, 3)):
        rest = Group(tuple(LayerPlan(at, 4, resident=False) for at in (1, 2, 3)), columns)
        program = execute(network, Schedule((first, rest)), arch)
        loads = [program.layer[at] for at, item in enumerate(program.instructions) if item.mnemonic == "LOAD"]
        assert loads[loads.index(1) : loads.index(1) + 13] == [1] * 13


@pytest.mark.parametrize("seed", range(12))
def test_random_groups(seed: int) -> None:
    """Random chains of layers, cut into random groups, stripes and tiles, give numpy's results."""
    random = np.random.default_rng(seed)
    arch = ARCHS[seed % len(ARCHS)]
    network = _random(random)
    count, groups, first = len(network.layers), [], 0
    while first < count:
        last = min(count, first + int(random.integers(1, 5)))
        width = network.layers[last - 1].writes.width
        cuts = sorted({0, width, int(random.integers(1, width + 1))})
        plans = tuple(LayerPlan(at, int(random.integers(1, 20)), bool(random.integers(2))) for at in range(first, last))
        groups.append(Group(plans, tuple(cuts)))
        first = last
    execute(network, Schedule(tuple(groups)), arch)


def _random(random: np.random.Generator) -> Network:
    bench = Bench(int(random.integers(1000)))
    views = [bench.map("x", int(random.integers(9, 30)), int(random.integers(9, 30)), int(random.integers(3, 40)))]
    for number in range(7):
        at = views[-1] if random.integers(4) else views[int(random.integers(len(views)))]
        kind, size, step = random.integers(5), int(random.integers(1, 4)), int(random.integers(1, 3))
        size = min(size, at.height, at.width)
        out = [(side + 2 * (size // 2) - size) // step + 1 for side in (at.height, at.width)]
        pad, name = Pad(*[size // 2] * 4), f"m{number}"
        same = [view for view in views if (view.height, view.width, view.channels) == (at.height, at.width, at.channels)]
        if kind == 4:
            reads = at, same[int(random.integers(len(same)))]
            made = bench.map(name, at.height, at.width, at.channels)
            bench.other(Work.ADD, reads, made, shift_read=(1, 0), shift_write=0)
        elif kind == 3:
            made = bench.map(name, out[0], out[1], at.channels)
            bench.depthwise(at, made, Pair(size, size), Pair(step, step), pad)
        else:
            made = bench.map(name, out[0], out[1], int(random.integers(3, 50)) if random.integers(2) else at.channels)
            bench.conv(at, made, Pair(size, size), Pair(step, step), pad)
        views.append(made)
    return bench.network(*{view.map: None for view in views[1:] if random.integers(3) == 0 or view is views[-1]})
