"""Which instructions touch the same lines or bytes: for each, the latest earlier one of every other engine that it must not overtake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.arch import DEPTH, Arch
from net2bit.dpu.footprint import Box, Footprint, Span, footprints
from net2bit.dpu.isa import ENGINES, Engine, Instruction
from net2bit.dpu.tokens import NONE, engines

_BANKS: Final = 80
"""Banks that a footprint can name: the field's 64, and what a machine's weight banks reach beyond."""
_LOAD, _SAVE = ENGINES.index(Engine.LOAD), ENGINES.index(Engine.SAVE)


def conflicts(program: Sequence[Instruction], arch: Arch) -> NDArray[np.int32]:
    """Return, per instruction and engine, the latest earlier instruction of the engine that it conflicts with; -1 for none.

    Two accesses conflict if they touch the same bank line or DDR byte and one of them writes. An engine is in order, so whoever waits for
    the latest has waited for all; the column of an instruction's own engine is -1.

    Raises:
        ProgramError: An instruction stands before the INIT that it needs.
    """
    found = np.full((len(program), len(ENGINES)), NONE, np.int32)
    queue = engines(program)
    prints = list(footprints(program, arch))
    _on_chip(prints, queue.tolist(), found)
    for accesses in _by_register(prints).values():
        _in_memory(accesses, found)
    found[np.arange(len(program)), queue] = NONE
    return found


def _view(lines: NDArray[np.int32], box: Box) -> NDArray[np.int32]:
    """Return the box's lines of all engines, as a view: engines, banks, then lines."""
    bank, banks, line, count, step, size = box
    whole = lines[:, bank : bank + banks, line : line + count * step]
    if count == 1:
        return whole
    return whole.reshape(len(lines), banks, count, step)[..., :size]


def _on_chip(prints: list[tuple[int, Footprint]], queue: list[int], found: NDArray[np.int32]) -> None:
    # Twice the lines: a run's last step may reach beyond the bank, and is cut off by the view. Lines overwritten since are not forgotten:
    # who must wait for the overwriting instruction waits for the older ones with it, for a program orders them already.
    written = np.full((len(ENGINES), _BANKS, 2 * DEPTH), NONE, np.int32)
    touched = written.copy()
    latest = np.maximum.reduce
    for index, (reads, writes, _, _) in prints:
        mine, row = queue[index], found[index]
        for box in reads:
            view = _view(written, box)
            np.maximum(row, latest(view, axis=tuple(range(1, view.ndim))), out=row)
        for box in writes:
            view = _view(touched, box)
            np.maximum(row, latest(view, axis=tuple(range(1, view.ndim))), out=row)
            view[mine] = index
            _view(written, box)[mine] = index
        for box in reads:
            _view(touched, box)[mine] = index


def _by_register(prints: list[tuple[int, Footprint]]) -> dict[int, list[tuple[int, ...]]]:
    """Return per register its accesses in program order: instruction, whether it writes, then start, count, step, size and end."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for index, item in prints:
        for writes, span in ((0, item.fetches), (1, item.stores)):
            if span is not None:
                found.setdefault(span.reg, []).append((index, writes, *_plain(span)))
    return found


def _plain(span: Span) -> tuple[int, int, int, int, int]:
    """Return start, count, step, size and end, with runs that touch one another as one run."""
    if span.runs == 1 or span.step <= span.size:
        size = span.end - span.start
        return span.start, 1, size, size, span.end
    return span.start, span.runs, span.step, span.size, span.end


def _in_memory(accesses: list[tuple[int, ...]], found: NDArray[np.int32]) -> None:
    """Find the conflicts between LOAD and SAVE in one register, whose accesses are given in program order."""
    table = np.array(accesses, np.int64)
    granule, start, total = _granules(table)
    keep = np.flatnonzero(granule)
    if not len(keep):
        return
    # Of bytes, each granule's last LOAD and last SAVE; behind them room for the end of a last step.
    last = np.full((2, total + int((table[keep, 4] // granule[keep]).max())), NONE, np.int32)
    sizes = table[keep, 4:6] // granule[keep, None]
    rows = np.column_stack([table[keep, :2], start[keep], table[keep, 3], sizes]).tolist()
    for index, writes, at, count, step, size in rows:
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
