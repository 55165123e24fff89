"""Fixtures of the store's tests."""

from pathlib import Path

import pytest
from store_project import Project

from net2bit.graph.cache import CacheSettings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without a cache: what is stale must run."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root).make()


@pytest.fixture
def cached(tmp_path: Path) -> Project:
    """A project with a cache of its own."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, CacheSettings(dir=tmp_path / "cache")).make()
