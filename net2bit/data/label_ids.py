"""The label ids of Cityscapes, the one vocabulary that pictures, adapters and generators share.

Source: the published class table of the Cityscapes data set (34 ids from 0 to 33, and -1 for licence plates, which the
8-bit label pictures store as 255 where they store it at all).
"""

from typing import Final

NAMES: Final = (
    "unlabeled",
    "ego vehicle",
    "rectification border",
    "out of roi",
    "static",
    "dynamic",
    "ground",
    "road",
    "sidewalk",
    "parking",
    "rail track",
    "building",
    "wall",
    "fence",
    "guard rail",
    "bridge",
    "tunnel",
    "pole",
    "polegroup",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "caravan",
    "trailer",
    "train",
    "motorcycle",
    "bicycle",
)
"""Name of every non-negative id, in order."""

LICENCE_PLATE: Final = -1
KNOWN: Final = frozenset(range(LICENCE_PLATE, len(NAMES)))
"""Every id that a configuration may name."""

EGO_VEHICLE: Final = 1
STATIC: Final = 4
ROAD: Final = 7
SIDEWALK: Final = 8
BUILDING: Final = 11
WALL: Final = 12
FENCE: Final = 13
POLE: Final = 17
TRAFFIC_LIGHT: Final = 19
TRAFFIC_SIGN: Final = 20
VEGETATION: Final = 21
TERRAIN: Final = 22
SKY: Final = 23
PERSON: Final = 24
RIDER: Final = 25
CAR: Final = 26
BICYCLE: Final = 33


def stored(label_id: int) -> int:
    """Return the byte that an 8-bit label picture holds for *label_id*."""
    return label_id % 256
