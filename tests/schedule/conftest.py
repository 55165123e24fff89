"""Fixtures of the scheduler's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from schedule_project import Graph

from net2bit.graph import signals


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    """A project without a cache and without stages."""
    return Graph(tmp_path / "project").make()


@pytest.fixture(autouse=True)
def _no_stop() -> Iterator[None]:
    """Leave no request to stop behind for the next test."""
    yield
    signals.reset()
