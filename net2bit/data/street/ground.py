"""The street itself: asphalt, lanes, side street, pavements, and what lies on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw

from net2bit.data import label_ids as ids
from net2bit.data.street.canvas import Camera, Canvas, Point
from net2bit.data.street.chance import Chance
from net2bit.data.street.palette import Colour, scale, vary

DEPTHS: Final = (0.8, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0, 17.0, 23.0, 32.0, 48.0, 75.0, 130.0)
"""Metres ahead at which the edges of a bending street are sampled."""
FAR: Final = DEPTHS[-1]
LAST_DASH: Final = 60.0
"""Metres ahead; beyond, a dashed line is thinner than a pixel."""


@dataclass(frozen=True)
class Street:
    """The plan of a street, in metres from its axis.

    Attributes:
        lanes: Boundaries of the lanes, left to right; the first and last are the kerbs.
        pavement: Width of the left and of the right pavement.
        crossing: Where a side street begins and ends ahead, or None.
        zebra: Where a zebra crossing begins, or None.
        asphalt: Colour of the road.
        slabs: Colour of the pavements.
        verge: Colour of what lies beyond the pavements.
        green: Whether the verge (left, right) is grass with trees instead of houses.
    """

    lanes: tuple[float, ...]
    pavement: tuple[float, float]
    crossing: tuple[float, float] | None
    zebra: float | None
    asphalt: Colour
    slabs: Colour
    verge: Colour
    green: tuple[bool, bool]

    @property
    def kerbs(self) -> tuple[float, float]:
        """Left and right edge of the road."""
        return self.lanes[0], self.lanes[-1]

    @property
    def walls(self) -> tuple[float, float]:
        """Left and right end of the pavements, where the houses stand."""
        return self.kerbs[0] - self.pavement[0], self.kerbs[1] + self.pavement[1]


def plan_street(chance: Chance) -> Street:
    """Draw the plan of a street: two to four lanes, pavements, now and then a side street and a zebra crossing."""
    lane = chance.between(2.9, 3.5)
    count = chance.pick((2, 2, 3, 4))
    left = -lane * (count // 2)
    begin = chance.between(8.0, 18.0)
    tone = chance.whole(62, 128)
    slab = chance.whole(112, 192)
    warm = chance.whole(0, 26)
    return Street(
        lanes=tuple(left + lane * n for n in range(count + 1)),
        pavement=(chance.between(2.2, 4.6), chance.between(2.2, 4.6)),
        crossing=(begin, begin + chance.between(6.0, 9.0)) if chance.happens(0.2) else None,
        zebra=chance.between(6.5, 13.0) if chance.happens(0.3) else None,
        asphalt=vary(chance, (tone, tone, tone + chance.whole(-3, 6)), 6),
        slabs=vary(chance, (slab, slab - warm // 3, slab - warm), 6),
        verge=vary(chance, (84, 98, 52), 14),
        green=(chance.happens(0.22), chance.happens(0.22)),
    )


def paint_ground(canvas: Canvas, street: Street, chance: Chance) -> None:
    """Paint everything that lies flat, from the verge to the lane marks."""
    wide = 200.0
    for side in (-1, 1):
        wall = street.walls[side > 0]
        green = street.green[side > 0]
        colour, label = (street.verge, ids.TERRAIN) if green else (scale(street.slabs, 0.94), ids.SIDEWALK)
        band(canvas, (side * wide, wall), DEPTHS, colour, label)
        _paint_pavement(canvas, street, side, chance)
    band(canvas, street.kerbs, DEPTHS, street.asphalt, ids.ROAD)
    if street.crossing is not None:
        _paint_side_street(canvas, street, street.crossing)
    _paint_wear(canvas, street, chance)
    _paint_marks(canvas, street, chance)


def band(canvas: Canvas, sides: tuple[float, float], depths: Sequence[float], colour: Colour, label: int) -> None:
    """Paint the strip of ground between two sideways positions, piece by piece, so that it bends and fades into the haze."""
    for near, far in zip(depths[-2::-1], depths[:0:-1], strict=True):
        canvas.polygon(patch(sides[0], sides[1], near, far), colour, label)


def patch(left: float, right: float, near: float, far: float) -> list[Point]:
    """Return the corners of a rectangle lying on the ground."""
    return [(left, 0.0, near), (left, 0.0, far), (right, 0.0, far), (right, 0.0, near)]


def _paint_pavement(canvas: Canvas, street: Street, side: int, chance: Chance) -> None:
    kerb, wall = street.kerbs[side > 0], street.walls[side > 0]
    band(canvas, (kerb, wall), DEPTHS, street.slabs, ids.SIDEWALK)
    joint = scale(street.slabs, 0.86)
    step = chance.between(0.9, 1.6)
    for n in range(2, 14):
        canvas.line([(kerb, 0.0, n * step), (wall, 0.0, n * step)], 0.02, joint, ids.SIDEWALK)
    stone = scale(street.slabs, chance.pick((0.72, 1.14)))
    band(canvas, (kerb, kerb + side * 0.18), DEPTHS, stone, ids.SIDEWALK)


def _paint_side_street(canvas: Canvas, street: Street, between: tuple[float, float]) -> None:
    for side in (-1, 1):
        kerb = street.kerbs[side > 0]
        canvas.polygon(patch(kerb - side * 0.1, side * 90.0, *between), street.asphalt, ids.ROAD)


def _paint_wear(canvas: Canvas, street: Street, chance: Chance) -> None:
    """Paint wheel tracks, mended patches, manholes and cracks: road that differs in colour from road."""
    left, right = street.kerbs
    track = chance.between(0.88, 1.1)
    for a, b in zip(street.lanes, street.lanes[1:], strict=False):
        for share in (0.25, 0.75):
            middle = a + (b - a) * share
            band(canvas, (middle - 0.3, middle + 0.3), DEPTHS[:11], scale(street.asphalt, track), ids.ROAD)
    for _ in range(chance.whole(1, 6)):
        x, z = chance.between(left, right - 1.0), chance.between(2.5, 22.0)
        shade = scale(street.asphalt, chance.between(0.7, 1.22))
        canvas.polygon(patch(x, min(right, x + chance.between(0.5, 3.0)), z, z + chance.between(0.6, 6.0)), shade, ids.ROAD)
    for _ in range(chance.whole(0, 3)):
        x, z = chance.between(left + 0.5, right - 0.5), chance.between(3.0, 14.0)
        ring = [(x + 0.35 * a, 0.0, z + 0.35 * b) for a, b in _OCTAGON]
        canvas.polygon(ring, scale(street.asphalt, 0.6), ids.ROAD)
    for _ in range(chance.whole(0, 4)):
        x, z = chance.between(left, right), chance.between(2.5, 12.0)
        points: list[Point] = [(min(right, max(left, x + chance.between(-0.8, 0.8))), 0.0, z + 0.8 * n) for n in range(4)]
        canvas.line(points, 0.02, scale(street.asphalt, 0.62), ids.ROAD)


_OCTAGON: Final = ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))


def _paint_marks(canvas: Canvas, street: Street, chance: Chance) -> None:
    white = vary(chance, (206, 206, 200), 26)
    dash, gap = chance.pick(((3.0, 3.0), (3.0, 6.0), (6.0, 6.0), (1.5, 1.5)))
    offset = chance.between(0.0, dash + gap)
    for x in street.lanes[1:-1]:
        if chance.happens(0.2):
            band(canvas, (x - 0.07, x + 0.07), DEPTHS, white, ids.ROAD)
            continue
        begin = 1.0 + offset
        while begin < LAST_DASH:
            canvas.polygon(patch(x - 0.08, x + 0.08, begin, begin + dash), white, ids.ROAD)
            begin += dash + gap
    if chance.happens(0.5):
        for x in (street.kerbs[0] + 0.35, street.kerbs[1] - 0.35):
            band(canvas, (x - 0.06, x + 0.06), DEPTHS, white, ids.ROAD)
    if street.zebra is not None:
        x = street.kerbs[0] + 0.3
        while x < street.kerbs[1] - 0.5:
            canvas.polygon(patch(x, x + 0.5, street.zebra, street.zebra + 3.2), white, ids.ROAD)
            x += 1.0


def paint_shadows(canvas: Canvas, footprints: Sequence[list[Point]], depth: float, blur: int) -> None:
    """Darken the ground by *depth* (0..1) where the *footprints* lie."""
    camera: Camera = canvas.camera
    shade = Image.new("L", (camera.width, camera.height), 255)
    pen = ImageDraw.Draw(shade)
    for footprint in footprints:
        pen.polygon([camera.pixel(p) for p in footprint], fill=int(255 * (1.0 - depth)))
    canvas.multiply(shade, blur)
