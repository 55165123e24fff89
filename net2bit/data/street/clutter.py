"""Street furniture: what must not be taken for a car or a person, though it has their colours and sizes."""

from collections.abc import Callable
from typing import Final

from net2bit.data import label_ids as ids
from net2bit.data.street.canvas import Canvas, Point
from net2bit.data.street.chance import Chance
from net2bit.data.street.palette import METAL, TYRE, Colour, paint, scale, vary
from net2bit.data.street.thing import Thing


def make_clutter(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make one piece of street furniture standing at (*x*, *z*) metres on the *side* (-1 left, 1 right)."""
    return chance.pick(MAKERS)(chance, x, z, side)


def _box(canvas: Canvas, corners: tuple[float, float, float, float], ups: tuple[float, float], colour: Colour) -> None:
    """Paint a box over (left, right, near, far): the side that the camera sees, then the front, then the lid."""
    left, right, near, far = corners
    low, top = ups
    for x, order in ((left, 1), (right, -1)):
        quad = [(x, low, far), (x, top, far), (x, top, near), (x, low, near)][::order]
        canvas.faces(quad, scale(colour, 0.8), ids.STATIC)
    canvas.faces([(left, top, near), (left, top, far), (right, top, far), (right, top, near)], scale(colour, 1.15), ids.STATIC)
    canvas.polygon([(left, low, near), (left, top, near), (right, top, near), (right, low, near)], colour, ids.STATIC)


def _base(x: float, z: float, half: tuple[float, float]) -> list[Point]:
    wide, deep = half
    return [(x - wide, 0.0, z - deep), (x - wide, 0.0, z + deep), (x + wide, 0.0, z + deep), (x + wide, 0.0, z - deep)]


def _skip(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a waste container: a car's colour and size, on small wheels."""
    wide, deep, high = chance.between(0.6, 1.0), chance.between(0.5, 1.6), chance.between(1.0, 1.6)
    colour = paint(chance)
    middle = x + side * wide

    def draw(canvas: Canvas) -> None:
        for a in (-0.8, 0.8):
            canvas.disc((middle + a * wide, 0.1, z - deep), (0.09, 0.1), TYRE, ids.STATIC)
        _box(canvas, (middle - wide, middle + wide, z - deep, z + deep), (0.15, high), colour)
        lid = high * 0.86
        _box(canvas, (middle - wide * 1.04, middle + wide * 1.04, z - deep, z + deep), (lid, high), scale(colour, 0.7))

    return Thing(z - deep, draw, _base(middle, z, (wide, deep)), high)


def _kiosk(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a kiosk or a switch cabinet: a tall box with a pane."""
    wide, deep, high = chance.between(0.4, 1.1), chance.between(0.3, 0.9), chance.between(1.3, 2.5)
    colour, pane = paint(chance), vary(chance, (52, 58, 66), 20)
    middle = x + side * wide

    def draw(canvas: Canvas) -> None:
        front = z - deep
        _box(canvas, (middle - wide, middle + wide, front, z + deep), (0.0, high), colour)
        left, right, low, top = middle - wide * 0.8, middle + wide * 0.8, high * 0.45, high * 0.88
        canvas.polygon([(left, low, front), (left, top, front), (right, top, front), (right, low, front)], pane, ids.STATIC)

    return Thing(z - deep, draw, _base(middle, z, (wide, deep)), high)


def _bollard(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a bollard with a round head: a person's outline without limbs."""
    high, thick = chance.between(0.8, 1.6), chance.between(0.16, 0.34)
    colour, cap = paint(chance), paint(chance)
    middle = x + side * 0.3

    def draw(canvas: Canvas) -> None:
        canvas.line([(middle, 0.0, z), (middle, high, z)], thick, colour, ids.POLE)
        canvas.line([(middle - thick * 0.2, 0.0, z), (middle - thick * 0.2, high, z)], thick * 0.3, scale(colour, 1.2), ids.POLE)
        canvas.disc((middle, high + thick * 0.4, z), (thick * 0.56, thick * 0.6), cap, ids.POLE)

    return Thing(z, draw, _base(middle, z, (thick / 2, 0.1)), high)


def _column(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make an advertising column: a cylinder papered with posters."""
    high, half = chance.between(2.2, 3.2), chance.between(0.45, 0.7)
    colours = [paint(chance) for _ in range(4)]
    middle = x + side * half

    def draw(canvas: Canvas) -> None:
        canvas.polygon(_sheet(middle - half, middle + half, 0.0, high, z), scale(colours[0], 0.9), ids.STATIC)
        for n, colour in enumerate(colours[1:]):
            left = middle - half + n * half * 0.66
            canvas.polygon(_sheet(left, left + half * 0.6, 0.5 + 0.2 * (n % 2), high - 0.5, z), colour, ids.STATIC)
        canvas.disc((middle, high, z), (half * 1.1, 0.18), scale(colours[0], 0.6), ids.STATIC)

    return Thing(z, draw, _base(middle, z, (half, half)), high)


def _sheet(left: float, right: float, low: float, top: float, z: float) -> list[Point]:
    return [(left, low, z), (left, top, z), (right, top, z), (right, low, z)]


def _sign(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a traffic sign: a disc, a triangle or a plate on a thin pole."""
    high, half = chance.between(1.9, 2.8), chance.between(0.24, 0.36)
    colour, inner = paint(chance), vary(chance, (212, 210, 204), 16)
    form = chance.whole(0, 2)
    middle = x + side * 0.25

    def draw(canvas: Canvas) -> None:
        canvas.line([(middle, 0.0, z), (middle, high, z)], 0.07, METAL, ids.POLE)
        if form == 0:
            canvas.disc((middle, high, z), (half, half), colour, ids.TRAFFIC_SIGN)
            canvas.disc((middle, high, z), (half * 0.66, half * 0.66), inner, ids.TRAFFIC_SIGN)
        elif form == 1:
            canvas.polygon(
                [(middle - half, high - half, z), (middle, high + half, z), (middle + half, high - half, z)], colour, ids.TRAFFIC_SIGN
            )
        else:
            canvas.polygon(_sheet(middle - half, middle + half, high - half, high + half, z), colour, ids.TRAFFIC_SIGN)

    return Thing(z, draw, _base(middle, z, (0.08, 0.08)), high)


def _lamp(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a street lamp or a traffic light on a tall pole."""
    high = chance.between(4.5, 7.5)
    tone = vary(chance, METAL, 40)
    light = chance.happens(0.4)
    lamp = chance.pick(((200, 52, 40), (214, 164, 48), (60, 170, 96)))
    middle = x + side * 0.3

    def draw(canvas: Canvas) -> None:
        canvas.line([(middle, 0.0, z), (middle, 3.4 if light else high, z)], 0.14, tone, ids.POLE)
        if light:
            canvas.polygon(_sheet(middle - 0.17, middle + 0.17, 2.5, 3.4, z), (34, 36, 36), ids.TRAFFIC_LIGHT)
            canvas.disc((middle, 3.15, z), (0.1, 0.1), lamp, ids.TRAFFIC_LIGHT)
        else:
            canvas.line([(middle, high, z), (middle - side * 1.8, high + 0.3, z)], 0.1, tone, ids.POLE)

    return Thing(z, draw, _base(middle, z, (0.1, 0.1)), high)


def _bench(chance: Chance, x: float, z: float, side: int) -> Thing:
    """Make a bicycle stand's or café's low clutter: a bench with a back."""
    colour = paint(chance)
    long = chance.between(0.8, 1.2)
    middle = x + side * 0.7

    def draw(canvas: Canvas) -> None:
        _box(canvas, (middle - 0.25, middle + 0.25, z - long, z + long), (0.4, 0.5), colour)
        back = middle + side * 0.25
        canvas.polygon(
            [(back, 0.5, z - long), (back, 0.95, z - long), (back, 0.95, z + long), (back, 0.5, z + long)], scale(colour, 0.9), ids.STATIC
        )
        for a in (-0.8, 0.8):
            canvas.line([(middle, 0.0, z + a * long), (middle, 0.45, z + a * long)], 0.08, METAL, ids.STATIC)

    return Thing(z - long, draw, _base(middle, z, (0.3, long)), 0.7)


Maker = Callable[[Chance, float, float, int], Thing]
MAKERS: Final[tuple[Maker, ...]] = (_skip, _skip, _kiosk, _bollard, _bollard, _bollard, _column, _sign, _sign, _lamp, _lamp, _bench)
