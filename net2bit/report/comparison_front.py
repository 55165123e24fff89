"""The Pareto front: the points that no other is at least as good as in every goal and better in one."""

from collections.abc import Sequence

from net2bit.report.comparison_points import Metric, Row


def front(costs: Sequence[Sequence[float]]) -> list[int]:
    """Return the places of the non-dominated points, in order; of points that are equal in every goal all are there.

    Sorted by their goals, a point can only be dominated by an earlier one, and then also by one of the front so far.

    Args:
        costs: One tuple of numbers for each point, less is better, all of one length.
    """
    ordered = sorted(range(len(costs)), key=lambda place: tuple(costs[place]))
    kept: list[int] = []
    for place in ordered:
        if not any(dominates(costs[other], costs[place]) for other in kept):
            kept.append(place)
    return sorted(kept)


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether *one* is at least as good as *other* in every goal and better in one; less is better."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def best(rows: Sequence[Row], goals: Sequence[Metric]) -> list[Row]:
    """Return the rows on the front of *goals*; a row that lacks one of them cannot be compared, and is not on it."""
    able = [row for row in rows if all(goal.name in row.metrics for goal in goals)] if goals else []
    return [able[place] for place in front([[-goal.sign * row.metrics[goal.name] for goal in goals] for row in able])]
