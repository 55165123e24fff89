"""Machine code of a schedule: for each group its rings are placed, and its turns written down one after the other.

Each engine is a queue, so what matters is the order within each queue; the memory that is left between writer and reader decides how far
one engine runs ahead of another, and dependency bits (net2bit.dpu.depend) are derived from the hazards afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from net2bit.dpu.arch import Arch
from net2bit.dpu.compiler.banks import Image, Ring
from net2bit.dpu.compiler.emit_code import Code
from net2bit.dpu.compiler.emit_move import Mover
from net2bit.dpu.compiler.emit_turn import Crew
from net2bit.dpu.compiler.emit_weights import Keeper
from net2bit.dpu.compiler.layers import Network, Place
from net2bit.dpu.compiler.layout import Layout, layout, lives, size
from net2bit.dpu.compiler.schedule import Group, Program, Schedule
from net2bit.dpu.isa import End

__all__ = ["Layout", "emit", "layout"]


def emit(network: Network, schedule: Schedule, places: Mapping[str, Place], arch: Arch) -> Program:
    """Return the instructions of a schedule, each with its own engine's bit alone in the dependency masks.

    Raises:
        FitError: A group does not fit the banks, or a field of an instruction is too small.
    """
    code = Code()
    emitter = _Emitter(code, network, places, arch)
    for group in schedule.groups:
        emitter.group(group)
    code.layer = -1
    code.add(End())
    return code.program


class _Emitter:
    """What lives on from group to group."""

    def __init__(self, code: Code, network: Network, places: Mapping[str, Place], arch: Arch) -> None:
        self.code, self.network, self.arch = code, network, arch
        self.image = Image(arch.groups)
        self.keeper = Keeper(code, arch)
        self.mover = Mover(code, arch, places)
        self.late: set[str] = set()
        """Maps that the group before saves at its very end."""

    def group(self, group: Group) -> None:
        """Write one group down."""
        held = layout(self.network, group, self.arch)
        order = held.eager
        sizes = [size(buffer, visits) for buffer, visits in zip(held.frame.buffers, held.visits, strict=True)]
        life = lives(held.frame, order)
        spots = self.image.place(sizes, life, len(order.turns))
        if spots is None:
            spots, order = list(held.places), held.order
            life = lives(held.frame, order)
            self.image.note(spots, sizes, life, len(order.turns))
        rings = [
            Ring(buffer, self.arch.pp, space, line, visits)
            for buffer, (space, line), visits in zip(held.frame.buffers, spots, held.visits, strict=True)
        ]
        self.keeper.begin(held.frame.parts)
        crew = Crew(self.code, self.arch, self.keeper, self.mover, held.frame, rings)
        self._ahead(held, order.turns[0].part)
        for turn in order.turns:
            crew.take(turn)
        last = len(order.turns) - 1
        busy = last > 0 and any(buffer.loads and begin == last for buffer, (begin, _) in zip(held.frame.buffers, life, strict=True))
        whole = (part.layer.writes.map for part in held.frame.parts if part.saved and part.turns * held.frame.tiles == 1)
        self.late = set() if busy else set(whole)

    def _ahead(self, held: Layout, first: int) -> None:
        """While LOAD would only wait for rows to be saved, let it bring the parameters of the part that takes the first turn."""
        if any(view.map in self.late for buffer in held.frame.buffers for view, _ in buffer.loads):
            self.keeper.prepare(first, held.frame.parts[first])
