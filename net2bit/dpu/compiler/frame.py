"""What a group of layers needs on the chip before anything is placed: buffers of rows, their columns in each tile, each layer's turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from net2bit.dpu.arch import DEPTH, VISITS, Arch
from net2bit.dpu.compiler.layers import Layer, Network, View, Work
from net2bit.dpu.compiler.parts import (
    GROUPS,
    JUMP,
    LONG_JUMP,
    NARROWER,
    PIXELS,
    ROWS_IN_BANK,
    Buffer,
    Frame,
    Part,
    Read,
    Turns,
    entire,
    overlap,
    point,
    spans,
    uses,
    window,
)
from net2bit.dpu.compiler.schedule import FitError, Group, LayerPlan

__all__ = ["Buffer", "Frame", "Part", "Read", "Turns", "frame", "uses"]


def frame(network: Network, group: Group, arch: Arch, *, share: bool = True) -> Frame:
    """Work out a group's buffers, tiles and turns.

    Args:
        network: What the group is part of.
        group: Its layers.
        arch: The machine.
        share: Load a map once for all layers that look at it in the same way; else each loads its rows when it needs them.

    Raises:
        FitError: A view cannot be read on the chip, or a field of an instruction is too small.
    """
    builder = _Builder(network, group, arch, share=share)
    builder.link()
    builder.tile()
    builder.rows()
    return Frame(tuple(builder.parts), tuple(builder.buffers), len(group.columns) - 1, arch)


class _Builder:
    """The steps of `frame`."""

    def __init__(self, network: Network, group: Group, arch: Arch, *, share: bool) -> None:
        self.network, self.group, self.arch, self.share = network, group, arch, share
        self.uses = uses(network)
        inside = {plan.layer for plan in group.layers}
        self.inside = inside
        self.parts: list[Part] = []
        for plan in group.layers:
            layer = network.layers[plan.layer]
            name = layer.writes.map
            later = (reader for reader, view in self.uses.readers[name] if reader not in inside and overlap(view, layer.writes))
            saved = name in network.outputs or any(True for _ in later)
            self.parts.append(_part(plan, layer, saved=saved, arch=arch))
        self.looks = [view for part in self.parts for view in part.layer.reads]
        self.buffers: list[Buffer] = []
        self.pending: list[list[tuple[int, int, View]]] = [[] for _ in self.parts]

    # -- buffers -------------------------------------------------------------------------------------------------------------------

    def link(self) -> None:
        """Give each operand and each output its buffer."""
        shared: dict[str, int] = {}
        loaded: dict[tuple[object, ...], int] = {}
        for position, part in enumerate(self.parts):
            for operand, view in enumerate(part.layer.reads):
                local = self._local(view)
                where = shared[view.map] if local else self._loaded(loaded if self.share else {}, part.layer, view)
                self.buffers[where].readers.append((position, operand))
                offset = self._slice(view, part.layer) if local else 0
                self.pending[position].append((where, offset, view))
            self._output(position, part, shared)
        self._group_rows()

    def _local(self, view: View) -> bool:
        """Whether a view sees what the group itself makes."""
        layers = self.network.layers
        return any(index in self.inside and overlap(layers[index].writes, view) for index in self.uses.writers[view.map])

    def _whole(self, name: str) -> int:
        """A map that is made and read here; slices that earlier groups made are loaded if they are read."""
        arch, held = self.arch, self.network.maps[name]
        looks = [view for view in self.looks if view.map == name and self._local(view)]
        earlier = []
        for index in self.uses.writers[name]:
            if not any(overlap(self.network.layers[index].writes, look) for look in looks):
                continue
            view = self.network.layers[index].writes
            if not entire(view, held) or view.first % arch.cp:
                raise FitError(
                    f"{name} is written in parts that do not lie side by side on the chip", where=self.network.layers[index].name
                )
            if index not in self.inside:
                earlier.append((view, view.first // arch.cp))
        self.buffers.append(Buffer(name, held.height, held.width, arch.lines(held.channels), loads=tuple(earlier)))
        return len(self.buffers) - 1

    def _slice(self, view: View, layer: Layer) -> int:
        held = self.network.maps[view.map]
        spread = layer.work.on_elew and point(view) and (held.height, held.width) == (1, 1)
        if not (spread or entire(view, held)) or view.first % self.arch.cp or layer.augmented:
            raise FitError(f"{view.map} is made in the same group and is read in a way that only DDR allows", where=layer.name)
        return view.first // self.arch.cp

    def _loaded(self, loaded: dict[tuple[object, ...], int], layer: Layer, view: View) -> int:
        """A view of a map in DDR; layers that look at it in the same way share the buffer."""
        fold = layer if layer.augmented else None
        grouping = 1 if layer.work.on_elew else self._fitting(layer, view.height)
        spread = layer.work.on_elew and point(view)
        key = (view, grouping, spread, None if fold is None else (fold.kernel.width, fold.stride.width, fold.pad.left, fold.writes.width))
        if key not in loaded:
            channels = view.channels * (layer.kernel.width if fold else 1)
            width = layer.writes.width if fold else view.width
            size = (1, 1) if spread else (view.height, width)
            made = Buffer(view.map, *size, self.arch.lines(channels), grouping, loads=((view, 0),), fold=fold)
            self.buffers.append(made)
            loaded[key] = len(self.buffers) - 1
        return loaded[key]

    def _output(self, position: int, part: Part, shared: dict[str, int]) -> None:
        view = part.layer.writes
        inner = any(read.map == view.map and overlap(read, view) for read in self.looks)
        part.sink = not inner
        if inner and view.map in shared:
            part.out = shared[view.map]
        else:
            place = self._in_place(position, part, alone=not inner or len(self.uses.writers[view.map]) == 1)
            if place is None:
                place = self._whole(view.map) if inner else self._staging(view)
            part.out = place
        if inner:
            shared[view.map] = part.out
            part.offset = view.first // self.arch.cp
        self.buffers[part.out].writers.append(position)

    def _staging(self, view: View) -> int:
        self.buffers.append(Buffer(view.map, view.height, view.width, self.arch.lines(view.channels)))
        return len(self.buffers) - 1

    def _in_place(self, position: int, part: Part, *, alone: bool) -> int | None:
        """The operand's buffer that an elementwise layer may overwrite, for it is that operand's last reader."""
        if not part.layer.work.on_elew or not alone:
            return None
        to = part.layer.writes
        for where, offset, view in self.pending[position]:
            buffer = self.buffers[where]
            same = (buffer.height, buffer.width, buffer.lines, offset) == (to.height, to.width, self.arch.lines(to.channels), 0)
            if same and buffer.writers and sum(read.map == view.map for read in self.looks) == 1:
                return where
        return None

    def _fitting(self, layer: Layer, height: int) -> int:
        """The grouping that a layer wants of its input: its stride, or more if the window spans too many visits."""
        rows, _ = window(layer)
        if rows.stride <= ROWS_IN_BANK and spans(rows, rows.stride, layer.writes.height, self.arch.pp) <= VISITS:
            return rows.stride
        for grouping in range(1, ROWS_IN_BANK + 1):
            if spans(rows, grouping, layer.writes.height, self.arch.pp) <= VISITS:
                return grouping
        raise FitError(f"a window of {rows.kernel} rows (of {height}) does not fit the banks", where=layer.name)

    def _group_rows(self) -> None:
        """Decide how many rows of a bank belong together in the maps that are made here: as the most demanding reader wants it."""
        for buffer in self.buffers:
            wanted = [
                self._fitting(self.parts[at].layer, buffer.height) for at, _ in buffer.readers if not self.parts[at].layer.work.on_elew
            ]
            if buffer.writers and wanted:
                buffer.grouping = max(wanted)

    # -- columns -------------------------------------------------------------------------------------------------------------------

    def tile(self) -> None:
        """Walk back from the tiles of the last layer's output to the columns that every layer makes and reads."""
        cuts = self.group.columns
        width = self.parts[-1].layer.writes.width
        if cuts[0] != 0 or cuts[-1] != width or any(a >= b for a, b in pairwise(cuts)):
            raise FitError(f"column tiles {cuts} do not cut 0 to {width}", where=self.parts[-1].layer.name)
        needed: list[list[tuple[int, int] | None]] = [[None] * (len(cuts) - 1) for _ in self.buffers]
        for position in reversed(range(len(self.parts))):
            part = self.parts[position]
            own = part.layer.writes.width
            part.share = [(own * a // width, own * b // width) for a, b in pairwise(cuts)]
            base = part.share if part.saved or part.sink else [None] * (len(cuts) - 1)
            part.columns = [_hull(a, b) for a, b in zip(needed[part.out], base, strict=True)]
            for where, _, view in self.pending[position]:
                _, axis = window(part.layer, view)
                for t, (first, last) in enumerate(part.columns):
                    if first >= last:  # fewer columns than tiles: it rests in this one
                        continue
                    needed[where][t] = _hull(needed[where][t], axis.needs(first, last, self.buffers[where].width))
        self._columns(needed)

    def _columns(self, needed: list[list[tuple[int, int] | None]]) -> None:
        for buffer, spans_ in zip(self.buffers, needed, strict=True):
            made = [self.parts[at].columns for at in buffer.writers]
            buffer.columns = []
            for t, span in enumerate(spans_):
                found = span
                for columns in made:
                    found = _hull(found, columns[t])
                buffer.columns.append(found or (0, 0))
            buffer.pitch = max(b - a for a, b in buffer.columns) * buffer.lines
        for part in self.parts:
            # A map in slices is made as wide by each of its layers as its widest reader wants it.
            buffer = self.buffers[part.out]
            if buffer.pitch > DEPTH:
                raise FitError(f"a row of {buffer.map} takes {buffer.pitch} of {DEPTH} lines", where=part.layer.name, remedy=NARROWER)
            if max(b - a for a, b in part.columns) > PIXELS:
                raise FitError(f"a row of {buffer.map} is longer than {PIXELS} pixels", where=part.layer.name, remedy=NARROWER)

    # -- rows ----------------------------------------------------------------------------------------------------------------------

    def rows(self) -> None:
        """Lay out every layer's turns in running rows."""
        tiles = len(self.group.columns) - 1
        for buffer in self.buffers:
            unit = self.arch.pp * buffer.grouping
            buffer.visits = -(-buffer.height // unit)
            buffer.span = buffer.visits * unit
            self._jumps(buffer)
        for position, part in enumerate(self.parts):
            rows = max(1, min(part.plan.rows, part.height))
            part.turns = -(-part.height // rows)
            cuts = [(k * rows, min(part.height, k * rows + rows)) for k in range(part.turns)]
            part.writes = _running(cuts, tiles, self.buffers[part.out].span)
            for where, offset, view in self.pending[position]:
                part.reads.append(self._read(part, where, offset, view, cuts))

    def _jumps(self, buffer: Buffer) -> None:
        """Rows of one bank lie a jump apart, which CONV has ten bits for and the ALU thirteen."""
        at = [*buffer.writers, *(reader for reader, _ in buffer.readers)]
        convolved = any(self.parts[position].layer.work is Work.CONV for position in at)
        limit = JUMP if convolved else LONG_JUMP
        if buffer.grouping > 1 and buffer.pitch > limit:
            name = self.parts[at[0]].layer.name
            raise FitError(f"a row of {buffer.map} takes {buffer.pitch} lines, a jump reaches {limit}", where=name, remedy=NARROWER)

    def _read(self, part: Part, where: int, offset: int, view: View, cuts: Sequence[tuple[int, int]]) -> Read:
        buffer, layer = self.buffers[where], part.layer
        rows, columns = window(layer, view)
        needs = [rows.needs(a, b, buffer.height) for a, b in cuts]
        channels = view.channels * (layer.kernel.width if layer.augmented else 1)
        single = not layer.work.on_elew and buffer.grouping != rows.stride
        if single:
            part.block = 1
            if spans(rows, buffer.grouping, part.height, self.arch.pp) > VISITS:
                raise FitError(f"a window of {rows.kernel} rows of {buffer.map} does not fit the banks", where=layer.name)
        turns = _running(needs, len(self.group.columns) - 1, buffer.span)
        makers = ((at, self.parts[at].layer.writes) for at in buffer.writers)
        writers = tuple(at for at, made in makers if made.map == view.map and overlap(made, view))
        return Read(where, offset, self.arch.lines(channels), channels, rows, columns, turns, writers, single)


def _part(plan: LayerPlan, layer: Layer, *, saved: bool, arch: Arch) -> Part:
    part = Part(plan.layer, layer, plan, saved)
    part.block = arch.pp if layer.work is Work.CONV else arch.alu_pp
    part.groups = arch.lines(layer.writes.channels)
    if layer.work is Work.CONV:
        rows, columns = window(layer)
        channels = layer.reads[0].channels * (layer.kernel.width if layer.augmented else 1)
        part.depth = rows.kernel * columns.kernel * arch.lines(channels)
    elif layer.weights is not None:
        part.depth = layer.kernel.height * layer.kernel.width * part.groups
    most = arch.lines(max(view.channels for view in layer.reads))
    if most > GROUPS:
        raise FitError(f"its pixels have {most} groups of {arch.cp} channels, an instruction reads {GROUPS}", where=layer.name)
    if part.depth > DEPTH:
        raise FitError(f"its weights take {part.depth} lines of a bank, which has {DEPTH}", where=layer.name)
    return part


def _hull(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int]:
    if a is None or b is None:
        return a or b or (0, 0)
    if a[0] >= a[1] or b[0] >= b[1]:
        return b if a[0] >= a[1] else a
    return min(a[0], b[0]), max(a[1], b[1])


def _running(cuts: Sequence[tuple[int, int]], tiles: int, span: int) -> Turns:
    return Turns([t * span + a for t in range(tiles) for a, _ in cuts], [t * span + b for t in range(tiles) for _, b in cuts])
