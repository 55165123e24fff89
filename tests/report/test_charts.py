"""Chart geometry: where values fall, which ticks are chosen, how lines break, and what pictures cost."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from net2bit.errors import StageError
from net2bit.report import embed
from net2bit.report.charts import LogScale, Scale, around, line, nice
from net2bit.report.palette import colours, css
from net2bit.report.pictures import overlay, save, strip

numbers = st.floats(-1e3, 1e3).map(lambda value: round(value, 4))


@given(st.lists(numbers, min_size=1, max_size=9))
def test_a_scale_holds_its_values(values: list[float]) -> None:
    """Law: every value lies strictly inside the scale made around it, and so does every tick."""
    scale = around(values)
    assert all(0 < scale.at(value) < 100 for value in values)
    assert all(-0.01 <= scale.at(tick) <= 100.01 for tick in scale.ticks())
    assert 1 <= len(scale.ticks()) <= 7


@given(st.floats(1e-6, 10), st.floats(1.05, 1e5))
def test_a_logarithmic_scale_has_few_ticks_in_order(low: float, factor: float) -> None:
    """Law: ticks rise, lie on the axis and are at most six; the ends are at 0 and 100 per cent."""
    scale = LogScale(low, low * factor)
    ticks = scale.ticks()
    assert ticks == sorted(set(ticks))
    assert len(ticks) <= 6
    assert (scale.at(low), scale.at(low * factor)) == (0, pytest.approx(100))


@given(st.floats(1e-8, 1e8))
def test_nice_steps_are_one_two_or_five(step: float) -> None:
    """Law: a nice step is 1, 2 or 5 times a power of ten, not below the wish and less than 2.5 times it."""
    found = nice(step)
    assert step * (1 - 1e-6) <= found <= step * 2.5 * (1 + 1e-6)
    assert round(found / 10.0 ** np.floor(np.log10(found * (1 + 1e-9))), 6) in (1, 2, 5)


def test_no_values_still_make_a_scale() -> None:
    """A chart of nothing runs from 0 to 1."""
    assert around([None]) == Scale(0.0, 1.0)


def test_a_missing_value_breaks_the_line() -> None:
    """Absent classes leave a gap instead of a fall to zero."""
    assert line([0.0, None, 1.0, 0.5], Scale(0, 1)) == "M0.0 100.0M66.67 0.0L100.0 50.0"


def test_one_epoch_is_a_line_too() -> None:
    """A history of one epoch draws a point and divides by nothing."""
    assert line([0.5], Scale(0, 1)) == "M0.0 50.0"


@given(st.integers(0, 40))
def test_colours_of_classes_differ(count: int) -> None:
    """Law: no two classes share a colour, and the background is grey."""
    names = ["background", *map(str, range(count))]
    found = [css(colour) for colour in colours(names)]
    assert len(set(found)) == len(names)


def test_a_class_map_is_drawn_over_the_picture() -> None:
    """Classes tint, the background dims, and the shape stays."""
    image = np.full((2, 3, 3), 200, np.uint8)
    drawn = overlay(image, np.array([[0, 1, 1], [0, 0, 1]]), ["background", "car"])
    assert drawn.shape == image.shape
    assert len(set(drawn[0, 0].tolist())) == 1
    assert drawn[0, 1].tolist() != drawn[0, 0].tolist()
    assert drawn[0, 0].max() < 200


def test_a_strip_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Law 1: pictures carry no dates and no metadata."""
    panel = np.random.default_rng(0).integers(0, 256, (8, 16, 3)).astype(np.uint8)
    for name in ("a.png", "b.png"):
        save(strip({"input": panel, "truth": panel}, ["background", "car"]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as found:
        assert not found.info


def test_an_embedded_picture_is_narrowed(tmp_path: Path) -> None:
    """A wide picture is embedded at no more than 1600 pixels."""
    Image.new("RGB", (4000, 20), (200, 10, 10)).save(tmp_path / "wide.png")
    head, _, body = embed.uri(tmp_path / "wide.png").partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as found:
        assert found.size == (1600, 8)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    """A damaged picture is an error with its file name."""
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(StageError, match=r"bad\.png"):
        embed.uri(tmp_path / "bad.png")


def test_pictures_are_thinned_to_the_budget(tmp_path: Path) -> None:
    """Too many epochs are spread evenly, first and last kept, until they fit."""
    paths = [tmp_path / f"epoch_{index:03}.png" for index in range(9)]
    for path in paths:
        Image.new("RGB", (32, 32), (9, 9, 9)).save(path)
    each = len(embed.uri(paths[0]))
    assert [path.stem[-1] for path, _ in embed.spread(paths, 3 * each)] == ["0", "4", "8"]
    assert len(embed.spread(paths, 100 * each)) == 9
    assert embed.spread([], 10) == []
