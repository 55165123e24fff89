"""Where the labels of points stand: beside their points where there is room, at the end of a thin line where there is some further away."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from net2bit.report.comparison_ink import Mark, Path, Shape, Spot, Words, box, meet, room

Box = Sequence[float]
SIZE: Final = 12.0
MOST: Final = 40
_AROUND: Final = (
    (1, 0),
    (-1, 0),
    (0, -1),
    (0, 1),
    (0.8, -0.8),
    (-0.8, -0.8),
    (0.8, 0.8),
    (-0.8, 0.8),
    (1, -0.5),
    (-1, -0.5),
    (0.3, -1),
    (-0.3, -1),
)
_AWAY: Final = (5.0, 14.0, 26.0, 42.0, 64.0, 90.0)
"""Directions and distances from a point, the best first."""
_CLOSE: Final = 10.0  # a label so close needs no line
_GRAIN: Final = 3.0  # a line is kept clear in pieces of this length


def labels(wanted: Iterable[tuple[Mark, str]], marks: Iterable[Mark], line: Sequence[Spot], frame: Box) -> tuple[list[Shape], int]:
    """Return the labels for which there is room, and how many have none.

    Args:
        wanted: Points and what to call them, the most important first.
        marks: All points: none is covered.
        line: What joins points; it is not covered either. Its pieces are level or upright.
        frame: Left, top, right and bottom of the room there is.
    """
    called = _called(wanted)
    chosen = _spread(called)
    solid = [*map(box, marks), *(_thin(one, other) for one, other in pairwise(line))]
    named = [mark for mark, _ in chosen]
    texts: list[Box] = []  # labels, and the lines to them, which may cross points without a name but no label
    said: list[Shape] = []
    missed = len(called) - len(chosen)
    for mark, text in chosen:
        others = [other for other in named if other is not mark]
        able = (one for one in _places(mark, text) if _inside(room(one), frame) and not meet(room(one), solid))
        found = next((one for one in able if _plain(one, mark, others) and _free(one, mark, others, texts)), None)
        if found is None:
            missed += 1
            continue
        leader = list(_leader(mark, found))
        texts += [room(found), *(piece for path in leader for piece in _pieces(path))]
        said += [*leader, found]
    return said, missed


def _called(wanted: Iterable[tuple[Mark, str]]) -> list[tuple[Mark, str]]:
    """Return each place once: points that lie on one another share a label."""
    places: dict[Spot, list[tuple[Mark, str]]] = {}
    for mark, text in wanted:
        places.setdefault(mark.at, []).append((mark, text))
    return [(found[0][0], found[0][1] + (f" and {len(found) - 1} more" if len(found) > 1 else "")) for found in places.values()]


def _spread(called: Sequence[tuple[Mark, str]]) -> Sequence[tuple[Mark, str]]:
    """Return as many as anybody reads, evenly spread, the first and the last among them."""
    if len(called) <= MOST:
        return called
    return [called[round(at * (len(called) - 1) / (MOST - 1))] for at in range(MOST)]


def _thin(one: Spot, other: Spot) -> Box:
    """Return the box of a level or upright line."""
    return min(one[0], other[0]) - 1, min(one[1], other[1]) - 1, max(one[0], other[0]) + 1, max(one[1], other[1]) + 1


def _places(mark: Mark, text: str) -> Iterator[Words]:
    """Yield where a mark's label could stand, the best first."""
    for away in _AWAY:
        for x, y in _AROUND:
            reach = mark.radius + away
            anchor = "start" if x > 0 else "end" if x < 0 else "middle"
            drop = 4.0 if y == 0 else 10.0 if y > 0 else -1.0
            yield Words((mark.at[0] + x * reach, mark.at[1] + y * reach + drop), text, "ink", SIZE, anchor)


def _inside(found: Box, frame: Box) -> bool:
    return found[0] >= frame[0] and found[1] >= frame[1] and found[2] <= frame[2] and found[3] <= frame[3]


def _plain(words: Words, mark: Mark, others: Sequence[Mark]) -> bool:
    """Return whether a label is nearer to its own point than to another that has one."""
    return all(_apart(mark, words) <= _apart(other, words) for other in others)


def _free(words: Words, mark: Mark, others: Sequence[Mark], texts: Sequence[Box]) -> bool:
    """Return whether a label and the line to it keep clear of what was said before, and the line of other points with labels."""
    pieces = [piece for path in _leader(mark, words) for piece in _pieces(path)]
    return not meet(room(words), texts) and not any(meet(piece, texts) or meet(piece, map(box, others)) for piece in pieces)


def _near(mark: Mark, words: Words) -> Spot:
    """Return the spot of a label that is nearest to a point."""
    left, top, right, bottom = room(words)
    return min(max(mark.at[0], left), right), min(max(mark.at[1], top), bottom)


def _apart(mark: Mark, words: Words) -> float:
    return math.dist(mark.at, _near(mark, words)) - mark.radius


def _leader(mark: Mark, words: Words) -> Iterator[Path]:
    """Yield a thin line from a mark to its label where they are apart."""
    apart = _apart(mark, words)
    if apart > _CLOSE:
        near = _near(mark, words)
        yield Path((_between(mark.at, near, mark.radius / (apart + mark.radius)), near), "axis")


def _between(one: Spot, other: Spot, share: float) -> Spot:
    return one[0] + share * (other[0] - one[0]), one[1] + share * (other[1] - one[1])


def _pieces(path: Path) -> Iterator[Box]:
    """Yield small boxes along a line."""
    one, other = path.spots
    count = max(round(math.dist(one, other) / _GRAIN), 1)
    for x, y in (_between(one, other, at / count) for at in range(count)):
        yield x - 1, y - 1, x + 1, y + 1
