"""The record of the epochs, its curve and its pictures."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from net2bit.report.metrics import confusion, scores
from net2bit.train.curve import draw_curve
from net2bit.train.history import Epoch, History, epoch_of
from net2bit.train.pictures import draw
from net2bit.train.previews import chosen

CLASSES = ["background", "person", "car", "road"]


def epoch(number: int, dice: float, person: float | None = 0.5) -> Epoch:
    by_class = {"mean": dice, **dict.fromkeys(CLASSES, dice), "person": person}
    return Epoch(number, 0.001, 1 / number, 1.2 / number, by_class, by_class, 0.9)


def past() -> History:
    return History([epoch(1, 0.3, None), epoch(2, 0.8), epoch(3, 0.8), epoch(4, 0.7)])


def test_best() -> None:
    """Of equally good epochs the first is the best, so that training on does not change the answer."""
    assert past().best.epoch == 2


def test_record() -> None:
    """Law: a history read back from JSON equals the one that was written."""
    assert History.of(json.loads(json.dumps(past().record))) == past()


def test_absent_class() -> None:
    """A class that occurs nowhere has no Dice and does not count in the mean."""
    labels = np.array([[0, 0, 2, 3]])
    found = epoch_of(1, (0.5, 0.6), 0.001, scores(confusion(labels, labels, 4)), CLASSES)
    assert found.val_dice["person"] is None
    assert found.score == 1.0


def test_curve(tmp_path: Path) -> None:
    """The curve is a picture whose bytes depend on the history alone, whatever the user's matplotlib is set to."""
    draw_curve(past(), CLASSES, tmp_path / "one.png")
    with mpl.rc_context({"lines.linewidth": 9, "figure.dpi": 30, "axes.facecolor": "red"}):
        draw_curve(past(), CLASSES, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    draw_curve(History([epoch(1, 0.3)]), CLASSES, tmp_path / "short.png")
    with Image.open(tmp_path / "one.png") as image:
        assert image.size == (1200, 480)
        assert "Software" not in image.info


@pytest.mark.parametrize(("images", "wanted", "expected"), [(64, 4, [0, 16, 32, 48]), (3, 4, [0, 1, 2]), (5, 0, []), (4, 4, [0, 1, 2, 3])])
def test_chosen(images: int, wanted: int, expected: list[int]) -> None:
    """The pictures drawn are spread evenly over the split, and as many as there are where there are few."""
    assert chosen(images, wanted) == expected


def test_picture(tmp_path: Path) -> None:
    """Truth and prediction are told apart in the picture: a wrong prediction changes its bytes, the same one does not."""
    image, truth = np.zeros((8, 16, 3), np.uint8), np.zeros((8, 16), np.uint8)
    right, wrong = truth.astype(np.int32), np.full((8, 16), 2, np.int32)
    for name, found in (("a", right), ("b", right), ("c", wrong)):
        draw([(image, truth, found), (image, truth, right)], CLASSES, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()
