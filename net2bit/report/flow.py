"""The graph of a build as inline SVG. Standard library only; colours come from the page's style sheet.

Stages stand in columns by their depth; a file that skips columns is drawn as an arc above them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

PITCH_X, PITCH_Y, BOX_W, BOX_H = 112, 62, 92, 42
ARC = 11  # height that an arc gains with each column it spans


@dataclass(frozen=True)
class Node:
    """A stage to draw.

    Attributes:
        name: Shown in the box.
        note: Second line, such as its time.
        look: CSS class suffix: `built`, `cache`, `kept` or `other`.
        inputs: Names of the files it takes.
        outputs: Names of the files it makes.
    """

    name: str
    note: str
    look: str
    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass(frozen=True)
class Edge:
    """Files that go from one stage to another: indices of both, and the names."""

    source: int
    target: int
    files: tuple[str, ...]


def edges(nodes: Sequence[Node]) -> list[Edge]:
    """Return who feeds whom; a file made twice (a refining stage) comes from the last maker listed ahead of its user."""
    found: dict[tuple[int, int], list[str]] = {}
    maker: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.inputs:
            if name in maker:
                found.setdefault((maker[name], index), []).append(name)
        maker.update(dict.fromkeys(node.outputs, index))
    return [Edge(source, target, tuple(files)) for (source, target), files in sorted(found.items())]


def columns(count: int, links: Iterable[Edge]) -> list[int]:
    """Return the column of each of *count* stages: one more than the deepest stage that feeds it; without such, just ahead of its users."""
    depth, edges = [0] * count, sorted(links, key=lambda edge: edge.target)
    for edge in edges:
        depth[edge.target] = max(depth[edge.target], depth[edge.source] + 1)
    for first in set(range(count)) - {edge.target for edge in edges}:
        depth[first] = min((depth[edge.target] for edge in edges if edge.source == first), default=1) - 1
    return depth


def draw(nodes: Sequence[Node], *, label: str = "Graph of the build") -> str:
    """Return an `<svg>` element of the stages in *nodes*, which are listed makers first."""
    links = edges(nodes)
    column = columns(len(nodes), links)
    rows: dict[int, int] = {}
    place = []
    for depth in column:
        place.append((depth, rows.get(depth, 0)))
        rows[depth] = rows.get(depth, 0) + 1
    top = 12 + ARC * max((column[e.target] - column[e.source] for e in links if column[e.target] - column[e.source] > 1), default=0)
    width = (max(column, default=0) + 1) * PITCH_X
    height = top + max(rows.values(), default=1) * PITCH_Y
    spots = [(depth * PITCH_X + (PITCH_X - BOX_W) // 2, top + row * PITCH_Y) for depth, row in place]
    parts = [_edge(edge, spots, nodes) for edge in links] + [_box(node, *spot) for node, spot in zip(nodes, spots, strict=True)]
    return (
        f'<svg class="flow" viewBox="0 0 {width} {height}" style="min-width:{width * 17 // 20}px" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _edge(edge: Edge, spots: Sequence[tuple[int, int]], nodes: Sequence[Node]) -> str:
    (x0, y0), (x1, y1) = spots[edge.source], spots[edge.target]
    if x1 - x0 <= PITCH_X:
        start, end, bend = (x0 + BOX_W, y0 + BOX_H // 2), (x1, y1 + BOX_H // 2), PITCH_X // 8
        curve = f"M{start[0]} {start[1]}C{start[0] + bend} {start[1]} {end[0] - bend} {end[1]} {end[0]} {end[1]}"
    else:
        # A cubic reaches three quarters of the height of its handles.
        left, right, lift = x0 + BOX_W * 2 // 3, x1 + BOX_W // 3, ARC * ((x1 - x0) // PITCH_X) * 4 // 3
        curve = f"M{left} {y0}C{left} {y0 - lift} {right} {y1 - lift} {right} {y1}"
    said = escape(f"{nodes[edge.source].name} → {nodes[edge.target].name}: {', '.join(edge.files)}")
    return f'<path class="flow-edge" d="{curve}"><title>{said}</title></path>'


def _box(node: Node, x: int, y: int) -> str:
    middle = x + BOX_W // 2
    return (
        f'<g class="flow-{escape(node.look)}"><title>{escape(_tip(node))}</title>'
        f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="8"/>'
        f'<text class="flow-name" x="{middle}" y="{y + 18}">{escape(_short(node.name))}</text>'
        f'<text class="flow-note" x="{middle}" y="{y + 33}">{escape(node.note)}</text></g>'
    )


def _tip(node: Node) -> str:
    return f"{node.name}: {', '.join(node.inputs) or 'nothing'} → {', '.join(node.outputs)}"


def _short(name: str, room: int = 14) -> str:
    return name if len(name) <= room else name[: room - 1] + "…"
