"""Goals and limits: how they are written, what they mean, what they refuse."""

import pytest

from net2bit.errors import ConfigError
from net2bit.sweep.search.goals import Goal, Limit, distinct, front, goal, limit


def test_a_goal_has_the_metrics_own_direction() -> None:
    """Without a direction, a goal is made better the way that its metric is better."""
    assert goal("fps") == Goal("fps", "max")
    assert goal("resources.dsp") == Goal("resources.dsp", "min")
    assert goal("latency:max") == Goal("latency", "max")
    assert goal("accuracy.int8.dice.person") == Goal("accuracy.int8.dice.person", "max")
    assert goal("train.val_dice:max") == Goal("train.val_dice", "max")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("accuracy.int8.dic:max", "accuracy.int8.dice"),
        ("dsp:min", "resources.dsp"),
        ("fps:up", "not 'up'"),
        ("train.val_dice", "which way"),
        ("resources.dsps:min", "resources.dsp"),
    ],
)
def test_a_goal_that_is_none_is_refused(text: str, says: str) -> None:
    """The error names the near miss, or what is missing."""
    with pytest.raises(ConfigError) as caught:
        goal(text)
    assert says in str(caught.value)


def test_a_goal_twice_is_refused() -> None:
    """One metric is one goal."""
    with pytest.raises(ConfigError, match="twice"):
        distinct([Goal("fps", "max"), Goal("fps", "min")])


@pytest.mark.parametrize(
    ("text", "holds", "breaks"), [("fps >= 30", 30, 29), ("fps>30", 31, 30), ("latency <= 5", 5, 5.1), ("latency<5", 4, 5)]
)
def test_limits_mean_what_they_say(text: str, holds: float, breaks: float) -> None:
    """The bound itself is within where the sign says so; only what is beyond has an excess."""
    found = limit(text)
    assert found.holds(holds)
    assert not found.holds(breaks)
    assert found.excess(holds) == 0 < found.excess(breaks)


def test_excess_is_a_share_of_the_bound() -> None:
    """Limits in different units weigh alike."""
    assert limit("resources.dsp <= 300").excess(330) == pytest.approx(0.1)
    assert limit("accuracy.drop <= 0").excess(0.5) == 0.5


@pytest.mark.parametrize("text", ["fps", "fps = 3", "fps <= many", "<= 3", "fps <= 3 <= 4"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    """The error shows how a limit is written."""
    with pytest.raises(ConfigError, match="is no limit"):
        limit(text)


def test_the_front_is_what_nothing_beats() -> None:
    """A point is on the front unless another is better in one goal and as good in all; equals stand side by side."""
    goals = [Goal("fps", "max"), Goal("resources.dsp", "min")]
    assert front(goals, {0: [10, 5], 1: [10, 6], 2: [20, 9], 3: [20, 9], 4: [5, 1], 5: [19, 10]}) == [0, 2, 3, 4]
    assert str(Limit("fps", "<=", 30.0)) == "fps <= 30"
