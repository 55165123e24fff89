"""Label ids to class indices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from net2bit.errors import ConfigError, DataError, near

UNKNOWN: Final = 255
"""Table entry of an id that the data set does not know; never a class index."""


@dataclass(frozen=True)
class ClassMap:
    """A total map from the bytes of a label picture to class indices.

    Attributes:
        classes: Class names; a pixel's class is its index here.
        table: uint8 [256]: stored id -> class index, or `UNKNOWN`.
    """

    classes: tuple[str, ...]
    table: NDArray[np.uint8]

    def apply(self, ids: NDArray[np.uint8], *, where: str) -> NDArray[np.uint8]:
        """Return the class indices of *ids*, uint8 of the same shape.

        Raises:
            DataError: An id that the data set does not know; *where* names the file.
        """
        indices = self.table[ids]
        if indices.max(initial=0) == UNKNOWN:
            strange = np.unique(ids[indices == UNKNOWN]).tolist()
            raise DataError(
                f"unknown label id {', '.join(map(str, strange))}",
                where=where,
                remedy="use the pictures of label ids (not of train ids or colours), or set dataset.on_bad_input=skip",
            )
        return indices


def class_map(classes: Sequence[str], labels: Mapping[str, Iterable[int]], known: frozenset[int]) -> ClassMap:
    """Make the map of an experiment.

    Args:
        classes: All classes; the one that *labels* leaves out takes every known id that no other class takes.
        labels: Class -> its label ids.
        known: Every id of the data set; -1 is stored as 255.

    Raises:
        ConfigError: A class that does not exist, an id that does not exist or that two classes claim, or not exactly
            one class left for the rest.
    """
    rest = _rest(classes, labels)
    table = np.full(256, UNKNOWN, np.uint8)
    for label_id in known:
        table[label_id % 256] = classes.index(rest)
    owner: dict[int, str] = {}
    for name, ids in labels.items():
        for label_id in ids:
            _check(label_id, name, known, owner)
            owner[label_id] = name
            table[label_id % 256] = classes.index(name)
    return ClassMap(tuple(classes), table)


def _rest(classes: Sequence[str], labels: Mapping[str, Iterable[int]]) -> str:
    for name in labels:
        if name not in classes:
            raise ConfigError(
                f"labels are given for {name!r}, which is no class",
                where="dataset.labels",
                remedy=f"the classes are {', '.join(classes)}",
                suggestion=near(name, classes),
            )
    rest = [name for name in classes if name not in labels]
    if len(rest) != 1:
        raise ConfigError(
            f"one class must be left for all other label ids, but {', '.join(rest) or 'none'} have no labels",
            where="dataset.labels",
            remedy="give labels to every class but one",
        )
    return rest[0]


def _check(label_id: int, name: str, known: frozenset[int], owner: Mapping[int, str]) -> None:
    if label_id not in known:
        raise ConfigError(
            f"{label_id} is no label id of this data set",
            where=f"dataset.labels.{name}",
            remedy=f"the ids go from {min(known)} to {max(known)}",
        )
    if label_id in owner:
        raise ConfigError(
            f"label id {label_id} is claimed by {owner[label_id]} and by {name}",
            where="dataset.labels",
            remedy="give every id to one class",
        )
