"""Colours of classes, told apart by people with any colour vision (Okabe and Ito's set), and the same in pictures and charts."""

import colorsys
from collections.abc import Sequence

NEUTRAL = (128, 134, 145)
SET = ((213, 94, 0), (86, 180, 233), (0, 158, 115), (240, 180, 20), (204, 121, 167), (0, 114, 178), (230, 215, 80))
GOLDEN = 0.618034  # a step on the hue circle that never comes close to an earlier one soon
Colour = tuple[int, int, int]


def colours(classes: Sequence[str]) -> list[Colour]:
    """Return an RGB colour for each class; `background` is grey and takes none of the set."""
    rest = iter(range(len(classes)))
    return [NEUTRAL if name == "background" else _colour(next(rest)) for name in classes]


def _colour(index: int) -> Colour:
    if index < len(SET):
        return SET[index]
    red, green, blue = colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.65, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)


def css(colour: Colour) -> str:
    """Return *colour* as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
