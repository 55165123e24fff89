"""Maps get DDR addresses of their own as long as they are needed, and inputs the guard bytes that LOAD reaches for."""

from itertools import combinations

import pytest
from fixed_nets import NETS, Fixed, network

from net2bit.dpu.arch import standard
from net2bit.dpu.compiler.allocate import WORKSPACE, Allocation, allocate
from net2bit.dpu.compiler.front import network as front
from net2bit.dpu.compiler.layers import Network
from net2bit.dpu.compiler.schedule import Group, LayerPlan, Schedule


def alone(item: Network) -> Schedule:
    """Return the schedule that runs each layer on its own."""
    return Schedule(tuple(Group((LayerPlan(index, 1),), (0, layer.writes.width)) for index, layer in enumerate(item.layers)))


def laid(item: Network) -> Allocation:
    return allocate(item, alone(item))


@pytest.mark.parametrize("name", NETS)
def test_maps_alive_together_do_not_overlap(name: str) -> None:
    """Protects the workspace: no two maps share bytes while both are needed."""
    (part,) = front(network(name), standard("B512")).dpu
    item, places = part.network, laid(part.network).places
    touched = [{layer.writes.map, *(view.map for view in layer.reads)} for layer in item.layers]
    uses = {key: [at for at, names in enumerate(touched) if key in names] for key in places}
    spans = {}
    for key, place in places.items():
        shape = item.maps[key]
        spans[key] = (place.reg, place.offset, place.offset + shape.height * shape.width * shape.channels)
        assert (place.row, place.pixel) == (shape.width * shape.channels, shape.channels)
    for one, two in combinations(places, 2):
        together = uses[one][0] <= uses[two][-1] and uses[two][0] <= uses[one][-1]
        apart = spans[one][0] != spans[two][0] or spans[one][2] <= spans[two][1] or spans[two][2] <= spans[one][1]
        assert apart or (not together and spans[one][0] == WORKSPACE)


def test_workspace_is_used_again() -> None:
    """Protects the memory need: a chain takes two maps, however long it is."""
    made = Fixed(size=(8, 8), channels=8)
    last = made.image
    for _ in range(6):
        last = made.conv(last, 8)
    (part,) = front(made.graph, standard("B512")).dpu
    assert laid(part.network).sizes[WORKSPACE] == 2 * 8 * 8 * 8


def test_maps_inside_a_group_need_no_memory() -> None:
    """Protects fusion: what no later group reads stays on chip."""
    made = Fixed(size=(8, 8), channels=8)
    made.conv(made.conv(made.image, 8), 8)
    (part,) = front(made.graph, standard("B512")).dpu
    together = Schedule((Group((LayerPlan(0, 4), LayerPlan(1, 4)), (0, 8)),))
    assert set(allocate(part.network, together).places) == {"image", "conv2"}


def test_an_augmented_input_has_guard_bytes() -> None:
    """Protects LOAD's padding: the bytes ahead of the first row, and behind the last, belong to the register."""
    made = Fixed(channels=3)
    made.conv(made.image, 8, (3, 3))
    (part,) = front(made.graph, standard("B4096")).dpu
    assert part.network.layers[0].augmented
    found = laid(part.network)
    place = found.places["image"]
    assert place.offset >= 3
    assert found.sizes[place.reg] >= place.offset + 12 * 10 * 3 + 3
