"""Laws of the metrics, and what they say about classes that are not there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from net2bit.errors import DataError
from net2bit.report.metrics import confusion, mean, scores

CLASSES = 4
Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
maps = st.tuples(*[arrays(np.uint8, (3, 5), elements=st.integers(0, CLASSES - 1))] * 2)


@given(maps)
def test_dice_is_the_set_formula(pair: Pair) -> None:
    """Law: Dice and IoU of a class equal their definitions on the sets of its pixels."""
    truth, predicted = pair
    got = scores(confusion(truth, predicted, CLASSES))
    for index in range(CLASSES):
        true, found = truth == index, predicted == index
        both, either = int((true & found).sum()), int((true | found).sum())
        size = int(true.sum() + found.sum())
        assert got.dice.classes[index] == (2 * both / size if size else None)
        assert got.iou.classes[index] == (both / either if either else None)


@given(maps)
def test_iou_follows_from_dice(pair: Pair) -> None:
    """Law: IoU = Dice / (2 - Dice), so the two never disagree about which class is worst."""
    got = scores(confusion(*pair, CLASSES))
    for dice, iou in zip(got.dice.classes, got.iou.classes, strict=True):
        assert (dice is None) == (iou is None)
        if dice is not None and iou is not None:
            assert iou == pytest.approx(dice / (2 - dice))


@given(maps)
def test_swapping_truth_and_prediction_changes_no_score(pair: Pair) -> None:
    """Law: the matrix is transposed when truth and prediction trade places, and every score stays."""
    truth, predicted = pair
    forward, backward = confusion(truth, predicted, CLASSES), confusion(predicted, truth, CLASSES)
    assert np.array_equal(forward, backward.T)
    assert scores(forward) == scores(backward)


@given(maps, maps)
def test_matrices_add_up(first: Pair, second: Pair) -> None:
    """Law: the matrix of two batches is the sum of theirs, which is what lets the ladder stream."""
    together = confusion(np.stack([first[0], second[0]]), np.stack([first[1], second[1]]), CLASSES)
    assert np.array_equal(together, confusion(*first, CLASSES) + confusion(*second, CLASSES))


@given(maps, st.permutations(range(CLASSES)))
def test_mean_does_not_depend_on_the_order_of_classes(pair: Pair, order: list[int]) -> None:
    """Law: renumbering the classes permutes the scores and keeps the mean."""
    table = np.asarray(order, np.uint8)
    plain, renamed = (scores(confusion(a, b, CLASSES)) for a, b in (pair, (table[pair[0]], table[pair[1]])))
    assert [renamed.dice.classes[order[index]] for index in range(CLASSES)] == list(plain.dice.classes)
    assert renamed.dice.mean == pytest.approx(plain.dice.mean)


@given(maps)
def test_scores_stay_between_zero_and_one(pair: Pair) -> None:
    """Law: every score is in [0, 1] and IoU is never above Dice."""
    got = scores(confusion(*pair, CLASSES))
    assert got.accuracy is not None
    assert 0 <= got.accuracy <= 1
    for dice, iou in zip((*got.dice.classes, got.dice.mean), (*got.iou.classes, got.iou.mean), strict=True):
        assert dice is None or (iou is not None and 0 <= iou <= dice <= 1)


def test_a_perfect_prediction_scores_one() -> None:
    """A prediction equal to the truth has 1 everywhere."""
    truth = np.arange(12, dtype=np.uint8).reshape(3, 4) % CLASSES
    got = scores(confusion(truth, truth, CLASSES))
    assert got.dice.classes == (1.0,) * CLASSES
    assert (got.dice.mean, got.iou.mean, got.accuracy) == (1.0, 1.0, 1.0)


def test_an_absent_class_is_none_and_left_out_of_the_mean() -> None:
    """A class in neither map has no score and does not pull the mean to 0 or 1."""
    got = scores(confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3))
    assert got.dice.classes == (2 / 3, 2 / 3, None)
    assert got.dice.mean == pytest.approx(2 / 3)


def test_a_class_only_predicted_counts_as_zero() -> None:
    """Seeing a class that is nowhere in the truth is a fault, not an absence."""
    got = scores(confusion(np.array([0, 0]), np.array([0, 2]), 3))
    assert got.dice.classes == (2 / 3, None, 0.0)


def test_no_pixels_give_none_not_nan() -> None:
    """An empty set has no scores at all, and no division by zero."""
    got = scores(confusion(np.empty(0, np.uint8), np.empty(0, np.uint8), 2))
    assert (got.dice.mean, got.iou.mean, got.accuracy) == (None, None, None)
    assert mean([]) is None


@pytest.mark.parametrize(
    ("truth", "predicted", "said"),
    [([0, 7], [0, 0], "truth holds class 7"), ([0, 0], [0, -1], "prediction holds class -1")],
)
def test_a_class_outside_the_list_is_named(truth: list[int], predicted: list[int], said: str) -> None:
    """An index without a class is an error that names it, never a silent wrong cell."""
    with pytest.raises(DataError, match=said):
        confusion(np.array(truth), np.array(predicted), 2)


def test_maps_of_different_shape_are_refused() -> None:
    """Truth and prediction must cover the same pixels."""
    with pytest.raises(DataError, match=r"\[2\].*\[3\]"):
        confusion(np.zeros(2, int), np.zeros(3, int), 2)
