"""The planner: what it proposes is valid, always the same, better than layer by layer, and computes the same codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from planned_nets import Nets, mnist, unet

from net2bit.dpu.arch import Arch, standard
from net2bit.dpu.compiler.allocate import Allocation, allocate
from net2bit.dpu.compiler.emit import emit, layout
from net2bit.dpu.compiler.layers import Network, View, Work
from net2bit.dpu.compiler.plan import alone, plan, trivial
from net2bit.dpu.compiler.plan_search import Search
from net2bit.dpu.compiler.schedule import Program, Schedule
from net2bit.dpu.depend import depend
from net2bit.dpu.simulator import run
from net2bit.dpu.target.configuration import PARALLELISM
from net2bit.dpu.timing import simulate
from net2bit.errors import ProgramError


def made(network: Network, schedule: Schedule, arch: Arch) -> tuple[Program, Allocation]:
    held = allocate(network, schedule)
    program = emit(network, schedule, held.places, arch)
    depend(program.instructions, arch)
    return program, held


def cycles(network: Network, schedule: Schedule, arch: Arch) -> float:
    return simulate(made(network, schedule, arch)[0].instructions, arch).total


def outputs(network: Network, schedule: Schedule, arch: Arch) -> list[NDArray[np.int8]]:
    """Run the schedule's program, strictly, on seeded inputs."""
    program, held = made(network, schedule, arch)
    registers = {number: np.zeros(size, np.int8) for number, size in held.sizes.items()}
    registers[0][: len(network.parameters)] = np.frombuffer(network.parameters, np.int8)
    random = np.random.default_rng(1)
    for name in network.inputs:
        item, place = network.maps[name], held.places[name]
        count = item.height * item.width * item.channels
        registers[place.reg][place.offset : place.offset + count] = random.integers(-128, 128, count)
    run(program.instructions, arch, registers, strict=True)
    found = []
    for name in network.outputs:
        item, place = network.maps[name], held.places[name]
        count = item.height * item.width * item.channels
        found.append(registers[place.reg][place.offset : place.offset + count].copy())
    return found


def mobile() -> Network:
    """Two inverted residuals behind a first convolution."""
    net = Nets()
    x = net.conv(net.input(48, 40, 3), 16, 3, 2, augmented=True, pad=1)
    x = net.conv(net.depthwise(net.conv(x, 48), 3, 2), 24, act=0)
    x = net.add(x, net.conv(net.depthwise(net.conv(x, 72)), 24, act=0))
    return net.network(net.conv(x, 64))


NETS: dict[str, tuple[Callable[[], Network], str]] = {
    "unet": (lambda: unet(16, 32, 12), "B2304"),
    "mnist": (mnist, "B4096"),
    "mobile": (mobile, "B1152"),
}


@pytest.mark.parametrize("name", NETS)
def test_a_schedule_holds_every_layer_once_and_fits(name: str) -> None:
    """No layer is lost, doubled or run before its inputs, and every group has its room on the chip."""
    build, machine = NETS[name]
    network, arch = build(), standard(machine)
    schedule = plan(network, arch)
    assert [item.layer for group in schedule.groups for item in group.layers] == list(range(len(network.layers)))
    for group in schedule.groups:
        layout(network, group, arch)


@pytest.mark.parametrize("name", NETS)
def test_a_schedule_is_faster_than_layer_by_layer(name: str) -> None:
    """The search never makes a network slower than running each layer through DDR."""
    build, machine = NETS[name]
    network, arch = build(), standard(machine)
    assert cycles(network, plan(network, arch), arch) <= cycles(network, trivial(network, arch), arch)


def test_a_schedule_is_the_same_every_time() -> None:
    """The same network and machine give the same schedule, so the same bytes."""
    arch = standard("B1024")
    assert plan(mobile(), arch) == plan(mobile(), arch)


def test_the_vendors_classifier_stays_on_the_chip() -> None:
    """The dense layers' weights bound this network: one group, and not a cycle more than the vendor's 46,021."""
    network, arch = mnist(), standard("B4096")
    schedule = plan(network, arch)
    assert len(schedule.groups) == 1
    assert cycles(network, schedule, arch) <= 46_021


def test_expanded_maps_of_inverted_residuals_never_leave_the_chip() -> None:
    """Expansion, depthwise and projection run as one group: what LOAD and SAVE move is the narrow maps and the weights."""
    net = Nets()
    x = net.input(28, 28, 32)
    y = net.conv(net.depthwise(net.conv(x, 192)), 32, act=0)
    network, arch = net.network(net.add(x, y)), standard("B4096")
    schedule = plan(network, arch)
    assert len(schedule.groups) == 1
    busy = simulate(made(network, schedule, arch)[0].instructions, arch).busy
    assert busy[1] < 28 * (28 * 2 + 16)


def test_a_layer_that_cannot_be_cut_small_enough_is_a_clear_error() -> None:
    """Weights of one output group beyond a weight bank: the message names the layer, the figure, the limit and the way out."""
    net = Nets()
    network = net.network(net.conv(net.input(20, 20, 2048), 16, 5))
    with pytest.raises(ProgramError) as caught:
        plan(network, standard("B4096"))
    assert "conv0" in caught.value.what
    assert "3200 lines of the 2048" in caught.value.what
    assert caught.value.remedy


def test_the_least_tile_is_a_clear_error_too() -> None:
    """One output column that needs more image lines than there are is refused with the figures."""
    net = Nets()
    network = net.network(net.pool(net.input(24, 24, 1200), 12, 12))
    with pytest.raises(ProgramError, match=r"max0 does not fit: 1 output rows, 1 columns at a time: .* lines"):
        alone(network, 0, standard("B512"))


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, Arch]:
    """A small network of a few layers of any kind, with skips, concatenation, pooling and upsampling, for any machine."""
    net, arch = Nets(seed=draw(st.integers(0, 99))), standard(draw(st.sampled_from(list(PARALLELISM))))
    x = net.input(draw(st.integers(5, 20)), draw(st.integers(5, 20)), draw(st.integers(1, 30)))
    for _ in range(draw(st.integers(1, 5))):
        x = layer(net, x, draw)
    return net.network(x), arch


def layer(net: Nets, x: View, draw: st.DrawFn) -> View:
    """Add what may be added to a map of this size."""
    channels = draw(st.integers(1, 40))
    kinds: dict[str, Callable[[], View]] = {
        "conv": lambda: net.conv(x, channels, draw(st.sampled_from([1, 3, 5]))),
        "depthwise": lambda: net.depthwise(x),
        "residual": lambda: net.add(x, net.conv(net.conv(x, channels), x.channels, 3, act=0)),
        "concat": lambda: net.join(net.conv(x, channels), net.depthwise(net.conv(x, 16)), net.pool(x, 1, 1, Work.MAX)),
    }
    if min(x.height, x.width) > 3:
        kinds["stride"] = lambda: net.conv(x, channels, 3, 2, pad=1)
        kinds["apart"] = lambda: net.depthwise(x, 3, 2)
        kinds["pool"] = lambda: net.pool(x, 2, 2)
    if max(x.height, x.width) < 20:
        kinds["up"] = lambda: net.conv(net.up(x), channels, 2)
    return kinds[draw(st.sampled_from(sorted(kinds)))]()


@settings(max_examples=10)
@given(networks())
def test_planned_and_trivial_schedules_compute_the_same(drawn: tuple[Network, Arch]) -> None:
    """Law: whatever groups, turns and tiles the planner chooses, the outputs are those of layer by layer, bit for bit."""
    network, arch = drawn
    for one, other in zip(outputs(network, plan(network, arch), arch), outputs(network, trivial(network, arch), arch), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("name", NETS)
def test_timing_the_candidates_never_makes_a_schedule_worse(name: str) -> None:
    """What `search` returns is no slower than what the estimate alone chooses."""
    build, machine = NETS[name]
    network, arch = build(), standard(machine)
    assert cycles(network, plan(network, arch, effort="search"), arch) <= cycles(network, plan(network, arch), arch)


def test_a_layer_beyond_the_cautious_count_still_runs() -> None:
    """Where two turns of rows find no room, one row and narrow tiles are tried before a layer is refused."""
    net = Nets()
    network, arch = net.network(net.pool(net.input(24, 24, 400), 12, 12)), standard("B512")
    group = alone(network, 0, arch)
    layout(network, group, arch)


def test_a_group_that_cannot_be_emitted_is_not_proposed_again() -> None:
    """A form that turned out not to fit gives way to another of the same layers, or to other groups."""
    network, arch = mobile(), standard("B1152")
    search = Search(network, arch)
    first = search.best([1, 2, 3])
    assert first is not None
    assert not search.timed(first.group)
    search.correct(first.group, float("inf"))
    assert search.timed(first.group)
    second = search.best([1, 2, 3])
    assert second is None or second.group != first.group
