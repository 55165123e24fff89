"""Projects for the tests of sweeps."""

from pathlib import Path

import pytest
from sweep_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a fresh project in which nothing was built."""
    return Project(tmp_path)
