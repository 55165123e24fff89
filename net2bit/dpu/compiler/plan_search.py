"""The cheapest way to run a stretch of layers as one group: rows in a turn, column tiles, which weights stay.

Candidates are laid out (`layout`) and estimated (`estimate`); one whose busiest engine alone takes longer than what is already known is
dropped before it is laid out. Stretches that look alike are searched once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.compiler.estimate import Busy, Tally, estimate
from net2bit.dpu.compiler.frame import frame, uses
from net2bit.dpu.compiler.layers import Layer, Network, View, Work
from net2bit.dpu.compiler.layout import layout
from net2bit.dpu.compiler.parts import overlap
from net2bit.dpu.compiler.plan_room import weight_lines
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan
from net2bit.dpu.timing import REFERENCE, Costs

TILES: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 19, 22, 26, 32, 43, 64, 128, 256, 512, 1024)
"""Numbers of column tiles that are tried."""
TURNS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Rows of a turn that are tried, in units of PP."""
FURTHER: Final = 4
"""Numbers of tiles beyond the first that fits: smaller tiles leave room to run ahead."""
CLOSE: Final = 1.01
"""Cycles, relative to those of the busiest engine, at which room to run ahead is of no more use."""
FEW: Final = 4
"""Choices of rows for groups of several layers, besides whole maps."""
KEPT: Final = 4
"""Forms of a group that are remembered."""
TRAFFIC: Final = 0.02
"""What a cycle of LOAD or SAVE counts if it is hidden behind another engine."""


class Found(NamedTuple):
    """A group and what it takes."""

    score: float
    """Cycles, and a little for every cycle of LOAD and SAVE."""
    group: Group


@dataclass(frozen=True, slots=True)
class _Form:
    """A group without its place in the network."""

    score: float
    rows: tuple[int, ...]
    resident: tuple[bool, ...]
    columns: tuple[int, ...]


class _Answer(NamedTuple):
    limit: float
    """Score below which was searched."""
    forms: list[_Form]
    """The best, at most KEPT; not in order once some have been timed."""

    @property
    def best(self) -> _Form | None:
        return min(self.forms, key=lambda form: form.score, default=None)


class _WideError(Exception):
    """Narrower tiles may fit."""


class _HopelessError(Exception):
    """Narrower tiles change nothing, or make it worse."""


class Search:
    """Finds groups, and remembers them by their shape."""

    def __init__(self, network: Network, arch: Arch, costs: Costs = REFERENCE, slack: float = 1) -> None:
        self.network, self.arch, self.costs, self.slack = network, arch, costs, slack
        self._uses = uses(network)
        self._readers = {name: frozenset(index for index, _ in found) for name, found in self._uses.readers.items()}
        self._lookers: dict[View, frozenset[int]] = {}
        self._answers: dict[object, _Answer] = {}
        self._timed: set[object] = set()
        self._tight: dict[tuple[tuple[int, int], ...], int] = {}
        """Layers and their rows: fewer column tiles than these do not fit."""
        self.laid = 0
        """Layouts that were tried."""

    def best(self, members: Sequence[int], limit: float = float("inf")) -> Found | None:
        """Return the cheapest group of these layers that scores less than `limit`, or None."""
        key = self._key(members)
        answer = self._answers.get(key)
        if answer is None or (not answer.forms and answer.limit < limit):
            answer = self._answers[key] = _Answer(limit, self._search(members, limit))
        form = answer.best
        if form is None or form.score >= limit:
            return None
        return Found(form.score, Group(_plans(members, form.rows, form.resident), form.columns))

    def timed(self, group: Group) -> bool:
        """Whether the score of this form of a group is no estimate any more."""
        return (self._key([plan.layer for plan in group.layers]), _form_of(group)) in self._timed

    def correct(self, group: Group, score: float) -> None:
        """Put a measured score in the place of an estimate, for all groups of the same shape; infinity for one that cannot be emitted."""
        key, form = self._key([plan.layer for plan in group.layers]), _form_of(group)
        self._timed.add((key, form))
        forms = self._answers[key].forms if key in self._answers else []
        for at, held in enumerate(forms):
            if (held.rows, held.resident, held.columns) == form:
                forms[at] = _Form(score, *form)

    # -- shapes --------------------------------------------------------------------------------------------------------------------

    def _key(self, members: Sequence[int]) -> object:
        """What the cost of a group depends on: its layers without their names, and which of its maps others see."""
        inside, names = set(members), dict[str, int]()
        found: list[object] = []
        for index in members:
            layer = self.network.layers[index]
            views = (*(self._seen(view, names, inside) for view in layer.reads), self._made(layer.writes, names, inside))
            window = (layer.kernel, layer.stride, layer.pad, layer.augmented)
            found.append((layer.work, window, layer.weights is None, layer.bias is None, views))
        return tuple(found)

    def _seen(self, view: View, names: dict[str, int], inside: set[int]) -> object:
        """Return how a map is looked at, and what earlier groups made of it if this one adds to it and reads it."""
        held, number = self.network.maps[view.map], names.setdefault(view.map, len(names))
        writers = self._uses.writers[view.map]
        parts: tuple[object, ...] = ()
        if not inside.isdisjoint(writers) and not inside.isdisjoint(self._readers.get(view.map, ())):
            others = [self.network.layers[index].writes for index in writers if index not in inside]
            parts = tuple((item.first, item.channels, item.rows, item.columns) for item in others)
        size = (held.height, held.width, held.channels)
        return number, size, view.height, view.width, view.first, view.channels, view.rows, view.columns, parts

    def _made(self, view: View, names: dict[str, int], inside: set[int]) -> object:
        """Return how a map is written, and whether later groups read what is written."""
        if view not in self._lookers:
            self._lookers[view] = frozenset(index for index, look in self._uses.readers[view.map] if overlap(view, look))
        return self._seen(view, names, inside), view.map in self.network.outputs or not self._lookers[view] <= inside

    # -- candidates ----------------------------------------------------------------------------------------------------------------

    def _search(self, members: Sequence[int], limit: float) -> list[_Form]:
        forms = list[_Form]()
        for rows in self._turns(members):
            for resident in self._residents(members, rows):
                edge = min(limit, self.slack * forms[0].score) if forms else limit
                forms += self._tiles(_plans(members, rows, resident), edge)
                forms.sort(key=lambda form: form.score)
        return forms[:KEPT]

    def _turns(self, members: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Rows that each layer makes in a turn: the same for all, or as many as the last one's rows need; up to the whole map."""
        heights = [self.network.layers[index].writes.height for index in members]
        tall, pp = max(heights), self.arch.pp
        counts = [pp * times for times in TURNS if pp * times < tall][: FEW if len(members) > 1 else None]
        seen = set()
        for count in [*counts, tall]:
            even = tuple(min(height, count) for height in heights)
            scaled = tuple(min(height, max(count, -(-count * height // heights[-1] // pp) * pp)) for height in heights)
            for rows in (even, scaled):
                if rows not in seen:
                    seen.add(rows)
                    yield rows

    def _residents(self, members: Sequence[int], rows: Sequence[int]) -> Iterator[tuple[bool, ...]]:
        """Whose weights stay: all, or none, or those that would be loaded most often for their lines."""
        layers = [self.network.layers[index] for index in members]
        lines = [self._lines(layer) for layer in layers]
        if sum(lines) <= DEPTH:
            yield tuple(count > 0 for count in lines)
        if sum(lines) <= DEPTH // 2:
            return
        yield (False,) * len(layers)
        room = DEPTH - 2 * max(weight_lines(layer, self.arch) for layer in layers if layer.work is Work.CONV)
        kept = [False] * len(layers)
        for at in sorted(range(len(layers)), key=lambda at: (rows[at] - layers[at].writes.height, lines[at], at)):
            if 0 < lines[at] <= room:
                kept[at], room = True, room - lines[at]
        if any(kept) and sum(lines) > DEPTH:
            yield tuple(kept)

    def _lines(self, layer: Layer) -> int:
        return weight_lines(layer, self.arch) * self.arch.lines(layer.writes.channels) if layer.work is Work.CONV else 0

    # -- tiles ---------------------------------------------------------------------------------------------------------------------

    def _tiles(self, plans: tuple[LayerPlan, ...], limit: float) -> list[_Form]:
        """Try ever narrower column tiles; give up when rings have all the room they want, or a little after the first that fit."""
        forms = list[_Form]()
        fitting, form = 0, tuple((plan.layer, plan.rows) for plan in plans)
        # With a layer more, or with other weights in their banks, no wider tiles fit than without.
        least = max(self._tight.get(form, 0), self._tight.get(form[:-1], 0))
        for count, columns in self._cuts(plans[-1].layer):
            if count < least:
                continue
            try:
                found, roomy = self._try(Group(plans, columns), limit)
            except _WideError:
                self._tight[form] = count + 1
                continue
            except _HopelessError:
                break
            if found is not None:
                forms, limit = [found], found.score
            fitting += 1
            if roomy or fitting > FURTHER:
                break
        return forms

    def _cuts(self, last: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        width, seen = self.network.layers[last].writes.width, 0
        for count in TILES:
            tile = -(-width // count)
            if tile != seen:
                yield count, (*range(0, width, tile), width)
            seen = tile
            if tile == 1:
                break

    def _try(self, group: Group, limit: float) -> tuple[_Form | None, bool]:
        """Estimate a group (None if it scores `limit` or more); and whether its rings are as large as they are of use."""
        form = _form_of(group)
        try:
            before = frame(self.network, group, self.arch)
            busy = Tally(before, self.costs).busy()
            if score(max(busy), busy) >= limit:
                raise _HopelessError
            self.laid += 1
            held = layout(self.network, group, self.arch)
        except FitError as error:
            raise (_WideError if error.remedy else _HopelessError) from None
        try:
            found = estimate(held, self.costs)
        except FitError:
            raise _WideError from None
        total = score(found.cycles, found.busy)
        roomy = held.visits == held.wanted or found.cycles < CLOSE * max(found.busy)
        return (_Form(total, *form) if total < limit else None), roomy


def score(cycles: float, busy: Busy) -> float:
    """Return what is to be made small: cycles, and of schedules that take as many the one that moves less and needs fewer instructions."""
    return cycles + TRAFFIC * (busy.load + busy.save)


def _plans(members: Sequence[int], rows: Sequence[int], resident: Sequence[bool]) -> tuple[LayerPlan, ...]:
    return tuple(LayerPlan(*item) for item in zip(members, rows, resident, strict=True))


def _form_of(group: Group) -> tuple[tuple[int, ...], tuple[bool, ...], tuple[int, ...]]:
    return tuple(plan.rows for plan in group.layers), tuple(plan.resident for plan in group.layers), group.columns
