"""Comparison strips: the image beside class maps drawn over it, with titles and a legend."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from net2bit.report.palette import colours

Rgb = NDArray[np.uint8]
PAPER, INK = (255, 255, 255), (38, 42, 50)
GAP = 8
SMALLEST = 256  # panels narrower than this are enlarged by a whole factor
LETTERS = 20  # a panel is as wide as so many letters are high: text stays readable however far the strip is scaled down
COLOUR_SHARE = 0.62  # of a class colour in a map; the rest is the grey image
DIM = 0.55


def overlay(image: Rgb, labels: NDArray[np.integer], classes: Sequence[str]) -> Rgb:
    """Draw a class map over an image.

    Args:
        image: uint8 `[H, W, 3]`.
        labels: Class indices `[H, W]`.
        classes: Names by index; `background` only dims the image.

    Returns:
        uint8 `[H, W, 3]`.
    """
    grey = np.repeat(image.astype(np.float32).mean(axis=2, keepdims=True), 3, axis=2)
    tint = np.asarray(colours(classes), np.float32)[labels]
    mixed = grey * (1 - COLOUR_SHARE) + tint * COLOUR_SHARE
    plain = np.asarray([name == "background" for name in classes])[labels][..., None]
    return np.where(plain, grey * DIM, mixed).round().astype(np.uint8)


def strip(panels: Mapping[str, Rgb], classes: Sequence[str]) -> Image.Image:
    """Return the panels side by side under their titles, above a legend of the class colours.

    Args:
        panels: Title -> uint8 `[H, W, 3]`, all of one size.
        classes: Names for the legend.
    """
    height, width = next(iter(panels.values())).shape[:2]
    zoom = max(1, -(-SMALLEST // width))
    size = max(width * zoom // LETTERS, SMALLEST // LETTERS)
    step, bar = width * zoom + GAP, size + GAP
    canvas = Image.new("RGB", (step * len(panels) + GAP, height * zoom + 2 * bar + GAP), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(size)
    for index, (title, panel) in enumerate(panels.items()):
        left = GAP + index * step
        draw.text((left, GAP // 4), title, INK, font)
        canvas.paste(Image.fromarray(panel).resize((width * zoom, height * zoom), Image.Resampling.NEAREST), (left, bar))
    _legend(draw, classes, bar + height * zoom + GAP // 2, font, size)
    return canvas


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _legend(draw: ImageDraw.ImageDraw, classes: Sequence[str], top: int, font: Font, size: int) -> None:
    left = GAP
    for name, colour in zip(classes, colours(classes), strict=True):
        draw.rectangle((left, top + size // 4, left + size * 3 // 4, top + size), fill=colour)
        draw.text((left + size + 2, top), name, INK, font)
        left += round(size + 2 * GAP + draw.textlength(name, font))


def save(picture: Image.Image, path: Path) -> None:
    """Write a PNG without any metadata: the same picture gives the same bytes."""
    picture.save(path, "PNG", optimize=True)
