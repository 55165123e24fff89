"""Fixtures of the data tests: a config slice, a tiny good data set, a runner of `pack`."""

import copy
from pathlib import Path
from typing import Any

import pytest
from data_town import CONFIG, Packing, Town


@pytest.fixture
def config() -> dict[str, Any]:
    """Return a config slice that a test may change."""
    return copy.deepcopy(CONFIG)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a good data set: four train pairs of two cities and two val pairs."""
    made = Town(tmp_path / "town")
    for name in ("aach_000001", "aach_000002", "bonn_000001", "bonn_000002"):
        made.add(name)
    made.add("ulm_000001", "val")
    made.add("ulm_000002", "val")
    return made


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    """Return a runner of `pack` that writes below the test's folder."""
    return Packing(tmp_path / "packed")
