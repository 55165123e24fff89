"""The estimate of a group against the timing model's figure for the program emitted of it."""

from __future__ import annotations

import pytest
from planned_nets import mobilenet, resnet, unet

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.compiler.emit import emit, layout
from net2bit.dpu.compiler.estimate import Estimate, chunks, estimate
from net2bit.dpu.compiler.layers import Network, Place
from net2bit.dpu.compiler.plan import alone
from net2bit.dpu.compiler.schedule import Group, LayerPlan, Schedule
from net2bit.dpu.depend import depend
from net2bit.dpu.timing import Timeline, simulate


def timed(network: Network, group: Group, arch: Arch) -> Timeline:
    """Time a group by itself, every map at a place of its own."""
    places, at = {}, 0
    for name, item in network.maps.items():
        places[name] = Place(1, at, item.width * item.channels, item.channels)
        at += item.height * item.width * item.channels
    program = emit(network, Schedule((group,)), places, arch).instructions
    depend(program, arch)
    return simulate(program, arch)


def compare(network: Network, group: Group, arch: Arch, within: float) -> Estimate:
    found, timeline = estimate(layout(network, group, arch)), timed(network, group, arch)
    assert found.cycles == pytest.approx(timeline.total, rel=within)
    for guess, busy in zip(found.busy, timeline.busy, strict=True):
        assert guess == pytest.approx(busy, rel=0.03, abs=200)
    return found


@pytest.mark.parametrize("index", [0, 1, 3, 9, 12, 15, 24, 45, 60])
def test_single_layers_are_estimated_within_a_tenth(index: int) -> None:
    """Convolutions, depthwise, sums, of large and of small maps: cycles within 10 %, busy cycles of each engine within 3 %."""
    arch = standard("B4096")
    network = mobilenet()
    compare(network, alone(network, index, arch), arch, 0.1)


@pytest.mark.parametrize(
    ("first", "count", "rows", "columns"),
    [(0, 3, 8, (0, 112)), (6, 4, 8, (0, 28, 56)), (50, 4, 7, (0, 7))],
)
def test_groups_are_estimated_within_a_tenth(first: int, count: int, rows: int, columns: tuple[int, ...]) -> None:
    """Stripes of several layers, engines overlapping: cycles within 10 %, busy cycles of each engine within 3 %."""
    network, arch = mobilenet(), standard("B4096")
    plans = (LayerPlan(index, min(rows, network.layers[index].writes.height), first < 20) for index in range(first, first + count))
    compare(network, Group(tuple(plans), columns), arch, 0.1)


def test_weights_that_are_loaded_every_turn_are_counted_every_turn() -> None:
    """Streamed weights cost LOAD once for each turn and tile; resident ones once."""
    network, arch = resnet(112), standard("B4096")
    index = next(at for at, layer in enumerate(network.layers) if layer.reads[0].channels == 64 and layer.writes.channels == 256)
    kept, streamed = (compare(network, Group((LayerPlan(index, 8, resident),), (0, 28)), arch, 0.1).busy.load for resident in (True, False))
    assert streamed > kept + 2 * 256 * 4


def test_large_convolutions_are_estimated_closely() -> None:
    """Where CONV alone decides, the estimate is within two percent."""
    network, arch = unet(64, 128, 24), standard("B2304")
    found = estimate(layout(network, alone(network, 1, arch), arch))
    assert found.cycles == pytest.approx(timed(network, alone(network, 1, arch), arch).total, rel=0.02)


@pytest.mark.parametrize(("groups", "most", "count"), [(1, 8, 1), (7, 8, 3), (8, 1, 8), (20, 4, 7)])
def test_weights_come_in_growing_pieces(groups: int, most: int, count: int) -> None:
    """The first output group's weights come alone, so that CONV can begin; then two, four, and so on."""
    assert chunks(groups, most) == count
