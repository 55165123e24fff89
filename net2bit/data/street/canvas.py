"""The pinhole camera and the canvas that holds colour and label together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from net2bit.data.street.palette import Colour, blend

Point = tuple[float, float, float]
"""Metres: right of the street's axis, above the ground, ahead of the camera."""

OVERSAMPLING: Final = 2
"""Canvas pixels per picture pixel, each way."""
NEAREST: Final = 0.8
"""Metres; what is nearer is pulled out to here, well below the picture's lower edge."""


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera over a street that may bend.

    Attributes:
        width: Canvas width in pixels.
        height: Canvas height in pixels.
        focal: Focal length in canvas pixels.
        centre: Column of the direction of travel.
        horizon: Row of the horizon.
        x: Metres right of the street's axis.
        y: Metres above the ground.
        bend: Sideways metres per squared metre of distance.
    """

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    x: float
    y: float
    bend: float

    def pixel(self, point: Point) -> tuple[int, int]:
        """Return the column and row at which *point* is seen."""
        ahead = max(NEAREST, point[2])
        scale = self.focal / ahead
        aside = point[0] - self.x + self.bend * ahead * ahead
        return round(self.centre + scale * aside), round(self.horizon + scale * (self.y - point[1]))

    def across(self, column: float, ahead: float) -> float:
        """Return how many metres right of the axis a *column* looks at that distance."""
        return (column - self.centre) * ahead / self.focal + self.x - self.bend * ahead * ahead

    def size(self, metres: float, ahead: float) -> int:
        """Return how many pixels *metres* across cover at that distance, at least 1."""
        return max(1, round(self.focal * metres / max(ahead, NEAREST)))


@dataclass(frozen=True)
class Air:
    """What distance does to a colour: at *reach* metres it is half *colour*."""

    colour: Colour
    reach: float


class Canvas:
    """Colour and label of a scene in the making."""

    def __init__(self, camera: Camera, air: Air) -> None:
        """Start with an empty canvas: black, unlabelled."""
        self.camera = camera
        self.air = air
        self._image = Image.new("RGBA", (camera.width, camera.height), (0, 0, 0, 0))
        self._pen = ImageDraw.Draw(self._image)

    def polygon(self, points: Iterable[Point], colour: Colour, label: int) -> None:
        """Fill the polygon of *points* (metres), hazed by its nearest corner's distance."""
        corners = list(points)
        self._pen.polygon([self.camera.pixel(p) for p in corners], fill=self._ink(colour, min(p[2] for p in corners), label))

    def wall(self, x: float, depths: tuple[float, float], ups: tuple[float, float], colour: Colour, label: int) -> None:
        """Fill the upright rectangle along the street at *x*, from depth to depth and from height to height."""
        (near, low), (far, bottom) = self.camera.pixel((x, ups[0], depths[0])), self.camera.pixel((x, ups[0], depths[1]))
        if near == far:
            return
        top, end = self.camera.pixel((x, ups[1], depths[0]))[1], self.camera.pixel((x, ups[1], depths[1]))[1]
        self._pen.polygon([(near, low), (near, top), (far, end), (far, bottom)], fill=self._ink(colour, depths[0], label))

    def flat(self, pixels: Sequence[tuple[int, int]], ahead: float, colour: Colour, label: int) -> None:
        """Fill the polygon of canvas *pixels*, hazed for the distance *ahead*."""
        self._pen.polygon(pixels, fill=self._ink(colour, ahead, label))

    def faces(self, points: Sequence[Point], colour: Colour, label: int) -> bool:
        """Fill the polygon only where its front (corners clockwise as seen) faces the camera; return whether it does."""
        pixels = [self.camera.pixel(p) for p in points]
        if _area(pixels) <= 0:
            return False
        self._pen.polygon(pixels, fill=self._ink(colour, min(p[2] for p in points), label))
        return True

    def line(self, points: Sequence[Point], metres: float, colour: Colour, label: int) -> None:
        """Draw a line of the given thickness, a limb or a pole."""
        ahead = points[0][2]
        width = self.camera.size(metres, ahead)
        self._pen.line([self.camera.pixel(p) for p in points], fill=self._ink(colour, ahead, label), width=width, joint="curve")

    def disc(self, middle: Point, radii: tuple[float, float], colour: Colour, label: int) -> None:
        """Fill an upright ellipse with radii (across, up) in metres."""
        column, row = self.camera.pixel(middle)
        across, up = self.camera.size(radii[0], middle[2]), self.camera.size(radii[1], middle[2])
        self._pen.ellipse((column - across, row - up, column + across, row + up), fill=self._ink(colour, middle[2], label))

    def multiply(self, shade: Image.Image, blur: int) -> None:
        """Darken everything painted so far by *shade* (mode L, 255 leaves as it is) after softening it by *blur* pixels."""
        soft = shade.filter(ImageFilter.BoxBlur(blur)) if blur else shade
        full = Image.new("L", soft.size, 255)
        self._image = ImageChops.multiply(self._image, Image.merge("RGBA", (soft, soft, soft, full)))
        self._pen = ImageDraw.Draw(self._image)

    def backdrop(self, image: Image.Image, label: int) -> None:
        """Replace the whole canvas by *image* (mode RGB), labelled *label*."""
        self._image = Image.merge("RGBA", (*image.split(), Image.new("L", image.size, label)))
        self._pen = ImageDraw.Draw(self._image)

    def finish(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the picture uint8 [H, W, 3], averaged down, and the label ids uint8 [H, W], one of each block's four."""
        whole = np.asarray(self._image)
        sums = whole[0::2, 0::2, :3].astype(np.uint16)
        sums += whole[1::2, 0::2, :3]
        sums += whole[0::2, 1::2, :3]
        sums += whole[1::2, 1::2, :3]
        return ((sums + 2) >> 2).astype(np.uint8), np.ascontiguousarray(whole[1::2, 1::2, 3])

    def _ink(self, colour: Colour, ahead: float, label: int) -> tuple[int, int, int, int]:
        near = max(ahead, 0.0)
        return (*blend(colour, self.air.colour, near / (near + self.air.reach)), label)


def _area(pixels: Sequence[tuple[int, int]]) -> int:
    """Return twice the signed area, positive for corners that run clockwise on the screen."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(pixels, [*pixels[1:], pixels[0]], strict=True))
