"""Which instructions touch the same lines or bytes: for each, the latest earlier one of every other engine that it must not overtake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.footprint import Box, Footprint, Span, footprints
from net2bit.dpu.isa import ENGINES, Engine, Instruction
from net2bit.dpu.tokens import NONE, engines

_BANKS: Final = 80
"""Banks that a footprint can name: the field's 64, and what a machine's weight banks reach beyond."""
_LOAD: Final = ENGINES.index(Engine.LOAD)
_SAVE: Final = ENGINES.index(Engine.SAVE)
_WORDS: Final = 7
"""Numbers of an access to DDR: instruction, whether it writes, start, count, step, size, end."""


def conflicts(program: Sequence[Instruction], arch: Arch) -> NDArray[np.int32]:
    """Return, per instruction and engine, the latest earlier instruction of the engine that it conflicts with; -1 for none.

    Two accesses conflict if they touch the same bank line or DDR byte and one of them writes. An engine is in order, so whoever waits for
    the latest has waited for all; the column of an instruction's own engine is -1.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs.
    """
    found = np.full((len(program), len(ENGINES)), NONE, np.int32)
    queue = engines(program)
    memory: dict[int, list[int]] = {}
    chip = _Chip(found)
    for run in _folded(_memory_aside(footprints(program, arch), memory), queue.tolist()):
        chip.touch(run)
    for accesses in memory.values():
        _in_memory(np.array(accesses, np.int64).reshape(-1, _WORDS), found)
    found[np.arange(len(program)), queue] = NONE
    return found


class _Run(NamedTuple):
    """Instructions of one engine, one after the other, that touch `members` neighbouring banks alike; or a single one."""

    first: int
    members: int
    engine: int
    reads: tuple[Box, ...]
    writes: tuple[Box, ...]


def _folded(prints: Iterator[tuple[int, Footprint]], queue: list[int]) -> Iterator[_Run]:
    """Yield the accesses to banks, with LOADs (or SAVEs) of neighbouring banks as one: they are the most, and alike."""
    run: _Run | None = None
    for index, (reads, writes, _, _) in prints:
        if run is not None and run.engine == queue[index] and run.first + run.members == index:
            members = run.members + 1
            if not reads and not run.reads and (longer := _longer(run.writes, writes, members)):
                run = _Run(run.first, members, run.engine, (), longer)
                continue
            if not writes and not run.writes and (longer := _longer(run.reads, reads, members)):
                run = _Run(run.first, members, run.engine, longer, ())
                continue
        if run is not None:
            yield run
        run = _Run(index, 1, queue[index], reads, writes)
    if run is not None:
        yield run


def _longer(before: tuple[Box, ...], new: tuple[Box, ...], members: int) -> tuple[Box, ...]:
    """Return the box with one bank more, if the new one is just that; else nothing."""
    if len(before) != 1 or len(new) != 1 or before[0].banks != members - 1:
        return ()
    one, other = before[0], new[0]
    return (Box(one.bank, members, *one[2:]),) if other.banks == 1 and other.bank == one.bank + members - 1 and one[2:] == other[2:] else ()


class _Chip:
    """Per engine and line of the banks, who wrote it last, and who touched it last.

    What is overwritten is not forgotten: who must wait for the overwriting instruction waits for the older ones with it, for a program
    orders them already.
    """

    def __init__(self, found: NDArray[np.int32]) -> None:
        # Twice the lines: a run's last step may reach beyond the bank, and is cut off by the view.
        self.written = np.full((len(ENGINES), _BANKS, 2 * DEPTH), NONE, np.int32)
        self.touched = self.written.copy()
        self.found = found

    def touch(self, run: _Run) -> None:
        """Note the latest conflicts of the run's instructions, then their accesses."""
        for box in run.reads:
            self._look(_view(self.written, box), run)
        for box in run.writes:
            view = _view(self.touched, box)
            self._look(view, run)
            _mark(view, run)
            _mark(_view(self.written, box), run)
        for box in run.reads:
            _mark(_view(self.touched, box), run)

    def _look(self, view: NDArray[np.int32], run: _Run) -> None:
        if run.members == 1:
            row = self.found[run.first]
            np.maximum(row, np.maximum.reduce(view, axis=(1, 2) if view.ndim == 3 else (1, 2, 3)), out=row)  # noqa: PLR2004 - axes of a view
        else:
            rows = self.found[run.first : run.first + run.members]
            np.maximum(rows, np.maximum.reduce(view, axis=2 if view.ndim == 3 else (2, 3)).T, out=rows)  # noqa: PLR2004 - axes of a view


def _mark(view: NDArray[np.int32], run: _Run) -> None:
    mine = view[run.engine]
    if run.members == 1:
        mine[...] = run.first
    else:
        mine.T[...] = np.arange(run.first, run.first + run.members)


def _view(lines: NDArray[np.int32], box: Box) -> NDArray[np.int32]:
    """Return the box's lines of all engines, as a view: engines, banks, then lines."""
    bank, banks, line, runs, step, size = box
    whole = lines[:, bank : bank + banks, line : line + runs * step]
    if runs == 1:
        return whole
    return whole.reshape(len(lines), banks, runs, step)[..., :size]


def _memory_aside(prints: Iterator[tuple[int, Footprint]], memory: dict[int, list[int]]) -> Iterator[tuple[int, Footprint]]:
    """Pass footprints on, and note per register its accesses, as `_WORDS` numbers each, with runs that touch one another as one run."""
    for index, item in prints:
        span = item.fetches or item.stores
        if span is not None:
            reg, start, runs, step, size = span
            if step <= size or runs == 1:
                runs, step, size = 1, (runs - 1) * step + size, (runs - 1) * step + size
            accesses = memory.setdefault(reg, [])
            accesses += (index, item.stores is not None, start, runs, step, size, start + (runs - 1) * step + size)
        yield index, item


def _in_memory(table: NDArray[np.int64], found: NDArray[np.int32]) -> None:
    """Find the conflicts between LOAD and SAVE in one register, whose accesses are given in program order."""
    granule, start, total = _granules(table)
    keep = np.flatnonzero(granule)
    if not len(keep):
        return
    # Of bytes, each granule's last LOAD and last SAVE; behind them room for the end of a last step.
    last = np.full((2, total + int((table[keep, 4] // granule[keep]).max())), NONE, np.int32)
    sizes = table[keep, 4:6] // granule[keep, None]
    columns = (*table[keep, :2].T, start[keep], table[keep, 3], *sizes.T)
    for index, writes, at, count, step, size in zip(*(column.tolist() for column in columns), strict=True):
        view = last[:, at : at + count * step].reshape(2, count, step)[..., :size]
        column = _LOAD if writes else _SAVE
        found[index, column] = max(found[index, column], view[1 - writes].max())
        view[writes] = index


def _granules(table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Cut what overlaps into granules that every access touches whole or not, so that few need to be remembered.

    Returns:
        Per access the bytes of its granules (0: its bytes are only ever read, or only ever written), and the number of its first granule;
        and how many granules there are.
    """
    order = np.argsort(table[:, 2], kind="stable")
    writes, start, count, step, size, end = table[order, 1:].T
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = start[1:] >= np.maximum.accumulate(end)[:-1]
    area, heads = np.cumsum(fresh) - 1, np.flatnonzero(fresh)
    away = start - start[heads][area]
    unit = np.gcd.reduceat(np.gcd(np.gcd(away, size), np.where(count > 1, step, 0)), heads)
    mixed = np.logical_or.reduceat(writes == 1, heads) & np.logical_or.reduceat(writes == 0, heads)
    lengths = np.where(mixed, (np.maximum.reduceat(end, heads) - start[heads]) // unit, 0)
    origin = np.cumsum(lengths) - lengths
    granule, first = np.zeros(len(order), np.int64), np.zeros(len(order), np.int64)
    granule[order] = np.where(mixed, unit, 0)[area]
    first[order] = origin[area] + away // unit[area]
    return granule, first, int(lengths.sum())


def describe(first: Footprint, second: Footprint) -> str:
    """Return, as words, where two accesses meet and how: read after write, write after write, write after read; empty if they do not."""
    for how, earlier, later in (
        ("is read after it is written", first.writes, second.reads),
        ("is written twice", first.writes, second.writes),
        ("is overwritten after it is read", first.reads, second.writes),
    ):
        banks, lines = np.nonzero(_lines(earlier) & _lines(later))
        if len(banks):
            return f"bank {banks[0]} line {lines[0]} {how} (one of {len(banks)} lines)"
    for how, before, after in (
        ("is read after it is written", first.stores, second.fetches),
        ("is written twice", first.stores, second.stores),
        ("is overwritten after it is read", first.fetches, second.stores),
    ):
        both = _common(before, after)
        if len(both):
            reg = after.reg if after else 0
            return f"REG_{reg} byte {both[0]} {how} (one of {len(both)} bytes)"
    return ""


def _lines(touched: tuple[Box, ...]) -> NDArray[np.bool_]:
    found = np.zeros((_BANKS, DEPTH), np.bool_)
    for bank, banks, line, runs, step, size in touched:
        for at in range(line, line + (runs - 1) * step + 1, step):
            found[bank : bank + banks, at : at + size] = True
    return found


def _common(one: Span | None, other: Span | None) -> NDArray[np.int64]:
    if one is None or other is None or one.reg != other.reg or one.start >= other.end or other.start >= one.end:
        return np.empty(0, np.int64)
    return np.intersect1d(_addresses(one), _addresses(other))


def _addresses(span: Span) -> NDArray[np.int64]:
    return (span.start + np.arange(span.runs)[:, None] * span.step + np.arange(span.size)).ravel()
