"""What the engines of a DPU do when, condensed to what a picture can show, and drawn as SVG.

A program has up to some hundred thousand instructions. The *overview* cuts the run into equal slices and keeps, for each engine and slice,
the layer that it works for most and how busy it is; the *zoom* keeps single instructions, from the start, as many as stay readable.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ENGINES: Final = ("LOAD", "CONV", "MISC", "SAVE")
"""The lanes, in the order in which data meets them."""
SLICES: Final = 480
MOST: Final = 260
"""Instructions of the zoom, about."""
LEVELS: Final = 8
"""Steps of busyness that the overview tells apart: neighbours of one step become one rectangle."""

Ints = NDArray[np.int64]
Lane = list[list[int]]


def condense(engine: Sequence[int], start: Sequence[float], end: Sequence[float], layer: Sequence[int]) -> dict[str, Any]:
    """Return a run as data for the pictures.

    Args:
        engine: For each instruction its lane, an index into ENGINES; -1 leaves it out.
        start: Its first cycle.
        end: The cycle behind its last.
        layer: The layer that it works for, -1 for none.

    Returns:
        `cycles`, `overview` (`slices`, and for each engine runs of `[first slice, slices, layer, busy steps of 8]`) and `zoom` (`cycles`,
        and for each engine `[start, end, layer]`).
    """
    lanes, layers = np.asarray(engine, np.int64), np.asarray(layer, np.int64)
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    total = float(last.max(initial=0.0))
    overview = {name: _runs(*_filled(first[on], last[on], layers[on], total)) for name, on in _each(lanes)} if total else {}
    until = _readable(lanes, last)
    shown = {name: _shown(first[on], last[on], layers[on], until) for name, on in _each(lanes)}
    return {"cycles": round(total), "overview": {"slices": SLICES, "lanes": overview}, "zoom": {"cycles": round(until), "lanes": shown}}


def _each(lanes: Ints) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for index, name in enumerate(ENGINES):
        yield name, lanes == index


def _filled(start: NDArray[np.float64], end: NDArray[np.float64], layer: Ints, total: float) -> tuple[Ints, Ints]:
    """Return for each slice the layer with most cycles in it (-1: idle) and how busy it is, in LEVELS steps."""
    width = total / SLICES
    busy: dict[tuple[int, int], float] = {}
    for begin, finish, owner in zip(start.tolist(), end.tolist(), layer.tolist(), strict=True):
        at = int(begin // width)
        while at < SLICES and at * width < finish:
            part = min(finish, (at + 1) * width) - max(begin, at * width)
            busy[at, owner] = busy.get((at, owner), 0.0) + max(part, 0.0)
            at += 1
    owners, levels = np.full(SLICES, -1, np.int64), np.zeros(SLICES, np.int64)
    most, whole = np.zeros(SLICES), np.zeros(SLICES)
    for (at, owner), cycles in busy.items():
        whole[at] += cycles
        if cycles > most[at]:
            most[at], owners[at] = cycles, owner
    levels[:] = np.ceil(np.minimum(whole / width, 1.0) * LEVELS - 1e-6)
    return owners, levels


def _runs(owners: Ints, levels: Ints) -> Lane:
    """Return runs of equal slices that are not idle."""
    found: Lane = []
    for at, (owner, level) in enumerate(zip(owners.tolist(), levels.tolist(), strict=True)):
        if not level:
            continue
        if found and found[-1][0] + found[-1][1] == at and found[-1][2:] == [owner, level]:
            found[-1][1] += 1
        else:
            found.append([at, 1, owner, level])
    return found


def _readable(lanes: Ints, end: NDArray[np.float64]) -> float:
    """Return the cycle at which MOST instructions are done."""
    done = np.sort(end[lanes >= 0])
    return float(done[min(len(done), MOST) - 1]) if len(done) else 0.0


def _shown(start: NDArray[np.float64], end: NDArray[np.float64], layer: Ints, until: float) -> Lane:
    inside = (start < until) & (end > start)
    ends = np.minimum(end, until)
    return [[round(a), round(b), owner] for a, b, owner in zip(start[inside], ends[inside], layer[inside].tolist(), strict=True)]


GOLDEN_ANGLE: Final = 137.508
LEFT, LANE, GAP, TOP, FOOT = 52, 26, 8, 6, 24
WIDTH: Final = 1000
STEPS: Final = (1, 2, 5, 10)
TICKS: Final = 6
PALE: Final = 0.3


def colour(layer: int) -> str:
    """Return the colour of a layer, readable on light and dark paper; neighbours are far apart on the hue circle."""
    return "var(--float, #9aa7b8)" if layer < 0 else f"hsl({layer * GOLDEN_ANGLE % 360:.0f} 58% {(52, 44, 60)[layer % 3]}%)"


def overview(timeline: Mapping[str, Any], names: Sequence[str], clock_mhz: float) -> str:
    """Return the whole run as an `<svg>`: for each engine the layer it works for; the paler, the less busy."""
    slices, cycles = timeline["overview"]["slices"], timeline["cycles"]
    bars = [
        _bar(lane, at / slices, count / slices, layer, names, PALE + (1 - PALE) * level / LEVELS)
        for lane, name in enumerate(ENGINES)
        for at, count, layer, level in timeline["overview"]["lanes"].get(name, ())
    ]
    return _svg(bars, cycles, clock_mhz, "What each engine works for, over the whole run")


def zoom(timeline: Mapping[str, Any], names: Sequence[str], clock_mhz: float) -> str:
    """Return the first instructions as an `<svg>`: each one a bar on its engine's lane."""
    cycles = timeline["zoom"]["cycles"]
    bars = [
        _bar(lane, start / cycles, (end - start) / cycles, layer, names, 1.0)
        for lane, name in enumerate(ENGINES)
        for start, end, layer in timeline["zoom"]["lanes"].get(name, ())
    ]
    return _svg(bars, cycles, clock_mhz, "The first instructions, one by one")


def zoomed_layers(timeline: Mapping[str, Any]) -> list[int]:
    """Return the layers that the zoom shows, in the order of their index."""
    return sorted({layer for lane in timeline["zoom"]["lanes"].values() for _, _, layer in lane if layer >= 0})


def _bar(lane: int, at: float, share: float, layer: int, names: Sequence[str], strength: float) -> str:
    said = names[layer] if layer >= 0 else "no layer"
    inner = WIDTH - LEFT
    pale = f' opacity="{strength:.2f}"' if strength < 1 else ""
    return (
        f'<rect x="{LEFT + at * inner:.2f}" y="{TOP + lane * (LANE + GAP)}" width="{max(share * inner, 0.4):.2f}" height="{LANE}" '
        f'fill="{colour(layer)}"{pale}><title>{escape(said)}</title></rect>'
    )


def _svg(bars: Sequence[str], cycles: int, clock_mhz: float, label: str) -> str:
    height = TOP + len(ENGINES) * (LANE + GAP) + FOOT
    lanes = "".join(
        f'<rect class="lane" x="{LEFT}" y="{TOP + at * (LANE + GAP)}" width="{WIDTH - LEFT}" height="{LANE}"/>'
        f'<text class="lane-name" x="{LEFT - 8}" y="{TOP + at * (LANE + GAP) + LANE // 2 + 4}">{name}</text>'
        for at, name in enumerate(ENGINES)
    )
    return (
        f'<svg class="gantt" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f"{lanes}{''.join(bars)}{''.join(_ticks(cycles, clock_mhz, height))}</svg>"
    )


def _ticks(cycles: int, clock_mhz: float, height: int) -> Iterator[str]:
    """Yield the time axis, in microseconds or milliseconds."""
    micros = cycles / clock_mhz
    if not micros:
        return
    unit, scale = ("ms", 1000.0) if micros >= 1000 else ("µs", 1.0)  # noqa: PLR2004 - a thousand microseconds
    span = micros / scale
    power = 10.0 ** np.floor(np.log10(span / TICKS))
    step = float(next(factor * power for factor in STEPS if factor * power >= span / TICKS * (1 - 1e-9)))
    for index in range(int(span / step + 1e-9) + 1):
        x = LEFT + index * step / span * (WIDTH - LEFT)
        side = ' style="text-anchor:end"' if x > WIDTH - LEFT else ""
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{height - FOOT + 4}"/>'
        yield f'<text class="tick-name" x="{x:.1f}" y="{height - 6}"{side}>{index * step:g} {unit}</text>'


STYLE: Final = """
svg { background: #fff; font: 12px system-ui, sans-serif; }
.gantt .lane { fill: #eef1f5; }
.gantt text { fill: #5b6678; font: 11px system-ui, sans-serif; text-anchor: middle; }
.gantt .lane-name { font-weight: 600; fill: #1b2330; text-anchor: end; }
.gantt .tick { stroke: #1b2330; stroke-opacity: .15; }
.gantt .tick-name { text-anchor: start; }
.title { font: 600 14px system-ui, sans-serif; fill: #1b2330; }
.legend { font: 11px system-ui, sans-serif; fill: #1b2330; }
"""
"""For a picture on its own; in the report the page's style sheet does it."""
PER_ROW: Final = 5


def picture(timeline: Mapping[str, Any], names: Sequence[str], clock_mhz: float, title: str) -> str:
    """Return both pictures and a legend as one SVG file."""
    shown = zoomed_layers(timeline)
    whole, near = overview(timeline, names, clock_mhz), zoom(timeline, names, clock_mhz)
    part = TOP + len(ENGINES) * (LANE + GAP) + FOOT
    rows = -(-len(names) // PER_ROW)
    height = 2 * part + 90 + rows * 18
    legend = "".join(_key(index, names[index], 2 * part + 88 + index // PER_ROW * 18) for index in range(len(names)))
    first = f"the first {timeline['zoom']['cycles'] / clock_mhz:,.0f} µs, instruction by instruction ({len(shown)} layers at work)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"><style>{STYLE}</style>'
        f'<text class="title" x="{LEFT}" y="20">{escape(title)}</text>{_placed(whole, 30, part)}'
        f'<text class="title" x="{LEFT}" y="{part + 52}">{escape(first)}</text>{_placed(near, part + 62, part)}{legend}</svg>\n'
    )


def _placed(svg: str, top: int, height: int) -> str:
    return svg.replace("<svg ", f'<svg y="{top}" width="{WIDTH}" height="{height}" ', 1)


def _key(index: int, name: str, y: int) -> str:
    x = LEFT + index % PER_ROW * ((WIDTH - LEFT) // PER_ROW)
    short = name if len(name) <= 26 else f"…{name[-25:]}"  # noqa: PLR2004 - what fits in a column
    return (
        f'<rect x="{x}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour(index)}"/>'
        f'<text class="legend" x="{x + 15}" y="{y}">{escape(short)}</text>'
    )
