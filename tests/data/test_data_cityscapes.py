"""The Cityscapes adapter: what it finds, and how it says what is wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from data_town import Town

from net2bit.data.adapters import cityscapes
from net2bit.errors import DataError


def _fault(root: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        cityscapes.find(root)
    assert caught.value.where
    assert caught.value.remedy
    return caught.value


def test_pairs_are_found_by_split_and_sorted(town: Town) -> None:
    """Both splits are found with their pairs in the order of their names, whatever the folders' order."""
    found = cityscapes.find(town.root)
    assert list(found) == ["train", "val"]
    names = [pair.name for pair in found["train"].pairs]
    assert names == [f"{n}_000019" for n in ("aach_000001", "aach_000002", "bonn_000001", "bonn_000002")]
    assert all(pair.image == town.image(pair.name[:-7]) and pair.label == town.label(pair.name[:-7]) for pair in found["train"].pairs)
    assert not found["train"].bad


def test_a_pair_is_read_whole(town: Town) -> None:
    """A pair gives RGB and ids as they are in the files, at their own size."""
    ids = np.full((32, 64), 26, np.uint8)
    town.add("aach_000001", label=ids)
    sample = cityscapes.read(cityscapes.find(town.root)["train"].pairs[0])
    assert sample.image.shape == (32, 64, 3)
    assert np.array_equal(sample.labels, ids)


def test_other_files_are_ignored(town: Town) -> None:
    """Hidden files, instance pictures, polygons and the test split are none of the adapter's business."""
    folder = town.label("aach_000001").parent
    for name in (
        "._aach_000001_000019_gtFine_labelIds.png",
        "aach_000001_000019_gtFine_instanceIds.png",
        "aach_000001_000019_gtFine_polygons.json",
    ):
        (folder / name).write_bytes(b"")
    (town.image("aach_000001").parent / "._aach_000009_000019_leftImg8bit.png").write_bytes(b"")
    town.add("trier_000001", "test")
    found = cityscapes.find(town.root)
    assert len(found["train"].pairs) == 4
    assert not found["train"].bad


def test_a_picture_without_labels_is_named(town: Town) -> None:
    """A picture whose labels are missing is listed as bad with the file that is expected."""
    town.label("aach_000002").unlink()
    split = cityscapes.find(town.root)["train"]
    assert len(split.pairs) == 3
    error = split.bad["aach_000002_000019"]
    assert error.what == "the picture aach_000002_000019_leftImg8bit.png has no labels"
    assert "gtFine/train/aach/aach_000002_000019_gtFine_labelIds.png" in error.remedy


def test_labels_without_a_picture_are_named(town: Town) -> None:
    """Labels whose picture is missing are listed as bad with the file that is expected."""
    town.image("ulm_000001", "val").unlink()
    error = cityscapes.find(town.root)["val"].bad["ulm_000001_000019"]
    assert error.what == "the label picture ulm_000001_000019_gtFine_labelIds.png has no picture"
    assert "leftImg8bit/val/ulm/ulm_000001_000019_leftImg8bit.png" in error.remedy


def test_sizes_that_differ_are_refused(town: Town) -> None:
    """Labels of another size than their picture are an error that states both sizes."""
    town.add("aach_000001", label=np.full((16, 64), 7, np.uint8))
    with pytest.raises(DataError, match=r"differ in size: 64x32 and 64x16"):
        cityscapes.read(cityscapes.find(town.root)["train"].pairs[0])


def test_one_name_in_two_cities_is_refused(town: Town) -> None:
    """Two files of one name would hide each other; the error names both."""
    twin = town.image("aach_000001").parent.parent / "bonn" / town.image("aach_000001").name
    shutil.copy(town.image("aach_000001"), twin)
    error = _fault(town.root)
    assert "aach_000001_000019_leftImg8bit.png" in error.what
    assert str(twin) in error.where


def test_a_missing_root_is_said(tmp_path: Path) -> None:
    """A folder that does not exist is told from one with other content."""
    assert "does not exist" in _fault(tmp_path / "none").what


def test_an_empty_folder_is_no_layout(tmp_path: Path) -> None:
    """An empty folder is refused with the layout that is expected."""
    error = _fault(tmp_path)
    assert error.what == "no Cityscapes layout: leftImg8bit and gtFine not found"
    assert "gtFine/<split>/<city>/*_gtFine_labelIds.png" in error.remedy


@pytest.mark.parametrize("inner", ["leftImg8bit", "gtFine", "leftImg8bit/train", "gtFine/train/aach"])
def test_a_root_too_deep_suggests_the_right_one(town: Town, inner: str) -> None:
    """Pointing at a folder inside the data set suggests the data set itself."""
    assert _fault(town.root / inner).suggestion == f"dataset.root={town.root}"


def test_a_root_too_high_suggests_the_right_one(town: Town) -> None:
    """Pointing at the folder around the data set suggests the data set itself."""
    assert _fault(town.root.parent).suggestion == f"dataset.root={town.root}"


def test_a_similar_folder_is_pointed_out(town: Town) -> None:
    """Coarse annotations in the place of fine ones, or other letter case, are recognised as the near miss."""
    (town.root / "gtFine").rename(town.root / "gtfine")
    assert _fault(town.root).suggestion == "gtfine in the place of gtFine"


@pytest.mark.parametrize("folder", ["leftImg8bit", "gtFine"])
def test_a_split_without_one_kind_is_refused(town: Town, folder: str) -> None:
    """A split of pictures only, or of labels only, is one error and not one per file."""
    shutil.rmtree(town.root / folder / "val")
    error = _fault(town.root)
    assert "the split 'val' is missing" in error.what
    assert error.where == str(town.root / folder / "val")


def test_an_empty_split_is_refused(town: Town) -> None:
    """A split whose folders are there but hold nothing is called empty."""
    for folder in ("leftImg8bit", "gtFine"):
        shutil.rmtree(town.root / folder / "val")
        (town.root / folder / "val").mkdir()
    assert "the split 'val' is empty: it has no pictures and no labels" in _fault(town.root).what


def test_a_misnamed_split_is_suggested(town: Town) -> None:
    """A split folder with a similar name is pointed out."""
    (town.root / "leftImg8bit" / "val").rename(town.root / "leftImg8bit" / "vali")
    assert _fault(town.root).suggestion == "vali"


def test_labels_of_another_encoding_are_recognised(town: Town) -> None:
    """Train ids in the place of label ids are named as what is there instead."""
    for path in list((town.root / "gtFine" / "val").rglob("*.png")):
        path.rename(path.with_name(path.name.replace("labelIds", "labelTrainIds")))
    assert "ulm_000001_000019_gtFine_labelTrainIds.png is there" in _fault(town.root).suggestion


def test_pictures_without_city_folders_are_recognised(town: Town) -> None:
    """Pictures lying directly in the split's folder get the hint to put them into a city's."""
    folder = town.root / "leftImg8bit" / "val"
    for path in list(folder.rglob("*.png")):
        path.rename(folder / path.name)
    assert "into a folder named after its city" in _fault(town.root).suggestion
