"""Cars: a bevelled body and a tapered cabin, both convex, with glass, wheels and lamps."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from net2bit.data import label_ids as ids
from net2bit.data.street.canvas import Canvas, Point
from net2bit.data.street.chance import Chance
from net2bit.data.street.palette import GLASS, TYRE, Colour, blend, paint, scale
from net2bit.data.street.thing import Thing

Outline = tuple[tuple[float, float], ...]
"""(along, up) corners as shares of length and height, from the rear bumper over the roof to the front."""


@dataclass(frozen=True)
class Shape:
    """The form of a kind of car.

    Attributes:
        size: Length, width and height in metres, each as (least, most).
        body: Outline below the windows.
        cabin: Outline of the windows and the roof: rear base, rear top, front top, front base.
    """

    size: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    body: Outline
    cabin: Outline


SHAPES: Final = (
    Shape(  # hatchback
        ((3.6, 4.3), (1.65, 1.8), (1.4, 1.55)),
        ((-0.5, 0.19), (-0.5, 0.5), (-0.475, 0.63), (0.22, 0.65), (0.44, 0.53), (0.5, 0.42), (0.5, 0.19)),
        ((-0.47, 0.62), (-0.36, 1.0), (0.05, 1.0), (0.26, 0.64)),
    ),
    Shape(  # saloon
        ((4.4, 4.9), (1.75, 1.85), (1.38, 1.5)),
        ((-0.5, 0.2), (-0.5, 0.55), (-0.47, 0.66), (0.2, 0.66), (0.46, 0.54), (0.5, 0.42), (0.5, 0.2)),
        ((-0.36, 0.65), (-0.22, 1.0), (0.04, 1.0), (0.23, 0.65)),
    ),
    Shape(  # sport utility
        ((4.3, 4.8), (1.8, 1.95), (1.62, 1.8)),
        ((-0.5, 0.2), (-0.5, 0.52), (-0.48, 0.63), (0.22, 0.64), (0.45, 0.57), (0.5, 0.46), (0.5, 0.22)),
        ((-0.48, 0.62), (-0.43, 1.0), (0.06, 1.0), (0.23, 0.63)),
    ),
    Shape(  # delivery van, labelled as the car it drives like
        ((4.4, 5.2), (1.85, 2.0), (1.85, 2.2)),
        ((-0.5, 0.16), (-0.5, 0.5), (-0.5, 0.55), (0.3, 0.55), (0.45, 0.48), (0.5, 0.38), (0.5, 0.16)),
        ((-0.5, 0.54), (-0.48, 1.0), (0.16, 1.0), (0.33, 0.55)),
    ),
)
_WHEEL: Final = ((1.0, 0.0), (0.81, 0.59), (0.31, 0.95), (-0.31, 0.95), (-0.81, 0.59), (-1.0, 0.0))
_WHEEL_RING: Final = (*_WHEEL, *((-a, -b) for a, b in _WHEEL[1:-1]))
Place = Callable[[float, float, float], Point]
"""Local (along, aside, up) metres to street metres."""


@dataclass(frozen=True)
class Car:
    """One car, ready to paint.

    Attributes:
        place: Local to street metres.
        shape: Its form.
        size: Length, width, height in metres.
        colour: Of the body.
        lit: Whether its lamps are on.
        sides: Brightness of its (left, right, rear or front, top) faces.
    """

    place: Place
    shape: Shape
    size: tuple[float, float, float]
    colour: Colour
    lit: bool
    sides: tuple[float, float, float, float]

    def paint(self, canvas: Canvas) -> None:
        """Paint the tyres that show below, the body, the wheels on its side, the cabin, the lamps."""
        self._tyres(canvas)
        self._hull(canvas, self.shape.body, 1.0, self.colour)
        self._wheels(canvas)
        self._ends(canvas)
        self._cabin(canvas)

    def _at(self, along: float, aside: float, up: float) -> Point:
        """Return the street point of shares of length, half width and height."""
        return self.place(along * self.size[0], aside * self.size[1] / 2, up * self.size[2])

    def _hull(self, canvas: Canvas, outline: Outline, narrow: float, colour: Colour) -> None:
        """Paint the faces of the prism over *outline* that face the camera."""
        for aside, bright in ((-1.0, self.sides[0]), (1.0, self.sides[1])):
            side = [self._at(a, aside * narrow, u) for a, u in outline]
            canvas.faces(side if aside > 0 else side[::-1], scale(colour, bright), ids.CAR)
        for (a, u), (b, v) in pairwise(outline):
            top = abs(b - a) * self.size[0] > abs(v - u) * self.size[2]
            quad = [self._at(a, -narrow, u), self._at(a, narrow, u), self._at(b, narrow, v), self._at(b, -narrow, v)]
            canvas.faces(quad[::-1], scale(colour, self.sides[3] if top else self.sides[2]), ids.CAR)

    def _cabin(self, canvas: Canvas) -> None:
        (a, u), (b, v), (c, w), (d, x) = self.shape.cabin
        base, top = 0.96, 0.8
        glass = blend(GLASS, self.colour, 0.12)
        for aside, bright in ((-1.0, self.sides[0]), (1.0, self.sides[1])):
            side = [self._at(a, aside * base, u), self._at(b, aside * top, v), self._at(c, aside * top, w), self._at(d, aside * base, x)]
            if canvas.faces(side if aside > 0 else side[::-1], scale(self.colour, bright), ids.CAR):
                self._side_windows(canvas, side, scale(glass, 0.7 + 0.4 * bright))
        ends = (((a, u, base), (b, v, top)), ((c, w, top), (d, x, base)))
        for (p, q, r), (s, t, y) in ends:
            quad = [self._at(p, -r, q), self._at(p, r, q), self._at(s, y, t), self._at(s, -y, t)][::-1]
            if canvas.faces(quad, scale(self.colour, self.sides[2]), ids.CAR):
                canvas.polygon(_inset(quad, 0.12), scale(glass, 1.15), ids.CAR)
        roof = [self._at(b, -top, v), self._at(b, top, v), self._at(c, top, w), self._at(c, -top, w)]
        canvas.faces(roof[::-1], scale(self.colour, self.sides[3]), ids.CAR)

    def _side_windows(self, canvas: Canvas, side: list[Point], glass: Colour) -> None:
        a, b, c, d = _inset(side, 0.14)
        middle = [_between(b, c, 0.5), _between(a, d, 0.5)]
        canvas.polygon([a, b, _between(b, c, 0.46), _between(a, d, 0.46)], glass, ids.CAR)
        canvas.polygon([_between(middle[1], d, 0.06), _between(middle[0], c, 0.06), c, d], glass, ids.CAR)

    def _tyres(self, canvas: Canvas) -> None:
        for along in (-0.32, 0.32):
            for aside in (-0.98, 0.74):
                quad = [self._at(along, aside, 0.0), self._at(along, aside + 0.24, 0.0)]
                tops = [(x, y + 0.45, z) for x, y, z in quad]
                canvas.polygon([*quad, *tops[::-1]], TYRE, ids.CAR)

    def _wheels(self, canvas: Canvas) -> None:
        radius = 0.32
        for aside in (-1.01, 1.01):
            for along in (-0.31, 0.32):
                middle = along * self.size[0]
                ring = [self.place(middle + radius * a, aside * self.size[1] / 2, radius + radius * b) for a, b in _WHEEL_RING]
                if canvas.faces(ring[::-1] if aside > 0 else ring, TYRE, ids.CAR):
                    hub = [self.place(middle + 0.19 * a, aside * self.size[1] / 2, radius + 0.19 * b) for a, b in _WHEEL_RING]
                    canvas.polygon(hub, (110, 111, 112), ids.CAR)

    def _ends(self, canvas: Canvas) -> None:
        """Paint lamps, plate and bumper on the end that shows."""
        for end, lamp, lit in ((-0.502, (122, 22, 24), (236, 60, 50)), (0.502, (186, 188, 186), (255, 250, 226))):
            up = 0.47 if end < 0 else 0.42
            if not canvas.faces(self._plate(end, (-0.99, 0.99), (0.2, 0.29)), scale(self.colour, 0.5), ids.CAR):
                continue
            for aside in (-0.93, 0.63):
                canvas.polygon(self._plate(end, (aside, aside + 0.3), (up - 0.09, up)), lit if self.lit else lamp, ids.CAR)
            canvas.polygon(self._plate(end, (-0.26, 0.26), (0.3, 0.37)), (206, 206, 198), ids.CAR)
            if end > 0:
                canvas.polygon(self._plate(end, (-0.5, 0.5), (0.38, 0.41)), (36, 37, 40), ids.CAR)

    def _plate(self, end: float, asides: tuple[float, float], ups: tuple[float, float]) -> list[Point]:
        """Return a rectangle on the rear or the front, its corners in the order of a face that shows there."""
        quad = [
            self._at(end, asides[0], ups[0]),
            self._at(end, asides[0], ups[1]),
            self._at(end, asides[1], ups[1]),
            self._at(end, asides[1], ups[0]),
        ]
        return quad if end < 0 else quad[::-1]


def make_car(chance: Chance, x: float, z: float, turn: tuple[float, float], *, lit: bool, sun: int) -> Thing:
    """Make a car.

    Args:
        chance: Decides form, size and colour.
        x: Metres right of the axis of its middle.
        z: Metres ahead of its middle.
        turn: Unit vector (right, ahead) of where it is heading.
        lit: Whether its lamps are on.
        sun: -1 when light comes from the left, 1 from the right.
    """
    shape = chance.pick((*SHAPES[:3], *SHAPES))
    size = (chance.between(*shape.size[0]), chance.between(*shape.size[1]), chance.between(*shape.size[2]))
    along, ahead = turn

    def place(forward: float, aside: float, up: float) -> Point:
        return x + forward * along + aside * ahead, up, z + forward * ahead - aside * along

    side = 0.14 * (1 if ahead >= 0 else -1) * sun
    sides = (0.86 - side, 0.86 + side, chance.between(0.74, 0.98), 1.14)
    car = Car(place, shape, size, paint(chance), lit, sides)
    base = [place(a * size[0] / 2, b * size[1] / 2, 0.0) for a, b in ((-1, -1), (-1, 1), (1, 1), (1, -1))]
    return Thing(min(p[2] for p in base), car.paint, base, size[2] * 0.8)


def _between(first: Point, second: Point, share: float) -> Point:
    keep = 1.0 - share
    return first[0] * keep + second[0] * share, first[1] * keep + second[1] * share, first[2] * keep + second[2] * share


def _inset(quad: list[Point], share: float) -> list[Point]:
    """Return *quad* shrunk towards its middle."""
    n = len(quad)
    middle = (sum(p[0] for p in quad) / n, sum(p[1] for p in quad) / n, sum(p[2] for p in quad) / n)
    return [_between(p, middle, share) for p in quad]
