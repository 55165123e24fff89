"""DDR addresses: which maps touch DDR at all, and where they lie in the registers.

Register 0 holds parameters, 1 the workspace, 2 the inputs, 3 the outputs, as in the vendor's files. Maps that are not needed at the same
time share workspace; the hazards between them are ordered like all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from net2bit.dpu.compiler.layers import Layer, Map, Network, Place, View
from net2bit.dpu.compiler.schedule import Schedule
from net2bit.errors import ProgramError

PARAMETERS: Final = 0
WORKSPACE: Final = 1
INPUTS: Final = 2
OUTPUTS: Final = 3
LINE: Final = 16
"""Bytes of a DDR beat: maps start at whole ones."""
LIMIT: Final = 1 << 29
"""Bytes of a register that instructions can address."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where maps lie in DDR.

    Attributes:
        places: Map name -> place, of every map that touches DDR.
        sizes: Register -> bytes.
    """

    places: Mapping[str, Place]
    sizes: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class _Life:
    """A map in the workspace, and the first and last group that use it."""

    map: Map
    first: int
    last: int

    @property
    def size(self) -> int:
        return _up(self.map.height * self.map.width * self.map.channels)

    def meets(self, other: _Life) -> bool:
        return self.first <= other.last and other.first <= self.last


def allocate(network: Network, schedule: Schedule) -> Allocation:
    """Lay out the maps of a network that is run by a schedule.

    Raises:
        ProgramError: The maps need more than the 512 MiB that a register addresses.
    """
    places: dict[str, Place] = {}
    sizes = {PARAMETERS: _up(len(network.parameters))}
    sizes[WORKSPACE] = _workspace(_lives(network, schedule), places)
    sizes[INPUTS] = _row(network, network.inputs, INPUTS, places)
    sizes[OUTPUTS] = _row(network, network.outputs, OUTPUTS, places)
    for reg, size in sizes.items():
        if size > LIMIT:
            raise ProgramError(
                f"register {reg} would take {size >> 20} MiB; instructions address {LIMIT >> 20}",
                where=network.name,
                remedy="use a smaller input",
            )
    return Allocation(places, sizes)


def _up(size: int) -> int:
    return -(-size // LINE) * LINE


def _row(network: Network, names: Iterable[str], reg: int, places: dict[str, Place]) -> int:
    """Place maps one behind the other, each with the guard bytes that its readers ask for, and return the bytes taken."""
    at = 0
    for name in names:
        item = network.maps[name]
        before, after = guards(network, name)
        at += _up(before)
        places[name] = Place(reg, at, item.width * item.channels, item.channels)
        at += _up(item.height * item.width * item.channels + after)
    return max(at, LINE)


def guards(network: Network, name: str) -> tuple[int, int]:
    """Return the bytes ahead of and behind a map that channel augmentation touches: padding columns of its first and last row."""
    readers = [layer for layer in network.layers if layer.augmented and any(view.map == name for view in layer.reads)]
    return max(map(_ahead, readers), default=0), max(map(_behind, readers), default=0)


def _ahead(layer: Layer) -> int:
    return layer.pad.left * layer.reads[0].channels


def _behind(layer: Layer) -> int:
    view = layer.reads[0]
    columns = (layer.writes.width - 1) * layer.stride.width + layer.kernel.width - layer.pad.left - view.width
    return max(0, columns) * view.channels


def _lives(network: Network, schedule: Schedule) -> list[_Life]:
    """Return the maps of the workspace: those that a group reads and another one writes, or that are seen otherwise than whole rows."""
    writers: dict[str, set[int]] = {}
    readers: dict[str, set[int]] = {}
    odd: set[str] = set()
    for index, group in enumerate(schedule.groups):
        for plan in group.layers:
            layer = network.layers[plan.layer]
            writers.setdefault(layer.writes.map, set()).add(index)
            for view in layer.reads:
                readers.setdefault(view.map, set()).add(index)
            odd |= {view.map for view in (*layer.reads, layer.writes) if _odd(network, view)}
    held = {*network.inputs, *network.outputs}
    found = []
    for name in network.maps:
        groups = writers.get(name, set()) | readers.get(name, set())
        if name not in held and groups and (len(groups) > 1 or name in odd):
            found.append(_Life(network.maps[name], min(groups), max(groups)))
    return found


def _odd(network: Network, view: View) -> bool:
    item = network.maps[view.map]
    return not view.plain or (view.height, view.width) != (item.height, item.width)


def _workspace(lives: list[_Life], places: dict[str, Place]) -> int:
    """Place maps, the greatest first, each as low as the maps alive with it leave room; return the bytes taken."""
    top, done = LINE, list[tuple[_Life, int]]()
    for life in sorted(lives, key=lambda item: (-item.size, item.first, item.map.name)):
        at = 0
        for other, start in sorted(((other, start) for other, start in done if other.meets(life)), key=lambda item: item[1]):
            if start - at >= life.size:
                break
            at = max(at, start + other.size)
        done.append((life, at))
        places[life.map.name] = Place(WORKSPACE, at, life.map.width * life.map.channels, life.map.channels)
        top = max(top, at + life.size)
    return top
