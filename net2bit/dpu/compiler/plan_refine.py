"""Estimates checked against the clock: the groups of a schedule are emitted and timed, and the network is cut again with what that says.

Of all schedules on the way the one is kept whose whole program is done first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from net2bit.dpu.arch import Arch
from net2bit.dpu.compiler.allocate import allocate
from net2bit.dpu.compiler.emit import emit
from net2bit.dpu.compiler.estimate import Busy
from net2bit.dpu.compiler.layers import Network, Place
from net2bit.dpu.compiler.plan_search import Search, score
from net2bit.dpu.compiler.schedule import FitError, Group, Program, Schedule
from net2bit.dpu.depend import depend
from net2bit.dpu.timing import REFERENCE, CostModel, Timeline, simulate

ROUNDS: Final = 4
"""How often the network is cut again at most."""
INSTRUCTIONS: Final = 600_000
"""Instructions that are emitted and timed at most: what bounds the time of compilation, whatever the machine it runs on."""


class Clock:
    """Emits and times, and counts how much."""

    def __init__(self, network: Network, arch: Arch, costs: CostModel = REFERENCE) -> None:
        self.network, self.arch, self.costs = network, arch, costs
        self.spent = 0
        self._places = dict(_apart(network))

    @property
    def tired(self) -> bool:
        """Whether enough has been timed."""
        return self.spent >= INSTRUCTIONS

    def whole(self, schedule: Schedule) -> float:
        """Return the cycles of a schedule's program; infinity if it cannot be emitted."""
        try:
            program = emit(self.network, schedule, allocate(self.network, schedule).places, self.arch)
        except FitError:
            return float("inf")
        return self._time(program).total

    def group(self, group: Group) -> float:
        """Return the score of a group alone; infinity if it cannot be emitted."""
        try:
            program = emit(self.network, Schedule((group,)), self._places, self.arch)
        except FitError:
            return float("inf")
        timeline = self._time(program)
        return score(timeline.total, Busy(*timeline.busy))

    def _time(self, program: Program) -> Timeline:
        depend(program.instructions, self.arch)
        self.spent += len(program.instructions)
        return simulate(program.instructions, self.arch, self.costs)


def _apart(network: Network) -> Iterator[tuple[str, Place]]:
    """Every map at a place of its own, as a group that is timed alone may touch any of them."""
    at = 0
    for name, item in network.maps.items():
        yield name, Place(1, at, item.width * item.channels, item.channels)
        at += item.height * item.width * item.channels


def correct(search: Search, clock: Clock, schedule: Schedule) -> bool:
    """Put measured scores in the place of estimates; return whether there was anything to measure."""
    found = False
    for group in schedule.groups:
        if not search.timed(group) and not clock.tired:
            search.correct(group, clock.group(group))
            found = True
    return found
