"""Numbers for the page's charts: scales, ticks and lines in per cent of a box. The templates draw; nothing here knows HTML."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 5, 10)
WANTED = 4  # ticks on an axis, about
MOST = 6  # ticks on a logarithmic axis


@dataclass(frozen=True)
class Scale:
    """A linear axis from *low* to *high*, *low* below *high*."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return where *value* lies, in per cent from *low*; not clipped."""
        return round(100 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self) -> list[float]:
        """Return round values on the axis, lowest first."""
        step = nice((self.high - self.low) / WANTED)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 10) for index in range(first, last + 1)]


@dataclass(frozen=True)
class LogScale(Scale):
    """A logarithmic axis from *low* to *high*, both above zero."""

    def at(self, value: float) -> float:
        """Return where *value* lies, in per cent from *low*; not clipped."""
        return round(100 * math.log(value / self.low) / math.log(self.high / self.low), 2)

    def ticks(self) -> list[float]:
        """Return powers of ten on the axis, and their doubles and fivefolds where these are not too many."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        fine = [factor * 10.0**power for power in powers for factor in STEPS[:-1]]
        found = [round(value, 10) for value in fine if self.low <= value <= self.high]
        return found if len(found) <= MOST else found[:: -(-len(found) // MOST)]


def nice(step: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that is not below *step*."""
    power = math.floor(math.log10(step))
    return next(factor * 10.0**power for factor in STEPS if factor * 10.0**power >= step * (1 - 1e-9))


def around(values: Iterable[float | None], *, margin: float = 0.12, least: float = 0.01) -> Scale:
    """Return a scale that holds all *values* with a margin on both sides; at least *least* wide.

    Args:
        values: `None` is passed over; without any value the scale is 0 to 1.
        margin: Of the span, on each side.
        least: The smallest span.
    """
    known = [value for value in values if value is not None]
    if not known:
        return Scale(0.0, 1.0)
    low, high = min(known), max(known)
    pad = max(least - (high - low), 0) / 2 + margin * max(high - low, least)
    return Scale(low - pad, high + pad)


def line(values: Sequence[float | None], scale: Scale) -> str:
    """Return SVG path data in a 100 x 100 box for *values* spread over its width; a `None` breaks the line."""
    width = max(len(values) - 1, 1)
    path, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        path.append(f"{pen}{round(100 * index / width, 2)} {round(100 - scale.at(value), 2)}")
        pen = "L"
    return "".join(path)
