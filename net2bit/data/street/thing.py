"""What stands in a street."""

from collections.abc import Callable
from dataclasses import dataclass

from net2bit.data.street.canvas import Canvas, Point


@dataclass(frozen=True)
class Thing:
    """Something upright, painted in the order of its distance.

    Attributes:
        ahead: Metres from the camera to its nearest part that matters for the order.
        paint: Paints it.
        base: The corners of what it covers of the ground.
        height: Metres; how long a shadow it throws.
    """

    ahead: float
    paint: Callable[[Canvas], None]
    base: list[Point]
    height: float


def shadow(thing: Thing, lean: tuple[float, float]) -> list[list[Point]]:
    """Return the ground that *thing* shades when the sun leans by (right, ahead) metres per metre of height."""
    away = [(x + lean[0] * thing.height, 0.0, z + lean[1] * thing.height) for x, _, z in thing.base]
    ring = list(zip(thing.base, away, strict=True))
    sides = [[a[0], b[0], b[1], a[1]] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    return [thing.base, away, *sides]
