"""One picture: plan the street, place what stands in it, paint it far to near, photograph it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.data import label_ids as ids
from net2bit.data.street.backdrop import hedge, houses, paint_sky, paint_skyline, trees
from net2bit.data.street.canvas import OVERSAMPLING, Air, Camera, Canvas, Point
from net2bit.data.street.car import make_car
from net2bit.data.street.chance import Chance
from net2bit.data.street.clutter import make_clutter
from net2bit.data.street.ground import Street, paint_ground, paint_shadows, plan_street
from net2bit.data.street.light import Weather, draw_weather, expose
from net2bit.data.street.palette import paint, scale
from net2bit.data.street.person import make_person, make_rider
from net2bit.data.street.thing import Thing, shadow

LAST_CAR: Final = 32.0
"""Metres ahead; farther cars are a few pixels."""
TALL: Final = 3.0
"""Metres; what is taller (trees, houses, lamps) meets the ground without a dark rim."""


def draw_scene(chance: Chance, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one street scene.

    Args:
        chance: Decides everything.
        size: Height and width of the picture in pixels.

    Returns:
        The picture, uint8 [H, W, 3] RGB, and its Cityscapes label ids, uint8 [H, W].
    """
    weather = draw_weather(chance)
    street = plan_street(chance)
    camera = _camera(chance, street, size)
    canvas = Canvas(camera, Air(weather.haze, weather.reach))
    things = _furnish(chance, street, weather)
    things += _people(chance, street, weather, camera, things)
    paint_sky(canvas, weather.zenith, chance)
    paint_skyline(canvas, chance)
    paint_ground(canvas, street, chance)
    _paint_shade(canvas, things, weather)
    for thing in sorted(things, key=lambda t: -t.ahead):
        thing.paint(canvas)
    if chance.happens(0.3):
        _paint_bonnet(canvas, chance)
    clean, labels = canvas.finish()
    return expose(clean, weather, chance), labels


def _camera(chance: Chance, street: Street, size: tuple[int, int]) -> Camera:
    height, width = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    lanes = list(zip(street.lanes, street.lanes[1:], strict=False))
    left, right = chance.pick(lanes[len(lanes) // 2 :])
    return Camera(
        width=width,
        height=height,
        focal=width * chance.between(0.72, 0.98),
        centre=width * chance.between(0.38, 0.62),
        horizon=height * chance.between(0.36, 0.5),
        x=(left + right) / 2 + chance.between(-0.4, 0.4),
        y=chance.between(1.25, 1.9),
        bend=chance.between(-0.0025, 0.0025),
    )


def _furnish(chance: Chance, street: Street, weather: Weather) -> list[Thing]:
    """Return everything that stands in the street but people."""
    things: list[Thing] = []
    for side in (-1, 1):
        if not street.green[side > 0]:
            things += houses(chance, street, side, lit=0.6 if weather.dark else 0.04, sun=weather.sun)
        elif chance.happens(0.6):
            things.append(hedge(chance, street, side))
        things += trees(chance, street, side, sun=weather.sun)
        things += _clutter(chance, street, side)
    return things + _traffic(chance, street, weather)


def _clutter(chance: Chance, street: Street, side: int) -> list[Thing]:
    kerb, wall = street.kerbs[side > 0], street.walls[side > 0]
    things = []
    for _ in range(chance.whole(1, 3)):
        back = chance.between(0.1, 0.9)
        things.append(make_clutter(chance, kerb + (wall - kerb) * back * 0.8, chance.between(4.5, 26.0), side))
    return things


def _traffic(chance: Chance, street: Street, weather: Weather) -> list[Thing]:
    """Return parked cars along the kerbs, cars in the lanes, and now and then one crossing."""
    things = []
    for side in (-1, 1):
        if chance.happens(0.6):
            things += _parked(chance, street, side, weather)
    for left, right in zip(street.lanes, street.lanes[1:], strict=False):
        middle = (left + right) / 2
        ahead = chance.between(8.5, 18.0)
        while ahead < LAST_CAR and chance.happens(0.58):
            things.append(_car(chance, middle + chance.between(-0.3, 0.3), ahead, weather, oncoming=middle < 0))
            ahead += chance.between(8.0, 26.0)
    if street.crossing is not None and chance.happens(0.5):
        aside, ahead = _turned(chance.between(-0.1, 0.1))
        turn = (chance.sign() * ahead, aside)
        x, z = chance.between(-6.0, 6.0), sum(street.crossing) / 2
        things.append(make_car(chance, x, z, turn, lit=weather.dark, sun=weather.sun))
    return things


def _parked(chance: Chance, street: Street, side: int, weather: Weather) -> list[Thing]:
    kerb = street.kerbs[side > 0]
    things = []
    ahead = chance.between(4.5, 12.0)
    while ahead < LAST_CAR:
        if chance.happens(0.7):
            things.append(_car(chance, kerb - side * 1.0, ahead, weather, oncoming=(side < 0) == chance.happens(0.85)))
        ahead += chance.between(5.4, 8.0)
    return things


def _car(chance: Chance, x: float, z: float, weather: Weather, *, oncoming: bool) -> Thing:
    aside, ahead = _turned(chance.between(-0.04, 0.04))
    return make_car(chance, x, z, (aside, -ahead if oncoming else ahead), lit=weather.dark, sun=weather.sun)


def _turned(half: float) -> tuple[float, float]:
    """Return the unit vector (right, ahead) turned by about 2 * *half* radians: rational, hence exact on any machine."""
    return 2 * half / (1 + half * half), (1 - half * half) / (1 + half * half)


def _people(chance: Chance, street: Street, weather: Weather, camera: Camera, others: list[Thing]) -> list[Thing]:
    """Return people in view: on the pavements, on the road, in pairs, now and then a cyclist; nobody stands in *others*."""
    things: list[Thing] = []
    for _ in range(chance.whole(2, 4)):
        x, z = _spot(chance, street, camera, [*others, *things])
        things.append(make_person(chance, x, z, sun=weather.sun))
        if chance.happens(0.2):
            things.append(make_person(chance, x + chance.sign() * chance.between(0.5, 0.8), z + chance.between(-0.3, 0.3), sun=weather.sun))
    if chance.happens(0.2):
        x, z = _spot(chance, street, camera, [*others, *things])
        things.append(make_rider(chance, x, z, sun=weather.sun))
    return things


def _spot(chance: Chance, street: Street, camera: Camera, others: list[Thing]) -> tuple[float, float]:
    """Return a place (right, ahead) within view and between the walls that nothing stands on, after a few tries."""
    left, right = street.walls
    for _ in range(12):
        z = chance.between(3.6, 8.4)
        x = camera.across(chance.between(0.04, 0.96) * camera.width, z)
        if left < x < right and not any(_covers(thing, x, z) for thing in others):
            break
    return min(right, max(left, x)), z


def _covers(thing: Thing, x: float, z: float) -> bool:
    """Return whether a person at (*x*, *z*) would touch *thing*; whoever walks under a tree does not."""
    room = 0.0 if thing.height > TALL else 0.35
    across, along = [p[0] for p in thing.base], [p[2] for p in thing.base]
    return min(across) - room < x < max(across) + room and min(along) - room < z < max(along) + room


def _paint_shade(canvas: Canvas, things: list[Thing], weather: Weather) -> None:
    """Darken the ground under everything, and where the sun is kept from it."""
    if weather.lean is not None:
        lean = weather.lean
        paint_shadows(canvas, [f for t in things for f in shadow(t, lean)], weather.depth, 1)
    paint_shadows(canvas, [_grown(t.base) for t in things if t.height < TALL], 0.45, 2)


def _grown(base: list[Point]) -> list[Point]:
    """Return *base* a hand's breadth larger: the dark rim of what stands on the ground."""
    x, z = sum(p[0] for p in base) / len(base), sum(p[2] for p in base) / len(base)
    return [(p[0] + (p[0] - x) * 0.08, 0.0, p[2] + (p[2] - z) * 0.08) for p in base]


def _paint_bonnet(canvas: Canvas, chance: Chance) -> None:
    """Paint the camera's own bonnet along the lower edge: the colour of a car, and not a car to find."""
    camera = canvas.camera
    high = camera.height * chance.between(0.04, 0.1)
    colour = paint(chance)
    top = [(round(camera.width * s / 12), round(camera.height - high * (1 - (s / 6 - 1) ** 2 * 0.6))) for s in range(13)]
    canvas.flat([(0, camera.height), *top, (camera.width, camera.height)], 1.0, colour, ids.EGO_VEHICLE)
    lower = [(x, round(y + high * 0.25)) for x, y in top]
    canvas.flat([(0, camera.height), *lower, (camera.width, camera.height)], 1.0, scale(colour, 0.8), ids.EGO_VEHICLE)
