"""Sweeps that were composed before: all points of one in a single file, found again without hydra."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from net2bit import errors
from net2bit.graph import config, paths, words
from net2bit.sweep.points import Point

FOLDER = "sweeps"
_MODULES = ("arguments", "batch", "batches", "choices", "grid", "labels", "multirun", "names", "plain", "primary")
_CODE = tuple(os.path.join(os.path.dirname(__file__), f"{name}.py") for name in _MODULES)


class _Unknown(Exception):  # noqa: N818 - no error: the sweep is composed
    """The sweep was not composed before, or something that decides it has changed."""


def origin(root: Path, said: Sequence[str]) -> config.Origin:
    """Return what a sweep is composed from.

    Raises:
        ConfigError: The words name a folder that does not exist.
    """
    overrides, search = words.search(said, root)
    return config.Origin(root / "experiments", search, ("sweep", *overrides), _CODE)


def load(found: config.Origin, root: Path) -> Mapping[str, Any] | None:
    """Return what `keep` was given for the same sweep; None where nothing was, or something that decides it has changed."""
    try:
        return config.remembered(found, root / paths.STATE / FOLDER, _raise)
    except _Unknown:
        return None


def _raise() -> Mapping[str, Any]:
    raise _Unknown


def keep(found: config.Origin, root: Path, *, title: str, settings: Mapping[str, Any], points: Sequence[Point]) -> None:
    """Keep the points of a sweep that hydra only had to count."""
    said = {"title": title, "settings": settings, "points": [_packed(point) for point in points]}
    config.remembered(found, root / paths.STATE / FOLDER, lambda: said)


def _packed(point: Point) -> dict[str, Any]:
    refused = {"type": type(point.refused).__name__, **point.refused.as_dict()} if point.refused else None
    return {"overrides": point.overrides, "label": point.label, "config": point.config, "refused": refused}


def points(said: Mapping[str, Any]) -> list[Point]:
    """Return the points of what `load` returned."""
    return [_unpacked(number, one) for number, one in enumerate(said["points"])]


def _unpacked(number: int, one: Mapping[str, Any]) -> Point:
    parts = dict(one["refused"] or {})
    kind = getattr(errors, parts.pop("type", "ConfigError"))
    refused = kind(parts.pop("what"), **parts) if parts else None
    return Point(number, tuple(one["overrides"]), one["label"], one["config"], refused)
