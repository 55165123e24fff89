"""Lines, marks and words of a picture, and two writers of them: SVG that follows light and dark, PNG on white. Both have the same geometry.

Nothing here depends on anything but the shapes: the same picture gives the same bytes.
"""

import io
import math
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from importlib.util import find_spec
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from net2bit.report.palette import SET, css

Spot = tuple[float, float]
FAMILY: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
LIGHT: Final = {"paper": "#ffffff", "ink": "#1b2330", "soft": "#5b6678", "grid": "#e4e8ee", "axis": "#aab4c2", "front": "#0b7285"}
DARK: Final = {"paper": "#1a2029", "ink": "#e6eaf0", "soft": "#9aa6b6", "grid": "#2a323d", "axis": "#4a5666", "front": "#4cc3d9"}
"""Look -> colour. A group of points has the look `c0`, `c1`, … of a set that people with any colour vision tell apart."""
_GROUPS: Final = (SET[5], SET[0], SET[2], SET[3], SET[4], SET[1], SET[6])
TINTS: Final = {f"c{at}": css(colour) for at, colour in enumerate(_GROUPS)}
_BRIGHT: Final = {"c0": "#56b4e9", "c5": "#a8c7ff"}
"""What of it is too dim on a dark page."""
ZOOM: Final = 2  # pixels of a PNG for each unit
_FINE: Final = 2  # the PNG is drawn so much larger and then reduced: smooth edges


@dataclass(frozen=True)
class Path:
    """A line through *spots*."""

    spots: tuple[Spot, ...]
    look: str
    width: float = 1.0


@dataclass(frozen=True)
class Words:
    """A line of text; *at* is its base line's start, middle or end."""

    at: Spot
    text: str
    look: str = "soft"
    size: float = 12.0
    anchor: str = "start"
    bold: bool = False


@dataclass(frozen=True)
class Mark:
    """A point: its middle, radius, group (colour and shape at once), what it says when pointed at; *strong* is framed."""

    at: Spot
    radius: float
    group: int
    title: str = ""
    link: str = ""
    strong: bool = False
    hollow: bool = False


Shape = Path | Words | Mark


@dataclass(frozen=True)
class Picture:
    """A finished picture: *size* is width and height in units, *label* says in words what it shows."""

    size: tuple[int, int]
    label: str
    shapes: tuple[Shape, ...]


@lru_cache(maxsize=64)
def _font(size: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_fonts() / f"DejaVuSans{'-Bold' if bold else ''}.ttf", size)


@lru_cache(maxsize=1)
def _fonts() -> pathlib.Path:
    """Return the folder of the fonts that matplotlib brings (which is not imported for that): the same letters on every machine."""
    found = find_spec("matplotlib")
    return pathlib.Path(found.origin if found and found.origin else "").parent / "mpl-data" / "fonts" / "ttf"


@lru_cache(maxsize=1024)
def length(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide *text* is; few fonts are wider than this one."""
    return float(_font(size, bold=bold).getlength(text))


def _polygon(corners: int, turn: float) -> tuple[Spot, ...]:
    steps = (turn + 2 * math.pi * at / corners for at in range(corners))
    return tuple((math.sin(step), -math.cos(step)) for step in steps)


def _plus() -> tuple[Spot, ...]:
    a, b = 0.38, 1.05
    return ((-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a), (-b, a), (-b, -a), (-a, -a))


OUTLINES: Final = (
    _polygon(32, 0.0),
    _polygon(4, math.pi / 4),
    _polygon(3, 0.0),
    _polygon(4, 0.0),
    _polygon(3, math.pi),
    _plus(),
    _polygon(5, 0.0),
)
"""The outline of each group's mark, about a radius of 1."""


def outline(mark: Mark) -> list[Spot]:
    """Return the corners of a mark."""
    grown = mark.radius * (1.0 if mark.group % len(OUTLINES) == 0 else 1.15)  # a corner looks smaller than a circle
    return [(mark.at[0] + grown * x, mark.at[1] + grown * y) for x, y in OUTLINES[mark.group % len(OUTLINES)]]


def tint(mark: Mark) -> str:
    """Return the look of a mark's group."""
    return f"c{mark.group % len(_GROUPS)}"


def svg(picture: Picture, *, alone: bool) -> str:
    """Return *picture* as SVG.

    Args:
        picture: What to draw.
        alone: Whether it is a file of its own, with its colours for light and dark; else the page around it has them.
    """
    width, height = picture.size
    parts = [_svg(shape) for shape in picture.shapes]
    look = f"<style>{style()}</style>" if alone else ""
    paper = f'<rect class="n-paper" width="{width}" height="{height}" fill="{LIGHT["paper"]}"/>' if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sweep-picture" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(picture.label)}" font-family="{FAMILY}">{look}{paper}{"".join(parts)}</svg>\n'
    )


def style() -> str:
    """Return the rules that make a picture dark where the reader's system is."""
    fills = "".join(f".n-{look}{{fill:{colour}}}.s-{look}{{stroke:{colour}}}" for look, colour in DARK.items())
    bright = "".join(f".f-{look}{{fill:{colour}}}.e-{look}{{stroke:{colour}}}" for look, colour in _BRIGHT.items())
    return f"@media (prefers-color-scheme:dark){{{fills}{bright}}}"


def _svg(shape: Shape) -> str:
    match shape:
        case Path():
            spots = " ".join(map(_spot, shape.spots))
            paint = f'fill="none" stroke="{LIGHT[shape.look]}" stroke-width="{shape.width:g}"'
            return f'<polyline class="s-{shape.look}" points="{spots}" {paint}/>'
        case Words():
            x, y = shape.at
            weight = ' font-weight="600"' if shape.bold else ""
            return (
                f'<text class="n-{shape.look}" x="{x:.1f}" y="{y:.1f}" fill="{LIGHT[shape.look]}" font-size="{shape.size:g}" '
                f'text-anchor="{shape.anchor}"{weight}>{escape(shape.text)}</text>'
            )
        case Mark():
            return _svg_mark(shape)


def _svg_mark(mark: Mark) -> str:
    title = f"<title>{escape(mark.title)}</title>" if mark.title else ""
    colour = TINTS[tint(mark)]
    if mark.hollow:
        paint = f'class="n-paper e-{tint(mark)}" fill="{LIGHT["paper"]}" stroke="{colour}" stroke-width="1.6"'
    else:
        edge, opacity = ("ink", "1") if mark.strong else ("paper", ".75")
        paint = f'class="s-{edge} f-{tint(mark)}" fill="{colour}" stroke="{LIGHT[edge]}" fill-opacity="{opacity}" stroke-width="1.2"'
    if mark.group % len(OUTLINES) == 0:
        body = f'<circle cx="{mark.at[0]:.1f}" cy="{mark.at[1]:.1f}" r="{mark.radius:.1f}" {paint}>{title}</circle>'
    else:
        body = f'<polygon points="{" ".join(map(_spot, outline(mark)))}" {paint}>{title}</polygon>'
    return f'<a href="{escape(mark.link)}">{body}</a>' if mark.link else body


def _spot(spot: Spot) -> str:
    return f"{spot[0]:.1f},{spot[1]:.1f}"


def png(picture: Picture) -> bytes:
    """Return *picture* as PNG on white, two pixels for each unit."""
    scale = ZOOM * _FINE
    width, height = picture.size
    canvas = Image.new("RGB", (width * scale, height * scale), LIGHT["paper"])
    for shape in picture.shapes:
        _DRAW[type(shape)](canvas, shape, scale)
    small = canvas.resize((width * ZOOM, height * ZOOM), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw_path(canvas: Image.Image, path: Path, scale: int) -> None:
    spots = [(x * scale, y * scale) for x, y in path.spots]
    ImageDraw.Draw(canvas).line(spots, LIGHT[path.look], max(round(path.width * scale), 1), joint="curve")


def _draw_words(canvas: Image.Image, words: Words, scale: int) -> None:
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[words.anchor]
    spot = (words.at[0] * scale, words.at[1] * scale)
    font = _font(0.92 * words.size * scale, bold=words.bold)  # as wide as most readers' own
    ImageDraw.Draw(canvas).text(spot, words.text, LIGHT[words.look], font, anchor)


def _draw_mark(canvas: Image.Image, mark: Mark, scale: int) -> None:
    corners = [(x * scale, y * scale) for x, y in outline(mark)]
    colour = TINTS[tint(mark)]
    edge = colour if mark.hollow else LIGHT["ink" if mark.strong else "paper"]
    pen = ImageDraw.Draw(canvas, "RGBA")
    pen.polygon(corners, LIGHT["paper"] if mark.hollow else f"{colour}{'ff' if mark.strong else 'c0'}")
    pen.line([*corners, *corners[:2]], edge, round(1.2 * scale), joint="curve")


_DRAW: Final[Mapping[type[Shape], Callable[..., None]]] = {Path: _draw_path, Words: _draw_words, Mark: _draw_mark}


def box(mark: Mark) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a mark."""
    (x, y), r = mark.at, mark.radius
    return x - r, y - r, x + r, y + r


def room(words: Words) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a line of text."""
    wide = length(words.text, words.size, bold=words.bold)
    left = words.at[0] - {"start": 0.0, "middle": wide / 2, "end": wide}[words.anchor]
    return left, words.at[1] - 0.85 * words.size, left + wide, words.at[1] + 0.25 * words.size


def meet(one: Sequence[float], others: Iterable[Sequence[float]]) -> bool:
    """Return whether the box *one* overlaps any of the *others*."""
    return any(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3] for other in others)
