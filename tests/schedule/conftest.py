"""Fixtures of the scheduler's tests."""

from pathlib import Path

import pytest
from schedule_project import Graph


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    """A project without a cache and without stages."""
    return Graph(tmp_path / "project").make()
