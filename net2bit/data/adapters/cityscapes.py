"""The layout of Cityscapes.

    leftImg8bit/{train,val}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
    gtFine/{train,val}/<city>/<city>_<sequence>_<frame>_gtFine_labelIds.png

Source: the data set's own documentation of its archives leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip.
"""

from pathlib import Path
from typing import Final

from net2bit.data import label_ids
from net2bit.data.pictures import read_ids, read_rgb
from net2bit.data.samples import SPLITS, Pair, Sample, Split
from net2bit.errors import DataError, near

KNOWN_IDS: Final = label_ids.KNOWN
IMAGES: Final = "leftImg8bit"
LABELS: Final = "gtFine"
IMAGE_TAIL: Final = "_leftImg8bit.png"
LABEL_TAIL: Final = "_gtFine_labelIds.png"
LAYOUT: Final = f"{IMAGES}/<split>/<city>/*{IMAGE_TAIL} and {LABELS}/<split>/<city>/*{LABEL_TAIL}"


def find(root: Path) -> dict[str, Split]:
    """Return the train and the val split under *root*.

    Raises:
        DataError: *root* or one of its two folders is missing, or a split has no picture at all.
    """
    _check_root(root)
    return {split: _find_split(root, split) for split in SPLITS}


def read(pair: Pair) -> Sample:
    """Read a picture and its label ids.

    Raises:
        DataError: A file is damaged, is of a kind that cannot be used, or the two differ in size.
    """
    image, ids = read_rgb(pair.image), read_ids(pair.label)
    if image.shape[:2] != ids.shape:
        raise DataError(
            f"picture and labels of {pair.name} differ in size: {_size(image.shape)} and {_size(ids.shape)} (width x height)",
            where=str(pair.label),
            remedy="labels must cover their picture pixel by pixel; take both from the same release of the data set",
        )
    return Sample(image, ids)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _find_split(root: Path, split: str) -> Split:
    images = _files(root / IMAGES / split, IMAGE_TAIL)
    labels = _files(root / LABELS / split, LABEL_TAIL)
    if not images or not labels:
        raise _empty(root, split, [kind for kind, files in ((IMAGES, images), (LABELS, labels)) if not files])
    pairs = [Pair(name, images[name], labels[name]) for name in sorted(images.keys() & labels.keys())]
    bad = {name: _lonely("the picture", "labels", images[name], name, LABELS) for name in images.keys() - labels.keys()}
    bad |= {name: _lonely("the label picture", "picture", labels[name], name, IMAGES) for name in labels.keys() - images.keys()}
    return Split(pairs, dict(sorted(bad.items())))


def _files(folder: Path, tail: str) -> dict[str, Path]:
    """Return name -> file of every `*tail` in the city folders of *folder*; hidden files are none of the data set's."""
    files: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*/*{tail}")):
        name = path.name.removesuffix(tail)
        if path.name.startswith("."):
            continue
        if name in files:
            raise DataError(
                f"two files of one split are called {path.name}",
                where=f"{files[name]} and {path}",
                remedy="begin every file's name with its city's",
            )
        files[name] = path
    return files


def _lonely(what: str, partner: str, path: Path, name: str, folder: str) -> DataError:
    """Return the error of a file whose partner in *folder* is missing."""
    tail = LABEL_TAIL if folder == LABELS else IMAGE_TAIL
    return DataError(
        f"{what} {path.name} has no {partner}",
        where=str(path),
        remedy=f"add {folder}/{path.parts[-3]}/{path.parent.name}/{name}{tail}, or remove the file, or set dataset.on_bad_input=skip",
    )


def _check_root(root: Path) -> None:
    if not root.is_dir():
        raise DataError("the data set's folder does not exist", where=str(root), remedy="set dataset.root to the folder that holds it")
    missing = [name for name in (IMAGES, LABELS) if not (root / name).is_dir()]
    if missing:
        raise DataError(
            f"no Cityscapes layout: {' and '.join(missing)} not found",
            where=str(root),
            remedy=f"dataset.root must hold {LAYOUT}",
            suggestion=_near_miss(root, missing),
        )


def _near_miss(root: Path, missing: list[str]) -> str:
    """Return the folder that was probably meant, or what is there in the place of what is missing."""
    around = [*root.absolute().parents[:3], *sorted(child for child in root.iterdir() if child.is_dir())]
    for folder in around:
        if all((folder / name).is_dir() for name in (IMAGES, LABELS)):
            return f"dataset.root={folder}"
    there = [child.name for child in sorted(root.iterdir()) if child.is_dir()]
    found = [(near(name, there), name) for name in missing]
    return ", ".join(f"{have} in the place of {name}" for have, name in found if have)


def _empty(root: Path, split: str, kinds: list[str]) -> DataError:
    """Return the error of a split that lacks all its pictures, all its labels or both, saying what stands there instead."""
    folder = root / kinds[0] / split
    nouns = {IMAGES: "pictures", LABELS: "labels"}
    return DataError(
        f"the split {split!r} {'is empty' if folder.is_dir() else 'is missing'}: it has no {' and no '.join(nouns[k] for k in kinds)}",
        where=str(folder),
        remedy=f"unpack the data set's archives here; expected is {LAYOUT}",
        suggestion=_instead(folder, split),
    )


def _instead(folder: Path, split: str) -> str:
    """Return what was probably meant to be the content of *folder*."""
    flat = sorted(path.name for path in folder.glob("*.png"))
    if flat:
        return f"put {flat[0]} into a folder named after its city"
    other = sorted(path.name for path in folder.glob("*/*") if path.is_file())
    if other:
        return f"{other[0]} is there, but its name ends in neither {IMAGE_TAIL} nor {LABEL_TAIL}"
    return near(split, sorted(child.name for child in folder.parent.iterdir() if child.is_dir() and child != folder))
