"""The order of turns and the rings of rows: producers before consumers, no row lost, and engines that overlap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from emitted import Bench

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.frame import frame
from net2bit.dpu.compiler.layers import Network, Pad, Pair, Work
from net2bit.dpu.compiler.layout import Layout, layout, rows
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan
from net2bit.dpu.compiler.turns import costs, eager, lazy

ARCH = standard("B4096")
SAME = Pad(1, 1, 1, 1)


def block() -> Network:
    """1x1, depthwise, 1x1, sum with the input."""
    bench = Bench()
    x, e, d, p, y = (bench.map(name, 40, 24, size) for name, size in (("x", 24), ("e", 144), ("d", 144), ("p", 24), ("y", 24)))
    bench.conv(x, e)
    bench.depthwise(e, d, Pair(3, 3), pad=SAME)
    bench.conv(d, p)
    bench.other(Work.ADD, (p, x), y, shift_read=(0, 0))
    return bench.network("y")


def group(*plans: int, columns: tuple[int, ...] = (0, 24)) -> Group:
    """Layers 0, 1, ... with these rows to a turn."""
    return Group(tuple(LayerPlan(at, count, resident=True) for at, count in enumerate(plans)), columns)


def replay(held: Layout) -> None:
    """Walk through an order and demand that every row read is there, and still there."""
    capacity, made = rows(held.frame, held.visits), [-1] * len(held.frame.parts)
    filled = [0] * len(held.frame.buffers)
    for turn in held.eager.turns:
        part = held.frame.parts[turn.part]
        assert turn.number == made[turn.part] + 1
        for read in part.reads:
            low, high = read.turns.low[turn.number], read.turns.high[turn.number]
            for writer in read.writers:
                assert made[writer] >= 0
                assert held.frame.parts[writer].writes.high[made[writer]] >= high
            filled[read.buffer] = max(filled[read.buffer], high)
            assert filled[read.buffer] - low <= capacity[read.buffer], "a row is overwritten before it is read"
        filled[part.out] = max(filled[part.out], part.writes.high[turn.number])
        made[turn.part] = turn.number
    assert made == [len(part.writes.low) - 1 for part in held.frame.parts]


@pytest.mark.parametrize("plan", [(8, 8, 8, 8), (8, 4, 16, 4), (40, 40, 40, 40), (5, 7, 3, 2)])
@pytest.mark.parametrize("columns", [(0, 24), (0, 7, 15, 24)])
def test_no_row_is_lost(plan: tuple[int, ...], columns: tuple[int, ...]) -> None:
    """Whatever the turns, every row is made before it is read and is not overwritten before its last reader."""
    replay(layout(block(), group(*plan, columns=columns), ARCH))


def test_the_next_turn_stands_before_the_one_that_waits() -> None:
    """The first convolution's second turn stands before the second convolution's first, which waits for the depthwise."""
    held = layout(block(), group(8, 8, 8, 8), ARCH)
    order = [(turn.part, turn.number) for turn in held.eager.turns]
    assert order.index((0, 2)) < order.index((2, 0))
    lazily = [(turn.part, turn.number) for turn in held.order.turns]
    assert lazily.index((0, 2)) > lazily.index((2, 0))


def test_least_rings_are_enough_and_less_is_not() -> None:
    """The rings that the lazy order needs let the eager one run to its end; with fewer rows it has nowhere to go."""
    held = frame(block(), group(8, 8, 8, 8), ARCH)
    _, needed = lazy(held)
    assert len(eager(held, needed, costs(held)).turns) == 20
    with pytest.raises(FitError, match="do not fit"):
        eager(held, [count - 1 for count in needed], costs(held))


def test_a_layout_is_the_same_each_time() -> None:
    """Nothing in a layout depends on hashes or on what was laid out before."""
    first = layout(block(), group(8, 8, 8, 8), ARCH)
    layout(block(), group(40, 40, 40, 40), ARCH)
    second = layout(block(), group(8, 8, 8, 8), ARCH)
    assert (first.visits, first.places, first.eager.turns) == (second.visits, second.places, second.eager.turns)


def test_a_sum_takes_its_operands_place() -> None:
    """The sum overwrites the operand that nobody else reads: three maps share two buffers."""
    held = layout(block(), group(8, 8, 8, 8), ARCH)
    assert held.frame.parts[3].out == held.frame.parts[2].out
    assert len(held.frame.buffers) == 4


def test_a_map_in_ddr_is_shared_only_where_that_fits() -> None:
    """An input with two readers is loaded once, or twice when keeping it until the second reader does not fit."""
    wide = Bench()
    maps = [wide.map(name, 64, 24, size) for name, size in (("x", 192), ("a", 32), ("b", 32), ("c", 192), ("y", 192))]
    wide.conv(maps[0], maps[1])
    wide.conv(maps[1], maps[2], Pair(15, 15), pad=Pad(7, 7, 7, 7))
    wide.conv(maps[2], maps[3])
    wide.other(Work.ADD, (maps[3], maps[0]), maps[4], shift_read=(0, 0))
    network = wide.network("y")
    small = layout(network, group(8, 8, 8, 8, columns=(0, 8, 16, 24)), ARCH)
    tall = group(8, 64, 8, 8)
    large = layout(network, tall, ARCH)
    loaded = [sum(bool(buffer.loads) for buffer in held.frame.buffers) for held in (small, large)]
    assert loaded == [1, 2]
    replay(large)


def test_random_rows_are_never_lost() -> None:
    """Random turns of random layers keep the rule that no row is overwritten before its last reader."""
    random, network = np.random.default_rng(7), block()
    for _ in range(40):
        plans = tuple(LayerPlan(at, int(random.integers(1, 41))) for at in range(4))
        columns = tuple(sorted({0, 24, *random.integers(1, 24, 2).tolist()}))
        try:
            replay(layout(network, replace(group(8), layers=plans, columns=columns), ARCH))
        except FitError:
            continue
