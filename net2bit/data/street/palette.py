"""Colours. Cars, clothes, facades and street furniture draw from the same pools, so a colour names no class."""

from typing import Final

from net2bit.data.street.chance import Chance

Colour = tuple[int, int, int]

GREYS: Final[tuple[Colour, ...]] = (
    (28, 29, 32),
    (52, 53, 57),
    (78, 79, 82),
    (104, 104, 106),
    (132, 131, 130),
    (160, 158, 155),
    (190, 188, 184),
    (222, 220, 216),
)
VIVID: Final[tuple[Colour, ...]] = (
    (150, 32, 34),
    (186, 62, 40),
    (32, 62, 122),
    (58, 96, 150),
    (28, 84, 70),
    (70, 104, 60),
    (190, 148, 52),
    (92, 50, 84),
    (206, 176, 150),
    (120, 170, 190),
)
EARTH: Final[tuple[Colour, ...]] = (
    (122, 74, 56),
    (150, 100, 78),
    (170, 132, 98),
    (196, 168, 130),
    (214, 196, 162),
    (112, 92, 74),
    (88, 66, 54),
    (150, 146, 120),
)
GREENS: Final[tuple[Colour, ...]] = ((50, 78, 36), (66, 92, 42), (84, 104, 50), (44, 66, 44), (100, 112, 58))
AUTUMN: Final[tuple[Colour, ...]] = ((140, 96, 40), (156, 74, 38), (122, 110, 48))
SKIN: Final[tuple[Colour, ...]] = ((224, 182, 154), (198, 150, 116), (150, 104, 76), (98, 66, 48), (232, 198, 176))
HAIR: Final[tuple[Colour, ...]] = ((32, 26, 24), (70, 48, 34), (122, 90, 56), (150, 146, 142), (176, 140, 90))
SHOES: Final[tuple[Colour, ...]] = ((30, 28, 28), (70, 52, 40), (200, 200, 196))
GLASS: Final[Colour] = (44, 52, 60)
TYRE: Final[Colour] = (24, 24, 26)
METAL: Final[Colour] = (112, 114, 116)


def scale(colour: Colour, factor: float) -> Colour:
    """Return *colour* made lighter or darker, each channel kept within 0..255."""
    return _clip(colour[0] * factor), _clip(colour[1] * factor), _clip(colour[2] * factor)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Return *first* with *share* (0..1) of *second* in it."""
    keep = 1.0 - share
    return (
        int(first[0] * keep + second[0] * share),
        int(first[1] * keep + second[1] * share),
        int(first[2] * keep + second[2] * share),
    )


def vary(chance: Chance, colour: Colour, spread: int) -> Colour:
    """Return *colour* with up to *spread* steps of lightness and a third of that of tint added."""
    light = chance.whole(-spread, spread)
    tint = spread // 3
    return (
        _clip(colour[0] + light + chance.whole(-tint, tint)),
        _clip(colour[1] + light),
        _clip(colour[2] + light + chance.whole(-tint, tint)),
    )


def paint(chance: Chance) -> Colour:
    """Return a colour of painted or woven things: often a vivid one, as often a grey like streets and skies."""
    pool = chance.pick((GREYS, GREYS, VIVID, VIVID, EARTH))
    return vary(chance, chance.pick(pool), 18)


def facade(chance: Chance) -> Colour:
    """Return a colour of walls: earths and greys, now and then a vivid one."""
    pool = chance.pick((EARTH,) * 5 + (GREYS,) * 4 + (VIVID,))
    return vary(chance, chance.pick(pool), 18)


def _clip(value: float) -> int:
    return max(0, min(255, int(value)))
