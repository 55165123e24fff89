"""Counting one rung: streams add up, differences are the largest seen, and nonsense is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from net2bit.errors import StageError
from net2bit.report.forms import Form, batch_size
from net2bit.report.tally import TOLERANCE, Answer, Tally
from net2bit.report.verify import spread, worst_image
from net2bit.xir import build
from net2bit.xir.graph import Graph

NAMES = ["a", "b", "c"]


def _form(name: str = "frozen", step: str = "rounding") -> Form:
    return Form(name, "a form", "frozen.pb", ("freeze",), step, lambda x: x)


def _logits(seed: int, images: int = 5) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, (images, 4, 6)).astype(np.uint8), rng.normal(size=(images, 4, 6, 3)).astype(np.float32)


def _add(tally: Tally, truth: NDArray[np.uint8], *logits: NDArray[np.float32]) -> None:
    tally.add(truth, *map(Answer.of, logits))


@given(st.integers(0, 99), st.integers(1, 5))
def test_batches_add_up(seed: int, batch: int) -> None:
    """Law: a rung does not depend on how the images were cut into batches."""
    truth, logits = _logits(seed)
    other = logits + np.float32(0.01)
    other[0, 0, 0, 0] += 3
    whole, parts = Tally(_form(), 3), Tally(_form(), 3)
    _add(whole, truth, logits, other, other)
    for at in range(0, len(truth), batch):
        part = slice(at, at + batch)
        _add(parts, truth[part], logits[part], other[part], other[part])
    assert parts.rung(NAMES, parts) == whole.rung(NAMES, whole)


def test_differences_are_the_largest_against_each() -> None:
    """The previous rung and the float rung are compared separately."""
    truth, logits = _logits(0)
    tally = Tally(_form(), 3)
    _add(tally, truth, logits, logits + np.float32(0.5), logits - np.float32(2))
    rung = tally.rung(NAMES, tally)
    assert rung.difference == pytest.approx({"previous": 0.5, "float": 2.0}, rel=1e-5)
    assert rung.agreement == {"previous": 1.0, "float": 1.0}
    assert rung.drop == 0


@pytest.mark.parametrize(
    ("step", "off", "held"), [("rounding", 1e-5, True), ("rounding", 0.1, False), ("nothing", 1e-6, False), ("", 9, True)]
)
def test_what_a_step_may_change(step: str, off: float, *, held: bool) -> None:
    """A conversion may round, lowering may change nothing, quantization may do what the gate allows."""
    truth, logits = _logits(1)
    tally = Tally(_form(step=step), 3)
    _add(tally, truth, logits, logits + np.float32(off), logits)
    rung = tally.rung(NAMES, tally)
    assert rung.held is held
    if step == "rounding":
        assert rung.bound == pytest.approx(TOLERANCE * np.abs(logits).max(), rel=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_an_error(bad: float) -> None:
    """A diverged network is named with a remedy, instead of a ladder of NaN."""
    truth, logits = _logits(2)
    logits[0, 1, 2, 0] = bad
    with pytest.raises(StageError, match="'frozen' gives logits that are not finite") as caught:
        _add(Tally(_form(), 3), truth, logits, logits, logits)
    assert "learning_rate" in caught.value.remedy


def test_forms_of_different_shape_are_refused() -> None:
    """A form with another number of classes or another size is not compared."""
    truth, logits = _logits(3)
    with pytest.raises(StageError, match="logits of shape"):
        _add(Tally(_form(), 3), truth, logits[..., :2], logits, logits)


def test_the_first_of_equal_logits_wins() -> None:
    """A tie goes to the lower class, as the post-processing on a board does it."""
    assert Answer.of(np.zeros((1, 1, 1, 3), np.float32)).classes.item() == 0


def test_the_worst_image_is_found() -> None:
    """The image with the lowest mean Dice is the one that is shown."""
    truth = np.arange(3 * 8).reshape(3, 2, 4).astype(np.uint8) % 3
    logits = np.eye(3, dtype=np.float32)[truth]
    logits[1] = logits[1, ..., ::-1]
    tally = Tally(_form(), 3)
    _add(tally, truth, logits, logits, logits)
    assert worst_image(tally) == 1
    assert tally.dice_of(0) == 1.0


@given(st.integers(1, 200), st.integers(2, 6))
def test_pictures_are_spread_from_first_to_last(count: int, wanted: int) -> None:
    """Law: the chosen images are distinct, in order, and hold the first and the last."""
    found = spread(count, wanted)
    assert len(found) == min(count, wanted)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (0, count - 1)


def test_large_maps_get_smaller_batches() -> None:
    """Memory stays flat: the batch shrinks as the largest feature map grows, and never below one image."""
    small, large = Graph("small"), Graph("large")
    build.data(small, "x", (1, 8, 8, 3))
    build.data(large, "x", (1, 4096, 4096, 64))
    assert batch_size(8, small) == 8
    assert batch_size(8, large) == 1
