"""Reading and resizing PNG files."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from net2bit.data.pictures import fit_image, fit_labels, read_ids, read_rgb
from net2bit.errors import DataError

COLOURS = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)
GREY = COLOURS[..., 0]
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def _save(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_rgb_is_read_as_it_is(tmp_path: Path) -> None:
    """An RGB picture comes back pixel by pixel."""
    assert np.array_equal(read_rgb(_save(COLOURS, tmp_path / "a.png")), COLOURS)


def test_transparency_is_dropped(tmp_path: Path) -> None:
    """An RGBA picture keeps its colours, also under transparent pixels."""
    clear = np.dstack([COLOURS, np.zeros_like(GREY)])
    assert np.array_equal(read_rgb(_save(clear, tmp_path / "a.png")), COLOURS)


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    """A grey picture is a colour picture without colour."""
    assert np.array_equal(read_rgb(_save(GREY, tmp_path / "a.png")), np.dstack([GREY] * 3))


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    """A 16-bit picture is brought to 8 bits without wrapping around or clipping to white."""
    wide = GREY.astype(np.uint16) * 256 + 77
    assert np.array_equal(read_rgb(_save(wide, tmp_path / "a.png"))[..., 0], GREY)


def test_palette_labels_are_their_indices(tmp_path: Path) -> None:
    """A label picture with a palette for the eye holds the ids themselves, not the colours."""
    image = Image.fromarray(GREY % 34).convert("L")
    image.putpalette([7, 8, 9] * 256)
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_ids(tmp_path / "a.png"), GREY % 34)


def test_sixteen_bit_labels_with_small_ids_are_read(tmp_path: Path) -> None:
    """Ids stored in 16 bits are taken as they are when they fit a byte."""
    assert np.array_equal(read_ids(_save((GREY % 34).astype(np.uint16), tmp_path / "a.png")), GREY % 34)


@pytest.mark.parametrize("pixels", [COLOURS, np.dstack([COLOURS, GREY]), GREY.astype(np.uint16) * 300])
def test_colours_in_the_place_of_ids_are_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    """Label pictures of colours or of instance numbers are refused with a hint, and not mapped to nonsense."""
    with pytest.raises(DataError, match="one 8-bit channel") as caught:
        read_ids(_save(pixels, tmp_path / "a.png"))
    assert "label ids" in caught.value.remedy


def test_a_missing_file_is_a_data_error(tmp_path: Path) -> None:
    """A file that vanished between listing and reading is named, without a traceback's text."""
    with pytest.raises(DataError, match="No such file") as caught:
        read_rgb(tmp_path / "gone.png")
    assert caught.value.where == str(tmp_path / "gone.png")


def test_the_reason_does_not_hold_the_path(tmp_path: Path) -> None:
    """What goes into dataset.json is the same wherever the data set lies."""
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        read_rgb(tmp_path / "a.png")
    assert str(tmp_path) not in caught.value.what


def _png() -> bytes:
    store = io.BytesIO()
    Image.fromarray(COLOURS.repeat(4, 0).repeat(4, 1)).save(store, "PNG")
    return store.getvalue()


PNG = _png()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(PNG) - 1))
def test_every_truncation_is_a_data_error_or_harmless(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    """Law: a PNG cut at any byte is refused as a DataError, or yields all pixels when only its end mark is lost."""
    path = tmp_path_factory.getbasetemp() / "cut.png"
    path.write_bytes(PNG[:length])
    try:
        assert np.array_equal(read_rgb(path), COLOURS.repeat(4, 0).repeat(4, 1))
    except DataError as error:
        assert error.where == str(path)  # noqa: PT017 - either outcome is lawful


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(PNG) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_escapes_as_another_error(tmp_path_factory: pytest.TempPathFactory, hits: list[tuple[int, int]]) -> None:
    """Law: a PNG with any bytes overwritten is read or refused as a DataError; nothing else is raised."""
    spoilt = bytearray(PNG)
    for place, value in hits:
        spoilt[place] = value
    path = tmp_path_factory.getbasetemp() / "spoilt.png"
    path.write_bytes(bytes(spoilt))
    for read in (read_rgb, read_ids):
        try:
            read(path)
        except DataError as error:
            assert error.remedy  # noqa: PT017 - either outcome is lawful


@given(arrays(np.uint8, SIZES), SIZES)
def test_resizing_labels_invents_none(labels: np.ndarray, size: tuple[int, int]) -> None:
    """Law: resized labels have the size asked for and hold only labels that were there."""
    fitted = fit_labels(labels, size)
    assert fitted.shape == size
    assert set(np.unique(fitted)) <= set(np.unique(labels))


@given(arrays(np.uint8, SIZES), st.integers(1, 4))
def test_enlarging_labels_whole_times_repeats_them(labels: np.ndarray, times: int) -> None:
    """Law: enlarging k times makes k x k blocks, and shrinking those back gives the original."""
    large = fit_labels(labels, (labels.shape[0] * times, labels.shape[1] * times))
    assert np.array_equal(large, labels.repeat(times, 0).repeat(times, 1))
    assert np.array_equal(fit_labels(large, labels.shape), labels)


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 4), st.data())
def test_shrinking_a_picture_takes_the_mean_of_its_area(height: int, width: int, times: int, data: st.DataObject) -> None:
    """Law: shrinking k times gives each k x k block's mean, to within rounding."""
    image = data.draw(arrays(np.uint8, (height * times, width * times, 3)))
    blocks = image.reshape(height, times, width, times, 3).mean((1, 3))
    assert np.abs(fit_image(image, (height, width)) - blocks).max() <= 1.0


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))), SIZES)
def test_resizing_a_picture_stays_in_its_range(image: np.ndarray, size: tuple[int, int]) -> None:
    """Law: a resized picture has the size asked for and no value beyond the original's darkest and brightest."""
    fitted = fit_image(image, size)
    assert fitted.shape == (*size, 3)
    assert image.min() <= fitted.min()
    assert fitted.max() <= image.max()
