"""The Pareto front against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from net2bit.report.comparison_front import best, dominates, front
from net2bit.report.comparison_points import Metric, Row

VALUES = st.integers(0, 4).map(float) | st.floats(-1e6, 1e6)  # few values: many ties


def brute(costs: list[tuple[float, ...]]) -> list[int]:
    """Return the front by its definition."""
    return [
        place
        for place, one in enumerate(costs)
        if not any(
            all(a <= b for a, b in zip(other, one, strict=True)) and any(a < b for a, b in zip(other, one, strict=True)) for other in costs
        )
    ]


@given(st.integers(1, 4).flatmap(lambda goals: st.lists(st.tuples(*[VALUES] * goals), max_size=40)))
def test_front_is_what_nothing_dominates(costs: list[tuple[float, ...]]) -> None:
    """Law: a point is on the front exactly if no other is at least as good everywhere and better somewhere, ties included."""
    assert front(costs) == brute(costs)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30))
def test_every_point_off_the_front_is_dominated_by_one_on_it(costs: list[tuple[float, float]]) -> None:
    """Law: the front is never empty, and dominates all the rest."""
    kept = front(costs)
    assert kept
    for place in set(range(len(costs))) - set(kept):
        assert any(dominates(costs[one], costs[place]) for one in kept)


def row(number: int, **metrics: float) -> Row:
    """Return a point with these figures."""
    return Row(number, f"p{number}", "done", "", {}, metrics)


def test_directions_of_the_goals() -> None:
    """More of one goal and less of the other is better, as the metrics say; equal points are both on the front."""
    goals = (Metric("fps", "fps", better="max"), Metric("dsp", "dsp", better="min"))
    rows = [row(0, fps=10, dsp=100), row(1, fps=20, dsp=100), row(2, fps=20, dsp=100), row(3, fps=5, dsp=50), row(4, fps=30, dsp=300)]
    assert [one.number for one in best(rows, goals)] == [1, 2, 3, 4]


def test_a_point_without_a_goal_is_not_on_the_front() -> None:
    """A point that lacks a figure is neither on the front nor keeps another off it; without goals there is no front."""
    goals = (Metric("fps", "fps", better="max"), Metric("dsp", "dsp", better="min"))
    assert [one.number for one in best([row(0, fps=99), row(1, fps=1, dsp=1)], goals)] == [1]
    assert best([row(0, fps=99)], ()) == []
