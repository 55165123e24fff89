"""An engine timeline small enough to draw: intervals of one layer, at most so many."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from net2bit.dpu.isa import ENGINES
from net2bit.dpu.latency.prediction import Interval
from net2bit.dpu.timing import Timeline

MOST = 1200
"""Intervals of one engine; more cannot be told apart in a picture."""

Cycles = NDArray[np.floating[Any]]
Layers = NDArray[np.intp]


def intervals(timeline: Timeline, layer_of: Layers, most: int = MOST) -> tuple[tuple[Interval, ...], ...]:
    """Return, per engine, when it works for which layer: exact where *most* intervals suffice, else in so many slots."""
    found = []
    for engine in range(len(ENGINES)):
        mine = np.flatnonzero(timeline.engine == engine)
        start, end, layer = timeline.start[mine], timeline.end[mine], layer_of[mine]
        exact = _touching(start, end, layer)
        found.append(exact if len(exact) <= most else _slots(start, end, layer, most))
    return tuple(found)


def _touching(start: Cycles, end: Cycles, layer: Layers) -> tuple[Interval, ...]:
    """Join instructions of one layer that follow each other without a gap of a whole cycle."""
    if not len(start):
        return ()
    new = np.flatnonzero((layer[1:] != layer[:-1]) | (start[1:] - end[:-1] >= 1)) + 1
    first, last = np.concatenate([[0], new]), np.concatenate([new, [len(start)]]) - 1
    return _made(layer[first], start[first], end[last])


def _slots(start: Cycles, end: Cycles, layer: Layers, most: int) -> tuple[Interval, ...]:
    """Cut the time into slots that are busy or not, so that the busy ones add up, each for the layer that has most of it."""
    width = float(end[-1]) / most
    edges = np.arange(most + 1) * width
    done = np.concatenate([[0.0], np.cumsum(end - start)])
    at = np.searchsorted(end, edges)
    part = np.clip(edges - np.append(start, end[-1])[at], 0.0, None)
    share = np.diff(done[at] + part) / width
    total = np.floor(np.cumsum(share) + 0.5)
    busy = np.flatnonzero(np.diff(total, prepend=0.0) > 0)
    middle = np.minimum(np.searchsorted(end, edges[busy] + width / 2), len(layer) - 1)
    return _touching(edges[busy], edges[busy + 1], layer[middle])


def _made(layer: Layers, start: Cycles, end: Cycles) -> tuple[Interval, ...]:
    columns = zip(layer.tolist(), np.round(start).astype(int).tolist(), np.round(end).astype(int).tolist(), strict=True)
    return tuple(Interval(*column) for column in columns)
