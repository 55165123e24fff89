"""What a killed run leaves for the next one: everything that decides what follows, in one file that is whole or absent."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from net2bit.nets.weights import Weights

_NAME = "checkpoint.npz"
_RECORD = "record"


@dataclass(frozen=True)
class Checkpoint:
    """The state behind an epoch.

    Attributes:
        weights: Of the model now.
        best: Of the best epoch so far.
        state: Of the optimizer.
        record: What the history holds so far, ready for JSON.
    """

    weights: Weights
    best: Weights
    state: Mapping[str, NDArray[Any]]
    record: list[dict[str, Any]]


def save(checkpoint: Checkpoint, folder: Path) -> None:
    """Put *checkpoint* into *folder* in place of the one before: synced, then renamed."""
    arrays: dict[str, Any] = {_RECORD: np.array(json.dumps(checkpoint.record))}
    for part, groups in (("weights", checkpoint.weights), ("best", checkpoint.best), ("state", {"": checkpoint.state})):
        arrays |= _flat(part, groups)
    beside = folder / f"{_NAME}.tmp"
    with beside.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / _NAME)


def load(folder: Path) -> Checkpoint | None:
    """Return the checkpoint in *folder*, or None where there is none that can be read: training then starts afresh."""
    try:
        with (folder / _NAME).open("rb") as file, np.load(file) as members:
            arrays = dict(members)
    except (OSError, EOFError, ValueError, BadZipFile):
        return None
    record = json.loads(str(arrays.pop(_RECORD)))
    parts = {part: _nested(part, arrays) for part in ("weights", "best", "state")}
    return Checkpoint(parts["weights"], parts["best"], parts["state"][""], record)


def _flat(part: str, groups: Mapping[str, Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {f"{part}|{group}|{name}": array for group, arrays in groups.items() for name, array in arrays.items()}


def _nested(part: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, NDArray[Any]]]:
    found: dict[str, dict[str, NDArray[Any]]] = {}
    for key, array in arrays.items():
        head, group, name = key.split("|")
        if head == part:
            found.setdefault(group, {})[name] = array
    return found
