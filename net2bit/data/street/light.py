"""From a clean drawing to a photograph: exposure, colour cast, grime, lens and sensor."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from net2bit.data.street.chance import Chance
from net2bit.data.street.palette import Colour

LENSES: Final = ("sharp",) * 8 + ("soft", "moving")


@dataclass(frozen=True)
class Weather:
    """The light of a scene.

    Attributes:
        zenith: Colour of the sky overhead.
        haze: Colour of the sky at the horizon and of far things.
        reach: Metres at which a thing is half haze.
        gain: Red, green and blue gains.
        curve: 0 leaves the tones, positive lifts the dark ones, negative lowers them; within -1..1.
        lean: Shadow shift (right, ahead) in metres per metre of height; None under an overcast sky.
        depth: How dark shadows are, 0..1.
        dark: Whether lamps are lit.
        noise: Sensor noise, standard deviation in grey levels.
    """

    zenith: Colour
    haze: Colour
    reach: float
    gain: tuple[float, float, float]
    curve: float
    lean: tuple[float, float] | None
    depth: float
    dark: bool
    noise: float

    @property
    def sun(self) -> int:
        """-1 when light comes from the left, 1 from the right."""
        return 1 if self.lean is None or self.lean[0] < 0 else -1


def draw_weather(chance: Chance) -> Weather:
    """Draw a weather: clear, overcast, golden evening or dusk."""
    kind = chance.pick(("clear", "clear", "clear", "overcast", "overcast", "golden", "dusk"))
    zenith, haze = {
        "clear": ((92, 138, 196), (200, 214, 228)),
        "overcast": ((172, 178, 186), (206, 208, 210)),
        "golden": ((140, 150, 180), (240, 206, 160)),
        "dusk": ((60, 72, 108), (150, 136, 146)),
    }[kind]
    base = chance.between(0.62, 0.8) if kind == "dusk" else chance.between(0.86, 1.24)
    warm = chance.between(-0.09, 0.09) + {"golden": 0.1, "dusk": -0.1}.get(kind, 0.0)
    lean = (chance.sign() * chance.between(0.25, 1.6), chance.between(-0.7, 0.9)) if kind in {"clear", "golden"} else None
    return Weather(
        zenith=zenith,
        haze=haze,
        reach=chance.between(130.0, 420.0),
        gain=(base * (1.0 + warm), base * chance.between(0.97, 1.03), base * (1.0 - warm)),
        curve=chance.between(-0.25, 0.35),
        lean=lean,
        depth=chance.between(0.3, 0.55),
        dark=kind == "dusk",
        noise=chance.between(0.8, 2.8) + (1.2 if kind == "dusk" else 0.0),
    )


def expose(clean: NDArray[np.uint8], weather: Weather, chance: Chance) -> NDArray[np.uint8]:
    """Return the photograph of a *clean* picture, uint8 [H, W, 3] both."""
    lit = _tones(weather)[np.arange(3), clean].astype(np.int32)
    lit *= _unevenness(clean.shape[:2], chance)[..., None]
    lit >>= 8
    sharp = np.clip(lit, 0, 255).astype(np.uint8)
    blurred = np.asarray(_lens(Image.fromarray(sharp), chance)).astype(np.int16)
    blurred += _sensor(clean.shape, weather.noise, chance)
    return blurred.clip(0, 255).astype(np.uint8)


def _tones(weather: Weather) -> NDArray[np.uint8]:
    """Return the tone table, uint8 [3, 256] laid out for indexing by (channel, value): gain, then a parabola for gamma."""
    value = np.arange(256) / 255.0
    curved = value + weather.curve * value * (1.0 - value)
    return np.clip(np.outer(weather.gain, curved) * 255.0, 0, 255).astype(np.uint8)


def _unevenness(shape: tuple[int, ...], chance: Chance) -> NDArray[np.int32]:
    """Return a smooth gain per pixel, int32 [H, W] about 256: cloud shadows, dirt and the lens's falloff."""
    coarse = Image.fromarray(chance.bytes((6, 10))).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    amount = chance.between(0.02, 0.16)
    rows, columns = np.linspace(-1, 1, shape[0])[:, None], np.linspace(-1, 1, shape[1])[None, :]
    falloff = chance.between(0.0, 0.16) * (rows * rows + columns * columns)
    gain: NDArray[np.float64] = 256.0 * (1.0 + amount * (np.asarray(coarse) / 127.5 - 1.0) - falloff)
    return gain.astype(np.int32)


def _lens(image: Image.Image, chance: Chance) -> Image.Image:
    """Return *image* sharp, out of focus, or smeared sideways by motion."""
    kind = chance.pick(LENSES)
    if kind == "soft":
        return image.filter(ImageFilter.BoxBlur(chance.between(0.2, 0.5)))
    if kind == "moving":
        return image.filter(ImageFilter.BoxBlur((chance.between(0.4, 0.9), 0.0)))
    return image


def _sensor(shape: tuple[int, ...], sigma: float, chance: Chance) -> NDArray[np.int16]:
    """Return sensor noise int16 [H, W, 3]: two parts common to the channels, one part each its own."""
    step = int(sigma * 256 / 104)
    own = chance.bell(shape).astype(np.int32) * (step * 5 // 8)
    common = chance.bell(shape[:2]).astype(np.int32) * (step * 3 // 4)
    return ((own + common[..., None]) >> 8).astype(np.int16)
