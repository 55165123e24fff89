"""People: figures of limbs, clothes and hair, standing, walking, carrying."""

from dataclasses import dataclass, replace

from net2bit.data import label_ids as ids
from net2bit.data.street.canvas import Canvas, Point
from net2bit.data.street.chance import Chance
from net2bit.data.street.palette import HAIR, SHOES, SKIN, TYRE, Colour, blend, paint, scale, vary
from net2bit.data.street.thing import Thing


@dataclass(frozen=True)
class Person:
    """One figure; lengths are metres of a grown-up of 1.75 m, scaled by *tall*.

    Attributes:
        x: Metres right of the axis.
        z: Metres ahead.
        tall: Height over 1.75 m.
        girth: Breadth factor of body and limbs.
        stride: Sideways reach of the legs, negative or positive.
        coat: Length of what is worn over the hips, as metres above the ground of its hem.
        top: Colour of the upper body.
        legs: Colour of trousers or stockings.
        shoes: Colour of the shoes.
        skin: Colour of the skin.
        hair: Colour of the hair or hat.
        long_hair: Whether the hair reaches the shoulders.
        bag: Colour and side (-1, 1) of a bag, or None.
        away: Whether the face is turned away.
        sun: -1 when light comes from the left, 1 from the right.
        label: Label id: a person or a rider.
        lift: Metres between the ground and the feet.
    """

    x: float
    z: float
    tall: float
    girth: float
    stride: float
    coat: float
    top: Colour
    legs: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    long_hair: bool
    bag: tuple[Colour, int] | None
    away: bool
    sun: int
    label: int = ids.PERSON
    lift: float = 0.0

    def paint(self, canvas: Canvas) -> None:
        """Paint far limbs, trunk, near limbs, bag, head."""
        swing = self.stride * 0.8
        self._leg(canvas, -1, scale(self.legs, 0.82))
        self._arm(canvas, -self.sun, -swing, 0.8)
        self._leg(canvas, 1, self.legs)
        self._trunk(canvas)
        self._arm(canvas, self.sun, swing, 1.06)
        self._bag(canvas)
        self._head(canvas)

    def _at(self, aside: float, up: float) -> Point:
        return self.x + aside * self.tall, self.lift + up * self.tall, self.z

    def _limb(self, canvas: Canvas, joints: list[tuple[float, float]], thick: float, colour: Colour) -> None:
        canvas.line([self._at(*j) for j in joints], thick * self.tall * self.girth, colour, self.label)

    def _fill(self, canvas: Canvas, corners: list[tuple[float, float]], colour: Colour) -> None:
        canvas.polygon([self._at(a * self.girth, u) for a, u in corners], colour, self.label)

    def _leg(self, canvas: Canvas, side: int, colour: Colour) -> None:
        foot = side * (0.09 + abs(self.stride))
        bent = foot * 0.55 + self.stride * 0.22
        self._limb(canvas, [(side * 0.085, 0.9), (bent, 0.48), (foot, 0.07)], 0.155, colour)
        toe = 0.1 if self.stride >= 0 else -0.1
        self._limb(canvas, [(foot - toe * 0.5, 0.045), (foot + toe, 0.045)], 0.1, self.shoes)

    def _arm(self, canvas: Canvas, side: int, swing: float, bright: float) -> None:
        elbow, hand = side * (0.25 * self.girth) + swing * 0.5, side * (0.24 * self.girth) + swing
        self._limb(canvas, [(side * 0.19 * self.girth, 1.4), (elbow, 1.12), (hand, 0.9)], 0.115, scale(self.top, bright))
        canvas.disc(self._at(hand, 0.85), (0.055 * self.tall, 0.06 * self.tall), self.skin, self.label)

    def _trunk(self, canvas: Canvas) -> None:
        flare = 0.19 + 0.12 * max(0.0, 0.85 - self.coat)
        shape = [
            (-0.24, 1.4),
            (-0.15, 1.48),
            (0.15, 1.48),
            (0.24, 1.4),
            (0.185, 1.05),
            (flare, self.coat),
            (-flare, self.coat),
            (-0.185, 1.05),
        ]
        self._fill(canvas, shape, self.top)
        shade = [
            (-self.sun * 0.03, 1.45),
            (-self.sun * 0.22, 1.4),
            (-self.sun * 0.185, 1.05),
            (-self.sun * flare, self.coat),
            (-self.sun * 0.04, self.coat),
        ]
        self._fill(canvas, shade, scale(self.top, 0.82))

    def _bag(self, canvas: Canvas) -> None:
        if self.bag is None:
            return
        colour, side = self.bag
        if self.away:
            self._fill(canvas, [(-0.17, 1.42), (0.17, 1.42), (0.18, 1.02), (-0.18, 1.02)], colour)
        else:
            self._fill(canvas, [(side * 0.18, 0.98), (side * 0.4, 0.98), (side * 0.42, 0.66), (side * 0.17, 0.66)], colour)

    def _head(self, canvas: Canvas) -> None:
        tall = self.tall
        canvas.line([self._at(0.0, 1.42), self._at(0.0, 1.54)], 0.1 * tall, scale(self.skin, 0.85), self.label)
        if self.long_hair:
            canvas.disc(self._at(0.0, 1.56), (0.115 * tall, 0.15 * tall), self.hair, self.label)
        canvas.disc(self._at(0.0, 1.63), (0.095 * tall, 0.125 * tall), self.hair if self.away else self.skin, self.label)
        if not self.away:
            dome = [(-0.1, 1.63), (-0.1, 1.7), (-0.06, 1.76), (0.06, 1.76), (0.1, 1.7), (0.1, 1.63), (0.06, 1.69), (-0.06, 1.69)]
            canvas.polygon([self._at(a, u) for a, u in dome], self.hair, self.label)


def make_person(chance: Chance, x: float, z: float, *, sun: int) -> Thing:
    """Make a person standing or walking at (*x*, *z*) metres; one in eight is a child."""
    tall = chance.between(0.62, 0.82) if chance.happens(0.12) else chance.between(0.9, 1.1)
    figure = replace(_figure(chance, x, z, sun), tall=tall)
    return Thing(z, figure.paint, _base(x, z, 0.22 * tall, 0.12), 1.7 * tall)


def make_rider(chance: Chance, x: float, z: float, *, sun: int) -> Thing:
    """Make a cyclist riding away from the camera or towards it; the bicycle is none of the rider's pixels."""
    figure = replace(_figure(chance, x, z, sun), stride=0.02, coat=0.84, label=ids.RIDER, lift=0.28)
    frame = paint(chance)

    def draw(canvas: Canvas) -> None:
        canvas.disc((x, 0.34, z), (0.035, 0.34), TYRE, ids.BICYCLE)
        canvas.line([(x, 0.5, z), (x, 1.05, z)], 0.06, frame, ids.BICYCLE)
        figure.paint(canvas)
        canvas.line([(x - 0.3, 1.12, z), (x + 0.3, 1.12, z)], 0.04, TYRE, ids.BICYCLE)

    return Thing(z, draw, _base(x, z, 0.25, 0.8), 1.9)


def _base(x: float, z: float, wide: float, deep: float) -> list[Point]:
    return [(x - wide, 0.0, z - deep), (x - wide, 0.0, z + deep), (x + wide, 0.0, z + deep), (x + wide, 0.0, z - deep)]


def _figure(chance: Chance, x: float, z: float, sun: int) -> Person:
    clothes = paint(chance)
    return Person(
        x=x,
        z=z,
        tall=chance.between(0.92, 1.08),
        girth=chance.between(0.95, 1.3),
        stride=chance.sign() * chance.pick((0.0, 0.03, 0.08, 0.14, 0.2)),
        coat=chance.pick((0.84, 0.8, 0.76, 0.6, 0.45)),
        top=clothes,
        legs=scale(clothes, 0.8) if chance.happens(0.15) else blend(paint(chance), (40, 44, 60), 0.45),
        shoes=vary(chance, chance.pick(SHOES), 16),
        skin=vary(chance, chance.pick(SKIN), 10),
        hair=paint(chance) if chance.happens(0.2) else vary(chance, chance.pick(HAIR), 12),
        long_hair=chance.happens(0.4),
        bag=(paint(chance), chance.sign()) if chance.happens(0.35) else None,
        away=chance.happens(0.5),
        sun=sun,
    )
