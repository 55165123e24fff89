"""What stands behind the street: sky, houses, trees, hedges."""

from typing import Final

import numpy as np
from PIL import Image

from net2bit.data import label_ids as ids
from net2bit.data.street.canvas import NEAREST, Canvas, Point
from net2bit.data.street.chance import Chance
from net2bit.data.street.ground import FAR, Street
from net2bit.data.street.palette import AUTUMN, GLASS, GREENS, Colour, blend, facade, paint, scale, vary
from net2bit.data.street.thing import Thing

SKYLINE: Final = 220.0
"""Metres to either side that the far end of the view reaches."""
LAST_HOUSE: Final = 90.0
"""Metres ahead of the last house."""
FIRST_PANE: Final = 1.5
"""Metres ahead; nearer windows lie outside the picture."""


def paint_sky(canvas: Canvas, zenith: Colour, chance: Chance) -> None:
    """Fill the canvas with a sky from *zenith* down to the colour of the air, with clouds."""
    camera = canvas.camera
    size = (camera.width, camera.height)
    share = np.clip(np.arange(camera.height) / max(camera.horizon, 1.0), 0.0, 1.0)[:, None, None]
    column = np.array(zenith) * (1.0 - share) + np.array(canvas.air.colour) * share
    sky = Image.fromarray(column.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    thin = chance.whole(90, 220)
    cover = [max(0, min(80, level - thin)) * 5 // 2 for level in range(256)]
    clouds = Image.fromarray(chance.bytes((5, 9))).point(cover).resize(size, Image.Resampling.BICUBIC)
    white = chance.whole(206, 246)
    canvas.backdrop(Image.composite(Image.new("RGB", size, (white, white, white)), sky, clouds), ids.SKY)


def paint_skyline(canvas: Canvas, chance: Chance) -> None:
    """Paint the far end of the view: blocks and tree tops in the haze."""
    x = -SKYLINE
    while x < SKYLINE:
        wide, high = chance.between(8.0, 34.0), chance.between(4.0, 20.0)
        leafy = chance.happens(0.4)
        colour, label = (chance.pick(GREENS), ids.VEGETATION) if leafy else (facade(chance), ids.BUILDING)
        top = [(x, 0.0, FAR), (x, high * 0.8, FAR), (x + wide * 0.4, high, FAR), (x + wide, high * (0.7 if leafy else 1.0), FAR)]
        canvas.polygon([*top, (x + wide, 0.0, FAR)], colour, label)
        x += wide * chance.between(0.7, 1.1)


def houses(chance: Chance, street: Street, side: int, *, lit: float, sun: int) -> list[Thing]:
    """Return the row of houses on one *side* (-1 left, 1 right); a side street leaves its gap."""
    wall = street.walls[side > 0]
    things: list[Thing] = []
    ahead = chance.between(-8.0, 0.0)
    while ahead < LAST_HOUSE:
        deep = chance.between(7.0, 18.0)
        if _blocked(street, ahead, ahead + deep):
            ahead = _past(street, ahead, ahead + deep)
            continue
        back = chance.pick((0.0, 0.0, 0.0, 0.5, 2.0)) * side
        things.append(_house(chance, (wall + back, ahead, ahead + deep), side, lit=lit, sun=sun))
        ahead += deep + chance.pick((0.0, 0.0, 0.0, 3.0))
    return things


def _blocked(street: Street, near: float, far: float) -> bool:
    return street.crossing is not None and near < street.crossing[1] and far > street.crossing[0]


def _past(street: Street, near: float, far: float) -> float:
    return street.crossing[1] + 0.5 if street.crossing is not None else far + near


def _house(chance: Chance, plot: tuple[float, float, float], side: int, *, lit: float, sun: int) -> Thing:
    wall, near, far = plot
    storey = chance.between(2.9, 3.8)
    count = chance.whole(2, 6)
    high = storey * count + chance.between(0.3, 1.2)
    colour = facade(chance)
    front = scale(colour, 0.92 + 0.12 * (1 if side != sun else -1))
    frames = _windows(chance, plot, storey, count)
    shop = paint(chance) if chance.happens(0.45) else None
    roof = vary(chance, chance.pick(((110, 62, 50), (72, 72, 78), (92, 84, 78))), 12) if chance.happens(0.6) else None
    glow = chance.happens(lit)
    pane = (232, 196, 120) if glow else vary(chance, GLASS, 16)

    def draw(canvas: Canvas) -> None:
        outer = wall + side * 14.0
        canvas.polygon([(wall, 0.0, near), (wall, high, near), (outer, high, near), (outer, 0.0, near)], scale(colour, 0.84), ids.BUILDING)
        canvas.wall(wall, (near, far), (0.0, high), front, ids.BUILDING)
        if roof is not None:
            canvas.polygon(
                [(wall, high, near), (wall, high, far), (wall + side * 3.0, high + 2.4, far), (wall + side * 3.0, high + 2.4, near)],
                roof,
                ids.BUILDING,
            )
        for n, (a, b, low, top) in enumerate(frames):
            canvas.wall(wall, (a, b), (low, top), pane if n % 3 or not glow else GLASS, ids.BUILDING)
        if shop is not None:
            _shop(canvas, plot, side, shop)

    base: list[Point] = [(wall, 0.0, near), (wall, 0.0, far), (wall + side * 12, 0.0, far), (wall + side * 12, 0.0, near)]
    return Thing(max(near, NEAREST) + 0.3 * (far - near), draw, base, high)


def _windows(chance: Chance, plot: tuple[float, float, float], storey: float, count: int) -> list[tuple[float, float, float, float]]:
    """Return the panes of a house front as (near, far, low, top), a door among them."""
    _, near, far = plot
    step = chance.between(2.0, 3.2)
    wide, tall = step * chance.between(0.36, 0.6), storey * chance.between(0.4, 0.62)
    columns = int((far - near) / step)
    begins = [begin for n in range(columns) if (begin := near + (n + 0.5) * step) > FIRST_PANE]
    panes = [(a, a + wide, n * storey + 0.28 * storey, n * storey + 0.28 * storey + tall) for n in range(count) for a in begins]
    if begins:
        door = chance.pick(begins)
        panes = [p for p in panes if p[0] != door or p[2] > storey]
        panes.append((door, door + 1.1, 0.0, 2.2))
    return panes


def _shop(canvas: Canvas, plot: tuple[float, float, float], side: int, colour: Colour) -> None:
    """Paint a shop front: a wide pane in a painted frame under an awning, all at the height of a car."""
    wall, near, far = plot
    canvas.wall(wall, (near + 0.4, far - 0.4), (0.0, 3.0), colour, ids.BUILDING)
    canvas.wall(wall, (near + 0.9, far - 0.9), (0.5, 2.3), GLASS, ids.BUILDING)
    reach = wall - side * 0.9
    awning = [(wall, 2.9, near + 0.5), (wall, 2.9, far - 0.5), (reach, 2.4, far - 0.5), (reach, 2.4, near + 0.5)]
    canvas.polygon(awning, scale(colour, 1.2), ids.BUILDING)


def trees(chance: Chance, street: Street, side: int, *, sun: int) -> list[Thing]:
    """Return trees of one *side*: a park's many where the verge is green, else now and then one on the pavement."""
    kerb, wall = street.kerbs[side > 0], street.walls[side > 0]
    if street.green[side > 0]:
        places = [(wall + side * chance.between(0.5, 14.0), chance.between(5.0, 60.0)) for _ in range(12)]
    elif chance.happens(0.45):
        step = chance.between(7.0, 13.0)
        places = [(kerb + side * 0.8, chance.between(5.0, 8.0) + n * step) for n in range(6)]
    else:
        places = []
    pool = (*GREENS, *AUTUMN) if chance.happens(0.25) else GREENS
    leaf = chance.pick(pool)
    return [tree(chance, x, z, vary(chance, leaf, 8), sun=sun) for x, z in places]


_CROWN: Final = ((0.0, 0.0, 1.0), (-0.6, -0.25, 0.62), (0.6, -0.2, 0.62), (-0.35, 0.45, 0.6), (0.4, 0.4, 0.6), (0.0, -0.45, 0.55))


def tree(chance: Chance, x: float, z: float, leaf: Colour, *, sun: int) -> Thing:
    """Make a tree: a trunk and a crown of overlapping discs, lighter towards the sun."""
    trunk, radius = chance.between(1.8, 3.0), chance.between(1.1, 2.2)
    bark = vary(chance, (84, 68, 54), 14)
    leaves = [
        (chance.between(-0.95, 0.95), chance.between(-0.85, 0.9), chance.between(0.14, 0.34), chance.between(0.72, 1.24)) for _ in range(16)
    ]

    def draw(canvas: Canvas) -> None:
        canvas.line([(x, 0.0, z), (x + 0.1, trunk + 0.5, z)], 0.28, bark, ids.VEGETATION)
        middle = trunk + radius * 0.8
        for a, b, r in _CROWN:
            canvas.disc((x + a * radius, middle + b * radius, z), (r * radius, r * radius), scale(leaf, 0.84), ids.VEGETATION)
        for a, b, r, bright in leaves:
            tone = scale(leaf, bright + 0.12 * (a * sun + b))
            canvas.disc((x + a * radius * 0.9, middle + b * radius * 0.9, z), (r * radius, r * radius * 0.8), tone, ids.VEGETATION)

    base: list[Point] = [(x - radius, 0.0, z - 0.4), (x - radius, 0.0, z + 0.4), (x + radius, 0.0, z + 0.4), (x + radius, 0.0, z - 0.4)]
    return Thing(z, draw, base, trunk + radius)


def hedge(chance: Chance, street: Street, side: int) -> Thing:
    """Make a hedge, a wall or a fence along the back of a pavement."""
    wall = street.walls[side > 0] - side * 0.1
    near = chance.between(3.0, 16.0)
    far = near + chance.between(4.0, 14.0)
    high = chance.between(0.8, 1.7)
    kind: tuple[Colour, int] = chance.pick(((chance.pick(GREENS), ids.VEGETATION), (facade(chance), ids.WALL), (paint(chance), ids.FENCE)))

    def draw(canvas: Canvas) -> None:
        deep = wall + side * 0.5
        canvas.polygon([(wall, 0.0, near), (wall, high, near), (deep, high, near), (deep, 0.0, near)], scale(kind[0], 0.85), kind[1])
        canvas.wall(wall, (near, far), (0.0, high), kind[0], kind[1])
        for n in range(int(far - near) * 2):
            a = near + 0.5 * n
            canvas.wall(wall, (a, a + 0.22), (0.1, high), blend(kind[0], (0, 0, 0), 0.12), kind[1])

    base: list[Point] = [(wall, 0.0, near), (wall, 0.0, far), (wall + side * 0.5, 0.0, far), (wall + side * 0.5, 0.0, near)]
    return Thing(near, draw, base, high)
